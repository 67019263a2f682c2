//! The rules as a pure function: it cannot fail, wait, log or read a clock.
//!
//! `matching` finds what speaks of a call, `requirements` says what the call needs and costs, the shell
//! gathers [`facts`], and [`decide`] combines them in one exhaustive order. `trace` says it in words.

mod approvals;
mod combine;
pub mod facts;
mod follow_up;
mod history;
pub mod inbox;
mod matching;
mod patterned;
mod pinned;
mod requirements;
pub mod supposed;
pub mod trace;
mod visible;

pub use combine::decide;
pub use facts::Facts;
pub use matching::Matched;
pub use patterned::crosses_nothing_new;
pub use requirements::{Amount, Requirements};
pub use visible::is_visible;
