//! What agents have done before: targets, values, days, and how far sessions have come.

use std::sync::Arc;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, named_params, params};

use super::column::{Count, Unreadable};
use crate::model::history::{Mark, Place, Reach, Usage, Who};
use crate::model::name::UserName;
use crate::model::target::Target;
use crate::model::time::Timestamp;
use crate::store::state::{ClimbKey, DayKey, ReachKey, Row, Rows, ValueKey, oldest_day};

pub(super) fn write(db: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    write_reaches(db, rows)?;
    write_values(db, rows)?;
    write_days(db, rows)?;
    write_climbs(db, rows)
}

/// Those that matter to a decision after `since`, which is how long ended sessions do.
pub(super) fn load(
    db: &Connection,
    since: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<Vec<Row>> {
    let mut rows = load_reaches(db)?;
    rows.extend(load_values(db)?);
    rows.extend(load_days(db, now)?);
    rows.extend(load_climbs(db, since)?);
    Ok(rows)
}

/// Removes days that no window reaches, and what sessions did that ended before `since`.
pub(super) fn tidy(db: &Connection, since: Timestamp, now: Timestamp) -> rusqlite::Result<()> {
    db.execute("DELETE FROM days WHERE day < ?1", [oldest_day(now)])?;
    db.execute(
        "DELETE FROM climbs WHERE session IN
             (SELECT id FROM sessions WHERE state IN ('timeout', 'closed') AND seen < ?1)",
        [since],
    )?;
    Ok(())
}

fn write_reaches(db: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO reaches (agent, on_behalf_of, target_kind, server, target, definition,
             privilege, calls, first, last)
         VALUES (:agent, :on_behalf_of, :target_kind, :server, :target, :definition,
             :privilege, :calls, :first, :last)
         ON CONFLICT DO UPDATE SET calls = excluded.calls, first = excluded.first,
             last = excluded.last",
    )?;
    let mut delete = db.prepare_cached(
        "DELETE FROM reaches WHERE agent = ?1 AND on_behalf_of = ?2 AND target_kind = ?3
             AND server = ?4 AND target = ?5 AND definition = ?6 AND privilege = ?7",
    )?;
    for (key, usage) in &rows.reaches {
        let (who, reach) = (&key.who, &key.reach);
        match usage {
            Some(usage) => upsert.execute(named_params! {
                ":agent": who.agent,
                ":on_behalf_of": User(&who.on_behalf_of),
                ":target_kind": reach.target.kind,
                ":server": reach.target.server,
                ":target": reach.target.name,
                ":definition": reach.definition,
                ":privilege": key.privilege,
                ":calls": Count(usage.calls),
                ":first": usage.first,
                ":last": usage.last,
            })?,
            None => delete.execute(params![
                who.agent,
                User(&who.on_behalf_of),
                reach.target.kind,
                reach.target.server,
                reach.target.name,
                reach.definition,
                key.privilege,
            ])?,
        };
    }
    Ok(())
}

fn write_values(db: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO seen_values (agent, on_behalf_of, target_kind, server, target, definition,
             pointer, mark, calls, first, last)
         VALUES (:agent, :on_behalf_of, :target_kind, :server, :target, :definition,
             :pointer, :mark, :calls, :first, :last)
         ON CONFLICT DO UPDATE SET calls = excluded.calls, first = excluded.first,
             last = excluded.last",
    )?;
    let mut delete = db.prepare_cached(
        "DELETE FROM seen_values WHERE agent = ?1 AND on_behalf_of = ?2 AND target_kind = ?3
             AND server = ?4 AND target = ?5 AND definition = ?6 AND pointer = ?7 AND mark = ?8",
    )?;
    for (key, usage) in &rows.values {
        let (who, place) = (&key.who, &key.place);
        let target = &place.reach.target;
        match usage {
            Some(usage) => upsert.execute(named_params! {
                ":agent": who.agent,
                ":on_behalf_of": User(&who.on_behalf_of),
                ":target_kind": target.kind,
                ":server": target.server,
                ":target": target.name,
                ":definition": place.reach.definition,
                ":pointer": place.pointer,
                ":mark": key.mark,
                ":calls": Count(usage.calls),
                ":first": usage.first,
                ":last": usage.last,
            })?,
            None => delete.execute(params![
                who.agent,
                User(&who.on_behalf_of),
                target.kind,
                target.server,
                target.name,
                place.reach.definition,
                place.pointer,
                key.mark,
            ])?,
        };
    }
    Ok(())
}

