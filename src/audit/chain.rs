//! The hash chain: each entry's hash binds its place, its body and every entry before it.

use super::entry::StoredEntry;
use crate::model::digest::{Digest, Fields};

/// The end of a record, to which entries are added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chain {
    count: u64,
    last: Digest,
}

impl Chain {
    /// An empty record.
    #[must_use]
    pub const fn begin() -> Self {
        Self {
            count: 0,
            last: GENESIS,
        }
    }

    /// A record of `count` entries whose last one has the hash `last`.
    #[must_use]
    pub const fn resume(count: u64, last: Digest) -> Self {
        Self { count, last }
    }

    /// Number of entries.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Hash of the last entry; of none, 32 zero bytes.
    #[must_use]
    pub const fn last(&self) -> Digest {
        self.last
    }

    /// Gives a body its place and hash.
    #[must_use]
    pub fn append(&mut self, body: Vec<u8>, disclosure: Option<Vec<u8>>) -> StoredEntry {
        let seq = self.count.saturating_add(1);
        let entry = StoredEntry {
            seq,
            previous: self.last,
            hash: hash(seq, &self.last, &body),
            body,
            disclosure,
        };
        self.count = seq;
        self.last = entry.hash;
        entry
    }
}

/// What stands before the first entry.
pub const GENESIS: Digest = Digest::from_bytes([0; 32]);

/// The hash of an entry.
#[must_use]
pub fn hash(seq: u64, previous: &Digest, body: &[u8]) -> Digest {
    Fields::new("countersign.record.v1")
        .field(&seq.to_be_bytes())
        .field(previous.as_bytes())
        .field(body)
        .digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_binds_its_place_its_body_and_what_came_before() {
        let mut chain = Chain::begin();
        let first = chain.append(b"{}".to_vec(), None);
        let second = chain.append(b"{}".to_vec(), None);
        assert_eq!((first.seq, second.seq), (1, 2));
        assert_eq!(first.previous, GENESIS);
        assert_eq!(second.previous, first.hash);
        assert_ne!(first.hash, second.hash);
        assert_eq!(Chain::resume(2, second.hash), chain);
    }
}
