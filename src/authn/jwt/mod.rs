//! Tokens of configured issuers: a signature by a key the issuer publishes, and claims that hold now.
//!
//! The issuer is one the configuration names, the key one of its own, and the algorithm the key's: a
//! token chooses none of them.

mod algorithm;
mod claims;
mod fault;
mod issuer;
mod issuers;
mod key;
mod keys;
mod parts;
mod source;

pub use fault::TokenFault;
pub use issuers::{IssuerSpec, Issuers, TokenType};
pub use source::{KeySource, SourceError};
