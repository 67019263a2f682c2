//! How much of what was noticed still counts together.

use std::cmp::Reverse;
use std::time::Duration;

use super::signal::{Signal, Weights};
use crate::model::time::Timestamp;

/// The newest occurrence of each signal, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Strain(Vec<(Signal, Timestamp)>);

impl Strain {
    /// Notes an occurrence in the place of an earlier one of the same signal.
    pub(super) fn raise(&mut self, signal: Signal, at: Timestamp) {
        self.0.retain(|(one, _)| *one != signal);
        self.0.push((signal, at));
    }

    /// A person has seen what changed.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Also what another session knows, as far as it is newer.
    pub(super) fn merge(&mut self, other: &Self) {
        for (signal, at) in &other.0 {
            let known = self.0.iter().find(|(one, _)| one == signal);
            if known.is_none_or(|(_, known)| known < at) {
                self.raise(*signal, *at);
            }
        }
        self.0.sort_by_key(|(_, at)| *at);
    }

    /// The sum of what is left of each, from 0 to 100.
    #[must_use]
    pub fn sum(&self, weights: &Weights, now: Timestamp) -> u32 {
        let left = self.0.iter().map(|(signal, at)| {
            let weight = weights.of(*signal);
            let rest = weight.life.checked_sub(now.since(*at));
            let points = u128::from(weight.points) * rest.unwrap_or_default().as_millis();
            points.checked_div(weight.life.as_millis()).unwrap_or(0)
        });
        let sum: u128 = left.sum();
        u32::try_from(sum).unwrap_or(MOST).min(MOST)
    }

    /// The three that weigh most, with how long ago they were noticed.
    pub(super) fn heaviest(&self, weights: &Weights, now: Timestamp) -> Vec<(Signal, Duration)> {
        let mut noticed = self.0.clone();
        noticed.sort_by_key(|(signal, _)| Reverse(weights.of(*signal).points));
        let noticed = noticed.into_iter().take(TOLD_COUNT);
        noticed
            .map(|(signal, at)| (signal, now.since(at)))
            .collect()
    }

    /// Every signal that was noticed, oldest first.
    #[must_use]
    pub fn all(&self) -> &[(Signal, Timestamp)] {
        &self.0
    }

    /// The clock was moved; how old each occurrence is stays what it was.
    pub(super) fn move_clock(&mut self, millis: i64) {
        for (_, at) in &mut self.0 {
            *at = at.moved(millis);
        }
    }
}

/// The most that a session can be strained.
const MOST: u32 = 100;

/// How many signals a sentence names.
const TOLD_COUNT: usize = 3;
