//! What a session was proved with, and what of it still counts.

use std::time::Duration;

use super::level::Level;
use super::profile::Timers;
use crate::model::time::Timestamp;

/// Who gives a proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prover {
    /// A credential, by itself: it says nothing about what changed around it.
    Machine,
    /// A person, who sees the session as it is now.
    Person,
}

/// One proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Proof {
    /// What it is worth; never more than when it was given.
    pub grade: Level,
    /// When it was given.
    pub at: Timestamp,
}

/// The proofs of a session, at most three.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Proofs(Vec<Proof>);

impl Proofs {
    /// Keeps a new one in the place of all that are worth no more.
    pub(super) fn add(&mut self, proof: Proof) {
        if proof.grade > Level::Zero {
            self.0.retain(|one| one.grade > proof.grade);
            self.0.push(proof);
        }
    }

    /// The highest level that they hold: young enough, in a session that acts often enough, and for
    /// level 3 younger than any bad news.
    pub(super) fn level(
        &self,
        timers: &Timers,
        idle: Duration,
        bad_news: Option<Timestamp>,
        now: Timestamp,
    ) -> Level {
        let holds = |level: &Level| {
            let (Some(at), Some(timer)) = (self.newest(*level), timers.of(*level)) else {
                return false;
            };
            let fresh = *level < Level::Three || bad_news.is_none_or(|bad| at > bad);
            fresh && now.since(at) <= timer.overall && idle <= timer.idle
        };
        let levels = [Level::Three, Level::Two, Level::One];
        levels.into_iter().find(holds).unwrap_or(Level::Zero)
    }

    /// What has expired is gone for good: no later act brings it back.
    pub(super) fn burn(&mut self, level: Level) {
        for proof in &mut self.0 {
            proof.grade = proof.grade.min(level);
        }
    }

    /// When the newest of a grade or above was given.
    #[must_use]
    pub fn newest(&self, grade: Level) -> Option<Timestamp> {
        let enough = self.0.iter().filter(|proof| proof.grade >= grade);
        enough.map(|proof| proof.at).max()
    }

    /// All of them, in the order they were given.
    #[must_use]
    pub fn all(&self) -> &[Proof] {
        &self.0
    }

    /// The clock was moved; how old each is stays what it was.
    pub(super) fn move_clock(&mut self, millis: i64) {
        for proof in &mut self.0 {
            proof.at = proof.at.moved(millis);
        }
    }
}
