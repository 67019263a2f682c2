//! The matter a person must decide, and its life.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::action::MatchKey;
use super::aim::Aims;
use super::approver::Approver;
use super::ballot::{Ballot, Choice};
use super::call::{Mode, Principal};
use super::digest::Digest;
use super::id::{ApprovalId, CallId, SessionId};
use super::name::OperatorName;
use super::outcome::Outcome;
use super::pattern::Mould;
use super::privilege::Privilege;
use super::quorum::{ApprovalRule, Bar, Stage};
use super::reason::Reason;
use super::target::Target;
use super::time::Timestamp;

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
    /// The exact arguments, in canonical form, but for secrets: in their place stand notes of them.
    pub arguments: Bytes,
    /// JSON pointers of the secrets.
    pub secrets: BTreeSet<String>,
    /// What it is aimed at, for the memory of refusals.
    pub aims: Aims,
    /// The exact further members that pass, in canonical form.
    pub extras: Bytes,
    /// The agent's own claims, in canonical form; unverified.
    pub claims: Bytes,
    /// Equality of calls; internal.
    pub key: MatchKey,
    /// From what the keys of patterns are made; nothing of an approval from before there were any.
    pub mould: Option<Mould>,
    /// What a person approves; signed, shown and stored.
    pub digest: Digest,
    /// The salt from which the arguments' leaves are blinded; those of secrets are by one that is not kept.
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
    /// The votes that count, in their order.
    pub ballots: Vec<Ballot>,
}

/// What the votes on an approval come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// More votes are needed.
    Open,
    /// Every stage has its approvals.
    Approved,
    /// A stage has its refusals.
    Denied,
}

/// How many approvals there are of how many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Those given.
    pub given: u32,
    /// Those needed, in all stages together.
    pub needed: u32,
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.given, self.needed)
    }
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

    /// The stage in which people decide now, with its place; nothing once all are passed.
    #[must_use]
    pub fn stage(&self) -> Option<(usize, &Stage)> {
        let mut stages = self.rule.stages.iter().enumerate();
        stages.find(|(at, stage)| self.tally(*at).0 < stage.approve)
    }

    /// The approvals and the refusals in a stage.
    #[must_use]
    pub fn tally(&self, stage: usize) -> (u32, u32) {
        let votes = self.ballots.iter().filter(|ballot| ballot.stage == stage);
        votes.fold((0, 0), |(yes, no), ballot| match ballot.choice {
            Choice::Approve { .. } => (yes.saturating_add(1), no),
            Choice::Deny { .. } => (yes, no.saturating_add(1)),
        })
    }

    /// What the votes come to.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut stages = self.rule.stages.iter().enumerate();
        if stages.any(|(at, stage)| self.tally(at).1 >= stage.deny) {
            return Verdict::Denied;
        }
        match self.stage() {
            None if !self.rule.stages.is_empty() => Verdict::Approved,
            _ => Verdict::Open,
        }
    }

    /// How many approvals there are, where it takes more than one.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        let needed = self.rule.needed();
        let approvals = self.ballots.iter();
        let approvals = approvals.filter(|one| matches!(one.choice, Choice::Approve { .. }));
        let given = u32::try_from(approvals.count()).unwrap_or(u32::MAX);
        (needed > 1).then_some(Progress { given, needed })
    }

    /// What keeps that person from voting now, whatever they voted before.
    #[must_use]
    pub fn bars(&self, person: &Approver) -> Option<Bar> {
        let now = self.stage().map(|(_, stage)| stage);
        let stage = now.or(self.rule.stages.last());
        if !stage.is_some_and(|stage| person.is_of(&stage.any_of)) {
            return Some(Bar::Group);
        }
        let user = self.principal.on_behalf_of.as_ref();
        self.rule.excludes(person, user)
    }

    /// The vote of that person, or in their stead, which counts instead of another one in this stage.
    #[must_use]
    pub fn vote_of(&self, person: &OperatorName) -> Option<&Ballot> {
        let now = self.stage().map(|(at, _)| at);
        let mut votes = self.ballots.iter();
        votes.find(|one| {
            let is_theirs = one.person == *person || one.lender.as_ref() == Some(person);
            is_theirs && (!self.rule.same_person || Some(one.stage) == now)
        })
    }

    /// Whether somebody approved what concerns themselves.
    #[must_use]
    pub fn is_self_approved(&self) -> bool {
        let mut votes = self.ballots.iter();
        votes.any(|one| one.own && matches!(one.choice, Choice::Approve { .. }))
    }
}
