//! `POST /v1/calls` asks; `DELETE /v1/calls/{id}` withdraws.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, json};

use super::super::prefer;
use super::super::problem::Problem;
use super::super::reply;
use super::Desk;
use super::asked::Asked;
use super::caller::Caller;
use super::ledger::{KeyName, Opened};
use super::slot::Slot;
use super::turn::Turn;
use crate::guard::Refusal;
use crate::limits::CALL_KEPT;
use crate::model::call::{Call, Principal};
use crate::model::id::CallId;
use crate::model::reason::Reason;

/// Asks whether a call may run, and in proxy mode runs it.
pub(super) async fn ask(
    State(desk): State<Desk>,
    Caller(principal): Caller,
    request: Request,
) -> Response {
    match open(&desk, &principal, request).await {
        Ok(response) => response,
        Err(problem) => {
            let refusal = Refusal {
                reason: problem.reason(),
                agent: Some(principal.agent),
                edge: "http",
                sentence: problem.sentence().to_owned(),
            };
            desk.guard.refuse(refusal).await;
            problem.into_response()
        }
    }
}

/// Withdraws a call that waits. A call that is on its way is not called back.
pub(super) async fn withdraw(
    State(desk): State<Desk>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let slot = CallId::parse(&id)
        .and_then(|id| desk.ledger.find(id, &principal))
        .ok_or_else(|| Problem::new(Reason::NotFound))?;
    match Turn::at(desk, Arc::clone(&slot)) {
        Some(turn) => {
            // The answer is for whoever waits on the call; the one who withdraws it hears less.
            let _ = turn.withdraw().await;
        }
        None if slot.word().is_none() => {
            let mut changes = slot.changes();
            slot.withdrawn.cancel();
            // Whether the waiting request let go in time is read from the slot below.
            let _ = tokio::time::timeout(LET_GO_LONGEST, changes.changed()).await;
        }
        None => {}
    }
    match slot.word() {
        Some("cancelled") => Ok(reply::ok(
            json!({"call_id": slot.id.to_string(), "state": "cancelled"}),
        )),
        word => Err(Problem::new(Reason::AlreadyDecided)
            .call(slot.id)
            .member("state", word.unwrap_or("judging"))),
    }
}

async fn open(desk: &Desk, principal: &Principal, request: Request) -> Result<Response, Problem> {
    let asked = Asked::read(request).await?;
    let session = match desk.guard.session(principal, asked.session).await {
        Ok(session) => session,
        Err(denial) => return Ok(Problem::from(denial).into_response()),
    };
    let key = asked.key.clone().map(|key| KeyName {
        owner: principal.clone(),
        session,
        mode: asked.mode,
        key,
    });
    let ambient = desk.guard.ambient();
    let slot = Arc::new(Slot::new(
        CallId::random(ambient),
        principal.clone(),
        (asked.mode, asked.target.clone(), asked.fingerprint()),
        key,
        ambient.now().after(CALL_KEPT),
    ));
    let wait = asked.wait;
    let response = match desk.ledger.open(&slot) {
        Opened::Conflict => return Err(Problem::new(Reason::IdempotencyConflict)),
        Opened::Known(known) => Turn::join(desk.clone(), known, wait).await,
        Opened::Fresh => {
            let turn = Turn::first(desk.clone(), Arc::clone(&slot));
            let call = Call {
                id: slot.id,
                principal: principal.clone(),
                session,
                mode: asked.mode,
                method: Arc::from("tools/call"),
                target: asked.target,
                arguments: asked.arguments,
                extras: Map::new(),
                claims: asked.claims,
                idempotency_key: asked.key,
                attached: None,
            };
            // A server that cannot be asked says so, rather than that it has no such tool.
            desk.upstreams
                .ensure_listed(&desk.guard, principal, &call.target.server)
                .await?;
            turn.judge(call, wait).await
        }
    };
    Ok(prefer::applied(wait, response))
}

/// How long a withdrawal waits for the request that has the call in its hands.
const LET_GO_LONGEST: Duration = Duration::from_secs(5);
