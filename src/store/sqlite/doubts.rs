//! Calls whose outcome nobody knows.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, params};

use crate::model::id::CallId;
use crate::model::target::Target;
use crate::store::state::{DoubtKey, Row};

pub(super) fn write(
    db: &Connection,
    doubts: &IndexMap<Arc<DoubtKey>, Option<CallId>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO doubts (agent, target_kind, server, target, call)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (agent, target_kind, server, target) DO UPDATE SET
             call = excluded.call",
    )?;
    let mut delete = db.prepare_cached(
        "DELETE FROM doubts
         WHERE agent = ?1 AND target_kind = ?2 AND server = ?3 AND target = ?4",
    )?;
    for (key, doubt) in doubts {
        let (agent, target) = (&key.agent, &key.target);
        match doubt {
            Some(call) => upsert.execute(params![
                agent,
                target.kind,
                target.server,
                target.name,
                call
            ])?,
            None => delete.execute(params![agent, target.kind, target.server, target.name])?,
        };
    }
    Ok(())
}

pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM doubts")?
        .query_map([], |row| {
            let key = DoubtKey {
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
