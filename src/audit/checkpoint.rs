//! Signed heads of the record.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::chain::Chain;
use crate::model::digest::{Digest, Fields};
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

impl Head {
    /// What a signature is over: the digest of its fields and of the key's name.
    fn message(&self, key: &str) -> Digest {
        Fields::new("countersign.head.v1")
            .field(&self.count.to_be_bytes())
            .field(self.hash.as_bytes())
            .field(&self.at.millis().to_be_bytes())
            .field(self.boot.as_bytes())
            .field(key.as_bytes())
            .digest()
    }
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

/// The private key that signs heads, and nothing else.
#[derive(Clone)]
pub struct Signer {
    pair: Arc<Ed25519KeyPair>,
    public: PublicKey,
}

/// The seed is not an Ed25519 key.
#[derive(Debug, thiserror::Error)]
#[error("the seed is not an Ed25519 key")]
pub struct SeedRefused;

impl Signer {
    /// From the 32 secret bytes of an Ed25519 key.
    ///
    /// # Errors
    /// [`SeedRefused`], which a seed of random bytes never meets.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, SeedRefused> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SeedRefused)?;
        let bytes: [u8; 32] = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| SeedRefused)?;
        Ok(Self {
            pair: Arc::new(pair),
            public: PublicKey::from_bytes(bytes),
        })
    }

    /// Its public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs how the record stands at `at`.
    #[must_use]
    pub fn sign(&self, chain: &Chain, at: Timestamp, boot: BootId) -> SignedHead {
        let head = Head {
            count: chain.count(),
            hash: chain.last(),
            at,
            boot,
        };
        let message = head.message(self.public.id());
        SignedHead {
            signature: self.sign_digest(&message),
            key: self.public.id().to_owned(),
            head,
        }
    }

    /// Signs the digest of a statement of this crate.
    pub(super) fn sign_digest(&self, message: &Digest) -> Vec<u8> {
        self.pair.sign(message.as_bytes()).as_ref().to_vec()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public.id())
    }
}

/// A key that heads are verified with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey {
    bytes: [u8; 32],
    id: String,
}

impl PublicKey {
    /// From its 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let id = Digest::of(&bytes).to_string().chars().take(16).collect();
        Self { bytes, id }
    }

    /// From 64 hexadecimal digits in lower case; nothing else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        Digest::from_hex(text).map(|bytes| Self::from_bytes(*bytes.as_bytes()))
    }

    /// First 16 hexadecimal digits of the SHA-256 of the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Whether it signed the head.
    #[must_use]
    pub fn verify(&self, signed: &SignedHead) -> bool {
        signed.key == self.id && self.signed(&signed.head.message(&signed.key), &signed.signature)
    }

    /// Whether it signed the digest of a statement.
    pub(super) fn signed(&self, message: &Digest, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.bytes)
            .verify(message.as_bytes(), signature)
            .is_ok()
    }
}

impl fmt::Display for PublicKey {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::Ambient;

    #[test]
    fn a_head_verifies_only_unchanged_and_under_its_own_key() {
        let ambient = Ambient::system();
        let signer = Signer::from_seed(&[1; 32]).unwrap();
        let other = Signer::from_seed(&[2; 32]).unwrap();
        let chain = Chain::resume(7, Digest::of(b"last"));
        let signed = signer.sign(&chain, Timestamp::from_millis(5), BootId::random(&ambient));
        assert!(signer.public().verify(&signed));
        assert!(!other.public().verify(&signed));

        let changed = |change: fn(&mut SignedHead)| {
            let mut changed = signed.clone();
            change(&mut changed);
            changed
        };
        for forged in [
            changed(|signed| signed.head.count = 6),
            changed(|signed| signed.head.hash = Digest::of(b"else")),
            changed(|signed| signed.head.at = Timestamp::from_millis(6)),
            changed(|signed| signed.head.boot = BootId::random(&Ambient::system())),
            changed(|signed| signed.signature[0] ^= 1),
            changed(|signed| signed.key = "0".repeat(16)),
        ] {
            assert!(!signer.public().verify(&forged));
        }
    }

    #[test]
    fn a_public_key_reads_back_from_its_digits() {
        let signer = Signer::from_seed(&[3; 32]).unwrap();
        let key = PublicKey::from_hex(&signer.public().to_string()).unwrap();
        assert_eq!(&key, signer.public());
        assert_eq!(key.id().len(), 16);
    }
}
