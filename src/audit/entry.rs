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
    /// A permit was redeemed.
    Permit,
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
    /// A server presented a definition, or one was accepted or refused.
    Pin,
    /// People were told what waits for them, or could not be.
    Notice,
    /// The guard started, stopped, or noticed something about itself.
    Guard,
}

impl EntryKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Decision,
        Self::Outcome,
        Self::Permit,
        Self::Approval,
        Self::Session,
        Self::Agent,
        Self::Operator,
        Self::Grant,
        Self::Refusal,
        Self::Scopes,
        Self::Pin,
        Self::Notice,
        Self::Guard,
    ];

    /// The word in the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Outcome => "outcome",
            Self::Permit => "permit",
            Self::Approval => "approval",
            Self::Session => "session",
            Self::Agent => "agent",
            Self::Operator => "operator",
            Self::Grant => "grant",
            Self::Refusal => "refusal",
            Self::Scopes => "scopes",
            Self::Pin => "pin",
            Self::Notice => "notice",
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

/// The commitment that a canonical body holds; read without parsing the rest, because a verification
/// asks it of every entry.
#[must_use]
pub(super) fn commitment(body: &[u8]) -> Option<Digest> {
    let quoted = member(body, COMMITMENT.as_bytes())?;
    let hex = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    Digest::from_hex(std::str::from_utf8(hex).ok()?)
}

/// When an entry with this canonical body was made.
#[must_use]
pub fn moment(body: &[u8]) -> Option<Timestamp> {
    let quoted = member(body, b"at")?;
    let text = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    Timestamp::parse(std::str::from_utf8(text).ok()?)
}

/// Whether a member of a canonical body is exactly this word, which must need no escapes.
pub(super) fn says(body: &[u8], name: &[u8], word: &str) -> bool {
    let quoted =
        member(body, name).and_then(|value| value.strip_prefix(b"\"")?.strip_suffix(b"\""));
    quoted == Some(word.as_bytes())
}

/// The value of a member of an object in canonical form, as it is spelt. `name` must need no escapes.
pub(super) fn member<'a>(object: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = object.strip_prefix(b"{")?;
    loop {
        let key = string(rest)?;
        rest = rest.get(key.len()..)?.strip_prefix(b":")?;
        let value = value(rest)?;
        if key.get(1..key.len().checked_sub(1)?)? == name {
            return Some(value);
        }
        rest = rest.get(value.len()..)?.strip_prefix(b",")?;
    }
}

/// The string that the bytes begin with, with its quotes.
fn string(bytes: &[u8]) -> Option<&[u8]> {
    let mut escaped = false;
    let end = bytes.strip_prefix(b"\"")?.iter().position(|byte| {
        let ends = !escaped && *byte == b'"';
        escaped = !escaped && *byte == b'\\';
        ends
    })?;
    bytes.get(..end + 2)
}

/// The value that the bytes begin with: everything before a comma or bracket of its own level.
fn value(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at += string(bytes.get(at..)?)?.len();
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return bytes.get(..at),
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(members: &str) -> Entry {
        let Ok(Value::Object(body)) = json::parse(members.as_bytes()) else {
            panic!("not an object");
        };
        Entry {
            kind: EntryKind::Decision,
            at: Timestamp::from_millis(0),
            body,
            disclosure: None,
        }
    }

    #[test]
    fn a_body_says_what_it_is_whatever_its_maker_called_it() {
        let body = entry(r#"{"kind":"else","z":1.0}"#).canonical();
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"at":"1970-01-01T00:00:00Z","kind":"decision","v":1,"z":1.0}"#
        );
    }

    #[test]
    fn the_commitment_is_read_from_its_own_member_only() {
        let root = Digest::of(b"root");
        let found = |body: &str| commitment(body.as_bytes());
        for body in [
            format!(r#"{{"args_commitment":"{root}"}}"#),
            format!(r#"{{"a":"\"x\\","args_commitment":"{root}","z":1}}"#),
            format!(r#"{{"a":[1,{{"b":"]}}"}}],"args_commitment":"{root}"}}"#),
        ] {
            assert_eq!(found(&body), Some(root), "{body}");
        }
        for body in [
            String::new(),
            "{}".to_owned(),
            format!(r#"{{"a":{{"args_commitment":"{root}"}}}}"#),
            format!(r#"{{"a":"\",\"args_commitment\":\"{root}"}}"#),
            r#"{"args_commitment":"00"}"#.to_owned(),
            r#"{"args_commitment":1}"#.to_owned(),
        ] {
            assert_eq!(found(&body), None, "{body}");
        }
    }
}
