//! What the guard knows of the person who looks: their roles, their passkeys and tokens, and the way out.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde_json::json;

use super::enrol::{answer, spoken};
use super::form::Posted;
use super::frame::Room;
use super::refusal::Refusal;
use super::sign_in::led_out;
use super::viewer::Viewer;
use super::{Console, account, foreign, frame, moment};
use crate::model::proof::{Proof, ProofKind};
use crate::model::reason::Reason;
use crate::model::role::Right;
use crate::model::time::Timestamp;

/// The page.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let guard = &console.guard;
    let since = console.feed.place();
    let own = own(&console, &viewer).await?;
    let now = guard.ambient().now();
    let operator = &viewer.proven.operator;
    let groups: Vec<&str> = operator.groups.iter().map(|one| one.as_str()).collect();
    let roles: Vec<&str> = operator.roles.iter().map(|one| one.name()).collect();
    let passkeys = own.iter().filter(|one| one.passkey().is_some());
    let tokens = own
        .iter()
        .filter(|one| matches!(one.kind, ProofKind::Token { .. }));
    let may_change = may_change(&viewer, &own);
    let doorway = guard.doorway();
    let body = html! {
        main #main .sheet {
            h1 { (operator.name) }
            dl .facts {
                dt { "Roles" } dd { (roles.join(", ")) }
                dt { "Groups" } dd { (groups.join(", ")) }
                dt { "Signed in" } dd { "with " (with(&viewer.proven.proof)) }
            }
            h2 { "Passkeys" }
            table {
                thead { tr { th { "Name" } th { "Added" } th { "Last used" } th { "Decides" } th { "" } } }
                tbody { @for one in passkeys { (row(one, &viewer, may_change, now)) } }
            }
            @if let Some(doorway) = doorway {
                @if may_change {
                    form #add-passkey method="post" action="/me/passkeys" .stack.narrow data-origin=(doorway.origin()) {
                        (frame::seal(&viewer))
                        label for="label" { "A name for a new one" }
                        input #label name="label" maxlength="64" autocomplete="off";
                        button hidden { "Add a passkey" }
                        p .meta data-said role="status" { "This takes a browser with scripts." }
                    }
                } @else {
                    p .meta { "Sign in with the best that you have to add or remove one." }
                }
            }
            (account::own(&own, &viewer, |one| html! { @if may_change { (ending(one, &viewer, "Remove")) } }, now))
            h2 { "Tokens" }
            table {
                thead { tr { th { "Token" } th { "For" } th { "Added" } th { "Ends" } th { "" } } }
                tbody { @for one in tokens { (token(one, &viewer, now)) } }
            }
            @if viewer.may(Right::Decide) {
                p { a href="/confirm" { "Confirm a command of yours" } }
            }
            p .meta { "Tokens are made at the guard's own machine: " code { "countersign operators tokens add" } "." }
            form method="post" action="/me/sign-out" {
                (frame::seal(&viewer))
                button .quiet { "Sign out everywhere" }
            }
        }
    };
    Ok(frame::page(Room::Me, "Me", &viewer, &since, body))
}

/// What the browser is asked for a further passkey.
pub(super) async fn begin(State(console): State<Arc<Console>>, posted: Posted) -> Response {
    let asked = async {
        let (viewer, _) = posted.with(&console, Right::Read).await?;
        changing(&console, &viewer).await?;
        let operator = &viewer.proven.operator;
        Ok::<_, Refusal>(console.guard.begin_passkey(operator).await?)
    };
    spoken(asked.await)
}

/// Adds it.
pub(super) async fn finish(State(console): State<Arc<Console>>, posted: Posted) -> Response {
    let added = async {
        let (viewer, fields) = posted.with(&console, Right::Read).await?;
        changing(&console, &viewer).await?;
        let label = fields.text("label").unwrap_or_default();
        let by = Some(&viewer.proven.operator);
        let answer = answer(&fields)?;
        Ok::<_, Refusal>(console.guard.add_passkey(&answer, label, by).await?)
    };
    match added.await {
        Ok(_) => axum::Json(json!({"to": "/me"})).into_response(),
        Err(refusal) => refusal.spoken(),
    }
}

