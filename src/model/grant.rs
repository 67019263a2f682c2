//! What an approval leaves: bounded leave for bound calls.

use super::action::MatchKey;
use super::id::{ApprovalId, GrantId, SessionId};
use super::name::AgentName;
use super::pattern::Pattern;
use super::time::Timestamp;

/// Leave for one exact call, or for calls like it, a bounded number of times, until a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Its identifier.
    pub id: GrantId,
    /// The approval it came from.
    pub approval: ApprovalId,
    /// The agent it is for.
    pub agent: AgentName,
    /// The session it is for.
    pub session: SessionId,
    /// The exact call it is for.
    pub key: MatchKey,
    /// Which other calls of the session it is for, where it is for any.
    pub pattern: Option<Pattern>,
    /// How often it may be used in all.
    pub uses: u32,
    /// How often it was used.
    pub used: u32,
    /// When it ends.
    pub until: Timestamp,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
}

impl Grant {
    /// Whether it can still be used at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.used < self.uses && now < self.until
    }

    /// The word for what it is for, in answers and on screens.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.pattern {
            Some(_) => "pattern",
            None => "exact",
        }
    }

    /// The word for how it stands at `now`, in answers and on screens.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> &'static str {
        match self.revoked {
            Some(_) => "revoked",
            None if self.used >= self.uses => "used",
            None if self.until <= now => "expired",
            None => "live",
        }
    }
}
