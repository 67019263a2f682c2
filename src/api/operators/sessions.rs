//! `/v1/sessions` of the operators' listener: every agent's sessions.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::problem::Problem;
use super::super::reply;
use super::super::session;
use super::caller::{Caller, Manager, Stopper};
use super::stopped;
use crate::guard::Guard;
use crate::model::id::SessionId;
use crate::model::reason::Reason;

/// Sessions that have not ended, and the newest that have.
pub(super) async fn list(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
) -> Result<Response, Problem> {
    let sessions = guard.sessions().await?;
    let list: Vec<Value> = sessions.iter().map(session::render).collect();
    Ok(reply::ok(json!({"sessions": list})))
}

/// Lets none of its calls pass until it is resumed.
pub(super) async fn pause(
    State(guard): State<Arc<Guard>>,
    Stopper(operator): Stopper,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    guard.pause_session(&operator.name, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Lets its calls pass again.
pub(super) async fn resume(
    State(guard): State<Arc<Guard>>,
    Manager(operator): Manager,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    guard.resume_session(&operator.name, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends it for ever, with its grants and holds.
pub(super) async fn revoke(
    State(guard): State<Arc<Guard>>,
    Stopper(operator): Stopper,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    Ok(stopped::render(
        &guard.revoke_session(&operator.name, id).await?,
    ))
}

/// Lets the credential of a revoked session open new ones.
pub(super) async fn reinstate(
    State(guard): State<Arc<Guard>>,
    Manager(operator): Manager,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    guard
        .reinstate_session(&operator.name, parse_id(&id)?)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn parse_id(text: &str) -> Result<SessionId, Problem> {
    SessionId::parse(text).ok_or_else(|| Problem::new(Reason::NotFound))
}
