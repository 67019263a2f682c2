//! Legacy HTTP: the stream for what belongs to no request, kept open while the link lives.

use std::sync::Weak;

use reqwest::Response as Reply;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::conversation::Place;
use super::http::{Body, Endpoint};
use super::link::Incoming;
use crate::limits::{UPSTREAM_NOTE_BYTES, UPSTREAM_RESUMES_COUNT};
use crate::mcp::jsonrpc::{self, Message};
use crate::mcp::sse::Reader;

/// Reads the stream, and comes back to it when it ends. A server that has none says so at once; one
/// that fails again and again is left alone.
pub(super) async fn listen(endpoint: Weak<Endpoint>, incoming: mpsc::Sender<Incoming>) {
    let mut place = Place::default();
    let mut failures = 0;
    while failures < UPSTREAM_RESUMES_COUNT {
        // Held only while asking, so that a link that is dropped ends this task.
        let Some(strong) = endpoint.upgrade() else {
            return;
        };
        let reply = strong.pull(place.last.as_deref()).await;
        drop(strong);
        match reply {
            Ok(reply) if reply.status().is_success() && Body::of(&reply) == Body::Events => {
                failures = match read(&endpoint, reply, &mut place, &incoming).await {
                    0 => failures + 1,
                    _ => 0,
                };
            }
            Ok(reply) if !reply.status().is_server_error() => return,
            Ok(_) | Err(_) => failures += 1,
        }
        sleep(place.pause()).await;
    }
}

/// Reads one stream to its end and tells how many events it brought.
async fn read(
    endpoint: &Weak<Endpoint>,
    mut reply: Reply,
    place: &mut Place,
    incoming: &mpsc::Sender<Incoming>,
) -> usize {
    let mut reader = Reader::new();
    let mut count = 0;
    while let Ok(Some(bytes)) = reply.chunk().await {
        if reader.push(&bytes).is_err() {
            break;
        }
        while let Some(frame) = reader.next_frame() {
            count += 1;
            place.note(&frame);
            let data = frame.data.unwrap_or_default();
            if data.is_empty() || frame.event.is_some_and(|event| event != "message") {
                continue;
            }
            let message = match jsonrpc::parse_from_upstream(data.as_bytes()) {
                Ok(Message::Notification(notification)) => {
                    Some(Incoming::Notification(notification))
                }
                Ok(Message::Request(request)) => Some(Incoming::Request(request)),
                Ok(Message::Response(_)) | Err(_) => None,
            };
            match message.filter(|_| data.len() <= UPSTREAM_NOTE_BYTES) {
                Some(message) => {
                    if incoming.send(message).await.is_err() {
                        return 0;
                    }
                }
                None => {
                    if let Some(endpoint) = endpoint.upgrade() {
                        endpoint.drop_one();
                    }
                }
            }
        }
    }
    count
}
