//! The scopes in force, and those that wait to be.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Redirect;
use maud::{Markup, html};

use super::form::Posted;
use super::frame::Room;
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, foreign, frame};
use crate::model::digest::Digest;
use crate::model::role::Right;

/// What is in force, agent by agent.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let since = console.feed.place();
    let scopes = console.guard.scopes();
    let offered = console.guard.offered();
    let is_empty = scopes.agents().next().is_none();
    let body = html! {
        main #main .sheet {
            h1 { "Scopes" }
            p .band { "in force " code .digest { (scopes.digest()) } }
            @if let Some(digest) = offered {
                section .card.waiting {
                    h2 { "Changed manifests wait to be accepted" }
                    p { code .digest { (digest) } }
                    p .meta { "What changed: " code { "countersign scopes check" }
                        " beside the files. The scopes above stay in force until then." }
                    form method="post" action="/scopes/accept" {
                        (frame::seal(&viewer))
                        input type="hidden" name="digest" value=(digest);
                        button .main { "Put them into force" }
                    }
                }
            }
            @if is_empty {
                div .empty {
                    p { "No scope is in force: every call is denied." }
                    p .meta { "A manifest of the scopes directory appears here once it is accepted." }
                }
            } @else {
                table {
                    thead { tr {
                        th { "Agent" } th { "Owner" } th { "Rules" } th { "Forbids" } th { "File" } th { "Digest" }
                    } }
                    tbody {
                        @for scope in scopes.agents() {
                            tr {
                                td {
                                    (scope.agent)
                                    @if let Some(description) = &scope.description {
                                        div .meta { (foreign::text(description)) }
                                    }
                                }
                                td { (foreign::text(scope.owner.as_deref().unwrap_or("nobody is named"))) }
                                td .number { (scope.rules().len()) }
                                td .number { (scope.forbids().len()) }
                                td { code { (foreign::text(&scope.file)) } }
                                td { code .digest { (scope.digest) } }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(frame::page(Room::Scopes, "Scopes", &viewer, &since, body))
}

/// Puts the offered scopes into force, if they are the ones that were looked at.
pub(super) async fn accept(
    State(console): State<Arc<Console>>,
    posted: Posted,
) -> Result<Redirect, Refusal> {
    let (viewer, fields) = posted.with(&console, Right::Manage).await?;
    let digest = fields.needed("digest", Digest::from_hex)?;
    console
        .guard
        .accept_scopes(&viewer.proven.operator.name, digest)
        .await?;
    Ok(Redirect::to("/scopes"))
}
