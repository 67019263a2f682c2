//! One person's vote on an approval, as it was counted.

use std::time::Duration;

use super::name::OperatorName;
use super::pattern::Pins;
use super::time::Timestamp;

/// One person's vote in one stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ballot {
    /// The place of the stage among those of the rule, from 0.
    pub stage: usize,
    /// Who voted.
    pub person: OperatorName,
    /// In whose stead, where their groups were lent to them.
    pub lender: Option<OperatorName>,
    /// When.
    pub at: Timestamp,
    /// Whether they decided what concerns themselves, being the only person there is.
    pub own: bool,
    /// What.
    pub choice: Choice,
}

/// What one person voted for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    /// The exact call may run, and calls like it where places of it are pinned.
    Approve {
        /// How often at most.
        uses: u32,
        /// For how long at most, where it is more than once.
        life: Option<Duration>,
        /// The places whose values stay, where the others are free.
        pins: Option<Pins>,
    },
    /// The call may not run.
    Deny {
        /// What the agent is told.
        message: Option<String>,
    },
}

impl Choice {
    /// Whether it is for calls like the approved one too.
    #[must_use]
    pub const fn has_pins(&self) -> bool {
        matches!(self, Self::Approve { pins: Some(_), .. })
    }

    /// The word in records, answers and tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::Deny { .. } => "deny",
        }
    }
}
