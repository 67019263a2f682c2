//! A link over streamable HTTP: headers, the legacy session, and one task for each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use parking_lot::Mutex;
use reqwest::Response as Reply;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::conversation::Conversation;
use super::exchange::{Exchange, Withdraw};
use super::fault::LinkError;
use super::link::Incoming;
use super::listener;
use super::outgoing::{Outgoing, Params};
use super::spec::HttpSpec;
use super::stream::{self, Asked};
use super::written;
use crate::ambient::Ambient;
use crate::guard::Leave;
use crate::limits::{UPSTREAM_ANSWER_TIMEOUT, UPSTREAM_BACKLOG_COUNT, UPSTREAM_TOKEN_BYTES};
use crate::mcp::dialect::{self, Era, header, method};
use crate::mcp::jsonrpc::{self, Id, Message, Notification, Response, RpcError};
use crate::mcp::mirror;

/// One endpoint and, in the legacy era, the session it gave us.
pub(super) struct Endpoint {
    spec: HttpSpec,
    era: Era,
    ambient: Ambient,
    incoming: mpsc::Sender<Incoming>,
    session: Mutex<Session>,
    listener: Mutex<Option<AbortHandle>>,
    dropped: AtomicU64,
}

impl Endpoint {
    pub(super) fn open(
        spec: HttpSpec,
        era: Era,
        ambient: Ambient,
        incoming: mpsc::Sender<Incoming>,
    ) -> Arc<Self> {
        Arc::new(Self {
            spec,
            era,
            ambient,
            incoming,
            session: Mutex::new(Session::default()),
            listener: Mutex::new(None),
            dropped: AtomicU64::new(0),
        })
    }

    pub(super) fn send(self: &Arc<Self>, mut request: Outgoing) -> Result<Exchange, LinkError> {
        if !self.is_open() {
            return Err(LinkError::Gone);
        }
        let id = stream::mint(&self.ambient);
        let mut headers = self.headers(Some((&request.method, &request.params)))?;
        headers.extend(std::mem::take(&mut request.headers));
        let (events, receiver) = mpsc::channel(UPSTREAM_BACKLOG_COUNT);
        let conversation = Conversation {
            endpoint: Arc::clone(self),
            asked: Asked {
                id: id.clone(),
                known_as: request.known_as.take(),
                token: None,
            },
            is_initialize: request.method == method::INITIALIZE,
            events,
        };
        let body = request.render(&id);
        let leave = request.leave.take();
        let task = tokio::spawn(conversation.run(headers, body, leave)).abort_handle();
        let hold = Hold {
            endpoint: Arc::clone(self),
            id,
            task,
        };
        Ok(Exchange::new(receiver, request.within, Box::new(hold)))
    }

    pub(super) async fn notify(
        self: &Arc<Self>,
        notification: Notification,
    ) -> Result<(), LinkError> {
        let begins = notification.method == method::INITIALIZED && self.era == Era::Legacy;
        let params = Params::Plain(notification.params.clone());
        let headers = self.headers(Some((&notification.method, &params)))?;
        let body = jsonrpc::render(&Message::Notification(notification));
        self.tell(headers, body, None).await?;
        if begins {
            let task = tokio::spawn(listener::listen(
                Arc::downgrade(self),
                self.incoming.clone(),
            ));
            let before = self.listener.lock().replace(task.abort_handle());
            if let Some(before) = before {
                before.abort();
            }
        }
        Ok(())
    }

    pub(super) async fn respond(
        &self,
        id: Id,
        result: Result<Value, RpcError>,
        leave: Option<Leave>,
    ) -> Result<(), LinkError> {
        let headers = self.headers(None)?;
        let response = Response {
            id: Some(id),
            result,
        };
        let body = jsonrpc::render(&Message::Response(response));
        self.tell(headers, body, leave).await
    }

