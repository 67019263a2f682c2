//! `/v1/approvals/{id}/pattern`: what a grant for calls like a held one would have covered so far.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde_json::json;

use super::super::problem::Problem;
use super::super::reply;
use super::approvals::parse_id;
use super::caller::Caller;
use crate::guard::{Guard, PreviewError};
use crate::model::reason::Reason;

/// Holds the pins of the query, each a `pin`, against the record. It grants nothing.
pub(super) async fn preview(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    let mut pins = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "pin" => pins.push(value.into_owned()),
            _ => return Err(Problem::malformed(format!("unknown parameter {name:?}"))),
        }
    }
    let approval = guard.approval(id).await?;
    let approval = approval.ok_or_else(|| Problem::new(Reason::NotFound))?;
    let preview = match guard.preview(&approval, pins).await {
        Ok(preview) => preview,
        Err(PreviewError::Unfit(why)) => return Err(Problem::malformed(why)),
        Err(PreviewError::Store(fault)) => return Err(fault.into()),
    };
    Ok(reply::ok(json!({
        "approval": id.to_string(),
        "pins": preview.pins.iter().collect::<Vec<_>>(),
        "free": preview.free,
        "looked": preview.looked,
        "matched": preview.matched,
        "untold": preview.untold,
        "sentence": preview.to_string(),
    })))
}
