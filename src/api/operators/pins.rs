//! `/v1/pins`: what servers present, and what was accepted of it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::body::{Members, missing, wrong};
use super::super::problem::Problem;
use super::super::query::Asked;
use super::super::reply::{self, stored};
use super::caller::{Caller, Manager};
use crate::guard::{Guard, MemberDiff, PinView, Word};
use crate::model::digest::Digest;
use crate::model::name::ServerName;
use crate::model::pin::{Pin, PinKey, PinKind, PinState};
use crate::model::reason::Reason;

/// Every pin, by server, kind and name.
pub(super) async fn list(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
) -> Result<Response, Problem> {
    let list: Vec<Value> = guard.pins().iter().map(render).collect();
    Ok(reply::ok(json!({"pins": list})))
}

/// What is presented now beside what was accepted, word by word.
pub(super) async fn diff(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
    mut asked: Asked,
) -> Result<Response, Problem> {
    let server = server(asked.text("server"))?;
    let kind = kind(asked.text("kind"))?;
    let name = asked.text("name").unwrap_or_default();
    asked.done()?;
    let diff = guard
        .pin_diff(&server, kind, &name)
        .ok_or_else(|| Problem::new(Reason::NotFound))?;
    let whole = |pin: &Arc<Pin>| {
        json!({
            "digest": pin.key.digest.to_string(),
            "state": pin.state.name(),
            "definition": stored(&pin.definition),
        })
    };
    let members: Vec<Value> = diff.members.iter().map(member).collect();
    Ok(reply::ok(json!({
        "accepted": diff.accepted.as_ref().map(whole),
        "presented": whole(&diff.presented),
        "members": members,
    })))
}

/// The text of a lock file of what is accepted of a server now.
pub(super) async fn lock(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
    mut asked: Asked,
) -> Result<Response, Problem> {
    let server = server(asked.text("server"))?;
    asked.done()?;
    Ok(reply::ok(json!({"text": guard.lock(&server)})))
}

/// Accepts a definition.
pub(super) async fn accept(
    State(guard): State<Arc<Guard>>,
    Manager(operator): Manager,
    request: Request,
) -> Result<Response, Problem> {
    let key = key(request).await?;
    guard.accept_pin(&operator.name, &key).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Refuses a definition.
pub(super) async fn refuse(
    State(guard): State<Arc<Guard>>,
    Manager(operator): Manager,
    request: Request,
) -> Result<Response, Problem> {
    let key = key(request).await?;
    guard.refuse_pin(&operator.name, &key).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn key(request: Request) -> Result<PinKey, Problem> {
    let mut members = Members::read(request).await?;
    let key = PinKey {
        server: server(members.text("server")?)?,
        kind: kind(members.text("kind")?)?,
        name: members.text("name")?.unwrap_or_default().into(),
        digest: Digest::from_hex(&members.needed_text("digest")?)
            .ok_or_else(|| wrong("digest", "64 hexadecimal digits in lower case"))?,
    };
    members.done()?;
    Ok(key)
}

fn server(text: Option<String>) -> Result<ServerName, Problem> {
    let text = text.ok_or_else(|| missing("server"))?;
    ServerName::parse(&text).map_err(|_| wrong("server", "the name of a server"))
}

fn kind(text: Option<String>) -> Result<PinKind, Problem> {
    let text = text.ok_or_else(|| missing("kind"))?;
    let words = "server, instructions, tool, prompt or template";
    PinKind::parse(&text).ok_or_else(|| wrong("kind", words))
}

fn render(view: &PinView) -> Value {
    let pin = &view.pin;
    let (by, at) = match &pin.state {
        PinState::Seen => (None, None),
        PinState::Accepted(accepted) | PinState::Superseded { accepted, .. } => {
            (Some(accepted.by.to_string()), Some(accepted.at))
        }
        PinState::Refused { by, at } => (Some(format!("operator {by}")), Some(*at)),
    };
    json!({
        "server": pin.key.server.as_str(),
        "kind": pin.key.kind.name(),
        "name": &*pin.key.name,
        "digest": pin.key.digest.to_string(),
        "state": pin.state.name(),
        "standing": view.standing.name(),
        "is_presented": view.is_presented,
        "first_seen": pin.first_seen.to_string(),
        "by": by,
        "at": at.map(|at| at.to_string()),
    })
}

fn member(diff: &MemberDiff) -> Value {
    let words: Vec<Value> = diff
        .words
        .iter()
        .map(|word| match word {
            Word::Same(text) => json!({"change": "same", "text": text}),
            Word::Removed(text) => json!({"change": "removed", "text": text}),
            Word::Added(text) => json!({"change": "added", "text": text}),
        })
        .collect();
    json!({"member": diff.member, "words": words})
}
