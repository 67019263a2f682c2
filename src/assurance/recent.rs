//! Moments within a window that moves with the clock, as many as are asked about.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::time::Timestamp;

/// Moments that are not yet too old, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Recent(VecDeque<Timestamp>);

impl Recent {
    /// How many are younger than the window; the others are forgotten.
    pub(super) fn count(&mut self, window: Duration, now: Timestamp) -> usize {
        while self.0.front().is_some_and(|at| now.since(*at) >= window) {
            self.0.pop_front();
        }
        self.0.len()
    }

    /// Adds now, and keeps the newest `most`.
    pub(super) fn add(&mut self, now: Timestamp, most: usize) {
        self.0.push_back(now);
        while self.0.len() > most {
            self.0.pop_front();
        }
    }

    /// Those of another session, where they are more.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.0.len() > self.0.len() {
            self.0.clone_from(&other.0);
        }
    }

    /// The clock was moved; how old each is stays what it was.
    pub(super) fn move_clock(&mut self, millis: i64) {
        for at in &mut self.0 {
            *at = at.moved(millis);
        }
    }
}
