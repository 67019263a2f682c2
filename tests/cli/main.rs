//! The command line from outside: the real program, its exit codes, and what it leaves on the disk.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod agent;
mod amending;
mod anchors;
mod codes;
mod doctor;
mod everywhere;
mod floods;
mod forks;
mod house;
#[path = "../tokens/issuer.rs"]
#[expect(dead_code, reason = "these tests need only keys and tokens")]
mod issuer;
mod keys;
mod local;
mod marked;
mod patterns;
mod pins;
#[path = "../kit/receivers.rs"]
mod receivers;
mod record;
mod retention;
mod scopes;
mod serving;
mod spoofing;
mod tokens;
mod voting;
mod watching;
mod wrapping;
