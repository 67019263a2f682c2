//! What the guard answers to one call.

use std::time::Duration;

use crate::model::approval::Progress;
use crate::model::call::Call;
use crate::model::decision::Cause;
use crate::model::id::{ApprovalId, CallId};
use crate::model::reason::Reason;
use crate::model::target::Target;
use crate::model::time::Timestamp;

use super::permit::Permit;

/// The four answers. Match them without a wildcard, so that a fifth cannot be missed.
#[derive(Debug)]
pub enum Ruling {
    /// It may run, once.
    Permit(Permit),
    /// The session must prove more first.
    Challenge(Challenge),
    /// A person must decide; the hold keeps the call until then.
    Pause(Hold),
    /// It may not run.
    Deny(Denial),
}

impl Ruling {
    /// The word in events and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Permit(_) => "permit",
            Self::Challenge(_) => "challenge",
            Self::Pause(_) => "pause",
            Self::Deny(_) => "deny",
        }
    }

    /// Its first reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Permit(permit) => permit.reason(),
            Self::Challenge(_) => Reason::StepUpNeeded,
            Self::Pause(hold) => hold
                .pending
                .reasons
                .first()
                .map_or(Reason::NeedsApproval, |cause| cause.reason),
            Self::Deny(denial) => denial.reason(),
        }
    }
}

/// The session has not proved enough.
#[derive(Debug)]
pub struct Challenge {
    /// The call.
    pub call: CallId,
    /// What it reaches for.
    pub target: Target,
    /// The level it needs, 0 to 3.
    pub required: u8,
    /// The level the session has.
    pub level: u8,
}

/// A call that waits. It owns the call: only [`super::Guard::redeem`] takes it back, into the decision.
#[derive(Debug)]
pub struct Hold {
    pub(super) call: Call,
    pub(super) pending: Pending,
    /// Open approvals whose end would let the call pass; its own, or those it waits behind.
    pub(super) behind: Vec<ApprovalId>,
}

impl Hold {
    /// What it waits for.
    #[must_use]
    pub const fn pending(&self) -> &Pending {
        &self.pending
    }

    /// The call that waits.
    #[must_use]
    pub const fn call(&self) -> &Call {
        &self.call
    }
}

/// What a held call waits for.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The approval: the call's own, or the first of those it waits behind.
    pub approval: ApprovalId,
    /// A comparison aid for people; empty where the call waits behind another's approval.
    pub code: String,
    /// When the approval was opened.
    pub opened: Timestamp,
    /// Until when a person may decide.
    pub decide_by: Timestamp,
    /// How many approvals there were when this was looked at, where it takes more than one.
    pub progress: Option<Progress>,
    /// Why the call waits.
    pub reasons: Vec<Cause>,
    /// Whether the approval is the call's own.
    pub own: bool,
}

/// Why a hold's wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Woke {
    /// Something it waits on changed: redeem now.
    Changed,
    /// The time is up.
    TimeUp,
    /// The guard is stopping.
    Stopping,
}

/// A call, or a request on its way to become one, that may not pass.
#[derive(Clone, Debug)]
pub struct Denial {
    /// The call, once there was one.
    pub call: Option<CallId>,
    /// The reason, with the sentence for operators.
    pub cause: Cause,
    /// An approver's words to the agent.
    pub message: Option<String>,
    /// After which time the same call may pass.
    pub retry_after: Option<Duration>,
    /// The approval it is about.
    pub approval: Option<ApprovalId>,
}

impl Denial {
    /// A denial with nothing but its cause.
    #[must_use]
    pub fn new(reason: Reason, sentence: impl Into<String>) -> Self {
        Self::because(Cause::new(reason, sentence))
    }

    /// A denial for that cause.
    #[must_use]
    pub const fn because(cause: Cause) -> Self {
        Self {
            call: None,
            cause,
            message: None,
            retry_after: None,
            approval: None,
        }
    }

    /// The row of the table it is.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.cause.reason
    }

    /// The same denial of that call.
    #[must_use]
    pub fn of(mut self, call: CallId) -> Self {
        self.call = Some(call);
        self
    }
}