    pub(super) async fn close(&self) {
        self.stop_listening();
        let has_session = {
            let mut session = self.session.lock();
            session.id.is_some() && !std::mem::replace(&mut session.is_gone, true)
        };
        if let (true, Ok(headers)) = (has_session, self.headers(None)) {
            let request = self.spec.client().delete(self.spec.url().clone());
            // A server that keeps its sessions answers 405; either way the session is over for us.
            let _ = timeout(UPSTREAM_ANSWER_TIMEOUT, request.headers(headers).send()).await;
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.session.lock().is_gone
    }

    pub(super) fn dropped_count(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) const fn era(&self) -> Era {
        self.era
    }

    pub(super) fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Posts one message; one that needs leave only while it holds at the first byte.
    pub(super) async fn post(
        &self,
        headers: HeaderMap,
        body: Vec<u8>,
        leave: Option<Leave>,
    ) -> Result<Reply, LinkError> {
        let request = self.spec.client().post(self.spec.url().clone());
        let request = request.headers(headers);
        let reply = match leave {
            None => request.body(body).send().await.map_err(broken)?,
            Some(leave) => written::send(request, body, leave).await?,
        };
        self.note_status(reply.status());
        Ok(reply)
    }

    /// Takes up a stream behind its last event, or begins the one for what belongs to no request.
    pub(super) async fn pull(&self, after: Option<&str>) -> Result<Reply, LinkError> {
        let mut headers = self.headers(None)?;
        headers.remove(CONTENT_TYPE);
        headers.insert(ACCEPT, HeaderValue::from_static(EVENTS));
        if let Some(after) = after {
            headers.insert(header::LAST_EVENT_ID, text(after)?);
        }
        let request = self.spec.client().get(self.spec.url().clone());
        let reply = request.headers(headers).send().await.map_err(broken)?;
        self.note_status(reply.status());
        Ok(reply)
    }

    /// Keeps the session that an accepted `initialize` brought.
    pub(super) fn note_session(&self, reply: &Reply) {
        let id = reply.headers().get(header::SESSION_ID);
        if let Some(id) = id.filter(|id| id.len() <= UPSTREAM_TOKEN_BYTES) {
            self.session.lock().id = Some(id.clone());
        }
    }

    /// Keeps the version that both sides agreed on.
    pub(super) fn note_version(&self, result: &Value) {
        let version = result.get("protocolVersion").and_then(Value::as_str);
        if let Some(version) = version.and_then(|version| text(version).ok()) {
            self.session.lock().version = Some(version);
        }
    }

    /// Posts a message that has no answer.
    async fn tell(
        &self,
        headers: HeaderMap,
        body: Vec<u8>,
        leave: Option<Leave>,
    ) -> Result<(), LinkError> {
        let reply = timeout(UPSTREAM_ANSWER_TIMEOUT, self.post(headers, body, leave))
            .await
            .map_err(|_| LinkError::TimedOut)??;
        if reply.status().is_success() {
            return Ok(());
        }
        Err(LinkError::Status(reply.status().as_u16()))
    }

    /// A session that the server does not know any more is over.
    fn note_status(&self, status: StatusCode) {
        let mut session = self.session.lock();
        session.is_gone |= status == StatusCode::NOT_FOUND && session.id.is_some();
    }

    fn headers(&self, call: Option<(&str, &Params)>) -> Result<HeaderMap, LinkError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        headers.insert(ACCEPT, HeaderValue::from_static(BOTH));
        if let Some(credential) = self.spec.credential() {
            let mut bearer = text(&format!("Bearer {}", credential.reveal()))?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        match self.era {
            Era::Legacy => {
                let session = self.session.lock();
                add(&mut headers, header::SESSION_ID, session.id.as_ref());
                add(
                    &mut headers,
                    header::PROTOCOL_VERSION,
                    session.version.as_ref(),
                );
            }
            Era::Modern => self.add_modern(&mut headers, call)?,
        }
        Ok(headers)
    }

    /// In the modern era headers repeat what the body says, so that intermediaries need not read it.
    fn add_modern(
        &self,
        headers: &mut HeaderMap,
        call: Option<(&str, &Params)>,
    ) -> Result<(), LinkError> {
        let mut session = self.session.lock();
        if let Some((method, params)) = call {
            if let Some(version) = dialect::declared_version(params.members()) {
                session.version = Some(text(version)?);
            }
            headers.insert(header::METHOD, text(&mirror::encode(method))?);
            let name = dialect::name_member(method).and_then(|member| params.text(member));
            if let Some(name) = name {
                headers.insert(header::NAME, text(&mirror::encode(name))?);
            }
        }
        add(headers, header::PROTOCOL_VERSION, session.version.as_ref());
        Ok(())
    }

    fn stop_listening(&self) {
        if let Some(task) = self.listener.lock().take() {
            task.abort();
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop_listening();
    }
}

/// What a reply carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Body {
    /// One message.
    Message,
    /// A stream of them.
    Events,
    /// Nothing of the protocol.
    Other,
}

impl Body {
    /// By its content type.
    pub(super) fn of(reply: &Reply) -> Self {
        let kind = reply.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let kind = kind.and_then(|kind| kind.split(|b| *b == b';').next());
        match kind.map(<[u8]>::trim_ascii) {
            Some(kind) if kind.eq_ignore_ascii_case(JSON.as_bytes()) => Self::Message,
            Some(kind) if kind.eq_ignore_ascii_case(EVENTS.as_bytes()) => Self::Events,
            _ => Self::Other,
        }
    }
}

#[derive(Debug, Default)]
struct Session {
    id: Option<HeaderValue>,
    version: Option<HeaderValue>,
    is_gone: bool,
}

/// An exchange's hold on its request.
struct Hold {
    endpoint: Arc<Endpoint>,
    id: String,
    task: AbortHandle,
}

impl Withdraw for Hold {
    fn withdraw(&self, reason: &str) {
        match self.endpoint.era {
            // Closing the stream is the word for it.
            Era::Modern => self.task.abort(),
            Era::Legacy => {
                let endpoint = Arc::clone(&self.endpoint);
                let body = stream::cancellation(&self.id, reason);
                tokio::spawn(async move {
                    if let Ok(headers) = endpoint.headers(None)
                        && endpoint.tell(headers, body, None).await.is_err()
                    {
                        endpoint.drop_one();
                    }
                });
            }
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const BOTH: &str = "application/json, text/event-stream";

pub(super) fn broken(error: reqwest::Error) -> LinkError {
    if error.is_connect() || error.is_builder() {
        LinkError::Unreachable(error)
    } else {
        LinkError::Broken(error)
    }
}

fn text(value: &str) -> Result<HeaderValue, LinkError> {
    HeaderValue::from_str(value)
        .map_err(|_| LinkError::Unacceptable("a header cannot carry what it must".to_owned()))
}

fn add(headers: &mut HeaderMap, name: &'static str, value: Option<&HeaderValue>) {
    if let Some(value) = value {
        headers.insert(HeaderName::from_static(name), value.clone());
    }
}
