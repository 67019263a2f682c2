//! Calls that were permitted and have no outcome yet.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, Row as Found, params};

use super::column::{Count, Marks, Unreadable};
use crate::model::id::CallId;
use crate::model::target::Target;
use crate::model::time::Timestamp;
use crate::store::state::Row;
use crate::store::{InFlight, Leg};

pub(super) fn write(
    db: &Connection,
    flights: &IndexMap<CallId, Option<Arc<InFlight>>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO in_flight
             (call, agent, session, target_kind, server, target, approval, since,
              leg, leg_id, leg_at, leg_of, privilege, destinations)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT (call) DO UPDATE SET
             leg = excluded.leg, leg_id = excluded.leg_id,
             leg_at = excluded.leg_at, leg_of = excluded.leg_of",
    )?;
    let mut delete = db.prepare_cached("DELETE FROM in_flight WHERE call = ?1")?;
    for (call, flight) in flights {
        match flight {
            Some(one) => {
                let leg = Columns::of(one.leg);
                upsert.execute(params![
                    one.call,
                    one.agent,
                    one.session,
                    one.target.kind,
                    one.target.server,
                    one.target.name,
                    one.approval,
                    one.since,
                    leg.word,
                    leg.id,
                    leg.at,
                    leg.of.map(Count),
                    one.privilege,
                    Marks(one.destinations.clone()),
                ])?
            }
            // One that started and ended in the same batch was never inserted.
            None => delete.execute([call])?,
        };
    }
    Ok(())
}

pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM in_flight")?
        .query_map([], |row| {
            let Marks(destinations) = row.get("destinations")?;
            let flight = InFlight {
                destinations,
                call: row.get("call")?,
                agent: row.get("agent")?,
                session: row.get("session")?,
                target: Target {
                    kind: row.get("target_kind")?,
                    server: row.get("server")?,
                    name: row.get("target")?,
                },
                privilege: row.get("privilege")?,
                approval: row.get("approval")?,
                since: row.get("since")?,
                leg: leg(row)?,
            };
            Ok(Row::Flight(flight.call, Some(Arc::new(flight))))
        })?
        .collect()
}

/// A leg as its columns hold it.
struct Columns {
    word: &'static str,
    id: Option<String>,
    at: Option<Timestamp>,
    of: Option<u64>,
}

impl Columns {
    fn of(leg: Leg) -> Self {
        let (word, id, at, of) = match leg {
            Leg::Own => ("own", None, None, None),
            Leg::Signed { permit, until } => {
                ("signed", Some(permit.to_string()), Some(until), None)
            }
            Leg::Redeemed { by, at, of } => ("redeemed", Some(by.to_string()), Some(at), Some(of)),
        };
        Self { word, id, at, of }
    }
}

fn leg(row: &Found<'_>) -> rusqlite::Result<Leg> {
    let word: String = row.get("leg")?;
    match word.as_str() {
        "own" => Ok(Leg::Own),
        "signed" => Ok(Leg::Signed {
            permit: row.get("leg_id")?,
            until: row.get("leg_at")?,
        }),
        "redeemed" => Ok(Leg::Redeemed {
            by: row.get("leg_id")?,
            at: row.get("leg_at")?,
            of: row.get::<_, Count>("leg_of")?.0,
        }),
        _ => Err(rusqlite::types::FromSqlError::from(Unreadable("leg")).into()),
    }
}
