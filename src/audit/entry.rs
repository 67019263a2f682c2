//! One entry of the record.

use serde_json::{Map, Value};

use super::disclosure::Disclosure;
use crate::model::digest::Digest;
use crate::model::json;
use crate::model::time::Timestamp;

/// What an entry tells of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EntryKind {
    /// A call was judged.
    Decision,
    /// A permitted call ended.
    Outcome,
    /// A person decided, or an approval ended otherwise.
    Approval,
    /// A session was opened, paused or ended.
    Session,
    /// An agent or its credentials changed.
    Agent,
    /// An operator was added or removed.
    Operator,
    /// A grant was revoked.
    Grant,
    /// A request was refused before it became a call.
    Refusal,
    /// Scopes came into force, or were offered and refused.
    Scopes,
    /// The guard started, stopped, or noticed something about itself.
    Guard,
}

impl EntryKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Decision,
        Self::Outcome,
        Self::Approval,
        Self::Session,
        Self::Agent,
        Self::Operator,
        Self::Grant,
        Self::Refusal,
        Self::Scopes,
        Self::Guard,
    ];

    /// The word in the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Outcome => "outcome",
            Self::Approval => "approval",
            Self::Session => "session",
            Self::Agent => "agent",
            Self::Operator => "operator",
            Self::Grant => "grant",
            Self::Refusal => "refusal",
            Self::Scopes => "scopes",
            Self::Guard => "guard",
        }
    }
}

/// An entry as the guard makes it; the store gives it its place and hash.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it tells of.
    pub kind: EntryKind,
    /// When it happened.
    pub at: Timestamp,
    /// What happened. `kind` and `at` are added to it when it is written.
    pub body: Map<String, Value>,
    /// The arguments with their salts, kept beside the entry so that they can be redacted without
    /// breaking it; the body holds their commitment.
    pub disclosure: Option<Disclosure>,
}

/// The member of a body that holds the commitment to the arguments, in hexadecimal. An entry with a
/// disclosure must have it.
pub const COMMITMENT: &str = "args_commitment";

impl Entry {
    /// The body in canonical form, as it is hashed: with `kind`, `at` and the version of this form.
    #[must_use]
    pub fn canonical(mut self) -> Vec<u8> {
        self.body.insert("kind".to_owned(), self.kind.name().into());
        self.body
            .insert("at".to_owned(), self.at.to_string().into());
        self.body.insert("v".to_owned(), 1.into());
        json::canonical_map(&self.body)
    }
}

/// An entry as it stands in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its place, counted from 1 without gaps.
    pub seq: u64,
    /// The hash of the entry before it.
    pub previous: Digest,
    /// Its own hash.
    pub hash: Digest,
    /// The body in canonical form, exactly as hashed.
    pub body: Vec<u8>,
    /// What is still disclosed of the arguments, as JSON.
    pub disclosure: Option<Vec<u8>>,
}
