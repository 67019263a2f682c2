//! The enforcement points' side: permits redeemed before a call is run, and what came of it.
//!
//! It stands on the agents' listener, with a credential of its own kind: an agent cannot redeem its own
//! permit, and an enforcement point cannot ask for a call.

mod caller;
mod permits;

use std::sync::Arc;

use super::routes::{Route, Routes};
use crate::guard::Guard;

/// Every route of the enforcement points.
#[must_use]
pub fn routes() -> Vec<Route> {
    table().into_list()
}

pub(super) fn table() -> Routes<Arc<Guard>> {
    Routes::new()
        .post("/v1/permits/redeem", permits::redeem)
        .post("/v1/permits/outcome", permits::report)
}
