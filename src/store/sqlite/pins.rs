//! Pins.

use std::sync::Arc;

use bytes::Bytes;
use indexmap::IndexMap;
use rusqlite::{Connection, params};

use super::column::Unreadable;
use crate::model::pin::{Acceptance, Pin, PinKey, PinState};
use crate::store::state::Row;

pub(super) fn write(
    db: &Connection,
    pins: &IndexMap<PinKey, Option<Arc<Pin>>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO pins
             (server, kind, name, digest, identity, definition, first_seen, version,
              accepted_by, accepted_at, refused_by, refused_at, superseded_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (server, kind, name, digest) DO UPDATE SET
             version = excluded.version,
             accepted_by = excluded.accepted_by, accepted_at = excluded.accepted_at,
             refused_by = excluded.refused_by, refused_at = excluded.refused_at,
             superseded_at = excluded.superseded_at",
    )?;
    for one in pins.values().flatten() {
        let accepted = one.past_acceptance();
        let (refused, superseded) = match &one.state {
            PinState::Refused { by, at } => (Some((by, at)), None),
            PinState::Superseded { at, .. } => (None, Some(at)),
            PinState::Seen | PinState::Accepted(_) => (None, None),
        };
        upsert.execute(params![
            one.key.server,
            one.key.kind,
            &*one.key.name,
            one.key.digest,
            one.identity,
            &*one.definition,
            one.first_seen,
            one.version,
            accepted.map(|accepted| &accepted.by),
            accepted.map(|accepted| accepted.at),
            refused.map(|(by, _)| by),
            refused.map(|(_, at)| at),
            superseded,
        ])?;
    }
    Ok(())
}

/// All of them, in the order they were first seen.
pub(super) fn load(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM pins ORDER BY rowid")?
        .query_map([], |row| {
            let pin = pin(row)?;
            Ok(Row::Pin(pin.key.clone(), Some(Arc::new(pin))))
        })?
        .collect()
}

fn pin(row: &rusqlite::Row<'_>) -> rusqlite::Result<Pin> {
    let name: String = row.get("name")?;
    let definition: Vec<u8> = row.get("definition")?;
    Ok(Pin {
        key: PinKey {
            server: row.get("server")?,
            kind: row.get("kind")?,
            name: Arc::from(name),
            digest: row.get("digest")?,
        },
        identity: row.get("identity")?,
        definition: Bytes::from(definition),
        first_seen: row.get("first_seen")?,
        version: row.get("version")?,
        state: state(row)?,
    })
}

fn state(row: &rusqlite::Row<'_>) -> rusqlite::Result<PinState> {
    let accepted = match (row.get("accepted_by")?, row.get("accepted_at")?) {
        (Some(by), Some(at)) => Some(Acceptance { by, at }),
        _ => None,
    };
    let refused = match (row.get("refused_by")?, row.get("refused_at")?) {
        (Some(by), Some(at)) => Some(PinState::Refused { by, at }),
        _ => None,
    };
    match (accepted, refused, row.get("superseded_at")?) {
        (None, None, None) => Ok(PinState::Seen),
        (Some(accepted), None, None) => Ok(PinState::Accepted(accepted)),
        (None, Some(refused), None) => Ok(refused),
        (Some(accepted), None, Some(at)) => Ok(PinState::Superseded { accepted, at }),
        _ => Err(rusqlite::types::FromSqlError::from(Unreadable("state of a pin")).into()),
    }
}
