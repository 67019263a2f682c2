//! `GET /v1/calls/{id}`: how far a call has come. It only reports; nothing is redeemed by looking.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value};

use super::super::prefer;
use super::super::problem::Problem;
use super::super::reply;
use super::super::wake;
use super::Desk;
use super::caller::Caller;
use super::slot::Slot;
use crate::model::approval::ApprovalState;
use crate::model::id::CallId;
use crate::model::reason::Reason;

/// Reports at once, or when the call stops waiting, whichever the request prefers.
pub(super) async fn report(
    State(desk): State<Desk>,
    Caller(principal): Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let slot = CallId::parse(&id)
        .and_then(|id| desk.ledger.find(id, &principal))
        .ok_or_else(|| Problem::new(Reason::NotFound))?;
    let wait = prefer::wait(&headers);
    let ends = desk.guard.ambient().monotonic() + wait;
    loop {
        let mut wakes = desk.guard.wakes();
        let mut changes = slot.changes();
        let body = look(&desk, &slot).await?;
        let left = ends.saturating_sub(desk.guard.ambient().monotonic());
        let waits = body
            .get("state")
            .and_then(Value::as_str)
            .is_some_and(|state| WAITING.contains(&state));
        if !waits || left.is_zero() {
            return Ok(prefer::applied(wait, reply::ok(Value::Object(body))));
        }
        let until = left.min(LOOK_INTERVAL);
        tokio::select! {
            () = wake::approvals(&mut wakes, until) => {}
            _ = changes.changed() => {}
        }
    }
}

async fn look(desk: &Desk, slot: &Slot) -> Result<Map<String, Value>, Problem> {
    let mut body = Map::new();
    let mut put = |name: &str, value: String| body.insert(name.to_owned(), value.into());
    put("call_id", slot.id.to_string());
    put("mode", slot.mode.name().to_owned());
    put("tool", slot.target.to_string());
    let mut state = slot.word();
    if let Some(waits) = slot.waits() {
        put("approval_id", waits.approval.to_string());
        put("code", waits.code);
        put("decide_by", waits.decide_by.to_string());
        let approval = desk.guard.approval(waits.approval).await?;
        let now = desk.guard.ambient().now();
        let open = approval.as_ref().filter(|approval| approval.is_open(now));
        if let Some(progress) = open.and_then(|approval| approval.progress()) {
            put("approvals", progress.to_string());
        }
        let stands = approval.map(|approval| approval.state_at(now));
        match &stands {
            Some(ApprovalState::Approved { redeem_by, .. }) => {
                put("redeem_by", redeem_by.to_string());
            }
            Some(ApprovalState::Denied {
                message: Some(message),
                ..
            }) => {
                put("message_to_agent", message.clone());
            }
            _ => {}
        }
        state = state.or_else(|| stands.as_ref().map(ApprovalState::name));
    }
    put("state", state.unwrap_or("judging").to_owned());
    Ok(body)
}

/// States in which waiting longer may show something new.
const WAITING: [&str; 3] = ["judging", "held", "executing"];
/// Expiry is computed when read and wakes nobody, so a wait looks again by itself.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
