//! Agents: their state and their revision.

use indexmap::IndexMap;
use rusqlite::{Connection, params};

use super::column::Count;
use crate::model::name::AgentName;
use crate::store::state::{AgentRow, Row};

pub(super) fn write(
    db: &Connection,
    agents: &IndexMap<AgentName, Option<AgentRow>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO agents (name, state, revision) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET state = excluded.state, revision = excluded.revision",
    )?;
    for (name, agent) in agents {
        if let Some(agent) = agent {
            upsert.execute(params![name, agent.state, Count(agent.revision)])?;
        }
    }
    Ok(())
}

pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT name, state, revision FROM agents")?
        .query_map([], |row| {
            let Count(revision) = row.get("revision")?;
            let agent = AgentRow {
                state: row.get("state")?,
                revision,
            };
            Ok(Row::Agent(row.get("name")?, Some(agent)))
        })?
        .collect()
}
