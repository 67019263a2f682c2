//! The operators' side: what waits for a person, and everything a person may stop.
//!
//! Operators and their groups are not made here: whoever could add an operator could add a second
//! approver for themselves. That is done by whoever owns the guard's directory.

mod agents;
mod amendment;
mod approval;
mod approvals;
mod audit;
mod caller;
mod channels;
mod confirmations;
mod delegations;
mod grants;
mod history;
mod keys;
mod metrics;
mod pattern;
mod pins;
mod reviews;
mod roster;
mod scopes;
mod sessions;
mod stopped;

use std::sync::Arc;

use axum::Router;

use super::health;
use super::openapi;
use super::reply;
use super::routes::{Route, Routes};
use crate::guard::Guard;

/// The router of the operators' listener.
pub fn router(guard: Arc<Guard>) -> Router {
    reply::finish(table().into_router()).with_state(guard)
}

/// Every route of the operators' listener.
#[must_use]
pub fn routes() -> Vec<Route> {
    table().into_list()
}

fn table() -> Routes<Arc<Guard>> {
    Routes::new()
        .get("/v1/approvals", approvals::list)
        .get("/v1/approvals/{id}", approvals::show)
        .get("/v1/approvals/{id}/pattern", pattern::preview)
        .post("/v1/approvals/{id}/decisions", approvals::decide)
        .delete("/v1/approvals/{id}/decisions", approvals::withdraw)
        .post("/v1/approvals/{id}/break-glass", reviews::break_glass)
        .get("/v1/reviews", reviews::list)
        .post("/v1/reviews/{id}/close", reviews::close)
        .get("/v1/approvals/{id}/amendment", amendment::propose)
        .get("/v1/agents", agents::list)
        .get("/v1/agents/{name}", agents::show)
        .post("/v1/agents/{name}/pause", agents::pause)
        .post("/v1/agents/{name}/resume", agents::resume)
        .post("/v1/agents/{name}/revoke", agents::revoke)
        .post("/v1/agents/{name}/reopen", agents::reopen)
        .get("/v1/agents/{name}/keys", keys::list)
        .post("/v1/agents/{name}/keys", keys::issue)
        .delete("/v1/agents/{name}/keys/{id}", keys::revoke)
        .post("/v1/agents/{name}/keys/{id}/readmit", keys::readmit)
        .get("/v1/sessions", sessions::list)
        .post("/v1/sessions/{id}/pause", sessions::pause)
        .post("/v1/sessions/{id}/resume", sessions::resume)
        .post("/v1/sessions/{id}/revoke", sessions::revoke)
        .post("/v1/sessions/{id}/reinstate", sessions::reinstate)
        .get("/v1/grants", grants::list)
        .post("/v1/grants/{id}/revoke", grants::revoke)
        .get("/v1/confirmations", confirmations::show)
        .post("/v1/confirmations", confirmations::ask)
        .get("/v1/channels", channels::list)
        .post("/v1/channels/{name}/enable", channels::enable)
        .get("/v1/operators", roster::list)
        .get("/v1/delegations", delegations::list)
        .post("/v1/delegations", delegations::lend)
        .delete("/v1/delegations/{deputy}", delegations::end)
        .post("/v1/operators/{name}/confirm", roster::confirm)
        .get("/v1/pins", pins::list)
        .get("/v1/pins/diff", pins::diff)
        .get("/v1/pins/lock", pins::lock)
        .post("/v1/pins/accept", pins::accept)
        .post("/v1/pins/refuse", pins::refuse)
        .get("/v1/scopes", scopes::list)
        .post("/v1/scopes/accept", scopes::accept)
        .get("/v1/audit/entries", audit::entries)
        .get("/metrics", metrics::show)
        .open("/v1/openapi.json", openapi::document)
        .open("/healthz", health::alive)
        .open("/readyz", health::ready)
}
