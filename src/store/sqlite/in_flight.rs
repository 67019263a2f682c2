//! Calls that were permitted and have no outcome yet.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, params};

use crate::model::id::CallId;
use crate::model::target::Target;
use crate::store::InFlight;
use crate::store::state::Row;

pub(super) fn write(
    db: &Connection,
    flights: &IndexMap<CallId, Option<Arc<InFlight>>>,
) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT INTO in_flight
             (call, agent, session, target_kind, server, target, approval, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut delete = db.prepare_cached("DELETE FROM in_flight WHERE call = ?1")?;
    for (call, flight) in flights {
        match flight {
            Some(one) => insert.execute(params![
                one.call,
                one.agent,
                one.session,
                one.target.kind,
                one.target.server,
                one.target.name,
                one.approval,
                one.since,
            ])?,
            // One that started and ended in the same batch was never inserted.
            None => delete.execute([call])?,
        };
    }
    Ok(())
}

pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM in_flight")?
        .query_map([], |row| {
            let flight = InFlight {
                call: row.get("call")?,
                agent: row.get("agent")?,
                session: row.get("session")?,
                target: Target {
                    kind: row.get("target_kind")?,
                    server: row.get("server")?,
                    name: row.get("target")?,
                },
                approval: row.get("approval")?,
                since: row.get("since")?,
            };
            Ok(Row::Flight(flight.call, Some(Arc::new(flight))))
        })?
        .collect()
}
