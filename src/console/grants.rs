//! What approvals have left, and how to take it back.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};

use super::form::Posted;
use super::frame::Room;
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, frame, moment, pattern, stopped};
use crate::model::grant::Grant;
use crate::model::id::GrantId;
use crate::model::role::Right;
use crate::model::time::Timestamp;

/// Grants, newest first; those that can still be used stand on top.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let since = console.feed.place();
    let mut grants = console.guard.grants().await?;
    let now = console.guard.ambient().now();
    grants.sort_by_key(|grant| !grant.is_live(now));
    grants.truncate(SHOWN_COUNT);
    let body = html! {
        main #main .sheet {
            h1 { "Grants" }
            @if grants.is_empty() {
                div .empty {
                    p { "No approval has left a grant." }
                    p .meta { "A grant appears when a request is approved." }
                }
            } @else {
                table {
                    thead { tr {
                        th { "State" } th { "Agent" } th { "For" } th { "Used" } th { "Ends" } th { "From" } th { "" }
                    } }
                    tbody { @for grant in &grants { (row(grant, &viewer, now)) } }
                }
            }
        }
    };
    Ok(frame::page(Room::Grants, "Grants", &viewer, &since, body))
}

/// Ends one.
pub(super) async fn revoke(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let (viewer, _) = posted.with(&console, Right::Stop).await?;
    let id = GrantId::parse(&id).ok_or_else(Refusal::missing)?;
    let operator = &viewer.proven.operator.name;
    let done = console.guard.revoke_grant(operator, id).await?;
    Ok(stopped::answer(
        &console,
        &viewer,
        Room::Grants,
        "/grants",
        &done,
    ))
}

fn row(grant: &Grant, viewer: &Viewer, now: Timestamp) -> Markup {
    let is_live = grant.is_live(now);
    let class = match grant.revoked {
        Some(_) => "deny",
        None if is_live => "permit",
        None => "over",
    };
    html! {
        tr {
            td { span class=(class) { (grant.standing(now)) } }
            td { (grant.agent) }
            td {
                @match &grant.pattern {
                    None => "one exact call",
                    Some(pattern) => { "calls that keep " (pattern::kept(&pattern.pins)) }
                }
            }
            td .number { (grant.used) " of " (grant.uses) }
            td { (moment::ago(grant.until, now)) }
            td { a href={ "/requests/" (grant.approval) } { "request" } }
            td {
                @if is_live && viewer.may(Right::Stop) {
                    form method="post" action={ "/grants/" (grant.id) "/revoke" } {
                        (frame::seal(viewer))
                        button .quiet { "Revoke" }
                    }
                }
            }
        }
    }
}

const SHOWN_COUNT: usize = 200;
