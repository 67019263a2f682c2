//! A pin: one thing that a server presents, exactly as it defines it, and whether people accept it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::digest::Digest;
use super::json;
use super::name::{OperatorName, ServerName};
use super::time::Timestamp;

/// What is pinned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PinKind {
    /// The server itself: the program and its arguments, or the address. It has no name of its own.
    Server,
    /// What the server tells every client about itself. It has no name of its own.
    Instructions,
    /// A tool, by its name.
    Tool,
    /// A prompt, by its name.
    Prompt,
    /// A template of resources, by its URI template.
    Template,
}

impl PinKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Server,
        Self::Instructions,
        Self::Tool,
        Self::Prompt,
        Self::Template,
    ];

    /// The word in records, lock files and screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Instructions => "instructions",
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Template => "template",
        }
    }

    /// The kind from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One definition of one thing of one server; another definition of the same thing is another pin.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PinKey {
    /// The guard's name for the server.
    pub server: ServerName,
    /// What is pinned.
    pub kind: PinKind,
    /// Its name; empty for what has none.
    pub name: Arc<str>,
    /// SHA-256 of the definition in canonical form.
    pub digest: Digest,
}

/// A pin as it stands. It is never deleted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pin {
    /// What is pinned, and its digest.
    pub key: PinKey,
    /// The identity of the server that presented it first.
    pub identity: Digest,
    /// The whole definition in canonical form.
    pub definition: Bytes,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// Counts the changes of its state.
    pub version: u32,
    /// Whether it is accepted.
    pub state: PinState,
}

/// Where a pin stands: seen is not accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PinState {
    /// It was presented, and nobody has said anything of it.
    Seen,
    /// It may be shown and used.
    Accepted(Acceptance),
    /// A person refused it.
    Refused {
        /// Who.
        by: OperatorName,
        /// When.
        at: Timestamp,
    },
    /// It was accepted until another definition of the same thing was.
    Superseded {
        /// How it had been accepted.
        accepted: Acceptance,
        /// When the other was accepted.
        at: Timestamp,
    },
}

/// Who accepted a definition, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acceptance {
    /// Who.
    pub by: Accepter,
    /// When.
    pub at: Timestamp,
}

/// Who may accept a definition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Accepter {
    /// A person.
    Operator(OperatorName),
    /// A lock file that was in force with the scopes.
    Lock,
    /// The guard's own setting, with the first things of this kind that the server ever presented.
    Introduction,
    /// The guard's own setting, because the name had never been presented before.
    FirstUse,
}

impl Pin {
    /// How it is accepted now, if it is.
    #[must_use]
    pub const fn acceptance(&self) -> Option<&Acceptance> {
        match &self.state {
            PinState::Accepted(acceptance) => Some(acceptance),
            PinState::Seen | PinState::Refused { .. } | PinState::Superseded { .. } => None,
        }
    }

    /// How it is or was accepted.
    #[must_use]
    pub const fn past_acceptance(&self) -> Option<&Acceptance> {
        match &self.state {
            PinState::Accepted(acceptance)
            | PinState::Superseded {
                accepted: acceptance,
                ..
            } => Some(acceptance),
            PinState::Seen | PinState::Refused { .. } => None,
        }
    }

    /// The pin with its next state.
    #[must_use]
    pub fn moved_to(&self, state: PinState) -> Self {
        Self {
            version: self.version.saturating_add(1),
            state,
            ..self.clone()
        }
    }
}

impl PinState {
    /// The word in records and screens.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Accepted(_) => "accepted",
            Self::Refused { .. } => "refused",
            Self::Superseded { .. } => "superseded",
        }
    }
}

impl Accepter {
    /// From text such as this type prints; nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "lock" => Some(Self::Lock),
            "introduction" => Some(Self::Introduction),
            "first use" => Some(Self::FirstUse),
            // No operator's name has a space, so that none can be taken for another accepter.
            _ => {
                let name = text.strip_prefix("operator ")?;
                OperatorName::parse(name).ok().map(Self::Operator)
            }
        }
    }
}

impl fmt::Display for Accepter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(name) => write!(f, "operator {name}"),
            Self::Lock => f.write_str("lock"),
            Self::Introduction => f.write_str("introduction"),
            Self::FirstUse => f.write_str("first use"),
        }
    }
}

/// The digest of each member of a definition; of one without members, the digest of the whole under an
/// empty name.
#[must_use]
pub fn members(definition: &Value) -> Vec<(&str, Digest)> {
    let digest = |value| Digest::of(&json::canonical(value));
    match definition {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.as_str(), digest(value)))
            .collect(),
        other => vec![("", digest(other))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_called_lock_is_not_a_lock_file() {
        let operator = Accepter::Operator(OperatorName::parse("lock").unwrap());
        for accepter in [
            operator.clone(),
            Accepter::Lock,
            Accepter::Introduction,
            Accepter::FirstUse,
        ] {
            assert_eq!(Accepter::parse(&accepter.to_string()), Some(accepter));
        }
        assert_ne!(Accepter::parse("lock"), Some(operator));
        assert_eq!(Accepter::parse("alice"), None);
    }

    #[test]
    fn a_kind_reads_back_from_its_word() {
        for kind in PinKind::ALL {
            assert_eq!(PinKind::parse(kind.name()), Some(kind));
        }
    }
}
