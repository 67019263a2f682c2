//! One public key of an issuer, with the one algorithm it signs by.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{DecodingKey, crypto};
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use crate::limits::JWT_NAME_BYTES;

/// A key that verifies.
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    public: DecodingKey,
}

impl Key {
    /// Reads one key (RFC 7517) and its name; nothing where it is of no use here: for encryption, of an
    /// unknown kind, too weak, a shared secret, or with its private half beside it.
    pub(super) fn read(jwk: &Map<String, Value>) -> Option<(String, Self)> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let name = text("kid").filter(|name| (1..=JWT_NAME_BYTES).contains(&name.len()))?;
        let signs = match jwk.get("use") {
            None => true,
            Some(purpose) => purpose == "sig",
        };
        let verifies = match jwk.get("key_ops") {
            None => true,
            Some(Value::Array(uses)) => uses.iter().any(|one| one == "verify"),
            Some(_) => false,
        };
        // Whoever can read this set could sign with such a key.
        let is_public = !PRIVATE.iter().any(|member| jwk.contains_key(*member));
        if !(signs && verifies && is_public) {
            return None;
        }
        let named = match jwk.get("alg") {
            None => None,
            Some(name) => Some(Algorithm::parse(name.as_str()?)?),
        };
        let key = match (text("kty")?, text("crv")) {
            ("EC", Some("P-256")) => Self::curve(jwk, Algorithm::Es256, 32)?,
            ("EC", Some("P-384")) => Self::curve(jwk, Algorithm::Es384, 48)?,
            ("OKP", Some("Ed25519")) => Self {
                algorithm: Algorithm::Ed25519,
                public: DecodingKey::from_ed_der(&bytes(jwk, "x", 32)?),
            },
            ("RSA", None) => Self::rsa(jwk, named.unwrap_or(Algorithm::Rs256))?,
            _ => return None,
        };
        (named.is_none_or(|named| named == key.algorithm)).then(|| (name.to_owned(), key))
    }

    /// Whether the signature over the message is by this key.
    pub(super) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let verified = crypto::verify(signature, message, &self.public, self.algorithm.verifier());
        verified.unwrap_or(false)
    }

    fn curve(jwk: &Map<String, Value>, algorithm: Algorithm, length: usize) -> Option<Self> {
        let (x, y) = (bytes(jwk, "x", length)?, bytes(jwk, "y", length)?);
        // The point, uncompressed; whether it lies on the curve is seen when it verifies.
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        Some(Self {
            algorithm,
            public: DecodingKey::from_ec_der(&point),
        })
    }

    fn rsa(jwk: &Map<String, Value>, algorithm: Algorithm) -> Option<Self> {
        let (modulus, exponent) = (decoded(jwk, "n")?, decoded(jwk, "e")?);
        let is_strong = RSA_BYTES.contains(&modulus.len()) && modulus.first() != Some(&0);
        (is_strong && algorithm.is_rsa()).then(|| Self {
            algorithm,
            public: DecodingKey::from_rsa_raw_components(&modulus, &exponent),
        })
    }
}

fn bytes(jwk: &Map<String, Value>, member: &str, length: usize) -> Option<Vec<u8>> {
    decoded(jwk, member).filter(|bytes| bytes.len() == length)
}

fn decoded(jwk: &Map<String, Value>, member: &str) -> Option<Vec<u8>> {
    let text = jwk.get(member)?.as_str()?;
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

/// Members that only a private or a shared key has (RFC 7518, 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// 2,048 to 8,192 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;
