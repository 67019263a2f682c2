//! Signed heads, the newest of each run of the guard, and the public keys they verify with.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::column::{Count, Unreadable};
use crate::audit::checkpoint::{Head, PublicKey, SignedHead};

/// Keeps the newest head of a run. It covers every earlier one, so those need not be kept.
pub(super) fn write(db: &Connection, signed: &SignedHead) -> rusqlite::Result<()> {
    let head = &signed.head;
    db.prepare_cached(
        "INSERT INTO heads (boot, count, hash, at, key, signature) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (boot) DO UPDATE SET count = excluded.count, hash = excluded.hash,
             at = excluded.at, key = excluded.key, signature = excluded.signature",
    )?
    .execute(params![
        head.boot,
        Count(head.count),
        head.hash,
        head.at,
        signed.key,
        signed.signature,
    ])?;
    Ok(())
}

/// All of them, oldest first.
pub(super) fn read(db: &Connection) -> rusqlite::Result<Vec<SignedHead>> {
    db.prepare("SELECT boot, count, hash, at, key, signature FROM heads ORDER BY count, at")?
        .query_map([], head)?
        .collect()
}

/// The one of the longest record.
pub(super) fn newest(db: &Connection) -> rusqlite::Result<Option<SignedHead>> {
    db.query_row(
        "SELECT boot, count, hash, at, key, signature FROM heads
         ORDER BY count DESC, at DESC LIMIT 1",
        [],
        head,
    )
    .optional()
}

/// Keeps a public key.
pub(super) fn write_key(db: &Connection, key: &PublicKey) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO keys (id, public) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
        params![key.id(), key.as_bytes()],
    )?;
    Ok(())
}

/// The public keys the record names itself; whoever can write the record can write them.
pub(super) fn read_keys(db: &Connection) -> rusqlite::Result<Vec<PublicKey>> {
    db.prepare("SELECT public FROM keys ORDER BY id")?
        .query_map([], |row| row.get(0).map(PublicKey::from_bytes))?
        .collect()
}

fn head(row: &Row<'_>) -> rusqlite::Result<SignedHead> {
    let signature: Vec<u8> = row.get(5)?;
    if signature.len() != 64 {
        return Err(rusqlite::Error::from(rusqlite::types::FromSqlError::from(
            Unreadable("signature"),
        )));
    }
    let Count(count) = row.get(1)?;
    Ok(SignedHead {
        head: Head {
            boot: row.get(0)?,
            count,
            hash: row.get(2)?,
            at: row.get(3)?,
        },
        key: row.get(4)?,
        signature,
    })
}
