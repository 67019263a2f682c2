//! `/v1/delegations`: who votes in whose stead, and until when. People lend what is theirs.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::body::{Members, missing, wrong};
use super::super::problem::Problem;
use super::super::reply;
use super::caller::{Caller, Decider};
use crate::guard::Guard;
use crate::model::delegation::Delegation;
use crate::model::name::OperatorName;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;

/// Every delegation, in the order they were made.
pub(super) async fn list(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
) -> Result<Response, Problem> {
    let now = guard.ambient().now();
    let delegations = guard.delegations().await?;
    let list: Vec<Value> = delegations.iter().map(|one| render(one, now)).collect();
    Ok(reply::ok(json!({"delegations": list})))
}

/// Lends the operator's own groups.
pub(super) async fn lend(
    State(guard): State<Arc<Guard>>,
    Decider(operator): Decider,
    request: Request,
) -> Result<Response, Problem> {
    let mut members = Members::read(request).await?;
    let deputy = members.needed_text("deputy")?;
    let life = members.number("life_seconds")?;
    members.done()?;
    let deputy = OperatorName::parse(&deputy).map_err(|error| wrong("deputy", error.expected))?;
    let life = life.ok_or_else(|| missing("life_seconds"))?;
    let delegation = guard
        .delegate(&operator, &deputy, Duration::from_secs(life))
        .await?;
    let now = guard.ambient().now();
    Ok(reply::with(StatusCode::CREATED, render(&delegation, now)))
}

/// Takes the operator's own groups back.
pub(super) async fn end(
    State(guard): State<Arc<Guard>>,
    Decider(operator): Decider,
    Path(deputy): Path<String>,
) -> Result<Response, Problem> {
    let deputy = OperatorName::parse(&deputy).map_err(|_| Problem::new(Reason::NotFound))?;
    guard.end_delegation(&operator.name, &deputy).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn render(delegation: &Delegation, now: Timestamp) -> Value {
    json!({
        "lender": delegation.lender.as_str(),
        "deputy": delegation.deputy.as_str(),
        "state": delegation.standing(now),
        "since": delegation.since.to_string(),
        "until": delegation.until.to_string(),
    })
}
