//! `/v1/channels`: how people are told what waits, and whether they can be.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::super::problem::Problem;
use super::super::reply;
use super::caller::{Caller, Manager};
use crate::guard::Guard;
use crate::guard::notices::ChannelView;
use crate::model::name::ChannelName;
use crate::model::reason::Reason;

/// The channels, and the public key that their messages are verified with.
pub(super) async fn list(State(guard): State<Arc<Guard>>, Caller(_): Caller) -> Response {
    let channels: Vec<Value> = guard.channels().iter().map(render).collect();
    reply::ok(json!({
        "public_key": guard.notice_key().as_deref(),
        "channels": channels,
    }))
}

/// Switches a channel on again.
pub(super) async fn enable(
    State(guard): State<Arc<Guard>>,
    Manager(operator): Manager,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let name = ChannelName::parse(&name).map_err(|_| Problem::new(Reason::NotFound))?;
    guard.enable_channel(&operator.name, &name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn render(channel: &ChannelView) -> Value {
    let counts = channel.counts.iter();
    let counts: Map<_, _> = counts
        .map(|(outcome, count)| ((*outcome).to_owned(), (*count).into()))
        .collect();
    json!({
        "name": channel.name.as_str(),
        "how": channel.how,
        "disabled": channel.disabled.map(|at| at.to_string()),
        "counts": counts,
        "fault": channel.fault.as_ref().map(|(_, fault)| fault),
        "fault_at": channel.fault.as_ref().map(|(at, _)| at.to_string()),
    })
}
