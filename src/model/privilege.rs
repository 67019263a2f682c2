//! The ladder a tool stands on.

use std::fmt;

/// What a tool can do to the world, from harmless to irreversible.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Privilege {
    /// Looks, and leaves nothing changed.
    Read,
    /// Changes something of the system's own.
    Write,
    /// Lets something leave the system.
    Send,
    /// Removes what cannot be brought back.
    Destroy,
    /// Moves money.
    Money,
    /// Changes who may do what.
    Admin,
}

impl Privilege {
    /// Every rung, lowest first.
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::Write,
        Self::Send,
        Self::Destroy,
        Self::Money,
        Self::Admin,
    ];

    /// The rung from its name in a manifest.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rung| rung.name() == name)
    }

    /// The rung's name in manifests, records and screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Send => "send",
            Self::Destroy => "destroy",
            Self::Money => "money",
            Self::Admin => "admin",
        }
    }

    /// How far up the rung counts: read 0; write, send 1; destroy 2; money, admin 3.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Read => 0,
            Self::Write | Self::Send => 1,
            Self::Destroy => 2,
            Self::Money | Self::Admin => 3,
        }
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
