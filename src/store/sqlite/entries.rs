//! The entries of the record.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::column::{Count, Unreadable};
use crate::audit::entry::StoredEntry;
use crate::model::digest::Digest;

/// Adds entries. A place that is taken fails the transaction: a second writer cannot fork the chain.
pub(super) fn write(db: &Connection, entries: &[StoredEntry]) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT INTO entries (seq, previous, hash, body, disclosure) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for entry in entries {
        insert.execute(params![
            Count(entry.seq),
            entry.previous,
            entry.hash,
            text(&entry.body)?,
            entry.disclosure.as_deref().map(text).transpose()?,
        ])?;
    }
    Ok(())
}

/// Entries from `from` on, oldest first.
pub(super) fn read(db: &Connection, from: u64, most: usize) -> rusqlite::Result<Vec<StoredEntry>> {
    let mut select = db.prepare_cached(
        "SELECT seq, previous, hash, body, disclosure FROM entries
         WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
    )?;
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    select.query_map(params![from, most], entry)?.collect()
}

/// Place and hash of the last entry.
pub(super) fn last(db: &Connection) -> rusqlite::Result<Option<(u64, Digest)>> {
    db.query_row(
        "SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1",
        [],
        |row| {
            let Count(seq) = row.get(0)?;
            Ok((seq, row.get(1)?))
        },
    )
    .optional()
}

pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<StoredEntry> {
    // As bytes, not as text: a changed record must be read as it is, to be reported.
    let disclosure = row.get_ref(4)?.as_bytes_or_null()?.map(<[u8]>::to_vec);
    let Count(seq) = row.get(0)?;
    Ok(StoredEntry {
        seq,
        previous: row.get(1)?,
        hash: row.get(2)?,
        body: row.get_ref(3)?.as_bytes()?.to_vec(),
        disclosure,
    })
}

pub(super) fn text(bytes: &[u8]) -> rusqlite::Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| {
        rusqlite::Error::ToSqlConversionFailure(Box::new(Unreadable("text in an entry")))
    })
}
