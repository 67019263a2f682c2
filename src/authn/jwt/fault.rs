//! Why a token proves nobody.

use crate::guard::Denial;
use crate::model::reason::Reason;

/// Why a token proves nobody. No text of the token stands in it, and nothing of any key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenFault {
    /// It is no signed token in compact form, or one that two readers could read differently.
    #[error("the token is not well formed: {0}")]
    Malformed(&'static str),
    /// Its header says what this guard does not take from a token.
    #[error("the token's header is refused: {0}")]
    Header(&'static str),
    /// It is of another type than the issuer's access tokens.
    #[error("the token's type is not the one its issuer is configured with")]
    Type,
    /// No configured issuer has the name it gives.
    #[error("the token names no configured issuer")]
    Issuer,
    /// The issuer publishes no such key.
    #[error("the issuer has no key of that name")]
    Key,
    /// The keys of the issuer could not be looked at for too long.
    #[error("the keys of the token's issuer could not be read")]
    KeysUnavailable,
    /// The algorithm is not the key's, or the signature is not by the key.
    #[error("the signature does not verify")]
    Signature,
    /// A claim is missing, or not of its kind.
    #[error("the token's claims are refused: {0}")]
    Claims(&'static str),
    /// It is bound to a key, and no proof of that key is looked at.
    #[error("the token is bound to a key, and proofs of keys are not verified yet")]
    Bound,
    /// It is over.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet")]
    Early,
}

impl TokenFault {
    /// Its row of the table.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Malformed(_) => Reason::TokenMalformed,
            Self::Header(_) | Self::Type => Reason::TokenHeader,
            Self::Issuer => Reason::TokenIssuer,
            Self::Key => Reason::TokenKey,
            Self::KeysUnavailable => Reason::IssuerUnavailable,
            Self::Signature => Reason::TokenSignature,
            Self::Claims(_) => Reason::TokenClaims,
            Self::Bound => Reason::TokenBound,
            Self::Expired => Reason::CredentialExpired,
            Self::Early => Reason::TokenEarly,
        }
    }
}

impl From<TokenFault> for Denial {
    fn from(fault: TokenFault) -> Self {
        Self::new(fault.reason(), fault.to_string())
    }
}
