//! What a pause or a revocation stopped.

use axum::response::Response;
use serde_json::json;

use super::super::reply;
use crate::guard::Stopped;

/// Counts the sessions and holds it stopped, and names the calls that were already on their way.
pub(super) fn render(stopped: &Stopped) -> Response {
    reply::ok(json!({
        "sessions": stopped.sessions,
        "holds": stopped.holds,
        "running": stopped.running.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))
}
