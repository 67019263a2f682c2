//! `POST /v1/calls/{id}/outcome`: what became of a call that somebody else ran.
//!
//! The report comes with the acting agent's own credential, so it is a claim: it ends the call, and it
//! can neither release a budget nor teach anything. That is why `not-sent` is not among its words.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde_json::json;

use super::super::body::{Members, wrong};
use super::super::problem::Problem;
use super::super::reply;
use super::Desk;
use super::caller::Caller;
use crate::model::id::CallId;
use crate::model::outcome::Outcome;
use crate::model::reason::Reason;

/// Settles the call with the outcome its own agent claims.
pub(super) async fn report(
    State(desk): State<Desk>,
    Caller(principal): Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let mut members = Members::read(request).await?;
    let outcome = match members.needed_text("outcome")?.as_str() {
        "done" => Outcome::Done,
        "failed" => Outcome::Failed,
        "unknown" => Outcome::Unknown,
        _ => return Err(wrong("outcome", "`done`, `failed` or `unknown`")),
    };
    let note = members.text("note")?;
    members.done()?;
    let slot = CallId::parse(&id)
        .and_then(|id| desk.ledger.find(id, &principal))
        .ok_or_else(|| Problem::new(Reason::NotFound))?;
    let receipt = slot
        .take_receipt()
        .ok_or_else(|| Problem::new(Reason::AlreadyDecided).call(slot.id))?;
    let note = match note {
        Some(words) => format!("claimed by the agent: {words}"),
        None => "claimed by the agent".to_owned(),
    };
    desk.guard.settle(receipt, outcome, Some(note)).await;
    Ok(reply::ok(json!({
        "call_id": slot.id.to_string(),
        "outcome": outcome.name(),
        "standing": "claimed",
    })))
}
