//! Sealed segments, and the entries that go with them.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, OptionalExtension, params};

use super::column::{Count, Unreadable};
use crate::audit::segment::Segment;
use crate::model::digest::Digest;
use crate::store::state::Row;

/// Keeps segments and takes their entries out, where the last of them is the one that was sealed.
pub(super) fn write(
    db: &Connection,
    segments: &IndexMap<u64, Option<Arc<Segment>>>,
) -> rusqlite::Result<()> {
    for segment in segments.values().flatten() {
        let last: Option<Digest> = db
            .query_row(
                "SELECT hash FROM entries WHERE seq = ?1",
                params![Count(segment.last)],
                |row| row.get(0),
            )
            .optional()?;
        if last != Some(segment.hash) {
            let fault = Unreadable("entry that was sealed");
            return Err(rusqlite::Error::ToSqlConversionFailure(Box::new(fault)));
        }
        db.execute(
            "INSERT INTO segments (first, last, previous, hash, digest) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                Count(segment.first),
                Count(segment.last),
                segment.previous,
                segment.hash,
                segment.digest,
            ],
        )?;
        db.execute(
            "DELETE FROM entries WHERE seq <= ?1",
            params![Count(segment.last)],
        )?;
    }
    Ok(())
}

/// All of them, oldest first.
pub(super) fn read(db: &Connection) -> rusqlite::Result<Vec<Segment>> {
    db.prepare("SELECT first, last, previous, hash, digest FROM segments ORDER BY first")?
        .query_map([], |row| {
            let (Count(first), Count(last)) = (row.get(0)?, row.get(1)?);
            Ok(Segment {
                first,
                last,
                previous: row.get(2)?,
                hash: row.get(3)?,
                digest: row.get(4)?,
            })
        })?
        .collect()
}

pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    let segments = read(db)?.into_iter();
    Ok(segments
        .map(|segment| Row::Segment(segment.first, Some(Arc::new(segment))))
        .collect())
}
