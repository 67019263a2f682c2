//! The guard as its edges meet it: decide, hold, approve, redeem, stop.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod amounts;
mod approvals;
mod claims;
mod clocks;
mod decisions;
mod doubts;
mod events;
mod floods;
mod history;
mod isolation;
mod limits;
mod permits;
mod pins;
mod restarts;
mod retention;
mod stops;
mod taint;
mod tokens;
mod votes;
mod world;
