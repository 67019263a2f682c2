//! Everybody who may look, decide or manage, and whose new passkeys wait for somebody's word.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::{Markup, html};

use super::form::Posted;
use super::frame::Room;
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, frame, moment};
use crate::model::credential::Operator;
use crate::model::name::OperatorName;
use crate::model::proof::{Proof, ProofKind};
use crate::model::role::Right;
use crate::model::time::Timestamp;

/// The page.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let guard = &console.guard;
    let since = console.feed.place();
    let now = guard.ambient().now();
    let (mut operators, mut proofs) = (guard.operators().await?, guard.proofs().await?);
    operators.retain(|operator| operator.revoked.is_none());
    proofs.retain(|proof| proof.is_live(now));
    let body = html! {
        main #main .sheet {
            h1 { "People" }
            table {
                thead { tr { th { "Name" } th { "Roles" } th { "Groups" } th { "Passkeys" } th { "Tokens" } th { "Added" } th { "" } } }
                tbody { @for operator in &operators { (row(operator, &proofs, &viewer, now)) } }
            }
            p .meta { "People are added at the guard's own machine: " code { "countersign operators add" } "." }
        }
    };
    Ok(frame::page(Room::People, "People", &viewer, &since, body))
}

/// Vouches that somebody's passkeys are theirs.
pub(super) async fn confirm(
    State(console): State<Arc<Console>>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Redirect, Refusal> {
    let (viewer, _) = posted.with(&console, Right::Manage).await?;
    let name = OperatorName::parse(&name).map_err(|_| Refusal::missing())?;
    let by = viewer.proven.operator.name.as_str();
    console.guard.confirm_passkeys(by, &name).await?;
    Ok(Redirect::to("/people"))
}

/// Ends everything that somebody is signed in with, wherever that is.
pub(super) async fn sign_out(
    State(console): State<Arc<Console>>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Redirect, Refusal> {
    let (viewer, _) = posted.with(&console, Right::Manage).await?;
    let name = OperatorName::parse(&name).map_err(|_| Refusal::missing())?;
    let by = viewer.proven.operator.name.as_str();
    // First: where the record cannot be written, they are out all the same.
    console.visits.end_all(&name);
    console.guard.sign_out(by, &name).await?;
    Ok(Redirect::to("/people"))
}

fn row(operator: &Operator, proofs: &[Proof], viewer: &Viewer, now: Timestamp) -> Markup {
    let own = || proofs.iter().filter(|one| one.operator == operator.name);
    let tokens = own().filter(|one| matches!(one.kind, ProofKind::Token { .. }));
    let passkeys = own().filter_map(|one| one.passkey().map(|passkey| (one, passkey)));
    let settled: Vec<bool> = passkeys
        .map(|(one, passkey)| passkey.is_settled(one.added, now))
        .collect();
    let waiting = settled.iter().filter(|settled| !**settled).count();
    let is_other = operator.name != viewer.proven.operator.name;
    let roles: Vec<&str> = operator.roles.iter().map(|one| one.name()).collect();
    let groups: Vec<&str> = operator.groups.iter().map(|one| one.as_str()).collect();
    html! {
        tr {
            td { (operator.name) }
            td { (roles.join(", ")) }
            td { (groups.join(", ")) }
            td .number {
                (settled.len())
                @if waiting > 0 {
                    " " span .held { (waiting) " new" }
                    @if is_other && viewer.may(Right::Manage) {
                        form method="post" action={ "/people/" (operator.name) "/confirm" } {
                            (frame::seal(viewer))
                            button .quiet aria-label={ "Confirm the passkeys of " (operator.name) } { "Confirm" }
                        }
                    }
                }
            }
            td .number { (tokens.count()) }
            td { (moment::ago(operator.added, now)) }
            td {
                @if viewer.may(Right::Manage) {
                    form method="post" action={ "/people/" (operator.name) "/sign-out" } {
                        (frame::seal(viewer))
                        button .quiet aria-label={ "Sign out " (operator.name) " everywhere" } { "Sign out" }
                    }
                }
            }
        }
    }
}
