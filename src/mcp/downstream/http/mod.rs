//! Streamable HTTP towards agents: `/mcp/{server}` for each server, `/mcp` for all of them joined.

mod accept;
mod admission;
mod door;
mod events;
mod metadata;
mod outlet;
mod post;
mod repeat;
mod session;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

pub use admission::Hosts;
pub use door::Door;

use crate::authn::jwt::Issuers;
use crate::mcp::Edge;

/// The routes that agents use. Requests must be for one of `hosts`, and carry an agent's key or a token
/// of one of `issuers`.
pub fn router(edge: Arc<Edge>, hosts: Hosts, issuers: Issuers) -> Router {
    let door = Door::new(edge, hosts, issuers);
    let joined = post(post::joined)
        .get(events::joined_events)
        .delete(events::joined_end);
    let single = post(post::single)
        .get(events::single_events)
        .delete(events::single_end);
    Router::new()
        .route("/mcp", joined)
        .route("/mcp/{server}", single)
        .route(metadata::PATH, get(metadata::whole))
        .route("/.well-known/oauth-protected-resource/{*of}", get(metadata::part))
        // The door reads bodies itself, to its own bound.
        .layer(DefaultBodyLimit::disable())
        .with_state(door)
}
