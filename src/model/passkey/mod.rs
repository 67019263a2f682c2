//! Passkeys: what an authenticator's answers say, and whether its signature holds.
//!
//! Everything is read strictly, and only what is used: no attestation is asked for, since the key of an
//! authenticator is bound to a person by the link that a person gave, not by its maker.

mod assertion;
mod cbor;
mod client_data;
mod public_key;
mod registration;

pub use assertion::{Assertion, Sworn};
pub use public_key::PublicKey;
pub use registration::{Registered, Registration};

use super::time::Timestamp;
use crate::limits::NEW_AUTHENTICATOR_WAIT;

/// A key that an authenticator keeps for one operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Passkey {
    /// The authenticator's name for it.
    pub id: Vec<u8>,
    /// Its owner's name for it.
    pub label: String,
    /// Its public half.
    pub public: PublicKey,
    /// How often it had signed when it last did, as far as it counts.
    pub counter: u32,
    /// The host it was made for.
    pub party: String,
    /// Who confirmed that it is its owner's, and when.
    pub confirmed: Option<(String, Timestamp)>,
}

impl Passkey {
    /// Whether it may decide what stands above `write`: a new one waits, or another admin vouches for it.
    #[must_use]
    pub fn is_settled(&self, added: Timestamp, now: Timestamp) -> bool {
        self.confirmed.is_some() || now.since(added) >= NEW_AUTHENTICATOR_WAIT
    }
}

/// Where answers must come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Party<'a> {
    /// The host that keys are made for.
    pub host: &'a str,
    /// The exact origin of the pages, where it is known; else any secure one of the host.
    pub origin: Option<&'a str>,
}

/// Why an answer of an authenticator is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PasskeyFault {
    /// Not of the form that browsers send.
    #[error("the answer's {0} is malformed")]
    Malformed(&'static str),
    /// Made for another ceremony.
    #[error("the answer is of another kind of ceremony")]
    OtherCeremony,
    /// Made for another challenge.
    #[error("the answer is for another challenge")]
    OtherChallenge,
    /// Made on a page of another origin, or in a frame of one.
    #[error("the answer was made on a page of another origin")]
    OtherOrigin,
    /// Made for another host.
    #[error("the answer is for another host")]
    OtherParty,
    /// Nobody touched the authenticator.
    #[error("nobody was present at the authenticator")]
    NobodyPresent,
    /// The authenticator did not verify who touched it.
    #[error("the authenticator did not verify its user")]
    UserUnverified,
    /// A key of a kind that was not asked for.
    #[error("the key is of a kind that is not accepted")]
    OtherAlgorithm,
    /// An attestation that was not asked for.
    #[error("the attestation is of a kind that is not accepted")]
    Attestation,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// The authenticator has counted backwards: there may be two of it.
    #[error("the authenticator counted backwards; somebody may have copied it")]
    CountedBack,
}

/// The flags of authenticator data that are read.
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_KEY: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// What every authenticator data begins with.
struct Header {
    flags: u8,
    counter: u32,
}

impl Header {
    /// Reads it, checks the host and that a verified person was there; the rest follows.
    fn read<'a>(data: &'a [u8], party: Party<'_>) -> Result<(Self, &'a [u8]), PasskeyFault> {
        let malformed = PasskeyFault::Malformed("authenticator data");
        let (hash, rest) = data.split_first_chunk::<32>().ok_or(malformed)?;
        let (&[flags], rest) = rest.split_first_chunk::<1>().ok_or(malformed)?;
        let (counter, rest) = rest.split_first_chunk::<4>().ok_or(malformed)?;
        if super::digest::Digest::of(party.host.as_bytes()).as_bytes() != hash {
            return Err(PasskeyFault::OtherParty);
        }
        if flags & PRESENT == 0 {
            return Err(PasskeyFault::NobodyPresent);
        }
        if flags & VERIFIED == 0 {
            return Err(PasskeyFault::UserUnverified);
        }
        if flags & BACKED_UP != 0 && flags & BACKUP_ELIGIBLE == 0 {
            return Err(malformed);
        }
        let counter = u32::from_be_bytes(*counter);
        Ok((Self { flags, counter }, rest))
    }

    /// Checks that nothing follows but the extensions that the flags announce.
    fn end(&self, rest: &[u8]) -> Result<(), PasskeyFault> {
        let malformed = PasskeyFault::Malformed("authenticator data");
        let rest = match self.flags & HAS_EXTENSIONS {
            0 => rest,
            _ => match cbor::read(rest).ok_or(malformed)? {
                (cbor::Item::Map(_), rest) => rest,
                _ => return Err(malformed),
            },
        };
        rest.is_empty().then_some(()).ok_or(malformed)
    }
}
