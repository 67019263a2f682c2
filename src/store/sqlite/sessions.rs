//! Sessions.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};

use super::column::Unreadable;
use crate::model::call::Principal;
use crate::model::id::SessionId;
use crate::model::session::{EndCause, Session, SessionState};
use crate::model::taint::Taint;
use crate::model::time::Timestamp;
use crate::store::state::Row;

pub(super) fn write(
    db: &Connection,
    sessions: &IndexMap<SessionId, Option<Arc<Session>>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO sessions
             (id, agent, credential, on_behalf_of, opened, seen, state, is_default, label,
              taint, taint_since, taint_source, taint_copied)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, state = excluded.state,
             taint = excluded.taint, taint_since = excluded.taint_since,
             taint_source = excluded.taint_source, taint_copied = excluded.taint_copied",
    )?;
    for one in sessions.values().flatten() {
        let taint = one.taint.as_ref();
        upsert.execute(params![
            one.id,
            one.principal.agent,
            one.principal.credential,
            one.principal.on_behalf_of,
            one.opened,
            one.seen,
            one.state,
            one.default,
            one.label,
            taint.map(|taint| taint.grade),
            taint.map(|taint| taint.since),
            taint.map(|taint| &taint.source),
            taint.map(|taint| taint.copied),
        ])?;
    }
    Ok(())
}

/// Those that last, those an operator ended, and those that acted after `since`.
pub(super) fn load(db: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Row>> {
    db.prepare(
        "SELECT * FROM sessions
         WHERE state NOT IN ('timeout', 'closed') OR seen >= ?1 ORDER BY rowid",
    )?
    .query_map([since], |row| {
        let session = session(row)?;
        Ok(Row::Session(session.id, Some(Arc::new(session))))
    })?
    .collect()
}

pub(super) fn read(db: &Connection, id: SessionId) -> rusqlite::Result<Option<Session>> {
    db.prepare_cached("SELECT * FROM sessions WHERE id = ?1")?
        .query_row([id], session)
        .optional()
}

fn session(row: &rusqlite::Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: row.get("id")?,
        principal: Principal {
            agent: row.get("agent")?,
            credential: row.get("credential")?,
            on_behalf_of: row.get("on_behalf_of")?,
        },
        opened: row.get("opened")?,
        seen: row.get("seen")?,
        state: row.get("state")?,
        default: row.get("is_default")?,
        label: row.get("label")?,
        taint: taint(row)?,
    })
}

fn taint(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Taint>> {
    let Some(grade) = row.get("taint")? else {
        return Ok(None);
    };
    Ok(Some(Taint {
        grade,
        since: row.get("taint_since")?,
        source: row.get("taint_source")?,
        copied: row.get("taint_copied")?,
    }))
}

impl ToSql for SessionState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended(cause) => cause.name(),
        }))
    }
}

impl FromSql for SessionState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "active" => Ok(Self::Active),
            "paused" => Ok(Self::Paused),
            cause => EndCause::parse(cause)
                .map(Self::Ended)
                .ok_or_else(|| Unreadable("session's state").into()),
        }
    }
}
