//! A person's decision, for the version and digest that their page showed.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::Console;
use super::form::{Fields, Posted};
use super::refusal::Refusal;
use super::request;
use crate::guard::{Resolution, ResolveError, Vote};
use crate::limits::GRANT_USES_COUNT;
use crate::model::digest::Digest;
use crate::model::id::ApprovalId;

/// Counts it; where the request moved on, the page shows how it stands now.
pub(super) async fn take(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Posted { viewer, fields }: Posted,
) -> Result<Response, Refusal> {
    let id = ApprovalId::parse(&id).ok_or_else(Refusal::missing)?;
    let vote = read(&fields)?;
    let (status, word) = match console.guard.resolve(&viewer.operator, id, vote).await {
        Ok(_) => return Ok(Redirect::to(&format!("/requests/{id}")).into_response()),
        Err(ResolveError::Stale { .. }) => (
            StatusCode::PRECONDITION_FAILED,
            "Nothing was decided: the request changed after your page was made. This is how it stands now.",
        ),
        Err(ResolveError::Decided { .. }) => (
            StatusCode::CONFLICT,
            "Nothing was decided: the request had ended before your decision came.",
        ),
        Err(ResolveError::Voted { .. }) => (
            StatusCode::CONFLICT,
            "Nothing was decided: you have voted on it already, and count once.",
        ),
        Err(other) => return Err(other.into()),
    };
    let page = request::shown(&console, &viewer, id, Some(word)).await?;
    Ok((status, page).into_response())
}

fn read(fields: &Fields) -> Result<Vote, Refusal> {
    let decision = match fields
        .needed("decision", |word| Some(word.to_owned()))?
        .as_str()
    {
        "approve" => Resolution::Approve {
            uses: fields.needed("uses", |text| {
                text.parse()
                    .ok()
                    .filter(|uses| (1..=GRANT_USES_COUNT).contains(uses))
            })?,
            life: None,
        },
        "deny" => Resolution::Deny {
            message: fields.text("message").map(ToOwned::to_owned),
        },
        _ => return Err(Refusal::bad_field("decision")),
    };
    Ok(Vote {
        version: fields.needed("version", |text| text.parse().ok())?,
        digest: fields.needed("digest", Digest::from_hex)?,
        decision,
        client_id: fields.needed("mark", |mark| {
            let is_ours = mark.len() <= 64 && mark.bytes().all(|b| b.is_ascii_graphic());
            is_ours.then(|| mark.to_owned())
        })?,
    })
}
