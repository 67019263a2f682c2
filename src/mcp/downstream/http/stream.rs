//! Bodies of events: one for a modern agent, which withdraws by closing it, one for a legacy agent,
//! which may come back to it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::time::timeout;

use super::outlet::{Next, Reading};
use super::session::Session;
use crate::limits::{HOLD_HEARTBEAT, RESUME_PAUSE};
use crate::mcp::answers::{Replies, Reply};
use crate::mcp::jsonrpc::{self, Message};
use crate::mcp::sse::{self, Frame};

/// A stream that is the request's only way back: to close it withdraws the request. `first` was taken
/// from the replies before.
#[must_use]
pub(super) fn modern(first: Option<Reply>, replies: Replies) -> Response {
    let state = (Some(first.unwrap_or(Reply::Alive)), replies, false);
    let body = stream::unfold(state, |(mut first, mut replies, is_over)| async move {
        if is_over {
            return None;
        }
        let reply = match first.take() {
            Some(first) => Ok(Some(first)),
            None => timeout(HOLD_HEARTBEAT, replies.queue.recv()).await,
        };
        let (bytes, is_over) = match reply {
            Ok(Some(Reply::Message(message))) => (event(None, &message), false),
            Ok(Some(Reply::Answer { response, .. })) => {
                (event(None, &Message::Response(response)), true)
            }
            // Nothing yet, or a sign of life: either way the client should see one.
            Ok(Some(Reply::Alive | Reply::Suspended)) | Err(_) => (alive(), false),
            // Without an answer the request was withdrawn.
            Ok(None) => return None,
        };
        Some((
            Ok::<_, Infallible>(Bytes::from(bytes)),
            (first, replies, is_over),
        ))
    });
    events(Body::from_stream(body))
}

/// A reading of one of a session's streams. It begins with an event that can be taken up from, where
/// the client understands that, so that whatever breaks can be resumed.
#[must_use]
pub(super) fn legacy(session: Arc<Session>, reading: Reading, begins: bool) -> Response {
    let begin = match (begins, session.understands_resuming()) {
        (true, true) => {
            let mut bytes = Vec::new();
            Frame {
                id: session.event_id(reading.number(), 0),
                event: None,
                data: Some(String::new()),
                retry_ms: Some(RESUME_PAUSE.as_millis().try_into().unwrap_or(u64::MAX)),
            }
            .write(&mut bytes);
            bytes
        }
        _ => alive(),
    };
    let state = (Some(begin), session, reading);
    let body = stream::unfold(state, |(mut begin, session, mut reading)| async move {
        let bytes = match begin.take() {
            Some(begin) => begin,
            None => match timeout(HOLD_HEARTBEAT, reading.next()).await {
                Ok(Next::Event(number, data)) => {
                    let id = session.event_id(reading.number(), number);
                    let mut bytes = Vec::with_capacity(data.len() + 128);
                    let data = String::from_utf8_lossy(&data).into_owned();
                    Frame {
                        id,
                        event: None,
                        data: Some(data),
                        retry_ms: None,
                    }
                    .write(&mut bytes);
                    bytes
                }
                Ok(Next::End) => return None,
                Err(_) => alive(),
            },
        };
        Some((
            Ok::<_, Infallible>(Bytes::from(bytes)),
            (begin, session, reading),
        ))
    });
    events(Body::from_stream(body))
}

/// One message as one answer.
#[must_use]
pub(super) fn json(status: StatusCode, message: &Message) -> Response {
    let kind = (
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    (status, [kind], jsonrpc::render(message)).into_response()
}

fn events(body: Body) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        // Some proxies keep streams back until they are full.
        (
            header::HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    (StatusCode::OK, headers, body).into_response()
}

fn event(id: Option<String>, message: &Message) -> Vec<u8> {
    let data = String::from_utf8_lossy(&jsonrpc::render(message)).into_owned();
    let mut bytes = Vec::with_capacity(data.len() + 16);
    Frame {
        id,
        event: None,
        data: Some(data),
        retry_ms: None,
    }
    .write(&mut bytes);
    bytes
}

fn alive() -> Vec<u8> {
    let mut bytes = Vec::new();
    sse::write_comment(&mut bytes, "");
    bytes
}
