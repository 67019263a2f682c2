//! What the rules say of one call.

use super::id::{ApprovalId, CallId, GrantId};
use super::privilege::Privilege;
use super::reason::Reason;

/// The answer of the rules, strictest last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It may run.
    Permit {
        /// Why it may: inside the scope, or granted by a person.
        reason: Reason,
        /// The grant that it uses, where a person granted it.
        grant: Option<GrantId>,
    },
    /// The session must prove more first.
    Challenge {
        /// The level the call needs, 0 to 3.
        required: u8,
        /// The level the session has.
        level: u8,
    },
    /// A person must decide this exact call.
    Pause {
        /// Why: each reason with its sentence, most telling first.
        causes: Vec<Cause>,
        /// Whether the call needs an approval of its own, or waits behind the session's open ones.
        own: bool,
    },
    /// It may not run.
    Deny {
        /// Why, with its sentence.
        cause: Cause,
    },
}

impl Decision {
    /// The word in records and answers.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Permit { .. } => "permit",
            Self::Challenge { .. } => "challenge",
            Self::Pause { .. } => "pause",
            Self::Deny { .. } => "deny",
        }
    }
}

/// A reason, and the sentence that makes it plain for this call.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cause {
    /// The row of the table of reasons.
    pub reason: Reason,
    /// What exactly, for operators and the record; never sent to the agent.
    pub sentence: String,
}

impl Cause {
    /// A reason with its sentence.
    #[must_use]
    pub fn new(reason: Reason, sentence: impl Into<String>) -> Self {
        Self {
            reason,
            sentence: sentence.into(),
        }
    }
}

/// How the decision came about, rule by rule. Values, not text: `engine::trace` renders sentences.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// One step after another, in the order they were taken.
    pub steps: Vec<Step>,
}

/// One step of a trace. Rules and forbids are named by their index in the scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// A forbid was asked.
    Forbid {
        /// Which.
        index: usize,
        /// Whether it applies.
        applies: bool,
    },
    /// No rule names the target.
    Undeclared,
    /// The tool's own schema was asked.
    OwnSchema {
        /// Whether the arguments satisfy it.
        fits: bool,
    },
    /// The server, or the target's definition, is not what people accepted.
    Unaccepted {
        /// Whether it is the server.
        is_server: bool,
    },
    /// Nothing keeps the agent from the guard, and the call is of those that cannot be undone.
    Local {
        /// Whether the manifest accepts that.
        accepted: bool,
    },
    /// A rule was asked.
    Rule {
        /// Which.
        index: usize,
        /// Whether the arguments are inside it.
        inside: bool,
    },
    /// The declared rates were looked at.
    Rates {
        /// How many apply.
        asked: usize,
        /// Whether a call fits all of them.
        fits: bool,
    },
    /// The declared budgets were looked at.
    Budgets {
        /// How many apply.
        asked: usize,
        /// Whether the amounts fit all of them.
        fits: bool,
    },
    /// What must come first was looked for in the session.
    After {
        /// Whether all of it has succeeded.
        met: bool,
    },
    /// The past was asked what is new about the call.
    History {
        /// How many new things a person is asked about.
        paused: usize,
        /// How many the record notes.
        noted: usize,
    },
    /// An approval of exactly this call was met.
    Approval {
        /// Which.
        id: ApprovalId,
        /// Where it stands.
        state: &'static str,
    },
    /// Nobody knows what became of an earlier call of the target.
    Doubt(CallId),
    /// A grant for exactly this call was met.
    Grant(GrantId),
    /// A grant for calls like this one was met.
    Pattern(GrantId),
    /// The session's level was compared.
    Level {
        /// What the call needs.
        required: u8,
        /// What the session has.
        level: u8,
    },
    /// The session's other calls wait for open approvals.
    Covered {
        /// How many approvals are open.
        open: usize,
    },
}

/// A call judged: the decision and what it costs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evaluation {
    /// The answer.
    pub decision: Decision,
    /// How far up the ladder the call stands, `net` reads counted as `send`.
    pub privilege: Privilege,
    /// What is new about it and stops nothing; for the record.
    pub notes: Vec<Cause>,
    /// How it came about.
    pub trace: Trace,
}
