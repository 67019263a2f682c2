//! What happens to a session besides its calls. Each event first lets time pass until it.

use std::sync::Arc;

use super::approvals::Approval;
use super::caps::{Heard, News};
use super::credential::Credential;
use super::level::Level;
use super::policy::Policy;
use super::proofs::{Proof, Prover};
use super::signal::Signal;
use super::state::{Assurance, Cause, Status};
use crate::model::time::Timestamp;

impl Assurance {
    /// It was proved anew. A person of grade 2 or above saw it as it is now: what was noticed is settled,
    /// though not what others say of it, nor what it has read.
    pub fn prove(&mut self, policy: &Policy, grade: Level, by: Prover, now: Timestamp) {
        self.advance(policy, now);
        if self.is_over() {
            return;
        }
        let at = self.clock;
        self.proofs.add(Proof { grade, at });
        self.activity.touch(at);
        if by == Prover::Machine || grade < Level::Two {
            return;
        }
        self.strain.clear();
        self.latch = self.latch.max(grade);
        if grade == Level::Three {
            self.strikes = 0;
            if policy.proof_releases {
                self.status = Status::Active;
            }
        }
    }

    /// Something was noticed.
    pub fn signal(&mut self, policy: &Policy, signal: Signal, now: Timestamp) {
        self.advance(policy, now);
        if self.is_over() {
            return;
        }
        self.strain.raise(signal, self.clock);
        self.tainted |= signal == Signal::UntrustedData;
        self.advance(policy, self.clock);
    }

    /// Somebody who is trusted to know says something of it.
    pub fn hear(&mut self, policy: &Policy, news: News, now: Timestamp) {
        self.advance(policy, now);
        if self.is_over() {
            return;
        }
        let latest = self.clock.after(policy.ahead);
        if self.caps.hear(news, latest) == Heard::Bad {
            self.epoch += 1;
        }
    }

    /// Its credential stands otherwise than before.
    pub fn change(&mut self, policy: &Policy, credential: Credential, now: Timestamp) {
        self.advance(policy, now);
        if self.is_over() {
            return;
        }
        let state = credential.state;
        self.credential = credential;
        if state.is_dead() {
            self.end(Cause::Credential(state));
        }
    }

    /// A required source was heard, and verified.
    pub fn heartbeat(&mut self, policy: &Policy, issuer: &str, now: Timestamp) {
        self.advance(policy, now);
        if !self.is_over() {
            self.streams.hear(issuer, self.clock);
        }
    }

    /// A person approved one call.
    pub fn approve(&mut self, policy: &Policy, approval: Approval, now: Timestamp) {
        self.advance(policy, now);
        if self.status == Status::Active {
            self.approvals.add(approval, self.epoch, self.clock);
        }
    }

    /// A person refused one call: approvals of others end with it, and too many refusals stop the session.
    pub fn refuse(&mut self, policy: &Policy, now: Timestamp) {
        self.advance(policy, now);
        if self.status != Status::Active {
            return;
        }
        self.strikes = self.strikes.saturating_add(1);
        self.epoch += 1;
        if self.strikes >= policy.strikes {
            self.status = Status::Quarantined;
        }
    }

    /// It waits for a person: its idle clock stands still, its age does not.
    pub fn hold(&mut self, policy: &Policy, now: Timestamp) {
        self.advance(policy, now);
        if !self.is_over() {
            self.activity.hold(self.clock);
        }
    }

    /// It waits for nobody any more.
    pub fn resume(&mut self, policy: &Policy, now: Timestamp) {
        self.advance(policy, now);
        if !self.is_over() {
            self.activity.resume(self.clock);
        }
    }

    /// An operator stops it until somebody has looked at it.
    pub fn quarantine(&mut self, policy: &Policy, now: Timestamp) {
        self.advance(policy, now);
        if self.status == Status::Active {
            self.status = Status::Quarantined;
            self.epoch += 1;
        }
    }

    /// An operator has looked at it, and lets it go on.
    pub fn release(&mut self, policy: &Policy, now: Timestamp) {
        self.advance(policy, now);
        if self.status == Status::Quarantined {
            self.status = Status::Active;
            self.strikes = 0;
        }
    }

    /// Somebody ends it.
    pub fn kill(&mut self, policy: &Policy, cause: &str, now: Timestamp) {
        self.advance(policy, now);
        if !self.is_over() {
            self.end(Cause::Killed(Arc::from(cause)));
        }
    }

    /// The guard's clock was moved by so many milliseconds, and nobody can tell since when it was wrong.
    /// Every age stays what it was, and what must be fresh is void: approvals, admissions, and what a
    /// person confirmed. Moments that others named, such as the end of a credential, are not moved.
    pub fn move_clock(&mut self, millis: i64) {
        if self.is_over() {
            return;
        }
        self.clock = self.clock.moved(millis);
        self.activity.move_clock(millis);
        self.proofs.move_clock(millis);
        self.proofs.burn(Level::Two);
        self.strain.move_clock(millis);
        self.streams.move_clock(millis);
        self.attempts.move_clock(millis);
        self.challenges.move_clock(millis);
        self.approvals.clear();
        self.epoch += 1;
    }

    /// It opens after another session of the same credential, and is never kinder than that one: what was
    /// noticed and said of the other, what it read and how often it was refused hold for this one too.
    pub fn inherit(&mut self, policy: &Policy, other: &Self, now: Timestamp) {
        self.advance(policy, now);
        if self.is_over() {
            return;
        }
        self.strain.merge(&other.strain);
        self.latch = self.latch.min(other.latch);
        self.caps.merge(&other.caps);
        self.tainted |= other.tainted;
        self.strikes = self.strikes.max(other.strikes);
        self.attempts.merge(&other.attempts);
        self.challenges.merge(&other.challenges);
        if other.status == Status::Quarantined {
            self.status = Status::Quarantined;
        }
        self.epoch += 1;
        self.advance(policy, self.clock);
    }
}
