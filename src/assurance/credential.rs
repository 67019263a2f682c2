//! The key that a session runs on, and what its life leaves the session worth.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::level::Level;
use super::policy::Policy;
use super::profile::Profile;
use crate::model::time::Timestamp;

/// A credential as it stands now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it stops being accepted; none is a fault of its own.
    pub expires: Option<Timestamp>,
    /// How old it should become at most.
    pub max_age: Duration,
    /// Whether each request proves that the sender holds its key.
    pub bound: bool,
    /// Where it may be used, such as `prod`.
    pub environment: Arc<str>,
    /// Agents that were seen with it.
    pub agents: u32,
    /// Whether a person was seen with it, although it is a machine's.
    pub human_use: bool,
}

/// Where a credential is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyState {
    /// It is in use.
    Active,
    /// Another has taken its place, and it is accepted for a little longer.
    Grace,
    /// It was revoked.
    Revoked,
    /// It was found where everybody reads it.
    Leaked,
    /// Its owner is gone.
    Orphaned,
}

/// What keeps a credential from being worth all it could.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyFault {
    /// Its life is over.
    Dead(KeyState),
    /// Its time is over.
    Expired,
    /// It was replaced.
    Grace,
    /// It has no end.
    Endless,
    /// It is older than it should become.
    Old,
    /// So many agents use it.
    Shared(u32),
    /// A person uses it.
    HumanUse,
    /// Whoever reads it can use it.
    Unbound,
}

impl Credential {
    /// The lowest level that one of its faults leaves.
    #[must_use]
    pub fn ceiling(&self, profile: Profile, policy: &Policy, now: Timestamp) -> Level {
        let faults = self.faults(profile, now);
        let ceilings = faults.map(|fault| fault.ceiling(policy));
        ceilings.min().unwrap_or(Level::Three)
    }

    /// The fault that leaves least.
    #[must_use]
    pub fn fault(&self, profile: Profile, policy: &Policy, now: Timestamp) -> Option<KeyFault> {
        let faults = self.faults(profile, now);
        faults.min_by_key(|fault| fault.ceiling(policy))
    }

    fn faults(&self, profile: Profile, now: Timestamp) -> impl Iterator<Item = KeyFault> {
        let is = |fault: KeyFault, it_is: bool| it_is.then_some(fault);
        let expired = self.expires.is_some_and(|expires| now >= expires);
        let grace = self.state == KeyState::Grace;
        let unbound = !self.bound && profile != Profile::Console;
        let faults = [
            is(KeyFault::Dead(self.state), self.state.is_dead()),
            is(KeyFault::Expired, expired),
            is(KeyFault::Grace, grace),
            is(KeyFault::Endless, self.expires.is_none()),
            is(KeyFault::Old, now.since(self.issued) > self.max_age),
            is(KeyFault::Shared(self.agents), self.agents > 1),
            is(KeyFault::HumanUse, self.human_use),
            is(KeyFault::Unbound, unbound),
        ];
        faults.into_iter().flatten()
    }
}

impl KeyState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Active,
        Self::Grace,
        Self::Revoked,
        Self::Leaked,
        Self::Orphaned,
    ];

    /// The word in records and sentences.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Grace => "grace",
            Self::Revoked => "revoked",
            Self::Leaked => "leaked",
            Self::Orphaned => "orphaned",
        }
    }

    /// The state from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether every session on it ends.
    #[must_use]
    pub const fn is_dead(self) -> bool {
        matches!(self, Self::Revoked | Self::Leaked | Self::Orphaned)
    }
}

impl KeyFault {
    /// What it leaves.
    #[must_use]
    pub fn ceiling(self, policy: &Policy) -> Level {
        match self {
            Self::Dead(_) | Self::Expired => Level::Zero,
            Self::Grace | Self::Endless | Self::Old | Self::Shared(_) | Self::HumanUse => {
                Level::One
            }
            Self::Unbound => policy.unbound,
        }
    }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dead(state) => write!(f, "the credential is {}", state.name()),
            Self::Expired => f.write_str("the credential has expired"),
            Self::Grace => f.write_str("the credential has been rotated and is in its grace"),
            Self::Endless => f.write_str("the credential never expires"),
            Self::Old => f.write_str("the credential is past its maximum age"),
            Self::Shared(agents) => write!(f, "the credential is shared by {agents} agents"),
            Self::HumanUse => f.write_str("a person is using a machine credential"),
            Self::Unbound => f.write_str("the credential is not bound to a key"),
        }
    }
}
