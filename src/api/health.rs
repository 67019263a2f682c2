//! Whether the guard lives, and whether it can take calls.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::problem::Problem;
use super::reply::ok;
use crate::guard::Guard;
use crate::model::reason::Reason;

/// The process answers.
pub(super) async fn alive() -> Response {
    ok(json!({"status": "alive"}))
}

/// The store answers and the guard is not stopping.
pub(super) async fn ready(State(guard): State<Arc<Guard>>) -> Response {
    if guard.stopping().is_cancelled() {
        return Problem::new(Reason::ShuttingDown).into_response();
    }
    match guard.approvals(false).await {
        Ok(_) => ok(json!({"status": "ready"})),
        Err(error) => Problem::from(error).into_response(),
    }
}
