//! `/v1/approvals/{id}/amendment`: a patch of the manifest that would have let the call pass.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::super::problem::Problem;
use super::super::reply;
use super::approvals::parse_id;
use super::caller::Caller;
use crate::guard::{AmendError, Guard};

/// Proposes it; nothing is changed by that.
pub(super) async fn propose(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let proposal = guard.amendment(parse_id(&id)?).await?;
    let remains: Vec<Value> = proposal
        .remains
        .iter()
        .map(|(reason, sentence)| json!({"code": reason.code(), "sentence": sentence}))
        .collect();
    Ok(reply::ok(json!({
        "approval": proposal.approval.to_string(),
        "sentence": proposal.sentence,
        "widens": proposal.widens,
        "file": proposal.file,
        "directory": proposal.directory,
        "patch": proposal.patch,
        "manifest_digest": proposal.from.to_string(),
        "amended_digest": proposal.to.to_string(),
        "remains": remains,
        "replay": {
            "calls": proposal.replay.calls,
            "kept": proposal.replay.kept,
            "changed": proposal.replay.changed,
            "permitted": proposal.replay.permitted,
        },
    })))
}

impl From<AmendError> for Problem {
    fn from(error: AmendError) -> Self {
        Self::new(error.reason()).detail(error.to_string())
    }
}
