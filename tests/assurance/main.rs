//! The model of assurance: golden histories, fresh ones beside another implementation, and its laws.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails, and reads documents whose form it knows"
)]

mod golden;
mod happening;
mod history;
mod laws;
mod oracle;
mod rules;
mod situations;
mod travel;
mod world;
