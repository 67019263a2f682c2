//! What one agent did for one user: every target, value and day, found without a search.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use crate::engine::facts::{Evidence, Known, Precedent};
use crate::limits::HISTORY_WINDOW_DAYS;
use crate::model::history::{self, Lesson, Mark, Place, Reach, Usage};
use crate::model::name::{ServerName, UserName};
use crate::model::privilege::Privilege;
use crate::model::target::Target;
use crate::model::time::Timestamp;

/// One past.
#[derive(Default)]
pub(super) struct Past {
    reaches: HashMap<Reach, BTreeMap<Privilege, Usage>>,
    values: HashMap<Place, HashMap<Mark, Usage>>,
    days: BTreeMap<(i64, Privilege), u64>,
    /// How many usages stand in `reaches` and in `values`.
    reached: usize,
    valued: usize,
    /// How many usages each rung, server and target has, so that evidence needs no search.
    rungs: Tally<Privilege>,
    servers: Tally<ServerName>,
    targets: Tally<Target>,
}

/// Counts by key; what counts nothing is not there.
struct Tally<K>(HashMap<K, usize>);

impl Past {
    pub(super) fn usage(&self, reach: &Reach, privilege: Privilege) -> Option<Usage> {
        self.reaches.get(reach)?.get(&privilege).copied()
    }

    pub(super) fn value(&self, place: &Place, mark: Mark) -> Option<Usage> {
        self.values.get(place)?.get(&mark).copied()
    }

    pub(super) fn day(&self, day: i64, privilege: Privilege) -> Option<u64> {
        self.days.get(&(day, privilege)).copied()
    }

    pub(super) const fn reached(&self) -> usize {
        self.reached
    }

    pub(super) const fn valued(&self) -> usize {
        self.valued
    }

    /// The reach that was longest not used, apart from `reach` itself.
    pub(super) fn stalest_reach(&self, reach: &Reach) -> Option<(Reach, Privilege)> {
        self.reaches
            .iter()
            .filter(|(one, _)| *one != reach)
            .flat_map(|(one, rungs)| rungs.iter().map(move |(rung, usage)| (usage, one, *rung)))
            .min_by(|one, other| (one.0.last, one.1, one.2).cmp(&(other.0.last, other.1, other.2)))
            .map(|(_, reach, rung)| (reach.clone(), rung))
    }

    /// The values that were longest not used, apart from those of the lesson itself.
    pub(super) fn stalest_values(&self, lesson: &Lesson, most: usize) -> Vec<(Place, Mark)> {
        let taught = |mark: &Mark| lesson.values.iter().any(|(_, one)| one == mark);
        let mut values: Vec<_> = self
            .values
            .iter()
            .flat_map(|(place, marks)| marks.iter().map(move |(mark, usage)| (usage, mark, place)))
            .filter(|(_, mark, _)| !taught(mark))
            .collect();
        values.sort_unstable_by_key(|(usage, mark, _)| (usage.last, **mark));
        values
            .into_iter()
            .take(most)
            .map(|(_, mark, place)| (place.clone(), *mark))
            .collect()
    }

    pub(super) fn put_usage(
        &mut self,
        reach: &Reach,
        privilege: Privilege,
        new: Option<Usage>,
    ) -> Option<Usage> {
        let rungs = self.reaches.entry(reach.clone()).or_default();
        let old = match new {
            Some(new) => rungs.insert(privilege, new),
            None => rungs.remove(&privilege),
        };
        if rungs.is_empty() {
            self.reaches.remove(reach);
        }
        let (was, is) = (old.is_some(), new.is_some());
        self.reached = recounted(self.reached, was, is);
        self.rungs.recount(&privilege, was, is);
        self.servers.recount(&reach.target.server, was, is);
        self.targets.recount(&reach.target, was, is);
        old
    }

    pub(super) fn put_value(
        &mut self,
        place: &Place,
        mark: Mark,
        new: Option<Usage>,
    ) -> Option<Usage> {
        let marks = self.values.entry(place.clone()).or_default();
        let old = match new {
            Some(new) => marks.insert(mark, new),
            None => marks.remove(&mark),
        };
        if marks.is_empty() {
            self.values.remove(place);
        }
        self.valued = recounted(self.valued, old.is_some(), new.is_some());
        old
    }

    pub(super) fn put_day(
        &mut self,
        day: i64,
        privilege: Privilege,
        new: Option<u64>,
    ) -> Option<u64> {
        match new {
            Some(new) => self.days.insert((day, privilege), new),
            None => self.days.remove(&(day, privilege)),
        }
    }

    /// Forgets days that no window reaches any more.
    pub(super) fn tidy(&mut self, now: Timestamp) {
        let oldest = oldest_day(now);
        self.days.retain(|(day, _), _| *day >= oldest);
    }

    /// Compares a lesson with this past; what a session did is not its matter.
    pub(super) fn compare(&self, lesson: &Lesson) -> Precedent {
        let rungs = self.reaches.get(&lesson.reach);
        Precedent {
            used: rungs.is_some_and(|rungs| rungs.range(lesson.privilege..).next().is_some()),
            values: lesson
                .values
                .iter()
                .map(|(place, mark)| {
                    let marks = self.values.get(place);
                    let known = Known {
                        used: marks.is_some_and(|marks| marks.contains_key(mark)),
                        values: marks.map_or(0, HashMap::len),
                    };
                    (Arc::clone(&place.pointer), known)
                })
                .collect(),
            ..Precedent::default()
        }
    }