/// Removes a passkey, or revokes a token, of their own.
pub(super) async fn end(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Redirect, Refusal> {
    let (viewer, _) = posted.with(&console, Right::Read).await?;
    changing(&console, &viewer).await?;
    let name = &viewer.proven.operator.name;
    console
        .guard
        .end_proof(name.as_str(), Some(name), &id)
        .await?;
    Ok(Redirect::to("/me"))
}

/// Ends every visit of the person.
pub(super) async fn leave(
    State(console): State<Arc<Console>>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let (viewer, _) = posted.with(&console, Right::Read).await?;
    let name = &viewer.proven.operator.name;
    console.visits.end_all(name);
    console.guard.sign_out(name.as_str(), name).await?;
    Ok(led_out())
}

async fn own(console: &Console, viewer: &Viewer) -> Result<Vec<Proof>, Refusal> {
    let now = console.guard.ambient().now();
    let mut own = console.guard.proofs().await?;
    own.retain(|one| one.operator == viewer.proven.operator.name && one.is_live(now));
    Ok(own)
}

/// What proves a person is changed only by the best that they have: a token may be stolen, and what signs
/// nothing adds nothing that does.
fn may_change(viewer: &Viewer, own: &[Proof]) -> bool {
    let shown = &viewer.proven.proof;
    let none = |is: fn(&Proof) -> bool| !own.iter().any(is);
    shown.passkey().is_some()
        || none(|one| one.passkey().is_some()) && (shown.is_personal() || none(Proof::is_personal))
}

async fn changing(console: &Console, viewer: &Viewer) -> Result<(), Refusal> {
    match may_change(viewer, &own(console, viewer).await?) {
        true => Ok(()),
        false => Err(Refusal::of(Reason::UserUnverified)),
    }
}

const fn with(proof: &Proof) -> &'static str {
    match proof.kind {
        ProofKind::Token { .. } => "a token",
        ProofKind::Link => "a link",
        ProofKind::Passkey(_) => "a passkey",
        ProofKind::Account(_) => "an account",
    }
}

fn row(proof: &Proof, viewer: &Viewer, may_change: bool, now: Timestamp) -> Markup {
    let Some(passkey) = proof.passkey() else {
        return html! {};
    };
    html! {
        tr {
            td { (foreign::text(&passkey.label)) }
            td { (moment::ago(proof.added, now)) }
            td { @if let Some(used) = proof.used { (moment::ago(used, now)) } @else { "never" } }
            td {
                @if passkey.is_settled(proof.added, now) { "everything" }
                @else { span .held { "nothing above write for a day" } }
            }
            td { @if may_change { (ending(proof, viewer, "Remove")) } }
        }
    }
}

fn token(proof: &Proof, viewer: &Viewer, now: Timestamp) -> Markup {
    let ProofKind::Token { scopes } = &proof.kind else {
        return html! {};
    };
    let scopes: Vec<&str> = scopes.iter().map(|one| one.name()).collect();
    html! {
        tr {
            td { code { (proof.id()) } }
            td { (scopes.join(", ")) }
            td { (moment::ago(proof.added, now)) }
            td { @if let Some(expires) = proof.expires { (moment::ago(expires, now)) } }
            td { (ending(proof, viewer, "Revoke")) }
        }
    }
}

fn ending(proof: &Proof, viewer: &Viewer, name: &str) -> Markup {
    html! {
        form method="post" action={ "/me/proofs/" (proof.id()) "/end" } {
            (frame::seal(viewer))
            button .quiet aria-label={ (name) " " (proof.id()) } { (name) }
        }
    }
}
