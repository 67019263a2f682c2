//! A person's decision, for the version and digest that their page showed.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::Console;
use super::form::{Fields, Posted};
use super::refusal::Refusal;
use super::request;
use super::since;
use crate::guard::{Resolution, ResolveError, Vote};
use crate::limits::GRANT_USES_COUNT;
use crate::model::digest::Digest;
use crate::model::id::ApprovalId;
use crate::model::json;
use crate::model::passkey::Assertion;
use crate::model::role::Right;

/// Counts it; where the request moved on, the page shows how it stands now.
pub(super) async fn take(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response, Refusal> {
    let (viewer, fields) = posted.with(&console, Right::Decide).await?;
    let id = ApprovalId::parse(&id).ok_or_else(Refusal::missing)?;
    let vote = read(&fields)?;
    let (status, word) = match console
        .guard
        .resolve(&viewer.proven.operator, id, vote)
        .await
    {
        Ok(_) => return Ok(Redirect::to(&format!("/requests/{id}")).into_response()),
        Err(ResolveError::Stale { .. }) => {
            let after = fields.text("after").and_then(|text| text.parse().ok());
            let moves = match after {
                Some(after) => since::moves(&console.guard, id, after).await?,
                None => None,
            };
            let moves = moves.map_or_else(String::new, |moves| format!(": {moves}"));
            let word = format!(
                "Nothing was decided: the request changed after your page was made{moves}. \
                 This is how it stands now."
            );
            let page = request::shown(&console, &viewer, id, Some(&word)).await?;
            return Ok((StatusCode::PRECONDITION_FAILED, page).into_response());
        }
        Err(ResolveError::Decided { .. }) => (
            StatusCode::CONFLICT,
            "Nothing was decided: the request had ended before your decision came.",
        ),
        Err(ResolveError::Voted { .. }) => (
            StatusCode::CONFLICT,
            "Nothing was decided: you have voted on it already, and count once.",
        ),
        // A script of ours runs the passkey and sends the same form again.
        Err(ResolveError::Unsigned(unsigned)) if is_script(&headers) => {
            let asked = axum::Json(serde_json::json!({"publicKey": unsigned.options}));
            return Ok((StatusCode::UNAUTHORIZED, asked).into_response());
        }
        Err(ResolveError::Unsigned(_)) => (
            StatusCode::UNAUTHORIZED,
            "Nothing was decided: this approval is signed with a passkey, which takes a browser with scripts.",
        ),
        Err(ResolveError::Answer(fault)) => {
            let word = format!("Nothing was decided: {fault}. Decide again.");
            let page = request::shown(&console, &viewer, id, Some(&word)).await?;
            return Ok((StatusCode::FORBIDDEN, page).into_response());
        }
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
    let answer = fields.text("assertion").map(|text| {
        let answer = json::parse(text.as_bytes()).ok();
        answer.and_then(|answer| Assertion::parse(&answer).ok())
    });
    Ok(Vote {
        answer: match answer {
            None => None,
            Some(read) => Some(read.ok_or_else(|| Refusal::bad_field("assertion"))?),
        },
        version: fields.needed("version", |text| text.parse().ok())?,
        digest: fields.needed("digest", Digest::from_hex)?,
        decision,
        client_id: fields.needed("mark", |mark| {
            let is_ours = mark.len() <= 64 && mark.bytes().all(|b| b.is_ascii_graphic());
            is_ours.then(|| mark.to_owned())
        })?,
    })
}

fn is_script(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .is_some_and(|kind| kind == "application/json")
}
