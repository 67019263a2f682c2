//! The shell around the rules: facts in, a recorded ruling out.
//!
//! First try, retry after an approval, MCP, HTTP and hooks all enter at [`Guard::decide`]. Nothing
//! resumes: an approval leaves a grant, and the repeated call meets it among the facts.

mod agents;
mod approvals;
mod catalog;
mod decide;
mod entries;
mod operators;
mod permit;
mod reload;
mod ruling;
mod sessions;
mod settle;
mod upstream;

use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::hmac;

pub use approvals::{Resolution, ResolveError, Vote};
pub use catalog::{Catalog, KnownTool, Presented};
pub use entries::Refusal;
pub use permit::{Dispatch, Permit, Receipt};
pub use reload::{Offered, Reload};
pub use ruling::{Challenge, Denial, Hold, Pending, Ruling};
pub use upstream::{Delivery, Upstreams};

use crate::ambient::Ambient;
use crate::rate::Limits;
use crate::scopes::Scopes;
use crate::store::{SharedStore, Sync};

/// Everything a guard is made of.
pub struct Parts {
    /// Where everything durable lives.
    pub store: SharedStore,
    /// The scopes in force at start.
    pub scopes: Scopes,
    /// Clock and randomness.
    pub ambient: Ambient,
    /// Finds the same call again.
    pub match_key: [u8; 32],
    /// Derives the comparison codes of approvals.
    pub code_key: [u8; 32],
    /// Signs permits that somebody else runs.
    pub permit_key: [u8; 32],
    /// Whether reads are synced too.
    pub all_synced: bool,
    /// Whether changed scopes wait for an operator.
    pub reload: Reload,
}

/// The guard: one for a process, shared by its edges.
pub struct Guard {
    store: SharedStore,
    scopes: ArcSwap<Scopes>,
    offered: parking_lot::Mutex<Option<Scopes>>,
    limits: Limits,
    catalog: Catalog,
    ambient: Ambient,
    match_key: hmac::Key,
    code_key: hmac::Key,
    permit_key: hmac::Key,
    reads: Sync,
    reload: Reload,
    stopping: tokio_util::sync::CancellationToken,
    running: tokio_util::task::TaskTracker,
}
