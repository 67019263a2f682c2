//! People are told what waits: the real program, and receivers made of other implementations.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[path = "../cli/agent.rs"]
#[expect(dead_code, reason = "these tests need only calls over HTTP")]
mod agent;
#[path = "../cli/house.rs"]
#[expect(dead_code, reason = "each test takes what it needs of the house")]
mod house;
mod mail;
#[path = "../kit/receivers.rs"]
#[expect(dead_code, reason = "nobody is asked for keys here")]
mod receivers;
mod stage;
mod webhooks;
