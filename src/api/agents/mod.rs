//! The agents' side: calls and sessions of the one who asks, and nothing of anybody else.

mod answer;
mod asked;
mod caller;
mod calls;
mod held;
mod ledger;
mod outcome;
mod sessions;
mod slot;
mod status;
mod turn;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;

use self::ledger::Ledger;
use super::health;
use super::openapi;
use super::peps;
use super::reply;
use super::routes::{Route, Routes};
use crate::authn::jwt::Issuers;
use crate::guard::{Guard, Upstreams};

/// Everything the handlers of this side share.
#[derive(Clone)]
struct Desk {
    guard: Arc<Guard>,
    upstreams: Arc<dyn Upstreams>,
    ledger: Arc<Ledger>,
    issuers: Issuers,
}

impl FromRef<Desk> for Arc<Guard> {
    fn from_ref(desk: &Desk) -> Self {
        Self::clone(&desk.guard)
    }
}

impl FromRef<Desk> for Issuers {
    fn from_ref(desk: &Desk) -> Self {
        desk.issuers.clone()
    }
}

/// The router of the agents' listener, with what enforcement points need beside it.
///
/// Must be called inside a tokio runtime: what this edge still answers for is swept in a task.
pub fn router(guard: Arc<Guard>, upstreams: Arc<dyn Upstreams>, issuers: Issuers) -> Router {
    let ledger = Ledger::start(&guard);
    let permits = peps::table().into_router().with_state(Arc::clone(&guard));
    let desk = Desk {
        guard,
        upstreams,
        ledger,
        issuers,
    };
    reply::finish(table().into_router().with_state(desk).merge(permits))
}

/// Every route of the agents.
#[must_use]
pub fn routes() -> Vec<Route> {
    table().into_list()
}

fn table() -> Routes<Desk> {
    Routes::new()
        .post("/v1/calls", calls::ask)
        .get("/v1/calls/{id}", status::report)
        .delete("/v1/calls/{id}", calls::withdraw)
        .post("/v1/calls/{id}/outcome", outcome::report)
        .post("/v1/sessions", sessions::open)
        .get("/v1/sessions", sessions::list)
        .delete("/v1/sessions/{id}", sessions::close)
        .open("/v1/openapi.json", openapi::document)
        .open("/healthz", health::alive)
        .open("/readyz", health::ready)
}
