//! Grants.

use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, params};

use super::column::{Texts, pins};
use crate::model::grant::Grant;
use crate::model::id::GrantId;
use crate::model::pattern::Pattern;
use crate::model::time::Timestamp;
use crate::store::state::Row;

pub(super) fn write(
    db: &Connection,
    grants: &IndexMap<GrantId, Option<Arc<Grant>>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO grants
             (id, approval, agent, session, match_key, uses, used, until, revoked, pins, pattern_key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (id) DO UPDATE SET used = excluded.used, revoked = excluded.revoked",
    )?;
    for one in grants.values().flatten() {
        let pattern = one.pattern.as_ref();
        upsert.execute(params![
            one.id,
            one.approval,
            one.agent,
            one.session,
            one.key,
            one.uses,
            one.used,
            one.until,
            one.revoked,
            pattern.map(|pattern| Texts(pattern.pins.iter().collect())),
            pattern.map(|pattern| pattern.key),
        ])?;
    }
    Ok(())
}

/// Those that end after `since`, or have a use left: a clock that was set back would give them more time, so
/// they must be there to be ended.
pub(super) fn load(db: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Row>> {
    let live = "SELECT * FROM grants WHERE until >= ?1 OR (revoked IS NULL AND used < uses)
                ORDER BY rowid";
    db.prepare(live)?
        .query_map([since], |row| {
            let grant = grant(row)?;
            Ok(Row::Grant(grant.id, Some(Arc::new(grant))))
        })?
        .collect()
}

/// The newest of all, newest first.
pub(super) fn newest(db: &Connection, most: usize) -> rusqlite::Result<Vec<Grant>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    db.prepare_cached("SELECT * FROM grants ORDER BY rowid DESC LIMIT ?1")?
        .query_map([most], grant)?
        .collect()
}

fn grant(row: &rusqlite::Row<'_>) -> rusqlite::Result<Grant> {
    Ok(Grant {
        id: row.get("id")?,
        approval: row.get("approval")?,
        agent: row.get("agent")?,
        session: row.get("session")?,
        key: row.get("match_key")?,
        pattern: pattern(row)?,
        uses: row.get("uses")?,
        used: row.get("used")?,
        until: row.get("until")?,
        revoked: row.get("revoked")?,
    })
}

fn pattern(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Pattern>> {
    let kept: Option<Texts<String>> = row.get("pins")?;
    let Some(pins) = pins(kept)? else {
        return Ok(None);
    };
    let key = row.get("pattern_key")?;
    Ok(Some(Pattern { pins, key }))
}
