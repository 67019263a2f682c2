//! How much a session is worth now, from nothing to a person who just confirmed it.

use std::fmt;

use crate::model::privilege::Privilege;

/// A level of assurance, and the grade of a proof: ordered, lowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Level {
    /// Nothing is proved.
    #[default]
    Zero,
    /// A valid credential.
    One,
    /// A credential bound to a key that was used on this request; on the console, two factors.
    Two,
    /// A person who confirmed this session.
    Three,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Self; 4] = [Self::Zero, Self::One, Self::Two, Self::Three];

    /// The level of a number; none above three.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Zero),
            1 => Some(Self::One),
            2 => Some(Self::Two),
            3 => Some(Self::Three),
            _ => None,
        }
    }

    /// What a tool of a privilege asks for before anything else raises it. `public` is a read that
    /// anybody may have.
    #[must_use]
    pub const fn base(privilege: Privilege, public: bool) -> Self {
        match privilege {
            Privilege::Read if public => Self::Zero,
            Privilege::Read => Self::One,
            Privilege::Write | Privilege::Send => Self::Two,
            Privilege::Destroy | Privilege::Money | Privilege::Admin => Self::Three,
        }
    }

    /// Its number, as manifests and records write it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    /// The next one; the highest stays.
    #[must_use]
    pub const fn raised(self) -> Self {
        match self {
            Self::Zero => Self::One,
            Self::One => Self::Two,
            Self::Two | Self::Three => Self::Three,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}
