//! What every store promises, asked of each of them from outside; and what only a file can show.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod concurrency;
mod conformance;
mod faults;
mod history;
mod inbox;
mod keys;
mod log;
mod made;
mod restart;
mod reviews;
mod rotation;
mod tamper;
