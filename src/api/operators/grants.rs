//! `/v1/grants`: what approvals have left.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::super::problem::Problem;
use super::super::reply;
use super::caller::{Caller, Stopper};
use super::stopped;
use crate::guard::Guard;
use crate::model::grant::Grant;
use crate::model::id::GrantId;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;

/// Grants, newest first.
pub(super) async fn list(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
) -> Result<Response, Problem> {
    let now = guard.ambient().now();
    let grants = guard.grants().await?;
    let list: Vec<Value> = grants.iter().map(|grant| render(grant, now)).collect();
    Ok(reply::ok(json!({"grants": list})))
}

/// Revokes what is left of a grant.
pub(super) async fn revoke(
    State(guard): State<Arc<Guard>>,
    Stopper(operator): Stopper,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = GrantId::parse(&id).ok_or_else(|| Problem::new(Reason::NotFound))?;
    Ok(stopped::render(
        &guard.revoke_grant(&operator.name, id).await?,
    ))
}

fn render(grant: &Grant, now: Timestamp) -> Value {
    json!({
        "id": grant.id.to_string(),
        "approval": grant.approval.to_string(),
        "agent": grant.agent.as_str(),
        "session": grant.session.to_string(),
        "kind": grant.kind(),
        "pins": grant.pattern.as_ref().map(|one| one.pins.iter().collect::<Vec<_>>()),
        "state": grant.standing(now),
        "uses": grant.uses,
        "used": grant.used,
        "until": grant.until.to_string(),
    })
}
