//! Tokens of issuers, from outside: what verifies, what is refused, whom a token speaks for.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod foreign;
#[path = "../guarded/mod.rs"]
mod guarded;
mod issuer;
mod keys;
#[path = "../kit/mod.rs"]
mod kit;
mod refused;
mod served;
