//! The guard as its edges meet it: decide, hold, approve, redeem, stop.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod amounts;
mod approvals;
#[path = "../api/authenticator.rs"]
#[expect(dead_code, reason = "other tests make other keys with it")]
mod authenticator;
mod claims;
mod clocks;
mod decisions;
mod doubts;
mod events;
mod floods;
mod history;
mod isolation;
mod kinds;
mod limits;
mod notices;
mod passkeys;
mod patterns;
mod permits;
mod pins;
mod receiver;
mod redaction;
mod restarts;
mod retention;
mod stops;
mod taint;
mod tokens;
mod votes;
mod world;
