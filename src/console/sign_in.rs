//! Signing in and out.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::form::{Fields, Posted};
use super::{Console, cookie, frame};

/// Where to go after it.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    back: String,
}

/// The form.
pub(super) async fn page(Query(Back { back }): Query<Back>) -> Markup {
    ask(local(&back), None)
}

/// Begins a visit for whoever has an operator's token.
pub(super) async fn enter(State(console): State<Arc<Console>>, request: Request) -> Response {
    let fields = match Fields::read(request).await {
        Ok(fields) => fields,
        Err(refusal) => return refusal.into_response(),
    };
    let back = local(fields.text("back").unwrap_or_default()).to_owned();
    let guard = &console.guard;
    match guard.operator(fields.text("token")).await {
        Ok(operator) => {
            let name = console.visits.begin(&operator, guard.ambient());
            let mut response = Redirect::to(&back).into_response();
            if let Some(cookie) = cookie::give(&name) {
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
            response
        }
        Err(denial) => {
            let row = denial.reason().row();
            let status = axum::http::StatusCode::from_u16(row.status);
            let status = status.unwrap_or(axum::http::StatusCode::UNAUTHORIZED);
            (status, ask(&back, Some(row.sentence))).into_response()
        }
    }
}

/// Ends the visit.
pub(super) async fn leave(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    _: Posted,
) -> Response {
    if let Some(name) = cookie::read(&headers) {
        console.visits.end(name);
    }
    let mut response = Redirect::to("/sign-in").into_response();
    if let Some(cookie) = cookie::take() {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn ask(back: &str, refused: Option<&str>) -> Markup {
    frame::bare(
        "Sign in",
        html! {
            main #main .narrow {
                h1 { "Sign in" }
                @if let Some(sentence) = refused {
                    p .alert role="alert" { (sentence) }
                }
                form method="post" action="/sign-in" .stack {
                    input type="hidden" name="back" value=(back);
                    label for="token" { "Your token" }
                    input #token type="password" name="token" required autocomplete="current-password";
                    p .meta {
                        "Printed once by " code { "countersign operators add" }
                        ". It stays on this machine; the browser keeps only the name of this visit."
                    }
                    button .main { "Sign in" }
                }
            }
        },
    )
}

/// A path of this console, and nothing that leads elsewhere.
fn local(back: &str) -> &str {
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
