//! `/v1/confirmations`: whether the owner of the token confirmed lately that it is them who uses it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::super::problem::Problem;
use super::super::reply;
use super::caller::{Shown, Voter};
use crate::guard::Guard;
use crate::limits::CONFIRMATION_WAIT;

/// How it stands with the token of the request.
pub(super) async fn show(
    State(guard): State<Arc<Guard>>,
    Shown(proven): Shown,
) -> Result<Response, Problem> {
    let left = guard.confirmation(&proven).map(|left| left.as_secs());
    Ok(reply::ok(
        json!({"confirmed": left.is_some(), "seconds_left": left}),
    ))
}

/// Asks its owner; the answer says where they confirm it, and what to compare.
pub(super) async fn ask(
    State(guard): State<Arc<Guard>>,
    Voter(proven): Voter,
) -> Result<Response, Problem> {
    let asking = guard.ask_confirmation(&proven);
    let doorway = guard.doorway();
    let page = doorway.map(|doorway| format!("{}/confirm", doorway.origin()));
    Ok(reply::ok(json!({
        "code": asking.code,
        "console": page,
        "seconds": CONFIRMATION_WAIT.as_secs(),
    })))
}
