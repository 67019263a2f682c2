//! `/v1/sessions` of the agents' listener: an agent's own sessions.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::body::Members;
use super::super::problem::Problem;
use super::super::reply;
use super::super::session;
use super::Desk;
use super::asked::session_named;
use super::caller::Caller;

/// Opens a session; the handle selects it, and only together with the credential it was given to.
pub(super) async fn open(
    State(desk): State<Desk>,
    Caller(principal): Caller,
    request: Request,
) -> Result<Response, Problem> {
    let mut members = Members::read_optional(request).await?;
    let label = members.text("label")?;
    members.done()?;
    let opened = desk.guard.open_session(&principal, label).await?;
    Ok(reply::with(StatusCode::CREATED, session::render(&opened)))
}

/// The principal's own sessions.
pub(super) async fn list(
    State(desk): State<Desk>,
    Caller(principal): Caller,
) -> Result<Response, Problem> {
    let sessions = desk.guard.sessions().await?;
    let own: Vec<Value> = sessions
        .iter()
        .filter(|session| session.principal == principal)
        .map(session::render)
        .collect();
    Ok(reply::ok(json!({"sessions": own})))
}

/// Closes a session.
pub(super) async fn close(
    State(desk): State<Desk>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = session_named(&id)?;
    desk.guard.close_session(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
