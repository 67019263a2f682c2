//! Why an account signs nobody in.

use crate::authn::jwt::{SourceError, TokenFault};
use crate::guard::Denial;
use crate::model::reason::Reason;
use crate::outbound::ClientError;

/// Why an account signs nobody in. Nothing that a provider or a browser wrote stands in it.
#[derive(Debug, thiserror::Error)]
pub enum SignInFault {
    /// The browser came back from a way that it did not begin, or twice, or too late.
    #[error(
        "this sign-in was not begun in this browser within the last ten minutes, or was answered already"
    )]
    Journey,
    /// The answer is another issuer's.
    #[error("the answer is not of the configured provider")]
    OtherIssuer,
    /// The provider signed nobody in.
    #[error("the provider signed nobody in")]
    Declined,
    /// The provider wants to see the person before it says anything of them again.
    #[error("the provider wants you to sign in there again")]
    LoginNeeded,
    /// The provider did not take the code.
    #[error("the provider did not take the code that the browser brought")]
    Code,
    /// The provider cannot be asked.
    #[error("the provider could not be asked")]
    Unreachable(#[source] Option<reqwest::Error>),
    /// What the provider publishes of itself is not acceptable.
    #[error("what the provider says of itself is not acceptable: {0}")]
    Discovery(&'static str),
    /// The place of its keys is not acceptable.
    #[error("the place of the provider's keys is not acceptable")]
    Keys(#[source] SourceError),
    /// The platform gives no client.
    #[error("there is no client to ask with")]
    Client(#[source] ClientError),
    /// Its identity token does not verify.
    #[error("the provider's identity token is refused: {0}")]
    Token(#[source] TokenFault),
    /// Its identity token is for another sign-in or another program, or says too little.
    #[error("what the provider says of the person is refused: {0}")]
    Claims(&'static str),
}

impl SignInFault {
    /// The row of the table it is.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Unreachable(_)
            | Self::Discovery(_)
            | Self::Client(_)
            | Self::Keys(_)
            | Self::Token(TokenFault::KeysUnavailable) => Reason::IssuerUnavailable,
            _ => Reason::AccountRefused,
        }
    }
}

impl From<SignInFault> for Denial {
    fn from(fault: SignInFault) -> Self {
        Self::new(fault.reason(), fault.to_string())
    }
}
