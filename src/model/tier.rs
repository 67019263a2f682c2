//! How much a decision matters, in one word for people.

use std::fmt;

use super::privilege::Privilege;

/// How much a decision matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Tier {
    /// Nothing is changed.
    Low,
    /// Something is changed, or leaves the system.
    Medium,
    /// Something cannot be brought back.
    High,
    /// Money moves, or who may do what.
    Critical,
}

impl Tier {
    /// Every tier, lowest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The tier of a rung.
    #[must_use]
    pub const fn of(privilege: Privilege) -> Self {
        match privilege {
            Privilege::Read => Self::Low,
            Privilege::Write | Privilege::Send => Self::Medium,
            Privilege::Destroy => Self::High,
            Privilege::Money | Privilege::Admin => Self::Critical,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl Tier {
    /// The shape that stands beside the word, so that nobody needs the colour.
    #[must_use]
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Critical => "◆",
            Self::High => "▲",
            Self::Medium => "■",
            Self::Low => "○",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
