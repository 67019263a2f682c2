//! Commands of one's own that ask to be confirmed, so that a copied token decides nothing.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::decision::{is_script, read_answer};
use super::form::Posted;
use super::frame::Room;
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, account, frame, moment};
use crate::guard::{Asking, ConfirmError};
use crate::limits::TOKEN_CONFIRMED_LIFE;
use crate::model::role::Right;
use crate::model::time::Timestamp;

/// The page.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    shown(&console, &viewer, None).await
}

/// Confirms one.
pub(super) async fn take(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response, Refusal> {
    let (viewer, fields) = posted.with(&console, Right::Decide).await?;
    let answer = read_answer(&fields)?;
    let confirmed = console
        .guard
        .confirm_token(&viewer.proven, &id, answer.as_ref())
        .await;
    let (status, word) = match confirmed {
        Ok(()) => return Ok(Redirect::to("/confirm").into_response()),
        // A script of ours runs the passkey and sends the same form again.
        Err(ConfirmError::Unsigned(options)) if is_script(&headers) => {
            let asked = axum::Json(serde_json::json!({"publicKey": options}));
            return Ok((StatusCode::UNAUTHORIZED, asked).into_response());
        }
        Err(ConfirmError::Unsigned(_)) => (
            StatusCode::UNAUTHORIZED,
            "This is confirmed with a passkey, which takes a browser with scripts.".to_owned(),
        ),
        Err(ConfirmError::Unproved) => (
            StatusCode::FORBIDDEN,
            "Prove yourself anew first.".to_owned(),
        ),
        Err(ConfirmError::Answer(fault)) => (StatusCode::FORBIDDEN, format!("{fault}. Try again.")),
        Err(ConfirmError::Missing) => return Err(Refusal::missing()),
        Err(ConfirmError::Store(fault)) => return Err(fault.into()),
    };
    let word = format!("Nothing was confirmed. {word}");
    let page = shown(&console, &viewer, Some(&word)).await?;
    Ok((status, page).into_response())
}

async fn shown(console: &Console, viewer: &Viewer, word: Option<&str>) -> Result<Markup, Refusal> {
    let guard = &console.guard;
    let since = console.feed.place();
    let name = &viewer.proven.operator.name;
    let (now, askings) = (guard.ambient().now(), guard.askings(name));
    let mut own = guard.proofs().await?;
    own.retain(|one| one.operator == *name && one.is_live(now));
    let signs = own.iter().any(|one| one.passkey().is_some());
    let proves = !signs && own.iter().any(|one| one.account().is_some()) && !guard.has_proved(name);
    let body = html! {
        main #main .sheet {
            h1 { "Confirm your commands" }
            @if let Some(word) = word { p .alert role="alert" { (word) } }
            p .meta {
                "A token for commands approves only within "
                (TOKEN_CONFIRMED_LIFE.as_secs() / 60)
                " minutes after you confirmed that it is you who uses it."
            }
            @if askings.is_empty() {
                p { "Nothing waits. " code { "countersign approvals reauth" } " would ask here." }
            }
            @if proves && !askings.is_empty() { (account::proving(viewer)) }
            @for asking in &askings { (one(asking, viewer, signs, proves, now)) }
        }
    };
    Ok(frame::page(Room::Me, "Confirm", viewer, &since, body))
}

fn one(asking: &Asking, viewer: &Viewer, signs: bool, proves: bool, now: Timestamp) -> Markup {
    html! {
        form method="post" action={ "/confirm/" (asking.id) } .panel data-passkey[signs] {
            (frame::seal(viewer))
            p { "Your command shows " code .code { (asking.code) } "?" }
            p .meta {
                "Token " code { (asking.id) } " · asked " (moment::ago(asking.at, now))
                @if let Some(source) = &asking.source { " · from " (source) }
            }
            @if signs {
                input type="hidden" name="assertion";
                p .meta role="status" { "You sign this with your passkey." }
            }
            button .permit disabled[proves] { "Yes, that is me" }
        }
    }
}
