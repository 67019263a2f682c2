//! The laws of the rules, held over manifests and calls that nobody chose.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod laws;
mod played;
