//! Refusals of requests that prove nobody: the first is recorded, those that follow are counted into one.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::limits::REFUSALS_FOLDED;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;

/// What is being counted, by where it came in and why it was refused.
#[derive(Default)]
pub(super) struct Floods(Mutex<HashMap<(&'static str, Reason), Flood>>);

struct Flood {
    since: Timestamp,
    more: u64,
}

/// Refusals that were counted and not recorded one by one.
pub(super) struct Folded {
    pub(super) edge: &'static str,
    pub(super) reason: Reason,
    pub(super) count: u64,
}

impl Floods {
    /// Whether a refusal is the first of its minute, which is recorded itself.
    pub(super) fn is_first(&self, edge: &'static str, reason: Reason, now: Timestamp) -> bool {
        let mut floods = self.0.lock();
        match floods.get_mut(&(edge, reason)) {
            Some(flood) => {
                flood.more = flood.more.saturating_add(1);
                false
            }
            None => {
                let flood = Flood {
                    since: now,
                    more: 0,
                };
                floods.insert((edge, reason), flood);
                true
            }
        }
    }

    /// Takes out what is over at `now`.
    pub(super) fn over(&self, now: Timestamp) -> Vec<Folded> {
        let over = |flood: &Flood| flood.since.after(REFUSALS_FOLDED) <= now;
        let mut floods = self.0.lock();
        floods
            .extract_if(|_, flood| over(flood))
            .filter(|(_, flood)| flood.more > 0)
            .map(|((edge, reason), flood)| Folded {
                edge,
                reason,
                count: flood.more,
            })
            .collect()
    }
}
