//! Approvals of exactly one call each, until they are used, expire or are overtaken.

use super::level::Level;
use crate::limits::ASSURANCE_APPROVALS_COUNT;
use crate::model::digest::Digest;
use crate::model::time::Timestamp;

/// A person's leave for one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Approval {
    /// Which call: everything that reaches the upstream.
    pub digest: Digest,
    /// The last moment at which it can be used.
    pub until: Timestamp,
    /// What the person proved: it stands for the session's own proof in this one call. Three where the
    /// authenticator verified the user, two otherwise.
    pub proof: Level,
}

/// The approvals of a session that are still of use.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Approvals(Vec<(Approval, u64)>);

impl Approvals {
    /// Keeps one, given in an epoch; those that can no longer be used make room, then the oldest.
    pub(super) fn add(&mut self, approval: Approval, epoch: u64, now: Timestamp) {
        self.0
            .retain(|(one, given)| now <= one.until && *given == epoch);
        if self.0.len() >= ASSURANCE_APPROVALS_COUNT {
            self.0.remove(0);
        }
        self.0.push((approval, epoch));
    }

    /// The oldest that is good for a call now.
    pub(super) fn find(&self, digest: &Digest, epoch: u64, now: Timestamp) -> Option<Approval> {
        let good = |(one, given): &&(Approval, u64)| {
            one.digest == *digest && now <= one.until && *given == epoch
        };
        self.0.iter().find(good).map(|(one, _)| *one)
    }

    /// Uses one up.
    pub(super) fn consume(&mut self, approval: &Approval, epoch: u64) {
        let used = |(one, given): &(Approval, u64)| one == approval && *given == epoch;
        if let Some(index) = self.0.iter().position(used) {
            self.0.remove(index);
        }
    }

    /// None is of use any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
