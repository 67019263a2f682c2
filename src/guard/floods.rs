//! Refusals that anybody could cause without end: the first of a minute is recorded, those that follow
//! are counted into one entry, by where they came from.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;

use super::source::Source;
use crate::limits::{REFUSAL_SOURCES_COUNT, REFUSALS_FOLDED};
use crate::model::name::AgentName;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;

/// What is being counted.
#[derive(Default)]
pub(super) struct Floods(Mutex<HashMap<Kind, Flood>>);

/// What is counted together: where it came in, why it was refused, and as whose.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Kind {
    pub(super) edge: &'static str,
    pub(super) reason: Reason,
    /// The agent, where a credential named one.
    pub(super) agent: Option<AgentName>,
}

struct Flood {
    since: Timestamp,
    tally: Tally,
}

/// How many were counted, and of whom.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) count: u64,
    /// Of each source, as far as sources are told apart.
    pub(super) sources: BTreeMap<Source, u64>,
}

impl Tally {
    fn add(&mut self, source: Option<Source>) {
        self.count = self.count.saturating_add(1);
        let Some(source) = source else { return };
        let has_room = self.sources.len() < REFUSAL_SOURCES_COUNT;
        if has_room || self.sources.contains_key(&source) {
            let count = self.sources.entry(source).or_default();
            *count = count.saturating_add(1);
        }
    }
}

impl Floods {
    /// Whether a refusal is the first of its minute, which is recorded itself; another is counted.
    pub(super) fn is_first(&self, kind: Kind, source: Option<Source>, now: Timestamp) -> bool {
        let mut floods = self.0.lock();
        match floods.get_mut(&kind) {
            Some(flood) => {
                flood.tally.add(source);
                false
            }
            None => {
                let tally = Tally::default();
                floods.insert(kind, Flood { since: now, tally });
                true
            }
        }
    }

    /// Takes out what is over at `now`.
    pub(super) fn over(&self, now: Timestamp) -> Vec<(Kind, Tally)> {
        let over = |flood: &Flood| flood.since.after(REFUSALS_FOLDED) <= now;
        let mut floods = self.0.lock();
        floods
            .extract_if(|_, flood| over(flood))
            .filter(|(_, flood)| flood.tally.count > 0)
            .map(|(kind, flood)| (kind, flood.tally))
            .collect()
    }
}
