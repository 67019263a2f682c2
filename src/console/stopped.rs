//! What a stop could not call back, on a page of its own.

use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use super::Console;
use super::frame::{self, Room};
use super::viewer::Viewer;
use crate::guard::Stopped;

/// Leads back to `back`, or says first which calls were already on their way.
pub(super) fn answer(
    console: &Console,
    viewer: &Viewer,
    room: Room,
    back: &str,
    stopped: &Stopped,
) -> Response {
    if stopped.running.is_empty() {
        return Redirect::to(back).into_response();
    }
    let body = html! {
        main #main .sheet {
            h1 { "Stopped" }
            p { "Nothing more of it is sent. These calls were already on their way and cannot be called back:" }
            ul { @for call in &stopped.running { li { code { (call) } } } }
            p { a href=(back) { "Back" } }
        }
    };
    frame::page(room, "Stopped", viewer, &console.feed.place(), body).into_response()
}
