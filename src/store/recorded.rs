//! The proof that a record is written.

use crate::model::digest::Digest;

/// A written entry of the record. Minted by a store after its commit returned, and nowhere else; a
/// permit cannot be made without one, and one makes one permit.
#[derive(Debug)]
pub struct Recorded {
    seq: u64,
    hash: Digest,
}

impl Recorded {
    /// Only a store that has committed may call this.
    pub(in crate::store) const fn new(seq: u64, hash: Digest) -> Self {
        Self { seq, hash }
    }

    /// The entry's place in the record, counted from 1.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The entry's hash, which binds every entry before it.
    #[must_use]
    pub const fn hash(&self) -> Digest {
        self.hash
    }
}
