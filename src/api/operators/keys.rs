//! `/v1/agents/{name}/keys`: what an agent proves itself with.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::body::{Members, wrong};
use super::super::problem::Problem;
use super::super::reply;
use super::agents::parse_name;
use super::caller::{Caller, Manager};
use super::stopped;
use crate::guard::Guard;
use crate::limits::AGENT_KEY_LIFE;
use crate::model::credential::Credential;
use crate::model::id::CredentialId;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;

/// The agent's credentials; never a secret.
pub(super) async fn list(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let name = parse_name(&name)?;
    let now = guard.ambient().now();
    let agents = guard.agents().await?;
    let agent = agents
        .iter()
        .find(|agent| agent.name == name)
        .ok_or_else(|| Problem::new(Reason::NotFound))?;
    let list: Vec<Value> = agent
        .credentials
        .iter()
        .map(|credential| render(credential, now))
        .collect();
    Ok(reply::ok(json!({"keys": list})))
}

/// Issues a key; its secret is in this answer and nowhere else.
pub(super) async fn issue(
    State(guard): State<Arc<Guard>>,
    Manager(operator): Manager,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let name = parse_name(&name)?;
    let mut members = Members::read_optional(request).await?;
    let life = members.number("life_seconds")?.map(Duration::from_secs);
    members.done()?;
    if life.is_some_and(|life| life.is_zero() || life > AGENT_KEY_LIFE) {
        let most = AGENT_KEY_LIFE.as_secs();
        return Err(wrong("life_seconds", &format!("1 to {most}")));
    }
    let (credential, secret) = guard
        .add_agent_key(operator.name.as_str(), &name, life)
        .await?;
    let mut body = render(&credential, guard.ambient().now());
    if let Value::Object(body) = &mut body {
        body.insert("secret".to_owned(), secret.into());
    }
    Ok(reply::with(StatusCode::CREATED, body))
}

/// Revokes a key of the agent.
pub(super) async fn revoke(
    State(guard): State<Arc<Guard>>,
    Manager(operator): Manager,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let id = own(&guard, &name, &id).await?;
    let revoked = guard.revoke_agent_key(operator.name.as_str(), id);
    Ok(stopped::render(&revoked.await?))
}

/// Lets a revoked identity of an issuer's tokens prove the agent again.
pub(super) async fn readmit(
    State(guard): State<Arc<Guard>>,
    Manager(operator): Manager,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let id = own(&guard, &name, &id).await?;
    guard.readmit_identity(&operator.name, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A credential of that agent.
async fn own(guard: &Guard, name: &str, id: &str) -> Result<CredentialId, Problem> {
    let name = parse_name(name)?;
    let id = CredentialId::parse(id).ok_or_else(|| Problem::new(Reason::NotFound))?;
    let agents = guard.agents().await?;
    let is_its_own = agents
        .iter()
        .filter(|agent| agent.name == name)
        .any(|agent| {
            agent
                .credentials
                .iter()
                .any(|credential| credential.id == id)
        });
    match is_its_own {
        true => Ok(id),
        false => Err(Problem::new(Reason::NotFound)),
    }
}

/// The document of a credential.
pub(super) fn render(credential: &Credential, now: Timestamp) -> Value {
    let state = match credential.revoked {
        Some(_) => "revoked",
        None if credential.expires <= now => "expired",
        None => "live",
    };
    json!({
        "id": credential.id.to_string(),
        "agent": credential.agent.as_str(),
        "kind": credential.kind.name(),
        "state": state,
        "issued": credential.issued.to_string(),
        "expires": credential.expires.to_string(),
        "revoked": credential.revoked.map(|at| at.to_string()),
    })
}
