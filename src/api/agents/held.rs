//! 202: what an agent is told while its call is in nobody's power to run yet.

use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::super::problem::seconds;
use super::super::reply;
use super::slot::{Slot, Waits};
use crate::limits::HOLD_POLL_INTERVAL;

/// A person must decide.
pub(super) fn render(slot: &Slot) -> Response {
    match slot.waits() {
        Some(waits) => accepted(slot, waiting(slot, &waits)),
        None => underway(slot),
    }
}

/// Another request has the call in its hands.
pub(super) fn underway(slot: &Slot) -> Response {
    match slot.waits() {
        Some(waits) if slot.word().is_none() => accepted(slot, waiting(slot, &waits)),
        _ => accepted(
            slot,
            json!({
                "call_id": slot.id.to_string(),
                "state": slot.word().unwrap_or("judging"),
            }),
        ),
    }
}

fn waiting(slot: &Slot, waits: &Waits) -> Value {
    let reasons: Vec<Value> = waits
        .reasons
        .iter()
        .map(|reason| json!({"code": reason.code(), "sentence": reason.row().sentence}))
        .collect();
    let mut told = json!({
        "call_id": slot.id.to_string(),
        "approval_id": waits.approval.to_string(),
        "state": "held",
        "reasons": reasons,
        "decide_by": waits.decide_by.to_string(),
        "code": waits.code,
        "agent_hint": AGENT_HINT,
    });
    if let (Some(progress), Value::Object(told)) = (waits.progress, &mut told) {
        told.insert("approvals".to_owned(), progress.to_string().into());
    }
    told
}

fn accepted(slot: &Slot, body: Value) -> Response {
    let mut response = reply::with(StatusCode::ACCEPTED, body);
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/calls/{}", slot.id)) {
        headers.insert(LOCATION, location);
    }
    headers.insert(RETRY_AFTER, seconds(HOLD_POLL_INTERVAL));
    response
}

const AGENT_HINT: &str = "APPROVAL PENDING: held for a person's approval and not executed. Do not \
     rephrase it and do not use another tool to the same effect. Wait, then repeat exactly the same \
     request; it joins this one and runs once it is approved.";
