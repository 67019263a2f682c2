//! A sealed segment: entries that were written to a file of their own and taken out of the record, which
//! keeps an entry that says exactly which.

use serde_json::{Map, Value};

use super::entry::says;
use crate::model::digest::Digest;
use crate::model::json;

/// Entries `first` to `last` of a record, as they stand in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Place of its first entry.
    pub first: u64,
    /// Place of its last entry.
    pub last: u64,
    /// Hash of the entry before the first.
    pub previous: Digest,
    /// Hash of the last entry: what the record that is left follows.
    pub hash: Digest,
    /// SHA-256 of the file.
    pub digest: Digest,
}

impl Segment {
    /// How many entries it holds.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    /// The name of its file.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{:012}-{:012}.jsonl", self.first, self.last)
    }

    /// What the entry that seals it says; `by` took it out.
    #[must_use]
    pub fn body(&self, by: &str) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("state".into(), PRUNED.into());
        body.insert("first".into(), self.first.into());
        body.insert("last".into(), self.last.into());
        body.insert("count".into(), self.count().into());
        body.insert("previous".into(), self.previous.to_string().into());
        body.insert("hash".into(), self.hash.to_string().into());
        body.insert("digest".into(), self.digest.to_string().into());
        body.insert("by".into(), by.into());
        body
    }

    /// The segment that an entry with this canonical body seals, if it seals one.
    #[must_use]
    pub fn sealed_by(body: &[u8]) -> Option<Self> {
        if !says(body, b"kind", "guard") || !says(body, b"state", PRUNED) {
            return None;
        }
        let body = json::parse(body).ok()?;
        let number = |name: &str| body.get(name).and_then(Value::as_u64);
        let digest = |name: &str| Digest::from_hex(body.get(name)?.as_str()?);
        Some(Self {
            first: number("first")?,
            last: number("last")?,
            previous: digest("previous")?,
            hash: digest("hash")?,
            digest: digest("digest")?,
        })
    }
}

const PRUNED: &str = "pruned";

#[cfg(test)]
mod tests {
    use super::super::entry::{Entry, EntryKind};
    use super::*;
    use crate::model::time::Timestamp;

    #[test]
    fn an_entry_seals_the_segment_that_it_names_and_no_other_kind_of_entry_does() {
        let segment = Segment {
            first: 5,
            last: 9,
            previous: Digest::of(b"4"),
            hash: Digest::of(b"9"),
            digest: Digest::of(b"file"),
        };
        let entry = |kind| Entry {
            kind,
            at: Timestamp::default(),
            body: segment.body("test"),
            disclosure: None,
        };
        let sealed = Segment::sealed_by(&entry(EntryKind::Guard).canonical());
        assert_eq!(sealed, Some(segment.clone()));
        assert_eq!(segment.count(), 5);
        let other = Segment::sealed_by(&entry(EntryKind::Refusal).canonical());
        assert_eq!(other, None);
        assert_eq!(
            Segment::sealed_by(br#"{"kind":"guard","state":"pruned"}"#),
            None
        );
    }
}
