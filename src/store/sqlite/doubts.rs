//! Calls whose outcome nobody knows.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, params};

use super::column::Marks;
use crate::model::id::CallId;
use crate::model::target::Target;
use crate::store::state::{DoubtKey, Row};

pub(super) fn write(
    db: &Connection,
    doubts: &IndexMap<Arc<DoubtKey>, Option<CallId>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO doubts (agent, target_kind, server, target, destination, call)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (agent, target_kind, server, target, destination) DO UPDATE SET
             call = excluded.call",
    )?;
    let mut delete = db.prepare_cached(
        "DELETE FROM doubts
         WHERE agent = ?1 AND target_kind = ?2 AND server = ?3 AND target = ?4
             AND destination = ?5",
    )?;
    for (key, doubt) in doubts {
        let (agent, target) = (&key.agent, &key.target);
        let destination = Marks(key.destination.into_iter().collect());
        match doubt {
            Some(call) => upsert.execute(params![
                agent,
                target.kind,
                target.server,
                target.name,
                destination,
                call
            ])?,
            None => delete.execute(params![
                agent,
                target.kind,
                target.server,
                target.name,
                destination
            ])?,
        };
    }
    Ok(())
}

pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM doubts")?
        .query_map([], |row| {
            let Marks(destination) = row.get("destination")?;
            let key = DoubtKey {
                destination: destination.first().copied(),
                agent: row.get("agent")?,
                target: Target {
                    kind: row.get("target_kind")?,
                    server: row.get("server")?,
                    name: row.get("target")?,
                },
            };
            Ok(Row::Doubt(Arc::new(key), Some(row.get("call")?)))
        })?
        .collect()
}
