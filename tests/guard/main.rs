//! The guard as its edges meet it: decide, hold, approve, redeem, stop.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod approvals;
mod decisions;
mod events;
mod history;
mod isolation;
mod limits;
mod permits;
mod pins;
mod restarts;
mod stops;
mod tokens;
mod world;
