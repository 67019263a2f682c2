//! Streams of messages and the end of a session: the two verbs that carry no message.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::door::{Door, Named};
use super::post::{admit, forgotten, known};
use super::{accept, stream};
use crate::mcp::dialect::header;
use crate::model::name::ServerName;

/// A stream of messages from all servers joined.
pub(super) async fn joined_events(State(door): State<Arc<Door>>, headers: HeaderMap) -> Response {
    listen(&door, None, &headers).await
}

/// A stream of messages from one server.
pub(super) async fn single_events(
    State(door): State<Arc<Door>>,
    Path(server): Path<String>,
    headers: HeaderMap,
) -> Response {
    match known(&door, &server) {
        Some(server) => listen(&door, Some(&server), &headers).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The end of a session with all servers joined.
pub(super) async fn joined_end(State(door): State<Arc<Door>>, headers: HeaderMap) -> Response {
    end(&door, None, &headers).await
}

/// The end of a session with one server.
pub(super) async fn single_end(
    State(door): State<Arc<Door>>,
    Path(server): Path<String>,
    headers: HeaderMap,
) -> Response {
    match known(&door, &server) {
        Some(server) => end(&door, Some(&server), &headers).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn listen(door: &Door, server: Option<&ServerName>, headers: &HeaderMap) -> Response {
    let principal = match admit(door, server, headers).await {
        Ok(principal) => principal,
        Err(response) => return response,
    };
    if !accept::accepts(headers, "text/event-stream") {
        return StatusCode::NOT_ACCEPTABLE.into_response();
    }
    let session = match door.session(headers, &principal, server) {
        Named::Known(session) => session,
        Named::Unknown => return forgotten(None),
        Named::Nothing => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    let last = headers
        .get(header::LAST_EVENT_ID)
        .map(|id| id.to_str().unwrap_or_default());
    let place = last.and_then(|id| session.place(id));
    match (last, place) {
        (_, Some((outlet, number))) => {
            let reading = outlet.read(number);
            stream::legacy(session, reading, false)
        }
        // A stream that is over has nothing more to say, and neither has one that never was.
        (Some(_), None) => StatusCode::NOT_FOUND.into_response(),
        (None, None) => match session.standing() {
            Some(outlet) => {
                let reading = outlet.read(0);
                stream::legacy(session, reading, true)
            }
            None => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        },
    }
}

async fn end(door: &Door, server: Option<&ServerName>, headers: &HeaderMap) -> Response {
    let principal = match admit(door, server, headers).await {
        Ok(principal) => principal,
        Err(response) => return response,
    };
    match door.session(headers, &principal, server) {
        Named::Known(session) => {
            door.end(&session).await;
            StatusCode::NO_CONTENT.into_response()
        }
        Named::Unknown => forgotten(None),
        Named::Nothing => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}
