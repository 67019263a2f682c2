//! When a session last acted: its idle clock, which stands still while a person is being waited for.

use std::time::Duration;

use crate::model::time::Timestamp;

/// The idle clock of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Activity {
    last: Timestamp,
    held: Option<Timestamp>,
}

impl Activity {
    /// It acts now.
    pub(super) const fn new(now: Timestamp) -> Self {
        Self {
            last: now,
            held: None,
        }
    }

    /// It acts again.
    pub(super) fn touch(&mut self, now: Timestamp) {
        self.last = now;
    }

    /// How long it has done nothing that it could have done.
    pub(super) fn idle(&self, now: Timestamp) -> Duration {
        self.held.map_or(now, |held| held.min(now)).since(self.last)
    }

    /// From now on it waits for a person.
    pub(super) fn hold(&mut self, now: Timestamp) {
        self.held.get_or_insert(now);
    }

    /// It waits no longer, and its clock goes on from where it stood.
    pub(super) fn resume(&mut self, now: Timestamp) {
        let idle = self.idle(now);
        if self.held.take().is_some() {
            self.last = now.before(idle);
        }
    }

    /// The clock was moved; how long it has been idle stays what it was.
    pub(super) fn move_clock(&mut self, millis: i64) {
        self.last = self.last.moved(millis);
        self.held = self.held.map(|held| held.moved(millis));
    }
}
