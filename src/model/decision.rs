//! What the rules say of one call.

use super::privilege::Privilege;
use super::reason::Reason;

/// The answer of the rules, strictest last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It may run.
    Permit {
        /// Why it may: inside the scope, or granted by a person.
        reason: Reason,
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
#[derive(Clone, PartialEq, Eq, Debug)]
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

/// How the decision came about, rule by rule, in sentences.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// One sentence a step, in the order they were taken.
    pub steps: Vec<Step>,
}

/// One step of a trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The place in the manifest that spoke, for example `payments.yaml:14 payments/refund`.
    pub rule: Option<String>,
    /// What it said.
    pub sentence: String,
}

/// A call judged: the decision and what it costs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evaluation {
    /// The answer.
    pub decision: Decision,
    /// How far up the ladder the call stands, `net` reads counted as `send`.
    pub privilege: Privilege,
    /// How it came about.
    pub trace: Trace,
}
