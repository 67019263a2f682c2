//! Each agent's share of the record: a bucket of bytes that empties with time.
//!
//! Whoever writes without end would fill the disk, and then nobody could revoke it any more.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::Guard;
use crate::limits::RECORD_SHARE_WINDOW;
use crate::model::decision::Cause;
use crate::model::name::AgentName;
use crate::model::reason::Reason;

/// What each agent has written, and has not yet been forgiven.
pub(super) struct Shares {
    levels: Mutex<HashMap<AgentName, Level>>,
    /// What an agent may write within [`RECORD_SHARE_WINDOW`].
    most_bytes: u64,
}

#[derive(Clone, Copy, Default)]
struct Level {
    bytes: u64,
    at: Duration,
}

impl Shares {
    pub(super) fn of(most_bytes: u64) -> Self {
        Self {
            levels: Mutex::default(),
            most_bytes,
        }
    }

    /// Whether an agent may write; otherwise how long until it may.
    fn look(&self, agent: &AgentName, now: Duration) -> Result<(), Duration> {
        let level = self.levels.lock().get(agent).copied().unwrap_or_default();
        let left = self.left(level, now);
        match left < self.most_bytes {
            true => Ok(()),
            // Until a byte more fits; and no sooner than in a second, since it would be full at once.
            false => Err(self
                .time_of((left - self.most_bytes).saturating_add(1))
                .max(SOON)),
        }
    }

    /// An agent wrote so much. It may overshoot by what was on its way.
    pub(super) fn charge(&self, agent: &AgentName, bytes: u64, now: Duration) {
        let mut levels = self.levels.lock();
        let level = levels.entry(agent.clone()).or_default();
        level.bytes = self.left(*level, now).saturating_add(bytes);
        level.at = now;
    }

    /// What is left of a level, after what time has forgiven.
    fn left(&self, level: Level, now: Duration) -> u64 {
        let passed = now.saturating_sub(level.at).as_millis();
        let window = RECORD_SHARE_WINDOW.as_millis().max(1);
        let forgiven = passed.saturating_mul(u128::from(self.most_bytes)) / window;
        level
            .bytes
            .saturating_sub(u64::try_from(forgiven).unwrap_or(u64::MAX))
    }

    fn time_of(&self, bytes: u64) -> Duration {
        let millis = u128::from(bytes).saturating_mul(RECORD_SHARE_WINDOW.as_millis())
            / u128::from(self.most_bytes.max(1));
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

impl Guard {
    /// Whether an agent has filled its share of the record; then nothing of it is recorded any more, and
    /// so nothing of it runs.
    pub(super) fn filled_share(&self, agent: &AgentName) -> Option<(Cause, Duration)> {
        let wait = self.shares.look(agent, self.ambient.monotonic()).err()?;
        let sentence = format!("{agent} has filled its share of the record");
        Some((Cause::new(Reason::RecordShareUsed, sentence), wait))
    }

    /// Counts what was written for an agent.
    pub(super) fn charge_share(&self, agent: &AgentName, bytes: u64) {
        self.shares.charge(agent, bytes, self.ambient.monotonic());
    }
}

const SOON: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_is_full_has_room_again_after_the_time_it_told() {
        let shares = Shares::of(86_400);
        let agent = AgentName::parse("a").unwrap();
        let at = Duration::from_secs;
        assert!(shares.look(&agent, at(0)).is_ok());
        shares.charge(&agent, 86_399, at(0));
        assert!(shares.look(&agent, at(0)).is_ok());
        shares.charge(&agent, 101, at(0));
        let wait = shares.look(&agent, at(0)).unwrap_err();
        assert_eq!(wait, at(101));
        assert!(shares.look(&agent, at(100)).is_err());
        assert!(shares.look(&agent, at(101)).is_ok());
        let other = AgentName::parse("b").unwrap();
        assert!(shares.look(&other, at(0)).is_ok());
    }

    #[test]
    fn a_share_of_nothing_admits_nothing_and_no_sum_overflows() {
        let agent = AgentName::parse("a").unwrap();
        assert!(Shares::of(0).look(&agent, Duration::ZERO).is_err());
        let shares = Shares::of(u64::MAX);
        shares.charge(&agent, u64::MAX, Duration::MAX);
        assert!(shares.look(&agent, Duration::MAX).is_err());
    }
}
