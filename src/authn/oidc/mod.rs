//! Accounts of people at an OpenID provider: the way there and back, and what it says of whom.
//!
//! The authorization code flow with PKCE (RFC 7636), `state` and `nonce`; where anything does not fit,
//! nobody is signed in. Identity tokens are verified as tokens of agents are.

mod ask;
mod claims;
mod discovery;
mod fault;
mod journey;
mod provider;

pub use fault::SignInFault;
pub use journey::{Arrival, Errand};
pub use provider::{Arrived, Leaving, Mapping, Provider, ProviderSpec};
