//! A change of the key that signs heads: an entry that the old and the new key both sign.

use serde_json::{Map, Value};

use super::checkpoint::{PublicKey, Signer};
use super::entry::{StoredEntry, says};
use crate::model::digest::{Digest, Fields};
use crate::model::json;

/// What such an entry says: from its place on the new key signs, and the old one no more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rotation {
    /// The place of the entry.
    pub seq: u64,
    /// The key that signed heads before it.
    pub old: PublicKey,
    /// The key that signs heads from it on.
    pub new: PublicKey,
}

/// Why an entry that changes the key does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RotationFault {
    /// It names no two keys.
    #[error("it changes the key that signs heads, and does not say from which to which")]
    Unreadable,
    /// The key that it replaces did not sign it.
    #[error("it changes the key that signs heads, and the old key did not sign it")]
    OldUnsigned,
    /// The key that it introduces did not sign it.
    #[error("it changes the key that signs heads, and the new key did not sign it")]
    NewUnsigned,
}

impl Rotation {
    /// What the entry of a change says before it is sealed; `by` made the change.
    #[must_use]
    pub fn body(by: &str, purpose: &str, key: &str) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("state".into(), ROTATED.into());
        body.insert("purpose".into(), purpose.into());
        body.insert("key".into(), key.into());
        body.insert("by".into(), by.into());
        body
    }

    /// The canonical body with both keys and their signatures, for exactly this place of a record;
    /// nothing where the body is no object.
    #[must_use]
    pub fn seal(
        body: &[u8],
        seq: u64,
        previous: &Digest,
        old: &Signer,
        new: &Signer,
    ) -> Option<Vec<u8>> {
        let Ok(Value::Object(mut body)) = json::parse(body) else {
            return None;
        };
        body.insert(OLD.into(), old.public().to_string().into());
        body.insert(NEW.into(), new.public().to_string().into());
        let message = message(seq, previous, &body);
        for (name, signer) in [(OLD_SIGNATURE, old), (NEW_SIGNATURE, new)] {
            let signature = data_encoding::HEXLOWER.encode(&signer.sign_digest(&message));
            body.insert(name.into(), signature.into());
        }
        Some(json::canonical_map(&body))
    }

    /// The change that an entry makes, if it makes one.
    #[must_use]
    pub fn read(entry: &StoredEntry) -> Option<Result<Self, RotationFault>> {
        let body = &entry.body;
        let is_one = says(body, b"kind", "guard")
            && says(body, b"state", ROTATED)
            && says(body, b"purpose", CHECKPOINT);
        is_one.then(|| Self::verified(entry))
    }

    fn verified(entry: &StoredEntry) -> Result<Self, RotationFault> {
        let Ok(Value::Object(mut body)) = json::parse(&entry.body) else {
            return Err(RotationFault::Unreadable);
        };
        let mut signature = |name| {
            let text = body.shift_remove(name)?;
            data_encoding::HEXLOWER
                .decode(text.as_str()?.as_bytes())
                .ok()
        };
        let (by_old, by_new) = (signature(OLD_SIGNATURE), signature(NEW_SIGNATURE));
        let key = |name| PublicKey::from_hex(body.get(name)?.as_str()?);
        let (old, new) = (key(OLD), key(NEW));
        let (old, new) = old.zip(new).ok_or(RotationFault::Unreadable)?;
        let message = message(entry.seq, &entry.previous, &body);
        let holds = |key: &PublicKey, signature: Option<Vec<u8>>| {
            signature.is_some_and(|signature| key.signed(&message, &signature))
        };
        if !holds(&old, by_old) {
            return Err(RotationFault::OldUnsigned);
        }
        if !holds(&new, by_new) {
            return Err(RotationFault::NewUnsigned);
        }
        Ok(Self {
            seq: entry.seq,
            old,
            new,
        })
    }
}

/// What both keys sign: the place, everything before it, and all else that the entry says.
fn message(seq: u64, previous: &Digest, body: &Map<String, Value>) -> Digest {
    Fields::new("countersign.rotation.v1")
        .field(&seq.to_be_bytes())
        .field(previous.as_bytes())
        .field(&json::canonical_map(body))
        .digest()
}

/// The purpose of the key that signs heads.
pub const CHECKPOINT: &str = "checkpoint";

const ROTATED: &str = "key-rotated";
const OLD: &str = "old";
const NEW: &str = "new";
const OLD_SIGNATURE: &str = "old_signature";
const NEW_SIGNATURE: &str = "new_signature";

#[cfg(test)]
mod tests {
    use super::super::chain::Chain;
    use super::super::entry::{Entry, EntryKind};
    use super::*;
    use crate::model::time::Timestamp;

    fn signer(seed: u8) -> Signer {
        Signer::from_seed(&[seed; 32]).unwrap()
    }

    fn entry(purpose: &str) -> StoredEntry {
        let mut chain = Chain::resume(6, Digest::of(b"six"));
        let body = Entry {
            kind: EntryKind::Guard,
            at: Timestamp::default(),
            body: Rotation::body("test", purpose, "id"),
            disclosure: None,
        };
        let last = chain.last();
        let sealed = Rotation::seal(&body.canonical(), 7, &last, &signer(1), &signer(2)).unwrap();
        chain.append(sealed, None)
    }

    #[test]
    fn a_change_is_read_from_the_entry_that_both_keys_signed_and_from_no_other_place() {
        let sealed = entry(CHECKPOINT);
        let rotation = Rotation::read(&sealed).unwrap().unwrap();
        assert_eq!(rotation.seq, 7);
        assert_eq!(&rotation.old, signer(1).public());
        assert_eq!(&rotation.new, signer(2).public());
        assert_eq!(Rotation::read(&entry("permit")), None);
        let elsewhere = StoredEntry {
            seq: 8,
            ..sealed.clone()
        };
        let after = StoredEntry {
            previous: Digest::of(b"else"),
            ..sealed
        };
        for moved in [elsewhere, after] {
            let fault = Rotation::read(&moved).unwrap().unwrap_err();
            assert_eq!(fault, RotationFault::OldUnsigned);
        }
    }

    #[test]
    fn a_change_that_only_one_key_signed_or_that_says_something_else_is_none() {
        let sealed = entry(CHECKPOINT);
        let fault = |change: &dyn Fn(&mut Map<String, Value>)| {
            let Ok(Value::Object(mut body)) = json::parse(&sealed.body) else {
                unreachable!()
            };
            change(&mut body);
            let body = json::canonical_map(&body);
            let changed = StoredEntry {
                body,
                ..sealed.clone()
            };
            Rotation::read(&changed).unwrap().unwrap_err()
        };
        let copied = |body: &mut Map<String, Value>| {
            let other = body.get(OLD_SIGNATURE).cloned().unwrap();
            body.insert(NEW_SIGNATURE.into(), other);
        };
        assert_eq!(fault(&copied), RotationFault::NewUnsigned);
        for (name, expected) in [
            (OLD_SIGNATURE, RotationFault::OldUnsigned),
            (NEW_SIGNATURE, RotationFault::NewUnsigned),
            (OLD, RotationFault::Unreadable),
            (NEW, RotationFault::Unreadable),
        ] {
            let lost = fault(&|body| drop(body.shift_remove(name)));
            assert_eq!(lost, expected, "{name}");
        }
        let renamed = fault(&|body| drop(body.insert("by".into(), "else".into())));
        assert_eq!(renamed, RotationFault::OldUnsigned);
    }
}
