//! Cells of limiters: opaque nanoseconds, kept as the same 64 bits.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, params};

use crate::store::state::Row;

pub(super) fn write(
    db: &Connection,
    rates: &IndexMap<Arc<str>, Option<u64>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO rates (cell, value) VALUES (?1, ?2)
         ON CONFLICT (cell) DO UPDATE SET value = excluded.value",
    )?;
    for (cell, value) in rates {
        if let Some(value) = value {
            upsert.execute(params![cell, value.cast_signed()])?;
        }
    }
    Ok(())
}

pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT cell, value FROM rates")?
        .query_map([], |row| {
            let value: i64 = row.get("value")?;
            Ok(Row::Rate(row.get("cell")?, Some(value.cast_unsigned())))
        })?
        .collect()
}
