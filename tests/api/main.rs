//! The HTTP edge from outside: a real guard on a real record, two listeners, one upstream in memory.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod authenticator;
mod bad_input;
mod browser;
mod calls;
mod console;
mod countersigned;
mod credentials;
mod deciding;
mod idempotency;
mod metrics;
mod openapi;
mod operating;
mod people;
mod voting;
mod world;
