//! The public half of a passkey, of the three kinds that are asked for.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use data_encoding::HEXLOWER;

use super::PasskeyFault;
use super::cbor::Item;

/// A public key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum PublicKey {
    /// ECDSA over P-256 with SHA-256: the uncompressed point.
    Es256([u8; 65]),
    /// Ed25519.
    EdDsa([u8; 32]),
    /// RSA with PKCS #1 v1.5 and SHA-256.
    Rs256 {
        /// The modulus.
        modulus: Vec<u8>,
        /// The exponent.
        exponent: Vec<u8>,
    },
}

impl PublicKey {
    /// The algorithms that are asked for, as COSE numbers them, the preferred first.
    pub const ALGORITHMS: [i64; 3] = [-7, -8, -257];

    /// From a COSE key.
    pub(super) fn of_cose(key: &Item<'_>) -> Result<Self, PasskeyFault> {
        const MALFORMED: PasskeyFault = PasskeyFault::Malformed("public key");
        let number = |label| key.numbered(label).and_then(Item::number);
        let bytes = |label| key.numbered(label).and_then(Item::bytes).ok_or(MALFORMED);
        match (number(1), number(3)) {
            (Some(2), Some(-7)) => {
                if number(-1) != Some(1) {
                    return Err(MALFORMED);
                }
                let mut point = [0x04; 65];
                let (x, y) = (bytes(-2)?, bytes(-3)?);
                if x.len() != 32 || y.len() != 32 {
                    return Err(MALFORMED);
                }
                for (to, from) in point.iter_mut().skip(1).zip(x.iter().chain(y)) {
                    *to = *from;
                }
                Ok(Self::Es256(point))
            }
            (Some(1), Some(-8)) => match number(-1) {
                Some(6) => {
                    let point = bytes(-2)?.try_into().map_err(|_| MALFORMED)?;
                    Ok(Self::EdDsa(point))
                }
                _ => Err(MALFORMED),
            },
            (Some(3), Some(-257)) => {
                let (modulus, exponent) = (bytes(-1)?, bytes(-2)?);
                let is_sound = (256..=1_024).contains(&modulus.len())
                    && (1..=8).contains(&exponent.len())
                    && modulus.first() != Some(&0)
                    && exponent.first() != Some(&0);
                match is_sound {
                    true => Ok(Self::Rs256 {
                        modulus: modulus.to_vec(),
                        exponent: exponent.to_vec(),
                    }),
                    false => Err(MALFORMED),
                }
            }
            (Some(_), Some(_)) => Err(PasskeyFault::OtherAlgorithm),
            _ => Err(MALFORMED),
        }
    }

    /// From what this type prints; nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).ok();
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "es256" => {
                let point: [u8; 65] = hex(rest)?.try_into().ok()?;
                (point.first() == Some(&0x04)).then_some(Self::Es256(point))
            }
            "eddsa" => Some(Self::EdDsa(hex(rest)?.try_into().ok()?)),
            "rs256" => {
                let (modulus, exponent) = rest.split_once(':')?;
                let (modulus, exponent) = (hex(modulus)?, hex(exponent)?);
                Some(Self::Rs256 { modulus, exponent })
            }
            _ => None,
        }
    }

    /// Whether the signature of the message is this key's.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::EdDsa(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            Self::Rs256 { modulus, exponent } => RsaPublicKeyComponents {
                n: modulus,
                e: exponent,
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        verified.is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Es256(point) => write!(f, "es256:{}", HEXLOWER.encode(point)),
            Self::EdDsa(point) => write!(f, "eddsa:{}", HEXLOWER.encode(point)),
            Self::Rs256 { modulus, exponent } => {
                let (modulus, exponent) = (HEXLOWER.encode(modulus), HEXLOWER.encode(exponent));
                write!(f, "rs256:{modulus}:{exponent}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_from_what_it_prints() {
        let mut point = [7; 65];
        point[0] = 4;
        for key in [
            PublicKey::Es256(point),
            PublicKey::EdDsa([9; 32]),
            PublicKey::Rs256 {
                modulus: vec![1, 2],
                exponent: vec![1, 0, 1],
            },
        ] {
            assert_eq!(PublicKey::parse(&key.to_string()), Some(key));
        }
        for text in ["", "es256:", "es256:00", "eddsa:zz", "rs256:00", "none:00"] {
            assert_eq!(PublicKey::parse(text), None, "{text}");
        }
    }
}
