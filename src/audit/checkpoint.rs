//! Signed heads of the record.

use crate::model::digest::Digest;
use crate::model::id::BootId;
use crate::model::time::Timestamp;

/// How long the record is, what its last hash is, and when that was so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Number of entries.
    pub count: u64,
    /// Hash of the last one.
    pub hash: Digest,
    /// When it was signed.
    pub at: Timestamp,
    /// Which run of the guard signed it.
    pub boot: BootId,
}

/// A head with its signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedHead {
    /// What is signed.
    pub head: Head,
    /// First 16 hexadecimal digits of the SHA-256 of the public key.
    pub key: String,
    /// Ed25519 over the head's fields.
    pub signature: Vec<u8>,
}
