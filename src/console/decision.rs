//! A person's decision, for the version and digest that their page showed.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::Console;
use super::form::{Fields, Posted};
use super::refusal::Refusal;
use super::request;
use super::since;
use super::viewer::Viewer;
use crate::guard::{Resolution, ResolveError, Vote};
use crate::limits::{GRANT_LIFE, GRANT_USES_COUNT, PATTERN_USES_COUNT};
use crate::model::approval::Approval;
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
    let after = since::shown(&fields);
    let done = decided(&console, &viewer, id, vote).await;
    answer(&console, &viewer, id, (after, &headers), done).await
}

/// What a person is told of what they decided, on a page that knew the record up to there.
pub(super) async fn answer(
    console: &Console,
    viewer: &Viewer,
    id: ApprovalId,
    (after, headers): (Option<u64>, &HeaderMap),
    done: Result<Approval, ResolveError>,
) -> Result<Response, Refusal> {
    let (status, word) = match done {
        Ok(_) => return Ok(Redirect::to(&format!("/requests/{id}")).into_response()),
        Err(ResolveError::Stale { .. }) => {
            let moves = match after {
                Some(after) => since::moves(&console.guard, id, after).await?,
                None => None,
            };
            let moves = moves.map_or_else(String::new, |moves| format!(": {moves}"));
            let word = format!(
                "Nothing was decided: the request changed after your page was made{moves}. \
                 This is how it stands now."
            );
            let page = request::shown(console, viewer, id, Some(&word)).await?;
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
        Err(ResolveError::Unsigned(unsigned)) if is_script(headers) => {
            let asked = axum::Json(serde_json::json!({"publicKey": unsigned.options}));
            return Ok((StatusCode::UNAUTHORIZED, asked).into_response());
        }
        Err(ResolveError::Unsigned(_)) => (
            StatusCode::UNAUTHORIZED,
            "Nothing was decided: this approval is signed with a passkey, which takes a browser with scripts.",
        ),
        Err(ResolveError::Unconfirmed) => (
            StatusCode::FORBIDDEN,
            "Nothing was decided: you are signed in with a token. Sign in with something better.",
        ),
        // The page says what to do.
        Err(ResolveError::RightsOld) => (
            StatusCode::FORBIDDEN,
            "Nothing was decided: what you may do must be read again first.",
        ),
        Err(ResolveError::Answer(fault)) => {
            let word = format!("Nothing was decided: {fault}. Decide again.");
            let page = request::shown(console, viewer, id, Some(&word)).await?;
            return Ok((StatusCode::FORBIDDEN, page).into_response());
        }
        Err(other) => return Err(other.into()),
    };
    let page = request::shown(console, viewer, id, Some(word)).await?;
    Ok((status, page).into_response())
}

async fn decided(
    console: &Console,
    viewer: &Viewer,
    id: ApprovalId,
    vote: Vote,
) -> Result<Approval, ResolveError> {
    if vote.is_bare_approval() {
        console.guard.confirmed(&viewer.proven, id).await?;
    }
    let operator = &viewer.proven.operator;
    console.guard.resolve(operator, id, vote).await
}

/// What a passkey signed, where the form has it.
pub(super) fn read_answer(fields: &Fields) -> Result<Option<Assertion>, Refusal> {
    let Some(text) = fields.text("assertion") else {
        return Ok(None);
    };
    let answer = json::parse(text.as_bytes()).ok();
    let answer = answer.and_then(|answer| Assertion::parse(&answer).ok());
    match answer {
        Some(answer) => Ok(Some(answer)),
        None => Err(Refusal::bad_field("assertion")),
    }
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
        "pattern" => Resolution::Pattern {
            pins: fields.needed("pins", |text| {
                let pins = json::parse(text.as_bytes()).ok()?;
                let pins = pins.as_array()?.iter();
                pins.map(|pin| Some(pin.as_str()?.to_owned())).collect()
            })?,
            uses: fields.needed("uses", |text| {
                let uses = text.parse().ok();
                uses.filter(|uses| (1..=PATTERN_USES_COUNT).contains(uses))
            })?,
            life: Some(fields.needed("minutes", |text| {
                let life = text
                    .parse()
                    .ok()
                    .map(|minutes: u16| u64::from(minutes) * 60);
                let life = life.map(Duration::from_secs);
                life.filter(|life| !life.is_zero() && *life <= GRANT_LIFE)
            })?),
        },
        "deny" => Resolution::Deny {
            message: fields.text("message").map(ToOwned::to_owned),
        },
        _ => return Err(Refusal::bad_field("decision")),
    };
    Ok(Vote {
        answer: read_answer(fields)?,
        version: fields.needed("version", |text| text.parse().ok())?,
        digest: fields.needed("digest", Digest::from_hex)?,
        decision,
        client_id: fields.needed("mark", |mark| {
            let is_ours = mark.len() <= 64 && mark.bytes().all(|b| b.is_ascii_graphic());
            is_ours.then(|| mark.to_owned())
        })?,
    })
}

pub(super) fn is_script(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .is_some_and(|kind| kind == "application/json")
}
