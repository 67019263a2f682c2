//! The sources that must be heard for the guard to claim that it would know of trouble.

use std::sync::Arc;
use std::time::Duration;

use super::level::Level;
use super::policy::Policy;
use crate::model::time::Timestamp;

/// One required source of news.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    /// Who speaks on it.
    pub issuer: Arc<str>,
    /// When it was last heard and verified.
    pub heard: Timestamp,
}

/// Every required source. Where there is none, nothing is missed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Streams(Vec<Stream>);

impl Streams {
    /// Those that an operator requires.
    #[must_use]
    pub fn new(required: impl IntoIterator<Item = Stream>) -> Self {
        Self(required.into_iter().collect())
    }

    /// An issuer was heard.
    pub(super) fn hear(&mut self, issuer: &str, now: Timestamp) {
        for stream in self.0.iter_mut().filter(|one| *one.issuer == *issuer) {
            stream.heard = now;
        }
    }

    /// What the most silent one leaves.
    #[must_use]
    pub fn ceiling(&self, policy: &Policy, now: Timestamp) -> Level {
        match self.most_silent(now) {
            None => Level::Three,
            Some((_, silent)) if silent <= policy.stream_fresh => Level::Three,
            Some((_, silent)) if silent <= policy.stream_stale => Level::Two,
            Some(_) => Level::One,
        }
    }

    /// Who has been silent longest, and for how long.
    #[must_use]
    pub fn most_silent(&self, now: Timestamp) -> Option<(&Arc<str>, Duration)> {
        let stream = self.0.iter().min_by_key(|stream| stream.heard)?;
        Some((&stream.issuer, now.since(stream.heard)))
    }

    /// The clock was moved; how long each has been silent stays what it was.
    pub(super) fn move_clock(&mut self, millis: i64) {
        for stream in &mut self.0 {
            stream.heard = stream.heard.moved(millis);
        }
    }
}
