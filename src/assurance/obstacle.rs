//! What keeps a session below what a call asks for, and what would lift it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::caps::Origin;
use super::credential::KeyFault;
use super::level::Level;
use super::signal::Signal;

/// One ceiling that is too low, with its reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Obstacle {
    /// K: a fault of the credential.
    Key(KeyFault),
    /// V: a source that must be heard is silent.
    Blind {
        /// Who is silent.
        issuer: Arc<str>,
        /// For how long.
        silent: Duration,
    },
    /// D: the parent session is no higher than this.
    Parent(Level),
    /// C: others cap it.
    Capped(Vec<Origin>),
    /// C: this was noticed, with how long ago; nothing where it has faded, and nobody has looked since.
    Strained(Vec<(Signal, Duration)>),
    /// P: no proof is good enough.
    Unproved(Lack),
}

/// What is lacking of proofs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lack {
    /// All of them.
    Any,
    /// That of a person, who gave none that still counts as one.
    Person,
    /// A fresher one of a person: that which there is is this old.
    Fresh(Duration),
}

impl Obstacle {
    /// Whether a person can pass it, by restoring the session or by approving the call.
    #[must_use]
    pub const fn is_human_fixable(&self) -> bool {
        match self {
            Self::Strained(_) | Self::Unproved(Lack::Person | Lack::Fresh(_)) => true,
            Self::Key(_)
            | Self::Blind { .. }
            | Self::Parent(_)
            | Self::Capped(_)
            | Self::Unproved(Lack::Any) => false,
        }
    }

    /// What would lift the ceiling.
    #[must_use]
    pub const fn way_out(&self) -> &'static str {
        match self {
            Self::Key(KeyFault::Dead(_)) => "the agent needs a new credential",
            Self::Key(KeyFault::HumanUse) => "the person should use a credential of their own",
            Self::Key(KeyFault::Shared(_)) => "each agent needs a credential of its own",
            Self::Key(KeyFault::Unbound) => "the agent should use a credential bound to a key",
            Self::Key(_) => "the credential should be rotated",
            Self::Blind { .. } => "its issuer must be heard again",
            Self::Parent(_) => "the parent session must be restored",
            Self::Capped(_) => "whoever set the cap must lift it",
            Self::Strained(_) | Self::Unproved(Lack::Person | Lack::Fresh(_)) => {
                "a person should restore the session with a passkey"
            }
            Self::Unproved(Lack::Any) => "the session must prove itself again",
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(fault) => fault.fmt(f),
            Self::Blind { issuer, silent } => {
                let silent = silent.as_secs();
                write!(
                    f,
                    "the signal stream of {issuer} has been silent for {silent} s"
                )
            }
            Self::Parent(level) => write!(f, "its parent session is at {level}"),
            Self::Capped(origins) => {
                f.write_str("capped by ")?;
                list(f, ", ", origins)
            }
            Self::Strained(noticed) if noticed.is_empty() => {
                f.write_str("its context changed earlier and nobody has confirmed it since")
            }
            Self::Strained(noticed) => {
                f.write_str("its context changed (")?;
                let ago = noticed
                    .iter()
                    .map(|(signal, ago)| format!("{} {} s ago", signal.name(), ago.as_secs()));
                list(f, ", ", ago)?;
                f.write_str(")")
            }
            Self::Unproved(Lack::Any) => f.write_str("it has no valid base proof"),
            Self::Unproved(Lack::Person) => {
                f.write_str("no person has confirmed it recently enough")
            }
            Self::Unproved(Lack::Fresh(age)) => {
                write!(f, "the last human confirmation is {} s old", age.as_secs())
            }
        }
    }
}

/// Writes some things one after the other, with something between them.
pub(super) fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    between: &str,
    things: impl IntoIterator<Item = T>,
) -> fmt::Result {
    for (index, thing) in things.into_iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        thing.fmt(f)?;
    }
    Ok(())
}
