//! The matter a person must decide, and its life.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::action::MatchKey;
use super::call::{Mode, Principal};
use super::credential::Operator;
use super::digest::Digest;
use super::id::{ApprovalId, CallId, SessionId};
use super::name::{GroupName, OperatorName};
use super::outcome::Outcome;
use super::privilege::Privilege;
use super::reason::Reason;
use super::role::Right;
use super::target::Target;
use super::time::Timestamp;

/// Who may decide, and how long everybody has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApprovalRule {
    /// The groups whose members may decide.
    pub any_of: Vec<GroupName>,
    /// Whether each approval must be signed with a passkey.
    pub step_up: bool,
    /// From opening to decision.
    pub decide_by: Duration,
    /// From decision to use.
    pub redeem_by: Duration,
}

impl ApprovalRule {
    /// Whether an operator decides at all, and belongs to a group that may.
    #[must_use]
    pub fn admits(&self, operator: &Operator) -> bool {
        let mut groups = self.any_of.iter();
        operator.may(Right::Decide) && groups.any(|group| operator.groups.contains(group))
    }
}

/// One pending or ended approval.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    /// Its identifier.
    pub id: ApprovalId,
    /// Counts every change of state, for `If-Match`.
    pub version: u32,
    /// The call that opened it.
    pub call: CallId,
    /// Who asks.
    pub principal: Principal,
    /// In which session.
    pub session: SessionId,
    /// Who would run it.
    pub mode: Mode,
    /// The protocol's method.
    pub method: Arc<str>,
    /// What it reaches for.
    pub target: Target,
    /// How far up the ladder the target stands.
    pub privilege: Privilege,
    /// The exact arguments, in canonical form.
    pub arguments: Bytes,
    /// The exact further members that pass, in canonical form.
    pub extras: Bytes,
    /// The agent's own claims, in canonical form; unverified.
    pub claims: Bytes,
    /// Equality of calls; internal.
    pub key: MatchKey,
    /// What a person approves; signed, shown and stored.
    pub digest: Digest,
    /// The salt from which the arguments' leaves are blinded.
    pub salt: [u8; 16],
    /// The manifest in force when it was opened.
    pub manifest: Digest,
    /// Why it stopped: reasons, each with its sentence.
    pub reasons: Vec<(Reason, String)>,
    /// Who may decide.
    pub rule: ApprovalRule,
    /// A comparison aid for people; never a credential.
    pub code: String,
    /// Whether the session's other calls above `read` wait too.
    pub covers_session: bool,
    /// When it was opened.
    pub opened: Timestamp,
    /// Until when a person may decide.
    pub decide_by: Timestamp,
    /// Where it stands, as last written; read it through [`Approval::state_at`].
    pub state: ApprovalState,
}

/// Where an approval stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ApprovalState {
    /// A person must decide.
    Held,
    /// A person approved; the grant waits to be used until `redeem_by`.
    Approved {
        /// Who.
        by: OperatorName,
        /// When.
        at: Timestamp,
        /// Until when the first use must come.
        redeem_by: Timestamp,
    },
    /// A person refused.
    Denied {
        /// Who.
        by: OperatorName,
        /// When.
        at: Timestamp,
        /// What the agent is told.
        message: Option<String>,
    },
    /// Nobody decided in time.
    Expired,
    /// Approved, but not used in time.
    Unredeemed,
    /// The agent withdrew.
    Cancelled {
        /// When.
        at: Timestamp,
    },
    /// The scope, the tool or the clock changed.
    Invalidated {
        /// When.
        at: Timestamp,
    },
    /// The session or the agent was revoked.
    Revoked {
        /// When.
        at: Timestamp,
    },
    /// The approved call was permitted and is on its way.
    Executing {
        /// Which call used it.
        call: CallId,
        /// Who approved.
        by: OperatorName,
    },
    /// The approved call ended.
    Ended {
        /// How.
        outcome: Outcome,
        /// Which call used it.
        call: CallId,
        /// Who approved.
        by: OperatorName,
    },
}

impl ApprovalState {
    /// The word in records, answers and screens.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Approved { .. } => "approved",
            Self::Denied { .. } => "denied",
            Self::Expired => "expired",
            Self::Unredeemed => "unredeemed",
            Self::Cancelled { .. } => "cancelled",
            Self::Invalidated { .. } => "invalidated",
            Self::Revoked { .. } => "revoked",
            Self::Executing { .. } => "executing",
            Self::Ended { outcome, .. } => outcome.name(),
        }
    }
}

impl Approval {
    /// Where it stands at `now`: expiry is computed when read, so no timer can be wrong.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> ApprovalState {
        match &self.state {
            ApprovalState::Held if now >= self.decide_by => ApprovalState::Expired,
            ApprovalState::Approved { redeem_by, .. } if now >= *redeem_by => {
                ApprovalState::Unredeemed
            }
            state => state.clone(),
        }
    }

    /// Whether who decides it is told that nobody knows what became of that earlier call.
    #[must_use]
    pub fn knows_of(&self, earlier: CallId) -> bool {
        let named = earlier.to_string();
        let mut reasons = self.reasons.iter();
        reasons.any(|(reason, sentence)| {
            *reason == Reason::EarlierUnknown && sentence.contains(&named)
        })
    }

    /// Until when the agent waited, or may wait, for it.
    #[must_use]
    pub fn held_until(&self) -> Timestamp {
        match &self.state {
            ApprovalState::Held | ApprovalState::Expired | ApprovalState::Unredeemed => {
                self.decide_by
            }
            ApprovalState::Approved { redeem_by, .. } => *redeem_by,
            ApprovalState::Denied { at, .. }
            | ApprovalState::Cancelled { at }
            | ApprovalState::Invalidated { at }
            | ApprovalState::Revoked { at } => *at,
            ApprovalState::Executing { .. } | ApprovalState::Ended { .. } => self.opened,
        }
    }

    /// Whether a person can still decide it at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.state, ApprovalState::Held) && now < self.decide_by
    }

    /// Whether it is open or approved and still usable at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        match &self.state {
            ApprovalState::Held => now < self.decide_by,
            ApprovalState::Approved { redeem_by, .. } => now < *redeem_by,
            _ => false,
        }
    }
}
