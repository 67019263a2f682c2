//! The proof that a record is written.

use crate::audit::entry::StoredEntry;
use crate::model::digest::Digest;

/// A written entry of the record. Minted by a store after its commit returned, and nowhere else; a
/// permit cannot be made without one, and one makes one permit.
#[derive(Debug)]
pub struct Recorded {
    seq: u64,
    hash: Digest,
    bytes: u64,
}

impl Recorded {
    /// Only a store that has committed may call this.
    pub(in crate::store) fn of(entry: &StoredEntry) -> Self {
        let disclosed = entry.disclosure.as_ref().map_or(0, Vec::len);
        Self {
            seq: entry.seq,
            hash: entry.hash,
            bytes: entry.body.len().saturating_add(disclosed) as u64,
        }
    }

    /// The entry's place in the record, counted from 1.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// How much it fills of the record.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The entry's hash, which binds every entry before it.
    #[must_use]
    pub const fn hash(&self) -> Digest {
        self.hash
    }
}
