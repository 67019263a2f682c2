//! A deterministic world drives the real guard over a real store: clocks that jump, agents and operators
//! that meet, upstreams that lie, hang and die, a store that fails, a guard that crashes. A seed repeats
//! a run exactly: `SEED=7 cargo test --test simulation` tells its story, `SEEDS=100000` plays more.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and tells why"
)]

mod agents;
mod cast;
mod day;
mod dice;
mod errands;
mod faulty;
mod invariants;
mod ledger;
mod many;
mod people;
mod planted;
mod quorum;
mod record;
mod seeds;
mod sessions;
mod stage;
mod whole;
mod world;
