//! What a call asks for, and why.

use std::fmt;

use super::call::{Call, Declared};
use super::level::Level;
use crate::model::decimal::Decimal;

/// What a call asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Requirement {
    /// The level that every ceiling must reach.
    pub level: Level,
    /// Whether a person must approve exactly this call.
    pub ask: bool,
    /// Why, the tool itself first.
    pub because: Vec<Because>,
}

/// One reason for what a call asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Because {
    /// The tool's own level.
    Tool,
    /// The tool is approved call by call.
    EachCall,
    /// The amount reaches the limit of a single call.
    Amount {
        /// What the call would move; none where that cannot be told.
        amount: Option<Decimal>,
        /// From where on it is asked about.
        limit: Decimal,
    },
    /// The sum of 24 hours reaches what may go unasked.
    Day {
        /// What it would come to; none where that cannot be told.
        sum: Option<Decimal>,
        /// From where on it is asked about.
        budget: Decimal,
    },
    /// The server calls its tool destructive.
    Destructive,
    /// The server says that its tool reaches far.
    OpenWorld,
    /// The scope does not declare the tool.
    Undeclared,
    /// The agent never used the tool.
    FirstUse,
    /// The tool stands higher than all that the session used.
    Escalation,
    /// Words of an untrusted source are in the session, and the tool can act on them.
    Taint,
}

impl Requirement {
    /// Of a call in a session that is tainted or not.
    #[must_use]
    pub fn of(call: &Call<'_>, tainted: bool) -> Self {
        let tool = &call.tool;
        let mut need = Self {
            level: tool.base,
            ask: tool.each_call,
            because: vec![Because::Tool],
        };
        if tool.each_call {
            need.because.push(Because::EachCall);
        }
        if let Some(limit) = tool.limit.filter(|limit| reaches(call.amount, limit)) {
            need.raise(Level::Three);
            need.ask = true;
            need.because.push(Because::Amount {
                amount: call.amount.cloned(),
                limit: limit.clone(),
            });
        }
        if let Some(budget) = tool.budget.filter(|budget| reaches(call.day, budget)) {
            need.raise(Level::Three);
            need.ask = true;
            need.because.push(Because::Day {
                sum: call.day.cloned(),
                budget: budget.clone(),
            });
        }
        for (said, because) in [
            (tool.hints.destructive, Because::Destructive),
            (tool.hints.open_world, Because::OpenWorld),
        ] {
            if said && need.level < Level::Two {
                need.raise(Level::Two);
                need.because.push(because);
            }
        }
        if call.declared != Declared::Yes {
            need.raise(Level::Two);
            need.ask = true;
            need.because.push(Because::Undeclared);
        }
        if !call.used {
            if tool.base >= Level::One {
                need.raise(Level::Two);
            }
            need.ask |= tool.base >= Level::Two;
            need.because.push(Because::FirstUse);
        }
        if tool.rank > call.highest && tool.rank >= ESCALATION_RANK {
            need.raise(tool.base.raised());
            need.ask = true;
            need.because.push(Because::Escalation);
        }
        if tool.sends && tainted {
            need.level = need.level.raised();
            need.because.push(Because::Taint);
        }
        need
    }

    fn raise(&mut self, level: Level) {
        self.level = self.level.max(level);
    }
}

/// An amount that nobody can tell reaches every limit.
fn reaches(amount: Option<&Decimal>, limit: &Decimal) -> bool {
    amount.is_none_or(|amount| amount >= limit)
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool => f.write_str("tool class"),
            Self::EachCall => f.write_str("each call needs its own approval"),
            Self::Amount {
                amount: Some(amount),
                limit,
            } => write!(f, "amount {amount} >= {limit}"),
            Self::Amount { amount: None, .. } => f.write_str("its amount is unknown"),
            Self::Day {
                sum: Some(sum),
                budget,
            } => write!(f, "24 h sum {sum} >= {budget}"),
            Self::Day { sum: None, .. } => f.write_str("its 24 h sum is unknown"),
            Self::Destructive => f.write_str("server says destructive"),
            Self::OpenWorld => f.write_str("server says open world"),
            Self::Undeclared => f.write_str("outside declared scope"),
            Self::FirstUse => f.write_str("first use"),
            Self::Escalation => f.write_str("privilege escalation"),
            Self::Taint => f.write_str("untrusted data in session"),
        }
    }
}

/// From which rank on a step up is told apart from a first use.
const ESCALATION_RANK: u8 = 2;
