//! `/v1/permits`: redeem before acting, report afterwards.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;

use super::super::body::{Members, missing, target, wrong};
use super::super::problem::Problem;
use super::super::reply;
use super::caller::Caller;
use crate::guard::Guard;
use crate::model::arguments::Arguments;
use crate::model::id::CallId;
use crate::model::outcome::Outcome;
use crate::model::reason::Reason;

/// Redeems a permit, once, for the call that is about to run.
pub(super) async fn redeem(
    State(guard): State<Arc<Guard>>,
    Caller(pep): Caller,
    request: Request,
) -> Result<Response, Problem> {
    let mut members = Members::read(request).await?;
    let permit = members.needed_text("permit")?;
    let tool = members.needed_text("tool")?;
    let arguments = members.object("arguments")?;
    members.done()?;
    let arguments = Arguments::from_map(arguments.ok_or_else(|| missing("arguments"))?);
    let redeemed = guard
        .redeem_permit(&pep, &permit, &target(&tool)?, &arguments)
        .await?;
    Ok(reply::ok(json!({
        "call_id": redeemed.call.to_string(),
        "state": "redeemed",
        "action_digest": redeemed.digest.to_string(),
        "report_by": redeemed.report_by.to_string(),
    })))
}

/// Records what came of a call.
pub(super) async fn report(
    State(guard): State<Arc<Guard>>,
    Caller(pep): Caller,
    request: Request,
) -> Result<Response, Problem> {
    let mut members = Members::read(request).await?;
    let call = members.needed_text("call_id")?;
    let outcome = members.needed_text("outcome")?;
    let note = members.text("note")?;
    members.done()?;
    let outcome = Outcome::parse(&outcome)
        .ok_or_else(|| wrong("outcome", "`done`, `failed`, `not-sent` or `unknown`"))?;
    let call = CallId::parse(&call).ok_or_else(|| Problem::new(Reason::NotFound))?;
    guard.report(&pep, call, outcome, note.as_deref()).await?;
    Ok(reply::ok(json!({
        "call_id": call.to_string(),
        "outcome": outcome.name(),
        "standing": "reported",
    })))
}
