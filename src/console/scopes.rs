//! The scopes in force, and those that wait to be.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Redirect;
use maud::{Markup, html};

use super::form::Posted;
use super::frame::Room;
use super::marks::{Mark, Marks};
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, foreign, frame, moment};
use crate::limits::RECORD_SEARCHED_COUNT;
use crate::model::digest::Digest;
use crate::model::role::Right;
use crate::scopes::Scope;

/// What is in force, agent by agent.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let since = console.feed.place();
    let scopes = console.guard.scopes();
    let offered = console.guard.offered();
    let is_empty = scopes.agents().next().is_none();
    let sight = console.tail.look(&console.guard).await?;
    let now = console.guard.ambient().now();
    let window = Duration::from_secs(MARKS_DAYS * 86_400);
    let marks = Marks::of(&scopes, &sight, now.before(window));
    let body = html! {
        main #main .sheet {
            h1 { "Scopes" }
            p .band {
                "in force "
                @if !is_empty { "since " (moment::ago(console.guard.scopes_since(), now)) " · " }
                code .digest { (scopes.digest()) }
            }
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
                p .meta { "Marks tell of the last " (MARKS_DAYS) " days, within the newest "
                    (RECORD_SEARCHED_COUNT) " entries of the record." }
                @for scope in scopes.agents() {
                    (card(scope, marks.of_scope(scope)))
                }
            }
        }
    };
    Ok(frame::page(Room::Scopes, "Scopes", &viewer, &since, body))
}

/// One agent's scope: what it is, and what the record says of each of its rules.
fn card(scope: &Scope, marks: &[Mark]) -> Markup {
    let rules = scope.rules();
    html! {
        section .card {
            header {
                h2 { (scope.agent) }
                span .meta { (foreign::text(scope.description.as_deref().unwrap_or("nothing is said of what it is for"))) }
            }
            dl .facts {
                dt { "Owner" } dd { (foreign::text(scope.owner.as_deref().unwrap_or("nobody is named"))) }
                dt { "File" } dd { code { (foreign::text(&scope.file)) } }
                dt { "Digest" } dd { code .digest { (scope.digest) } }
                dt { "Forbids" }
                dd {
                    @if scope.forbids().is_empty() { "nothing by name" }
                    @for (at, forbid) in scope.forbids().iter().take(RULES_SHOWN_COUNT).enumerate() {
                        @if at > 0 { ", " }
                        code { (foreign::text(forbid.pattern.as_str())) }
                    }
                }
            }
            @if !rules.is_empty() {
                table {
                    thead { tr { th { "Line" } th { "Rule" } th { "Rung" } th { "In the record" } } }
                    tbody {
                        @for (at, rule) in rules.iter().take(RULES_SHOWN_COUNT).enumerate() {
                            tr {
                                td .number { (rule.place.line) }
                                td { code { (foreign::text(rule.pattern.as_str())) } }
                                td { (rule.privilege) }
                                td { (marks.get(at).copied().unwrap_or_default()) }
                            }
                        }
                    }
                }
                @if let Some(more) = rules.len().checked_sub(RULES_SHOWN_COUNT + 1) {
                    p .meta { "and " (more + 1) " rules more" }
                }
            }
        }
    }
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

/// As many rules and forbids of one agent are shown.
const RULES_SHOWN_COUNT: usize = 200;
const MARKS_DAYS: u64 = 30;
