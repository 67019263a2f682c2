//! How sure the guard is of one session, as of the last event it heard of.

use std::fmt;
use std::sync::Arc;

use super::activity::Activity;
use super::approvals::Approvals;
use super::caps::Caps;
use super::ceilings::Ceilings;
use super::credential::{Credential, KeyState};
use super::level::Level;
use super::policy::Policy;
use super::profile::Profile;
use super::proofs::{Proof, Proofs};
use super::recent::Recent;
use super::strain::Strain;
use super::streams::Streams;
use crate::model::time::Timestamp;

/// The assurance of one session.
///
/// It is moved by events alone, each with its own moment. Nothing else makes it better than it is, time
/// least of all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assurance {
    pub(super) profile: Profile,
    pub(super) status: Status,
    /// The latest moment it has heard of; it never goes back.
    pub(super) clock: Timestamp,
    /// The grade it was opened with.
    pub(super) established: Level,
    pub(super) activity: Activity,
    pub(super) proofs: Proofs,
    pub(super) strain: Strain,
    /// What strain has left at its worst since a person last looked.
    pub(super) latch: Level,
    pub(super) caps: Caps,
    pub(super) credential: Credential,
    pub(super) streams: Streams,
    /// Counts whatever makes earlier decisions worthless.
    pub(super) epoch: u64,
    pub(super) approvals: Approvals,
    pub(super) attempts: Recent,
    pub(super) challenges: Recent,
    pub(super) strikes: u32,
    /// Whether words of an untrusted source are in the session; only its end removes them.
    pub(super) tainted: bool,
}

/// Whether a session may act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// It may.
    Active,
    /// It may not until somebody has looked at it.
    Quarantined,
    /// It is over, for ever.
    Terminated(Cause),
}

/// Why a session is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Nothing that was proved lasts.
    Timeout,
    /// Its credential is dead.
    Credential(KeyState),
    /// Somebody ended it, and this is why in a word.
    Killed(Arc<str>),
}

impl Assurance {
    /// Of a session that opens now, proved by one proof.
    #[must_use]
    pub fn open(
        profile: Profile,
        grade: Level,
        credential: Credential,
        streams: Streams,
        now: Timestamp,
    ) -> Self {
        let mut proofs = Proofs::default();
        proofs.add(Proof { grade, at: now });
        Self {
            profile,
            status: Status::Active,
            clock: now,
            established: grade,
            activity: Activity::new(now),
            proofs,
            strain: Strain::default(),
            latch: Level::Three,
            caps: Caps::default(),
            credential,
            streams,
            epoch: 0,
            approvals: Approvals::default(),
            attempts: Recent::default(),
            challenges: Recent::default(),
            strikes: 0,
            tainted: false,
        }
    }

    /// What a session is worth now that may rely on so much of its parent; three where it has none.
    #[must_use]
    pub fn level(&self, policy: &Policy, parent: Level, now: Timestamp) -> Level {
        match self.status {
            Status::Active => self.ceilings(policy, parent, now).lowest(),
            Status::Quarantined | Status::Terminated(_) => Level::Zero,
        }
    }

    /// The five ceilings now, whether or not it may act.
    #[must_use]
    pub fn ceilings(&self, policy: &Policy, parent: Level, now: Timestamp) -> Ceilings {
        let now = now.max(self.clock);
        let strained = policy.bands.of(self.strain.sum(&policy.weights, now));
        Ceilings {
            proof: self.proved(policy, now),
            context: self.latch.min(strained).min(self.caps.lowest()),
            key: self.credential.ceiling(self.profile, policy, now),
            visibility: self.streams.ceiling(policy, now),
            delegation: parent,
        }
    }

    /// Lets time pass, before anything else that happens then. What has expired is burnt, what has become
    /// worse is latched, and a session of which nothing is left ends.
    pub fn advance(&mut self, policy: &Policy, now: Timestamp) {
        if self.is_over() {
            return;
        }
        self.clock = self.clock.max(now);
        let proved = self.proved(policy, self.clock);
        self.proofs.burn(proved);
        if proved == Level::Zero || self.is_console_over(policy) {
            self.end(Cause::Timeout);
            return;
        }
        let strained = policy.bands.of(self.strain(policy, self.clock));
        if strained < self.latch {
            self.latch = strained;
            self.epoch += 1;
        }
    }

    /// A person's session is not lowered step by step: it ends when the level it began at would.
    fn is_console_over(&self, policy: &Policy) -> bool {
        let timer = policy.timers(self.profile).of(self.established);
        let (Profile::Console, Some(timer)) = (self.profile, timer) else {
            return false;
        };
        let newest = self.proofs.newest(Level::Zero);
        self.activity.idle(self.clock) > timer.idle
            || newest.is_none_or(|at| self.clock.since(at) > timer.overall)
    }

    pub(super) fn proved(&self, policy: &Policy, now: Timestamp) -> Level {
        let (timers, idle) = (policy.timers(self.profile), self.activity.idle(now));
        let bad_news = self.caps.bad_news();
        self.proofs.level(timers, idle, bad_news, now)
    }

    pub(super) fn end(&mut self, cause: Cause) {
        self.status = Status::Terminated(cause);
        self.approvals.clear();
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.status, Status::Terminated(_))
    }

    /// Whether it may act.
    #[must_use]
    pub const fn status(&self) -> &Status {
        &self.status
    }

    /// How strained it is, from 0 to 100.
    #[must_use]
    pub fn strain(&self, policy: &Policy, now: Timestamp) -> u32 {
        self.strain.sum(&policy.weights, now.max(self.clock))
    }

    /// What was noticed of it, oldest first, and not yet seen by a person.
    #[must_use]
    pub const fn noticed(&self) -> &Strain {
        &self.strain
    }

    /// What strain has left at its worst since a person last looked.
    #[must_use]
    pub const fn latch(&self) -> Level {
        self.latch
    }

    /// What others say of it.
    #[must_use]
    pub const fn caps(&self) -> &Caps {
        &self.caps
    }

    /// What it was proved with.
    #[must_use]
    pub const fn proofs(&self) -> &Proofs {
        &self.proofs
    }

    /// The credential it runs on.
    #[must_use]
    pub const fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The approvals that are not yet used.
    #[must_use]
    pub const fn approvals(&self) -> &Approvals {
        &self.approvals
    }

    /// The latest moment it has heard of.
    #[must_use]
    pub const fn clock(&self) -> Timestamp {
        self.clock
    }

    /// Counts whatever makes earlier decisions worthless.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How often people have refused it.
    #[must_use]
    pub const fn strikes(&self) -> u32 {
        self.strikes
    }

    /// Whether words of an untrusted source are in it.
    #[must_use]
    pub const fn is_tainted(&self) -> bool {
        self.tainted
    }
}

impl Status {
    /// The word in records and on screens.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Quarantined => "quarantined",
            Self::Terminated(_) => "terminated",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("timeout"),
            Self::Credential(state) => write!(f, "credential_{}", state.name()),
            Self::Killed(why) => f.write_str(why),
        }
    }
}
