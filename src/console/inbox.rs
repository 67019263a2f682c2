//! The inbox: what waits, and room for the one that is looked at.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};

use super::frame::Room;
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, frame, list, reviews};

/// What waits for a person.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let since = console.feed.place();
    let approvals = console.guard.approvals(false).await?;
    let now = console.guard.ambient().now();
    let title = match approvals.iter().filter(|one| one.is_open(now)).count() {
        0 => "Inbox".to_owned(),
        open => format!("({open}) Inbox"),
    };
    let is_empty = approvals.is_empty();
    let waiting = reviews::waiting(&console.guard).await?;
    let body = html! {
        div .panes.inbox {
            (list::render(approvals, None, &viewer.proven.operator, &waiting, now))
            main #main .request.none {
                @if !is_empty { p .meta { "Choose a request to see what it would do." } }
            }
        }
    };
    Ok(frame::page(Room::Inbox, &title, &viewer, &since, body))
}
