//! One relation with one upstream: what an edge needs of it, whatever carries it.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::exchange::Exchange;
use super::fault::LinkError;
use super::introduction::Introduction;
use super::outgoing::Outgoing;
use super::spec::{TransportSpec, UpstreamSpec};
use super::{http::Endpoint, pipe::Pipe};
use crate::ambient::Ambient;
use crate::guard::Leave;
use crate::limits::UPSTREAM_BACKLOG_COUNT;
use crate::mcp::dialect::Era;
use crate::mcp::jsonrpc::{Id, Notification, Request, RpcError};

/// A message of an upstream that belongs to no request of ours.
#[derive(Clone, PartialEq, Debug)]
pub enum Incoming {
    /// It tells something.
    Notification(Notification),
    /// It asks something; answer with [`Link::respond`] under the id given here.
    Request(Request),
}

/// One relation with one upstream: of one agent's session in the legacy era, of one principal in the
/// modern one.
///
/// Over pipes each link is one child process. When the link and the last of its exchanges are dropped
/// the child is killed; [`Link::close`] ends it in peace, which fails what is still under way.
pub struct Link {
    wire: Wire,
    era: Era,
    identity: Value,
    introduction: Mutex<Option<Introduction>>,
}

impl Link {
    /// Starts the child, or makes the endpoint ready; says nothing to the upstream yet.
    ///
    /// # Errors
    /// [`LinkError`] where the child does not start.
    pub async fn open(
        spec: &UpstreamSpec,
        era: Era,
        ambient: &Ambient,
    ) -> Result<(Self, mpsc::Receiver<Incoming>), LinkError> {
        let (sender, incoming) = mpsc::channel(UPSTREAM_BACKLOG_COUNT);
        let identity = spec.clone();
        // A pin reads whole programs, which no async thread should wait for.
        let identity = spawn_blocking(move || identity.identity())
            .await
            .map_err(|_| LinkError::Gone)?;
        let wire = match &spec.transport {
            TransportSpec::Stdio(stdio) => {
                Wire::Pipe(Pipe::open(&spec.name, stdio, ambient.clone(), sender)?)
            }
            TransportSpec::Http(http) => {
                Wire::Http(Endpoint::open(http.clone(), era, ambient.clone(), sender))
            }
        };
        Ok((
            Self {
                wire,
                era,
                identity,
                introduction: Mutex::default(),
            },
            incoming,
        ))
    }

    /// Sends a request. Over pipes it is written when this returns; over HTTP it is on its way, and a
    /// fault of the way comes as the exchange's end.
    ///
    /// # Errors
    /// [`LinkError`] where the request was not written.
    pub async fn send(&self, request: Outgoing) -> Result<Exchange, LinkError> {
        match &self.wire {
            Wire::Pipe(pipe) => pipe.send(request).await,
            Wire::Http(endpoint) => endpoint.send(request),
        }
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// [`LinkError`] where the upstream did not take it.
    pub async fn notify(&self, method: &str, params: Map<String, Value>) -> Result<(), LinkError> {
        let notification = Notification {
            method: method.to_owned(),
            params,
        };
        match &self.wire {
            Wire::Pipe(pipe) => pipe.notify(notification).await,
            Wire::Http(endpoint) => endpoint.notify(notification).await,
        }
    }

    /// Answers a request of the upstream, under the id the upstream gave it.
    ///
    /// # Errors
    /// [`LinkError`] where the upstream did not take it.
    pub async fn respond(&self, id: Id, result: Result<Value, RpcError>) -> Result<(), LinkError> {
        self.respond_with(id, result, None).await
    }

    /// The same, for an answer that was judged as a call and is written only while it has leave.
    ///
    /// # Errors
    /// [`LinkError`] where the upstream did not take it.
    pub async fn respond_with(
        &self,
        id: Id,
        result: Result<Value, RpcError>,
        leave: Option<Leave>,
    ) -> Result<(), LinkError> {
        match &self.wire {
            Wire::Pipe(pipe) => pipe.respond(id, result, leave).await,
            Wire::Http(endpoint) => endpoint.respond(id, result, leave).await,
        }
    }

    /// Ends the relation in peace: the legacy session is deleted, the child's input is closed and its
    /// group is stopped if it does not end by itself.
    pub async fn close(&self) {
        match &self.wire {
            Wire::Pipe(pipe) => pipe.close().await,
            Wire::Http(endpoint) => endpoint.close().await,
        }
    }

    /// Whether requests can still be sent: the child lives, the legacy session is not forgotten.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match &self.wire {
            Wire::Pipe(pipe) => pipe.is_open(),
            Wire::Http(endpoint) => endpoint.is_open(),
        }
    }

    /// The era it was opened for.
    #[must_use]
    pub const fn era(&self) -> Era {
        self.era
    }

    /// The identity of the server, as it was when the link was opened.
    #[must_use]
    pub const fn identity(&self) -> &Value {
        &self.identity
    }

    /// Keeps what the server answered to `initialize` or `server/discover`, whoever asked it.
    pub fn introduce(&self, result: &Value) {
        *self.introduction.lock() = Some(Introduction::parse(result));
    }

    /// What the server said of itself, once it was asked.
    #[must_use]
    pub fn introduction(&self) -> Option<Introduction> {
        self.introduction.lock().clone()
    }

    /// How many messages of the upstream were dropped: answers to nobody, garbage, floods.
    #[must_use]
    pub fn dropped_count(&self) -> u64 {
        match &self.wire {
            Wire::Pipe(pipe) => pipe.dropped_count(),
            Wire::Http(endpoint) => endpoint.dropped_count(),
        }
    }
}

enum Wire {
    Pipe(Arc<Pipe>),
    Http(Arc<Endpoint>),
}
