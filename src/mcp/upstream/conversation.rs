//! One request over HTTP: its reply read as one message or as a stream, taken up again after breaks.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use reqwest::Response as Reply;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::exchange::Event;
use super::fault::LinkError;
use super::http::{Body, Endpoint};
use super::stream::Asked;
use crate::guard::Leave;
use crate::limits::{
    UPSTREAM_MESSAGE_BYTES, UPSTREAM_NOTE_BYTES, UPSTREAM_RESUMES_COUNT, UPSTREAM_RETRY_LONGEST,
};
use crate::mcp::dialect::Era;
use crate::mcp::jsonrpc::{self, Id, Message, Response};
use crate::mcp::sse::{Frame, Reader};

/// The task of one request.
pub(super) struct Conversation {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) asked: Asked,
    pub(super) is_initialize: bool,
    pub(super) events: mpsc::Sender<Event>,
}

impl Conversation {
    /// Posts the request and tells all that comes, to its end.
    pub(super) async fn run(self, headers: HeaderMap, body: Vec<u8>, leave: Option<Leave>) {
        let end = match self.converse(headers, body, leave).await {
            Ok(end) => end,
            Err(fault) => Event::Failed(fault),
        };
        self.tell(end).await;
    }

    async fn converse(
        &self,
        headers: HeaderMap,
        body: Vec<u8>,
        leave: Option<Leave>,
    ) -> Result<Event, LinkError> {
        let reply = self.endpoint.post(headers, body, leave).await?;
        if self.is_initialize && reply.status().is_success() {
            self.endpoint.note_session(&reply);
        }
        match Body::of(&reply) {
            Body::Message => self.read_message(reply).await,
            Body::Events => self.read_streams(reply).await,
            Body::Other => Err(LinkError::Status(reply.status().as_u16())),
        }
    }

    async fn read_message(&self, reply: Reply) -> Result<Event, LinkError> {
        let status = reply.status();
        let bytes = read_whole(reply).await?;
        match jsonrpc::parse_from_upstream(&bytes) {
            Ok(Message::Response(response)) if self.is_answer(&response) => {
                Ok(self.end(status.as_u16(), response))
            }
            Err(fault) if status.is_success() => Err(LinkError::Message(fault)),
            Ok(_) | Err(_) => Err(LinkError::Status(status.as_u16())),
        }
    }

    async fn read_streams(&self, mut reply: Reply) -> Result<Event, LinkError> {
        let mut place = Place::default();
        loop {
            let status = reply.status().as_u16();
            if let Some(end) = self.read_stream(reply, status, &mut place).await? {
                return Ok(end);
            }
            reply = self.take_up(&mut place).await?;
        }
    }

    /// Reads one stream to the answer; nothing where it ends or breaks before.
    async fn read_stream(
        &self,
        mut reply: Reply,
        status: u16,
        place: &mut Place,
    ) -> Result<Option<Event>, LinkError> {
        let mut reader = Reader::new();
        loop {
            match reply.chunk().await {
                Ok(Some(bytes)) => reader.push(&bytes).map_err(LinkError::Stream)?,
                Ok(None) => return Ok(None),
                Err(_) if place.can_be_taken_up(self.endpoint.era()) => return Ok(None),
                Err(error) => return Err(LinkError::Broken(error)),
            }
            while let Some(frame) = reader.next_frame() {
                if let Some(end) = self.take_frame(frame, status, place).await {
                    return Ok(Some(end));
                }
            }
        }
    }

