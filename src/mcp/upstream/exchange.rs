//! One request's answers: what its upstream tells meanwhile, then exactly one end.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::fault::LinkError;
use crate::mcp::jsonrpc::{Notification, Request, RpcError};

/// Something that arrived for one request.
#[derive(Debug)]
pub enum Event {
    /// The upstream tells something about the request; progress carries the agent's own token.
    Notification(Notification),
    /// The upstream asks something meanwhile; answer with `Link::respond` under the id given here.
    Request(Request),
    /// Legacy HTTP: the answer's stream can be taken up again after a break, and how long the
    /// upstream asks to wait first.
    Resumable {
        /// The pause it asks for, in milliseconds.
        retry_ms: Option<u64>,
    },
    /// Legacy HTTP: the upstream ended the stream early on purpose; the link takes it up again.
    Parted,
    /// The end: the answer.
    Response {
        /// The HTTP status it came with.
        status: Option<u16>,
        /// The answer itself.
        result: Result<Value, RpcError>,
    },
    /// The end: there is no answer.
    Failed(LinkError),
}

impl Event {
    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(self, Self::Response { .. } | Self::Failed(_))
    }
}

/// One request under way.
///
/// Dropping it forgets the request: over pipes and in the legacy era the upstream hears nothing of
/// that, over modern HTTP its stream is closed, which there is the word for cancelling.
pub struct Exchange {
    events: mpsc::Receiver<Event>,
    until: Instant,
    has_ended: bool,
    request: Box<dyn Withdraw>,
}

impl Exchange {
    pub(super) fn new(
        events: mpsc::Receiver<Event>,
        within: Duration,
        request: Box<dyn Withdraw>,
    ) -> Self {
        Self {
            events,
            until: Instant::now() + within,
            has_ended: false,
            request,
        }
    }

    /// What comes next; nothing after the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        if self.has_ended {
            return None;
        }
        let event = match timeout_at(self.until, self.events.recv()).await {
            Ok(Some(event)) => event,
            Ok(None) => Event::Failed(LinkError::Closed),
            Err(_) => {
                self.request.withdraw("the time for an answer was up");
                Event::Failed(LinkError::TimedOut)
            }
        };
        self.has_ended = event.is_end();
        Some(event)
    }

    /// The end alone, whatever is told meanwhile.
    ///
    /// # Errors
    /// [`LinkError`] where there is no answer.
    pub async fn answer(mut self) -> Result<Result<Value, RpcError>, LinkError> {
        while let Some(event) = self.next().await {
            match event {
                Event::Response { result, .. } => return Ok(result),
                Event::Failed(fault) => return Err(fault),
                Event::Notification(_)
                | Event::Request(_)
                | Event::Resumable { .. }
                | Event::Parted => {}
            }
        }
        Err(LinkError::Closed)
    }

    /// Tells the upstream, in the way of its transport and era, that nobody wants the answer.
    pub fn cancel(self, reason: &str) {
        if !self.has_ended {
            self.request.withdraw(reason);
        }
    }
}

/// The transport's hold on a request; dropping it forgets the request.
pub(super) trait Withdraw: Send + Sync {
    /// Tells the upstream that nobody wants the answer, without waiting for anything.
    fn withdraw(&self, reason: &str);
}
