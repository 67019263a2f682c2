//! The algorithms a key may sign with; none is shared between a public key and a secret.

use jsonwebtoken::Algorithm as Verifier;

/// One way to sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Algorithm {
    Es256,
    Es384,
    Ed25519,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
}

impl Algorithm {
    /// By its name in a key or a header. `none` and the algorithms of shared secrets have none here.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            // RFC 8037 and its successor, RFC 9864.
            "EdDSA" | "Ed25519" => Self::Ed25519,
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            _ => return None,
        })
    }

    /// Whether keys of RSA sign so.
    pub(super) const fn is_rsa(self) -> bool {
        matches!(
            self,
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512
        )
    }

    pub(super) const fn verifier(self) -> Verifier {
        match self {
            Self::Es256 => Verifier::ES256,
            Self::Es384 => Verifier::ES384,
            Self::Ed25519 => Verifier::EdDSA,
            Self::Rs256 => Verifier::RS256,
            Self::Rs384 => Verifier::RS384,
            Self::Rs512 => Verifier::RS512,
            Self::Ps256 => Verifier::PS256,
            Self::Ps384 => Verifier::PS384,
            Self::Ps512 => Verifier::PS512,
        }
    }
}
