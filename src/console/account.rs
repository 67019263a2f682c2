//! The way over an identity provider: there, and back into the console.
//!
//! A browser that comes from another site brings no strict cookie, and a form leads to no other site; so
//! both ways end on a small page of ours that goes on by itself.

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::http::header::{HOST, REFRESH, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::form::{Fields, Posted};
use super::refusal::Refusal;
use super::sign_in::{admit, local};
use super::viewer::Viewer;
use super::{Console, cookie, frame, moment};
use crate::authn::oidc::{Arrival, Arrived, Errand, Provider, SignInFault};
use crate::guard::{Denial, Doorway, EnrolError};
use crate::limits::RIGHTS_READ_LONGEST;
use crate::model::proof::Proof;
use crate::model::role::Right;
use crate::model::time::Timestamp;

/// Sends somebody to the provider to sign in.
pub(super) async fn begin(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let fields = Fields::read(request).await?;
    let back = local(fields.text("back").unwrap_or_default());
    leave(&console, &headers, Errand::SignIn, back).await
}

/// Sends somebody who is signed in there, to have their rights read again.
pub(super) async fn read(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response, Refusal> {
    let (viewer, fields) = posted.with(&console, Right::Read).await?;
    let back = local(fields.text("back").unwrap_or_default());
    let errand = Errand::Read(viewer.proven.operator.name.clone());
    leave(&console, &headers, errand, back).await
}

/// Sends somebody who is signed in there, to prove themselves anew.
pub(super) async fn prove(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response, Refusal> {
    let (viewer, _) = posted.with(&console, Right::Read).await?;
    let errand = Errand::Prove(viewer.proven.operator.name);
    leave(&console, &headers, errand, "/confirm").await
}

/// Sends whoever holds a link there, to bind the account they have.
pub(super) async fn enrol(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let fields = Fields::read(request).await?;
    let secret = fields.needed("secret", |text| Some(text.to_owned()))?;
    let link = console.guard.open_link(&secret).await?;
    leave(&console, &headers, Errand::Bind(link.key), "/sign-in").await
}

/// Takes up whoever comes back.
pub(super) async fn arrive(
    State(console): State<Arc<Console>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut response = match arrived(&console, query.as_deref(), &headers).await {
        Ok(response) => response,
        Err(denial) => refused(&denial),
    };
    if let Some(cookie) = cookie::take_pass() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

async fn arrived(
    console: &Console,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, Denial> {
    let guard = &console.guard;
    let came = match come(console, query, headers).await {
        Ok(came) => came,
        Err(fault) => return Err(guard.unproved_person(fault.into()).await),
    };
    let only = match &came.errand {
        Errand::Bind(link) => {
            let bound = guard.bind_account(link, &came.attested).await;
            return match bound {
                Ok(_) => Ok(led("Your account is bound to you now.", &came.back)),
                Err(error) => Err(guard.unproved_person(told(&error)).await),
            };
        }
        Errand::SignIn => None,
        Errand::Read(operator) | Errand::Prove(operator) => Some(operator),
    };
    let proven = guard.sign_in_account(&came.attested, only).await?;
    if let Errand::Prove(operator) = &came.errand {
        guard.note_proved(operator);
    }
    Ok(match only {
        // Their visit goes on; the cookie that names it was not sent from there.
        Some(_) => led("What you may do was read anew.", &came.back),
        None => admit(
            console,
            headers,
            &proven,
            led("You are signed in.", &came.back),
        ),
    })
}

async fn come(
    console: &Console,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Arrived, SignInFault> {
    let arrival = query.and_then(arrival).ok_or(SignInFault::Journey)?;
    let doorway = console.guard.doorway();
    let (Some(provider), Some(doorway)) = (&console.provider, doorway) else {
        return Err(SignInFault::Journey);
    };
    let pass = cookie::read_pass(headers);
    let ambient = console.guard.ambient();
    provider
        .arrive(&arrival, pass, &callback(&doorway), ambient)
        .await
}

/// What a browser brings in the address; nothing where it says a thing twice.
fn arrival(query: &str) -> Option<Arrival> {
    let mut arrival = Arrival::default();
    let mut state = None;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let place = match &*name {
            "state" => &mut state,
            "code" => &mut arrival.code,
            "error" => &mut arrival.error,
            "iss" => &mut arrival.issuer,
            _ => continue,
        };
        if place.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    arrival.state = state?;
    Some(arrival)
}

async fn leave(
    console: &Console,
    headers: &HeaderMap,
    errand: Errand,
    back: &str,
) -> Result<Response, Refusal> {
    let doorway = console.guard.doorway();
    let (Some(provider), Some(doorway)) = (&console.provider, doorway) else {
        return Err(Refusal::missing());
    };
    // The way back leads there, and the pass that is needed then stays here.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if host != doorway.origin().split_once("://").map(|(_, host)| host) {
        let page = html! {
            main #main .narrow {
                h1 { "Sign in" }
                p { "Accounts work at " a href={ (doorway.origin()) "/sign-in" } { (doorway.origin()) } "." }
            }
        };
        return Ok(frame::bare("Sign in", page).into_response());
    }
    let begun = provider
        .begin(errand, back, &callback(&doorway), console.guard.ambient())
        .await;
    let leaving = match begun {
        Ok(leaving) => leaving,
        Err(fault) => return Err(console.guard.unproved_person(fault.into()).await.into()),
    };
    let mut response = led(
        "You are led to your identity provider.",
        leaving.address.as_str(),
    );
    if let Some(cookie) = cookie::give_pass(&leaving.pass, doorway.is_tls()) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The one address that the provider sends people back to.
fn callback(doorway: &Doorway) -> String {
    format!("{}{CALLBACK}", doorway.origin())
}

/// A page that goes on by itself.
fn led(said: &str, to: &str) -> Response {
    let page = html! {
        main #main .narrow {
            h1 { (said) }
            p { a href=(to) { "Go on" } }
        }
    };
    let mut response = frame::bare("Sign in", page).into_response();
    if let Ok(refresh) = HeaderValue::from_str(&format!("0; url={to}")) {
        response.headers_mut().insert(REFRESH, refresh);
    }
    response
}

fn refused(denial: &Denial) -> Response {
    let row = denial.reason().row();
    let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::UNAUTHORIZED);
    let page = html! {
        main #main .narrow {
            h1 { (row.sentence) }
            p .alert role="alert" { "Nobody was signed in: " (denial.cause.sentence) "." }
            p { (row.remedy) }
            p { a href="/sign-in" { "To the sign-in" } }
        }
    };
    (status, frame::bare("Not signed in", page)).into_response()
}

/// What a person is told of an account that was not bound.
fn told(error: &EnrolError) -> Denial {
    Denial::new(error.reason(), error.to_string())
}

/// The button of the sign-in page.
pub(super) fn way_in(provider: Option<&Provider>, back: &str) -> Markup {
    let Some(provider) = provider else {
        return html! {};
    };
    html! {
        form method="post" action="/sign-in/account" .stack {
            input type="hidden" name="back" value=(back);
            button { "Sign in with your account at " (name(provider)) }
        }
    }
}

/// The button of the page that a link leads to.
pub(super) fn way_to_bind(provider: Option<&Provider>) -> Markup {
    let Some(provider) = provider else {
        return html! {};
    };
    html! {
        form #enrol-account method="post" action="/enrol/account" .stack {
            input type="hidden" name="secret";
            button { "Use your account at " (name(provider)) }
            p .meta { "It signs you in. What stands above write still takes a passkey." }
        }
    }
}

/// The account on the page of its owner.
pub(super) fn own(
    proofs: &[Proof],
    viewer: &Viewer,
    ending: impl Fn(&Proof) -> Markup,
    now: Timestamp,
) -> Markup {
    let mut accounts = proofs
        .iter()
        .filter(|one| one.account().is_some())
        .peekable();
    if accounts.peek().is_none() {
        return html! {};
    }
    html! {
        h2 { "Account" }
        table {
            thead { tr { th { "At" } th { "Added" } th { "Rights read" } th { "" } } }
            tbody {
                @for one in accounts {
                    tr {
                        td { @if let Some(account) = one.account() { (super::foreign::text(&account.issuer)) } }
                        td { (moment::ago(one.added, now)) }
                        td { @if let Some(read) = one.used { (moment::ago(read, now)) } @else { "never" } }
                        td { (ending(one)) }
                    }
                }
            }
        }
        (reading(viewer, "/me"))
    }
}

/// What stands before a decision whose maker's rights were not read lately.
pub(super) fn unread(viewer: &Viewer, back: &str) -> Markup {
    html! {
        div .alert role="alert" {
            p {
                "Your identity provider was last asked for your rights more than "
                (RIGHTS_READ_LONGEST.as_secs() / 60)
                " minutes ago. Have them read again to decide."
            }
            (reading(viewer, back))
        }
    }
}

fn reading(viewer: &Viewer, back: &str) -> Markup {
    html! {
        form method="post" action="/me/account/read" {
            (frame::seal(viewer))
            input type="hidden" name="back" value=(back);
            button .quiet { "Read my rights again" }
        }
    }
}

/// The button that leads to proving oneself anew.
pub(super) fn proving(viewer: &Viewer) -> Markup {
    html! {
        form method="post" action="/me/account/prove" {
            (frame::seal(viewer))
            button { "Prove yourself at your identity provider first" }
        }
    }
}

fn name(provider: &Provider) -> &str {
    let issuer = provider.issuer();
    issuer.split_once("://").map_or(issuer, |(_, name)| name)
}

pub(super) const CALLBACK: &str = "/sign-in/account/callback";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_twice_on_the_way_back_is_not_heard() {
        let came = arrival("code=a&state=b&iss=c&session_state=x").unwrap();
        assert_eq!(came.code.as_deref(), Some("a"));
        assert_eq!((came.state.as_str(), came.error), ("b", None));
        for query in ["", "code=a", "state=a&state=b", "state=a&code=b&code=c"] {
            assert!(arrival(query).is_none(), "{query}");
        }
    }
}
