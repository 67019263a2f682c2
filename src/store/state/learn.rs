//! Which rows a lesson writes: the past learns what was done, within bounds.

use std::sync::Arc;

use super::past::{Past, day_of};
use super::row::{ClimbKey, DayKey, ReachKey, ValueKey};
use super::{Row, State, has_ended};
use crate::limits::{
    HISTORY_REACHES_COUNT, HISTORY_REACHES_PER_SESSION_COUNT, HISTORY_USERS_PER_AGENT_COUNT,
    HISTORY_VALUES_COUNT,
};
use crate::model::history::{Lesson, Usage};
use crate::model::time::Timestamp;

impl State {
    /// Moves no revision: what is learned only ever lets a later call need less.
    pub(super) fn learn(&self, lesson: &Lesson, at: Timestamp, rows: &mut Vec<Row>) {
        let agent = self.agents.get(&lesson.who.agent);
        let past = agent.and_then(|agent| agent.past(&lesson.who.on_behalf_of));
        let full = agent.is_some_and(|agent| agent.pasts().len() >= HISTORY_USERS_PER_AGENT_COUNT);
        if !lesson.is_tainted && (past.is_some() || !full) {
            reach(past, lesson, at, rows);
            values(past, lesson, at, rows);
            day(past, lesson, at, rows);
        }
        self.climb(lesson, at, rows);
    }

    fn climb(&self, lesson: &Lesson, at: Timestamp, rows: &mut Vec<Row>) {
        let lasts = self
            .sessions
            .get(&lesson.session)
            .is_some_and(|session| !has_ended(session));
        let climb = self.climbs.get(&lesson.session);
        let target = &lesson.reach.target;
        let known = climb.is_some_and(|climb| {
            climb.has(target, lesson.privilege)
                || climb.count() >= HISTORY_REACHES_PER_SESSION_COUNT
        });
        if lasts && !known {
            let key = ClimbKey {
                session: lesson.session,
                target: target.clone(),
                privilege: lesson.privilege,
            };
            rows.push(Row::Climb(Arc::new(key), Some(at)));
        }
    }
}

fn reach(past: Option<&Past>, lesson: &Lesson, at: Timestamp, rows: &mut Vec<Row>) {
    let row = |reach, privilege, usage| {
        let who = lesson.who.clone();
        let key = ReachKey {
            who,
            reach,
            privilege,
        };
        Row::Reach(Arc::new(key), usage)
    };
    let known = past.and_then(|past| past.usage(&lesson.reach, lesson.privilege));
    if known.is_none()
        && let Some(past) = past
        && past.reached() >= HISTORY_REACHES_COUNT
        && let Some((stale, rung)) = past.stalest_reach(&lesson.reach)
    {
        rows.push(row(stale, rung, None));
    }
    let usage = again(known, at);
    rows.push(row(lesson.reach.clone(), lesson.privilege, Some(usage)));
}

fn values(past: Option<&Past>, lesson: &Lesson, at: Timestamp, rows: &mut Vec<Row>) {
    let row = |place, mark, usage| {
        let who = lesson.who.clone();
        Row::Value(Arc::new(ValueKey { who, place, mark }), usage)
    };
    let known = |place, mark| past.and_then(|past| past.value(place, mark));
    let new = lesson
        .values
        .iter()
        .filter(|(place, mark)| known(place, *mark).is_none())
        .count();
    if new > 0
        && let Some(past) = past
    {
        let after = past.valued().saturating_add(new);
        let over = after.saturating_sub(HISTORY_VALUES_COUNT);
        let stale = past.stalest_values(lesson, over);
        rows.extend(
            stale
                .into_iter()
                .map(|(place, mark)| row(place, mark, None)),
        );
    }
    for (place, mark) in &lesson.values {
        let usage = again(known(place, *mark), at);
        rows.push(row(place.clone(), *mark, Some(usage)));
    }
}

fn day(past: Option<&Past>, lesson: &Lesson, at: Timestamp, rows: &mut Vec<Row>) {
    let day = day_of(at);
    let known = past.and_then(|past| past.day(day, lesson.privilege));
    let calls = known.unwrap_or_default().saturating_add(1);
    let key = DayKey {
        who: lesson.who.clone(),
        day,
        privilege: lesson.privilege,
    };
    rows.push(Row::Day(Arc::new(key), Some(calls)));
}

fn again(known: Option<Usage>, at: Timestamp) -> Usage {
    let once = Usage::once(at);
    known.map_or(once, |known| known.and(once))
}
