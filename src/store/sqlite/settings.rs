//! Small settings of the guard's own.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, OptionalExtension, params};

use crate::store::state::Row;

pub(super) fn write(
    db: &Connection,
    settings: &IndexMap<Arc<str>, Option<Arc<str>>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO settings (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?;
    for (name, value) in settings {
        upsert.execute(params![name, value])?;
    }
    Ok(())
}

pub(super) fn read(db: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT value FROM settings WHERE name = ?1";
    db.query_row(sql, [name], |row| row.get(0)).optional()
}

pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT name, value FROM settings")?
        .query_map([], |row| {
            Ok(Row::Setting(row.get("name")?, Some(row.get("value")?)))
        })?
        .collect()
}
