//! `POST /v1/calls/{id}/outcome`: what became of a call that somebody else ran.
//!
//! The report comes with the acting agent's own credential, so it is a claim: it stands in the record
//! and does nothing else. What ends the call is the word of the enforcement point that ran it.

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

/// Records the outcome that the call's own agent claims.
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
    if !slot.take_claim() {
        return Err(Problem::new(Reason::AlreadyDecided).call(slot.id));
    }
    let note = match note {
        Some(words) => format!("claimed by the agent: {words}"),
        None => "claimed by the agent".to_owned(),
    };
    desk.guard
        .claim(&principal.agent, slot.id, outcome, Some(&note))
        .await?;
    Ok(reply::ok(json!({
        "call_id": slot.id.to_string(),
        "outcome": outcome.name(),
        "standing": "claimed",
    })))
}
