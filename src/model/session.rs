//! The guard's own continuing relation with a principal.

use super::call::Principal;
use super::id::SessionId;
use super::taint::{Taint, TaintGrade};
use super::time::Timestamp;

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndCause {
    /// Idle or age limit; the next verified request opens a new one.
    Timeout,
    /// The agent or its launcher closed it.
    Closed,
    /// An operator ended it; new ones are refused until it is reinstated.
    Revoked,
}

impl EndCause {
    /// The word in records and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Revoked => "revoked",
        }
    }

    /// The cause from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Timeout, Self::Closed, Self::Revoked]
            .into_iter()
            .find(|cause| cause.name() == name)
    }
}

/// Whether a session may act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionState {
    /// It may.
    Active,
    /// An operator paused it.
    Paused,
    /// It is over, for ever.
    Ended(EndCause),
}

impl SessionState {
    /// The word in records and on screens: of one that has ended, why.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended(cause) => cause.name(),
        }
    }
}

/// One session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Its identifier: it selects, and is honoured only with the credential it was issued to.
    pub id: SessionId,
    /// Whose it is.
    pub principal: Principal,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it last acted.
    pub seen: Timestamp,
    /// Whether it may act.
    pub state: SessionState,
    /// Whether it is the one that requests without a session use.
    pub default: bool,
    /// A label the agent gave it; a claim.
    pub label: Option<String>,
    /// The foreign words it has heard, or was opened after; nothing takes them away.
    pub taint: Option<Taint>,
}

impl Session {
    /// Whether it has heard what its scope trusts least.
    #[must_use]
    pub fn is_tainted(&self) -> bool {
        self.taint
            .as_ref()
            .is_some_and(|taint| taint.grade == TaintGrade::Untrusted)
    }
}

/// Whether an agent may act at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AgentState {
    /// It may.
    #[default]
    Running,
    /// An operator paused it.
    Paused,
    /// An operator revoked it.
    Revoked,
}

impl AgentState {
    /// The word in records, tables and screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Revoked => "revoked",
        }
    }

    /// The state from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Running, Self::Paused, Self::Revoked]
            .into_iter()
            .find(|state| state.name() == name)
    }
}
