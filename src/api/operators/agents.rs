//! `/v1/agents`: who may act at all.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::body::{Members, target};
use super::super::problem::Problem;
use super::super::reply;
use super::super::session;
use super::caller::{Caller, Manager, Stopper};
use super::history;
use super::keys;
use super::stopped;
use crate::guard::{AgentView, Guard};
use crate::model::name::AgentName;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;

/// Every agent with a scope, a state or a credential.
pub(super) async fn list(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
) -> Result<Response, Problem> {
    let agents = guard.agents().await?;
    let now = guard.ambient().now();
    let list: Vec<Value> = agents.iter().map(|agent| render(agent, now)).collect();
    Ok(reply::ok(json!({"agents": list})))
}

/// One agent, with its sessions and what it has done before.
pub(super) async fn show(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let name = parse_name(&name)?;
    let agents = guard.agents().await?;
    let agent = agents
        .iter()
        .find(|agent| agent.name == name)
        .ok_or_else(|| Problem::new(Reason::NotFound))?;
    let sessions: Vec<Value> = guard
        .sessions()
        .await?
        .iter()
        .filter(|session| session.principal.agent == name)
        .map(session::render)
        .collect();
    let history = history::render(&guard.history(&name).await?);
    let mut document = render(agent, guard.ambient().now());
    if let Some(members) = document.as_object_mut() {
        members.insert("sessions".into(), sessions.into());
        members.insert("history".into(), history.into());
    }
    Ok(reply::ok(document))
}

/// Lets none of its calls pass until it is resumed.
pub(super) async fn pause(
    State(guard): State<Arc<Guard>>,
    Stopper(operator): Stopper,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let agent = parse_name(&name)?;
    Ok(stopped::render(
        &guard.pause_agent(&operator.name, &agent).await?,
    ))
}

/// Lets its calls pass again.
pub(super) async fn resume(
    State(guard): State<Arc<Guard>>,
    Manager(operator): Manager,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let agent = parse_name(&name)?;
    guard.resume_agent(&operator.name, &agent).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends its sessions, grants and holds, and refuses its credentials.
pub(super) async fn revoke(
    State(guard): State<Arc<Guard>>,
    Stopper(operator): Stopper,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let agent = parse_name(&name)?;
    Ok(stopped::render(
        &guard.revoke_agent(&operator.name, &agent).await?,
    ))
}

/// Lets it ask again for a tool that persons refused too often.
pub(super) async fn reopen(
    State(guard): State<Arc<Guard>>,
    Manager(operator): Manager,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let agent = parse_name(&name)?;
    let mut members = Members::read(request).await?;
    let tool = members.needed_text("tool")?;
    members.done()?;
    guard
        .reopen_tool(&operator.name, &agent, &target(&tool)?)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An agent by its name.
pub(super) fn parse_name(text: &str) -> Result<AgentName, Problem> {
    AgentName::parse(text).map_err(|_| Problem::new(Reason::NotFound))
}

fn render(agent: &AgentView, now: Timestamp) -> Value {
    let credentials: Vec<Value> = agent
        .credentials
        .iter()
        .map(|credential| keys::render(credential, now))
        .collect();
    json!({
        "name": agent.name.as_str(),
        "state": agent.state.name(),
        "owner": agent.owner,
        "has_scope": agent.scoped,
        "open_holds": agent.open,
        "credentials": credentials,
    })
}
