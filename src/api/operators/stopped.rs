//! What a pause or a revocation stopped.

use axum::response::Response;
use serde_json::json;

use super::super::reply;
use crate::guard::Stopped;

/// Names the sessions and holds it ended, and the calls that were already written upstream.
pub(super) fn render(stopped: &Stopped) -> Response {
    reply::ok(json!({
        "sessions": names(&stopped.sessions),
        "holds": names(&stopped.holds),
        "running": names(&stopped.running),
    }))
}

fn names(ids: &[impl ToString]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
