//! `/v1/scopes`: what is in force, and what waits to be accepted.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::body::{Members, wrong};
use super::super::problem::Problem;
use super::super::reply;
use super::caller::{Caller, Manager};
use crate::guard::Guard;
use crate::model::digest::Digest;

/// The scopes in force, and the digest of those that are offered.
pub(super) async fn list(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
) -> Result<Response, Problem> {
    let scopes = guard.scopes();
    let agents: Vec<Value> = scopes
        .agents()
        .map(|scope| {
            json!({
                "agent": scope.agent.as_str(),
                "owner": scope.owner,
                "description": scope.description,
                "file": &*scope.file,
                "digest": scope.digest.to_string(),
            })
        })
        .collect();
    Ok(reply::ok(json!({
        "digest": scopes.digest().to_string(),
        "offered": guard.offered().map(|digest| digest.to_string()),
        "agents": agents,
    })))
}

/// Puts the offered scopes in force, if they are the ones that were looked at.
pub(super) async fn accept(
    State(guard): State<Arc<Guard>>,
    Manager(operator): Manager,
    request: Request,
) -> Result<Response, Problem> {
    let mut members = Members::read(request).await?;
    let digest = members.needed_text("digest")?;
    members.done()?;
    let digest = Digest::from_hex(&digest)
        .ok_or_else(|| wrong("digest", "64 hexadecimal digits in lower case"))?;
    guard.accept_scopes(&operator.name, digest).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