    async fn take_frame(&self, frame: Frame, status: u16, place: &mut Place) -> Option<Event> {
        let is_new = place.note(&frame);
        let data = frame.data.unwrap_or_default();
        if data.is_empty() {
            if is_new && self.endpoint.era() == Era::Legacy {
                let retry_ms = place.retry_ms;
                self.tell(Event::Resumable { retry_ms }).await;
            }
            return None;
        }
        if frame.event.is_some_and(|event| event != "message") {
            return None;
        }
        match jsonrpc::parse_from_upstream(data.as_bytes()) {
            Ok(Message::Response(response)) if self.is_answer(&response) => {
                return Some(self.end(status, response));
            }
            Ok(Message::Notification(mut notification)) if data.len() <= UPSTREAM_NOTE_BYTES => {
                self.asked.readdress(&mut notification);
                self.tell(Event::Notification(notification)).await;
            }
            Ok(Message::Request(request))
                if data.len() <= UPSTREAM_NOTE_BYTES && self.endpoint.era() == Era::Legacy =>
            {
                self.tell(Event::Request(request)).await;
            }
            Err(fault) if fault.id.as_ref().is_some_and(|id| self.is_ours(id)) => {
                return Some(Event::Failed(LinkError::Message(fault)));
            }
            Ok(_) | Err(_) => self.endpoint.drop_one(),
        }
        None
    }

    /// Comes back to a stream that ended early, at the place where it ended.
    async fn take_up(&self, place: &mut Place) -> Result<Reply, LinkError> {
        if !place.can_be_taken_up(self.endpoint.era()) {
            return Err(LinkError::Closed);
        }
        self.tell(Event::Parted).await;
        loop {
            place.tries += 1;
            // Some servers forget an answer that comes while nobody reads, so the first return is at
            // once; only once, since a server that wants to be polled says so by its pause.
            if std::mem::replace(&mut place.was_left, true) {
                sleep(place.pause()).await;
            }
            match self.endpoint.pull(place.last.as_deref()).await {
                Ok(reply) if reply.status().is_success() && Body::of(&reply) == Body::Events => {
                    return Ok(reply);
                }
                // The server may be on its way back.
                Err(_) if place.can_be_taken_up(self.endpoint.era()) => {}
                Ok(_) | Err(_) => return Err(LinkError::Closed),
            }
        }
    }

    fn is_answer(&self, response: &Response) -> bool {
        match &response.id {
            Some(id) => self.is_ours(id),
            // The server could not read the id; it answered this very request all the same.
            None => response.result.is_err(),
        }
    }

    fn is_ours(&self, id: &Id) -> bool {
        matches!(id, Id::Text(id) if *id == self.asked.id)
    }

    fn end(&self, status: u16, mut response: Response) -> Event {
        if let Ok(result) = &mut response.result {
            self.asked.readdress_result(result);
            if self.is_initialize {
                self.endpoint.note_version(result);
            }
        }
        Event::Response {
            status: Some(status),
            result: response.result,
        }
    }

    async fn tell(&self, event: Event) {
        // An exchange that was dropped aborts this task; until then nobody hears.
        let _ = self.events.send(event).await;
    }
}

/// How far a stream was read.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) last: Option<String>,
    retry_ms: Option<u64>,
    tries: usize,
    was_left: bool,
}

impl Place {
    /// Moves on, and tells whether the event set a place or a pause.
    pub(super) fn note(&mut self, frame: &Frame) -> bool {
        self.tries = 0;
        if let Some(id) = &frame.id {
            self.last = (!id.is_empty()).then(|| id.clone());
        }
        if frame.retry_ms.is_some() {
            self.retry_ms = frame.retry_ms;
        }
        frame.id.is_some() || frame.retry_ms.is_some()
    }

    /// How long to wait before coming back.
    pub(super) fn pause(&self) -> Duration {
        self.retry_ms
            .map_or(RETRY, Duration::from_millis)
            .min(UPSTREAM_RETRY_LONGEST)
    }

    const fn can_be_taken_up(&self, era: Era) -> bool {
        matches!(era, Era::Legacy) && self.last.is_some() && self.tries < UPSTREAM_RESUMES_COUNT
    }
}

const RETRY: Duration = Duration::from_secs(1);

async fn read_whole(mut reply: Reply) -> Result<Vec<u8>, LinkError> {
    let announced = reply.content_length().unwrap_or(0);
    if announced > UPSTREAM_MESSAGE_BYTES as u64 {
        return Err(LinkError::TooLarge);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = reply.chunk().await.map_err(LinkError::Broken)? {
        if bytes.len() + chunk.len() > UPSTREAM_MESSAGE_BYTES {
            return Err(LinkError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
