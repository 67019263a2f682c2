//! Signing in and out: with a passkey, an account, or a token where the guard takes tokens.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::device::Device;
use super::form::{Fields, Posted};
use super::refusal::Refusal;
use super::{Console, account, cookie, frame};
use crate::guard::Doorway;
use crate::model::json;
use crate::model::passkey::Assertion;
use crate::model::proof::Proven;
use crate::model::role::Right;

/// Where to go after it.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    back: String,
}

/// The form.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    Query(Back { back }): Query<Back>,
) -> Markup {
    ask(&console, local(&back), None)
}

/// Begins a visit for whoever has an operator's token, where tokens open the console.
pub(super) async fn enter(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let fields = match Fields::read(request).await {
        Ok(fields) => fields,
        Err(refusal) => return refusal.into_response(),
    };
    let back = local(fields.text("back").unwrap_or_default()).to_owned();
    let guard = &console.guard;
    if !takes_tokens(guard.doorway().as_deref()) {
        let word = "This guard takes no tokens.";
        return (StatusCode::FORBIDDEN, ask(&console, &back, Some(word))).into_response();
    }
    match guard.operator(fields.text("token")).await {
        Ok(proven) => admit(
            &console,
            &headers,
            &proven,
            Redirect::to(&back).into_response(),
        ),
        Err(denial) => {
            let row = denial.reason().row();
            let status = StatusCode::from_u16(row.status);
            let status = status.unwrap_or(StatusCode::UNAUTHORIZED);
            (status, ask(&console, &back, Some(row.sentence))).into_response()
        }
    }
}

/// What a browser is asked so that a passkey signs somebody in.
pub(super) async fn begin(State(console): State<Arc<Console>>, request: Request) -> Response {
    let asked = match Fields::read(request).await {
        Ok(_) => console.guard.begin_sign_in().map_err(Refusal::from),
        Err(refusal) => Err(refusal),
    };
    match asked {
        Ok(options) => axum::Json(json!({"publicKey": options})).into_response(),
        Err(refusal) => refusal.spoken(),
    }
}

/// Begins a visit for whoever a passkey proved.
pub(super) async fn finish(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    match finished(&console, &headers, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.spoken(),
    }
}

async fn finished(
    console: &Console,
    headers: &HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let fields = Fields::read(request).await?;
    let answer = fields.needed("credential", |text| json::parse(text.as_bytes()).ok())?;
    let answer = Assertion::parse(&answer).map_err(|_| Refusal::bad_field("credential"))?;
    let proven = console.guard.sign_in(&answer).await?;
    let to = local(fields.text("back").unwrap_or_default());
    let led = axum::Json(json!({"to": to})).into_response();
    Ok(admit(console, headers, &proven, led))
}

/// Ends the visit.
pub(super) async fn leave(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response, Refusal> {
    posted.with(&console, Right::Read).await?;
    if let Some(name) = cookie::read(&headers) {
        console.visits.end(name);
    }
    Ok(led_out())
}

/// The sign-in page, with the cookie taken back.
pub(super) fn led_out() -> Response {
    let mut response = Redirect::to("/sign-in").into_response();
    if let Some(cookie) = cookie::take() {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// Begins a new visit, and ends the one that the browser had.
pub(super) fn admit(
    console: &Console,
    headers: &HeaderMap,
    proven: &Proven,
    mut response: Response,
) -> Response {
    if let Some(earlier) = cookie::read(headers) {
        console.visits.end(earlier);
    }
    let device = Device::of(headers);
    let name = console
        .visits
        .begin(proven, device, console.guard.ambient());
    let doorway = console.guard.doorway();
    let over_tls = doorway.is_some_and(|doorway| doorway.is_tls());
    if let Some(cookie) = cookie::give(&name, over_tls) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn takes_tokens(doorway: Option<&Doorway>) -> bool {
    doorway.is_none_or(|doorway| doorway.takes_tokens)
}

fn ask(console: &Console, back: &str, refused: Option<&str>) -> Markup {
    let doorway = console.guard.doorway();
    let doorway = doorway.as_deref();
    frame::bare(
        "Sign in",
        html! {
            main #main .narrow {
                h1 { "Sign in" }
                @if let Some(sentence) = refused {
                    p .alert role="alert" { (sentence) }
                }
                @if let Some(doorway) = doorway {
                    form #sign-in method="post" action="/sign-in/passkey" .stack data-origin=(doorway.origin()) {
                        input type="hidden" name="back" value=(back);
                        button .main hidden { "Sign in with a passkey" }
                        p .meta data-said role="status" { "A passkey needs a browser with scripts." }
                    }
                }
                (account::way_in(console.provider.as_ref(), back))
                @if takes_tokens(doorway) {
                    form method="post" action="/sign-in" .stack {
                        input type="hidden" name="back" value=(back);
                        label for="token" { "Your token" }
                        input #token type="password" name="token" required autocomplete="current-password";
                        p .meta {
                            "Printed once by " code { "countersign operators add" }
                            ". It stays on this machine; the browser keeps only the name of this visit."
                        }
                        button { "Sign in with the token" }
                    }
                }
            }
        },
    )
}

/// A path of this console, and nothing that leads elsewhere.
pub(super) fn local(back: &str) -> &str {
    let is_local = back.starts_with('/')
        && !back.starts_with("//")
        && back.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    match is_local {
        true => back,
        false => "/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_nowhere_else() {
        for (asked, led) in [
            ("/requests/apr_1", "/requests/apr_1"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\\evil.example", "/"),
            ("", "/"),
            ("/a\r\nSet-Cookie: x", "/"),
        ] {
            assert_eq!(local(asked), led, "{asked}");
        }
    }
}