    /// What a person should know who is asked about something new.
    pub(super) fn evidence(&self, lesson: &Lesson, now: Timestamp) -> Evidence {
        let target = &lesson.reach.target;
        let recent = self.recent(now);
        Evidence {
            calls: recent
                .values()
                .fold(0, |sum, calls| sum.saturating_add(*calls)),
            highest: recent.keys().next_back().copied(),
            rung: self.rungs.has(&lesson.privilege),
            server: self.servers.has(&target.server),
            target: self.targets.has(target),
        }
    }

    /// Everything, in an order of its own.
    pub(super) fn view(&self, on_behalf_of: Option<UserName>, now: Timestamp) -> history::Past {
        let mut reaches: Vec<_> = self
            .reaches
            .iter()
            .flat_map(|(reach, rungs)| {
                rungs
                    .iter()
                    .map(move |(rung, usage)| (reach.clone(), *rung, *usage))
            })
            .collect();
        reaches.sort_unstable_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
        let mut places: Vec<_> = self
            .values
            .iter()
            .filter_map(|(place, marks)| {
                let usage = marks.values().copied().reduce(Usage::and)?;
                Some((place.clone(), marks.len(), usage))
            })
            .collect();
        places.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        history::Past {
            on_behalf_of,
            reaches,
            places,
            recent: self.recent(now),
        }
    }

    fn recent(&self, now: Timestamp) -> BTreeMap<Privilege, u64> {
        let mut recent = BTreeMap::new();
        for ((_, rung), calls) in self.days.range((oldest_day(now), Privilege::Read)..) {
            let sum: &mut u64 = recent.entry(*rung).or_default();
            *sum = sum.saturating_add(*calls);
        }
        recent
    }
}

impl<K: Clone + Eq + Hash> Tally<K> {
    fn has(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    fn recount(&mut self, key: &K, was: bool, is: bool) {
        if was == is {
            return;
        }
        let count = self.0.entry(key.clone()).or_default();
        *count = recounted(*count, was, is);
        if *count == 0 {
            self.0.remove(key);
        }
    }
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// The day of a moment, counted from 1970.
pub(super) const fn day_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(DAY_MS)
}

/// The first day that the window of `now` reaches.
pub(in crate::store) const fn oldest_day(now: Timestamp) -> i64 {
    day_of(now).saturating_sub(HISTORY_WINDOW_DAYS - 1)
}

const DAY_MS: i64 = 24 * 3_600 * 1_000;

const fn recounted(count: usize, was: bool, is: bool) -> usize {
    match (was, is) {
        (false, true) => count.saturating_add(1),
        (true, false) => count.saturating_sub(1),
        _ => count,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::digest::Digest;
    use crate::model::history::Who;
    use crate::model::id::SessionId;
    use crate::model::name::AgentName;

    fn lesson(server: usize, tool: usize, definition: u8, rung: usize) -> Lesson {
        let server = ServerName::parse(["crm", "bank"][server]).unwrap();
        let (ambient, _) = crate::ambient::Ambient::played(1, Timestamp::default());
        Lesson {
            who: Who {
                agent: AgentName::parse("a").unwrap(),
                on_behalf_of: None,
            },
            session: SessionId::random(&ambient),
            reach: Reach {
                target: Target::tool(server, ["x", "y"][tool]),
                definition: Digest::of(&[definition]),
            },
            privilege: Privilege::ALL[rung],
            values: Vec::new(),
            is_tainted: false,
        }
    }

    fn lessons() -> impl Strategy<Value = Lesson> {
        (0..2_usize, 0..2_usize, 0..2_u8, 0..6_usize)
            .prop_map(|(server, tool, definition, rung)| lesson(server, tool, definition, rung))
    }

    proptest! {
        #[test]
        fn evidence_is_what_a_search_through_the_past_gives(
            steps in prop::collection::vec((lessons(), any::<bool>()), 0..40),
            asked in lessons(),
        ) {
            let mut past = Past::default();
            for (one, kept) in &steps {
                let usage = kept.then_some(Usage::once(Timestamp::default()));
                past.put_usage(&one.reach, one.privilege, usage);
            }
            let view = past.view(None, Timestamp::default());
            prop_assert_eq!(view.reaches.len(), past.reached());
            let evidence = past.evidence(&asked, Timestamp::default());
            let any = |found: &dyn Fn(&Reach, Privilege) -> bool| {
                view.reaches.iter().any(|(reach, rung, _)| found(reach, *rung))
            };
            let target = &asked.reach.target;
            prop_assert_eq!(evidence.rung, any(&|_, rung| rung == asked.privilege));
            prop_assert_eq!(evidence.server, any(&|reach, _| reach.target.server == target.server));
            prop_assert_eq!(evidence.target, any(&|reach, _| reach.target == *target));
        }
    }
}
