//! How far agents and their tools are kept from the guard itself.

use std::fmt;

/// What keeps an agent from the guard's own files; weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Isolation {
    /// Nothing: code of the same user can read the keys and change the record and the scopes. The
    /// guard advises a model that has only the guarded tools; it stops no program.
    None,
    /// The guard runs as an account of its own.
    Uid,
    /// Agents come over the network from elsewhere.
    Host,
}

impl Isolation {
    /// All of them, weakest first.
    pub const ALL: [Self; 3] = [Self::None, Self::Uid, Self::Host];

    /// The word in the record, in metrics and on screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Uid => "uid",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
