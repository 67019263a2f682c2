//! Entries that change the key that signs heads, which are kept when their segments are sealed.

use rusqlite::{Connection, params};

use super::column::Count;
use super::entries;
use crate::audit::entry::StoredEntry;

/// Keeps one.
pub(super) fn write(db: &Connection, entry: &StoredEntry) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO rotations (seq, previous, hash, body) VALUES (?1, ?2, ?3, ?4)",
        params![
            Count(entry.seq),
            entry.previous,
            entry.hash,
            entries::text(&entry.body)?,
        ],
    )?;
    Ok(())
}

/// All of them, oldest first.
pub(super) fn read(db: &Connection) -> rusqlite::Result<Vec<StoredEntry>> {
    db.prepare("SELECT seq, previous, hash, body, NULL FROM rotations ORDER BY seq")?
        .query_map([], entries::entry)?
        .collect()
}