fn write_days(db: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(
        "INSERT INTO days (agent, on_behalf_of, day, privilege, calls)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET calls = excluded.calls",
    )?;
    for (key, calls) in &rows.days {
        if let Some(calls) = calls {
            upsert.execute(params![
                key.who.agent,
                User(&key.who.on_behalf_of),
                key.day,
                key.privilege,
                Count(*calls),
            ])?;
        }
    }
    Ok(())
}

fn write_climbs(db: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT INTO climbs (session, target_kind, server, target, privilege, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
    )?;
    for (key, at) in &rows.climbs {
        if let Some(at) = at {
            insert.execute(params![
                key.session,
                key.target.kind,
                key.target.server,
                key.target.name,
                key.privilege,
                at,
            ])?;
        }
    }
    Ok(())
}

fn load_reaches(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM reaches")?
        .query_map([], |row| {
            let key = ReachKey {
                who: who(row)?,
                reach: reach(row)?,
                privilege: row.get("privilege")?,
            };
            Ok(Row::Reach(Arc::new(key), Some(usage(row)?)))
        })?
        .collect()
}

fn load_values(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM seen_values")?
        .query_map([], |row| {
            let key = ValueKey {
                who: who(row)?,
                place: Place {
                    reach: reach(row)?,
                    pointer: row.get("pointer")?,
                },
                mark: row.get("mark")?,
            };
            Ok(Row::Value(Arc::new(key), Some(usage(row)?)))
        })?
        .collect()
}

fn load_days(db: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Row>> {
    db.prepare("SELECT * FROM days WHERE day >= ?1")?
        .query_map([oldest_day(now)], |row| {
            let Count(calls) = row.get("calls")?;
            let key = DayKey {
                who: who(row)?,
                day: row.get("day")?,
                privilege: row.get("privilege")?,
            };
            Ok(Row::Day(Arc::new(key), Some(calls)))
        })?
        .collect()
}

fn load_climbs(db: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Row>> {
    db.prepare(
        "SELECT climbs.* FROM climbs JOIN sessions ON sessions.id = climbs.session
         WHERE sessions.state NOT IN ('timeout', 'closed') OR sessions.seen >= ?1",
    )?
    .query_map([since], |row| {
        let key = ClimbKey {
            session: row.get("session")?,
            target: target(row)?,
            privilege: row.get("privilege")?,
        };
        Ok(Row::Climb(Arc::new(key), Some(row.get("at")?)))
    })?
    .collect()
}

fn who(row: &rusqlite::Row<'_>) -> rusqlite::Result<Who> {
    let user: String = row.get("on_behalf_of")?;
    let unreadable = |_| FromSqlError::from(Unreadable("user's name"));
    Ok(Who {
        agent: row.get("agent")?,
        on_behalf_of: match user.is_empty() {
            true => None,
            false => Some(UserName::parse(&user).map_err(unreadable)?),
        },
    })
}

fn reach(row: &rusqlite::Row<'_>) -> rusqlite::Result<Reach> {
    Ok(Reach {
        target: target(row)?,
        definition: row.get("definition")?,
    })
}

fn target(row: &rusqlite::Row<'_>) -> rusqlite::Result<Target> {
    Ok(Target {
        kind: row.get("target_kind")?,
        server: row.get("server")?,
        name: row.get("target")?,
    })
}

fn usage(row: &rusqlite::Row<'_>) -> rusqlite::Result<Usage> {
    let Count(calls) = row.get("calls")?;
    Ok(Usage {
        calls,
        first: row.get("first")?,
        last: row.get("last")?,
    })
}

/// A user, or the empty text, which no user's name is: a part of a key cannot be absent.
struct User<'a>(&'a Option<UserName>);

impl ToSql for User<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let name = self.0.as_ref().map_or("", |user| user.as_str());
        Ok(ToSqlOutput::from(name))
    }
}

impl ToSql for Mark {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_bytes().as_slice()))
    }
}

impl FromSql for Mark {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 32]>::column_result(value).map(Self::from_bytes)
    }
}
