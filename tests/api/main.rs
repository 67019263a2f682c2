//! The HTTP edge from outside: a real guard on a real record, two listeners, one upstream in memory.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod accounts;
mod amending;
mod authenticator;
mod bad_input;
mod browser;
mod calls;
mod channels;
mod confirming;
mod console;
mod countersigned;
mod credentials;
mod deciding;
mod exported;
mod glass;
mod idempotency;
mod idp;
#[path = "../tokens/issuer.rs"]
#[expect(dead_code, reason = "these tests need only what signs")]
mod issuer;
mod metrics;
mod openapi;
mod operating;
mod patterns;
mod people;
#[path = "../guard/receiver.rs"]
#[expect(dead_code, reason = "these tests need only that something is received")]
mod receiver;
mod scenes;
mod secrets;
mod signed_together;
mod visits;
mod voting;
mod world;
