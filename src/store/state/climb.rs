//! How far one session has come: what succeeded in it, and the highest rung it has used.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::history;
use crate::model::id::SessionId;
use crate::model::privilege::Privilege;
use crate::model::target::Target;
use crate::model::time::Timestamp;

/// One session's way up.
#[derive(Default)]
pub(super) struct Climb {
    done: BTreeMap<Target, BTreeMap<Privilege, Timestamp>>,
    count: usize,
    highest: Option<Privilege>,
}

impl Climb {
    pub(super) const fn highest(&self) -> Option<Privilege> {
        self.highest
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    pub(super) fn has(&self, target: &Target, privilege: Privilege) -> bool {
        self.done
            .get(target)
            .is_some_and(|rungs| rungs.contains_key(&privilege))
    }

    /// Those of the asked targets that have succeeded, at whatever rung.
    pub(super) fn done_of(&self, asked: &BTreeSet<Target>) -> Vec<Target> {
        asked
            .iter()
            .filter(|target| self.done.contains_key(*target))
            .cloned()
            .collect()
    }

    pub(super) fn put(
        &mut self,
        target: &Target,
        privilege: Privilege,
        new: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let rungs = self.done.entry(target.clone()).or_default();
        let old = match new {
            Some(new) => rungs.insert(privilege, new),
            None => rungs.remove(&privilege),
        };
        if rungs.is_empty() {
            self.done.remove(target);
        }
        match (old, new) {
            (None, Some(_)) => {
                self.count = self.count.saturating_add(1);
                self.highest = self.highest.max(Some(privilege));
            }
            (Some(_), None) => {
                self.count = self.count.saturating_sub(1);
                self.highest = self
                    .done
                    .values()
                    .filter_map(|rungs| rungs.keys().next_back().copied())
                    .max();
            }
            _ => {}
        }
        old
    }

    /// Nothing of a session that has used nothing.
    pub(super) fn view(&self, session: SessionId) -> Option<history::Climb> {
        Some(history::Climb {
            session,
            highest: self.highest?,
            done: self.done.keys().cloned().collect(),
        })
    }
}
