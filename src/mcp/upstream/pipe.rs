//! A link over a child's pipes: one writer, one reader, and the requests that wait between them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::child::{Child, Ends};
use super::exchange::{Event, Exchange, Withdraw};
use super::fault::LinkError;
use super::lines::{Line, Lines};
use super::link::Incoming;
use super::outgoing::Outgoing;
use super::spec::StdioSpec;
use super::stream::{self, Asked};
use crate::ambient::Ambient;
use crate::guard::Leave;
use crate::limits::{
    PERMIT_LIFE, UPSTREAM_ANSWER_TIMEOUT, UPSTREAM_BACKLOG_COUNT, UPSTREAM_LAST_WORDS_COUNT,
    UPSTREAM_MESSAGE_BYTES, UPSTREAM_NOTE_BYTES, UPSTREAM_QUEUE_COUNT, UPSTREAM_STDERR_LINE_BYTES,
};
use crate::mcp::dialect::method;
use crate::mcp::jsonrpc::{
    self, INTERNAL_ERROR, Id, Message, Notification, Response, RpcError, RpcFault,
};
use crate::model::name::ServerName;
use crate::model::redact::Spoken;
use crate::model::text::escape;

/// One child and the requests it has not answered.
pub(super) struct Pipe {
    ambient: Ambient,
    child: Child,
    writes: Mutex<Option<mpsc::Sender<Write>>>,
    waiting: Mutex<Waiting>,
    dropped: AtomicU64,
}

impl Pipe {
    pub(super) fn open(
        name: &ServerName,
        spec: &StdioSpec,
        ambient: Ambient,
        incoming: mpsc::Sender<Incoming>,
    ) -> Result<Arc<Self>, LinkError> {
        let (child, ends) = Child::start(spec)?;
        let Ends {
            stdin,
            stdout,
            stderr,
        } = ends;
        let (writes, queue) = mpsc::channel(UPSTREAM_QUEUE_COUNT);
        let pipe = Arc::new(Self {
            ambient,
            child,
            writes: Mutex::new(Some(writes)),
            waiting: Mutex::new(Waiting::default()),
            dropped: AtomicU64::new(0),
        });
        tokio::spawn(write_all(stdin, queue));
        tokio::spawn(log_stderr(Arc::downgrade(&pipe), name.clone(), stderr));
        // The reader holds no strong reference: a link that is dropped kills its child, which ends
        // the pipe and with it the reader.
        tokio::spawn(read_all(Arc::downgrade(&pipe), stdout, incoming));
        Ok(pipe)
    }

    pub(super) async fn send(
        self: &Arc<Self>,
        mut request: Outgoing,
    ) -> Result<Exchange, LinkError> {
        let id = stream::mint(&self.ambient);
        // Two requests may carry one token where several connections share a child.
        let token = request.params.swap_progress_token(&id);
        let (events, receiver) = mpsc::channel(UPSTREAM_BACKLOG_COUNT);
        let Ok(end) = events.clone().reserve_owned().await else {
            return Err(LinkError::Gone);
        };
        let asked = Asked {
            id: id.clone(),
            known_as: request.known_as.take(),
            token,
        };
        self.waiting
            .lock()
            .add(id.clone(), Waiter { asked, events, end })?;
        let bytes = request.render(&id);
        let hold = Hold {
            pipe: Arc::clone(self),
            id,
        };
        let exchange = Exchange::new(receiver, request.within, Box::new(hold));
        self.write(bytes, request.leave.take()).await?;
        Ok(exchange)
    }

    pub(super) async fn notify(&self, notification: Notification) -> Result<(), LinkError> {
        let bytes = jsonrpc::render(&Message::Notification(notification));
        self.write(bytes, None).await
    }

    pub(super) async fn respond(
        &self,
        id: Id,
        result: Result<Value, RpcError>,
        leave: Option<Leave>,
    ) -> Result<(), LinkError> {
        self.write(answer(id, result), leave).await
    }

    pub(super) async fn close(&self) {
        // Without a sender the writer ends and the child's input closes.
        self.writes.lock().take();
        self.child.end().await;
        self.fail_all();
    }

    pub(super) fn is_open(&self) -> bool {
        !self.waiting.lock().is_closed
    }

    pub(super) fn dropped_count(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Hands a message to the writer and waits until its last byte is in the pipe. A message that is
    /// not written to its end is none, since its line never ended. One whose first byte is not written
    /// within the life of a permit is taken back, since what permitted it may not hold any more.
    async fn write(&self, bytes: Vec<u8>, leave: Option<Leave>) -> Result<(), LinkError> {
        let writes = self.writes.lock().clone().ok_or(LinkError::Gone)?;
        let (written, mut is_written) = oneshot::channel();
        let is_taken = Arc::new(AtomicBool::new(false));
        let write = Write {
            bytes,
            is_taken: Arc::clone(&is_taken),
            written: Some(written),
            leave,
        };
        let hand_over = async {
            writes.send(write).await.map_err(|_| LinkError::Gone)?;
            (&mut is_written).await.unwrap_or(Err(LinkError::Gone))
        };
        if let Ok(result) = timeout(PERMIT_LIFE, hand_over).await {
            return result;
        }
        if !is_taken.swap(true, Ordering::AcqRel) {
            return Err(LinkError::Stuck);
        }
        match timeout(UPSTREAM_ANSWER_TIMEOUT, is_written).await {
            Ok(result) => result.unwrap_or(Err(LinkError::Gone)),
            // The line may still be written to its end.
            Err(_) => Err(LinkError::TimedOut),
        }
    }

    /// Hands a message to the writer if there is room, and forgets it.
    fn write_soon(&self, bytes: Vec<u8>) {
        if let Some(writes) = self.writes.lock().as_ref() {
            let write = Write {
                bytes,
                is_taken: Arc::default(),
                written: None,
                leave: None,
            };
            if writes.try_send(write).is_err() {
                self.drop_one();
            }
        }
    }

    fn take_line(&self, line: &Line, incoming: &mpsc::Sender<Incoming>) {
        let Line::Whole(bytes) = line else {
            return self.fail_only(LinkError::TooLarge);
        };
        match jsonrpc::parse_from_upstream(bytes) {
            Ok(Message::Response(response)) => self.end(response),
            Ok(_) if bytes.len() > UPSTREAM_NOTE_BYTES => self.drop_one(),
            Ok(Message::Notification(notification)) => self.tell(notification, incoming),
            Ok(Message::Request(request)) => {
                let id = request.id.clone();
                if incoming.try_send(Incoming::Request(request)).is_err() {
                    let busy = RpcError::new(INTERNAL_ERROR, "too many requests are waiting");
                    self.write_soon(answer(id, Err(busy)));
                    self.drop_one();
                }
            }
            Err(fault) => self.fail_addressed(fault),
        }
    }

    fn end(&self, mut response: Response) {
        match response.id.and_then(|id| self.waiting.lock().take(&id)) {
            Some(waiter) => {
                if let Ok(result) = &mut response.result {
                    waiter.asked.readdress_result(result);
                }
                waiter.end.send(Event::Response {
                    status: None,
                    result: response.result,
                });
            }
            None => self.drop_one(),
        }
    }

    fn tell(&self, mut notification: Notification, incoming: &mpsc::Sender<Incoming>) {
        let events = match stream::addressee(&notification) {
            // Progress goes nowhere but to the request it is about.
            None if notification.method == method::PROGRESS => return self.drop_one(),
            None => None,
            Some(id) => {
                let waiting = self.waiting.lock();
                let Some(waiter) = waiting.find(&id) else {
                    drop(waiting);
                    return self.drop_one();
                };
                waiter.asked.readdress(&mut notification);
                Some(waiter.events.clone())
            }
        };
        let is_told = match events {
            Some(events) => events.try_send(Event::Notification(notification)).is_ok(),
            None => incoming
                .try_send(Incoming::Notification(notification))
                .is_ok(),
        };
        if !is_told {
            self.drop_one();
        }
    }

    fn fail_addressed(&self, fault: RpcFault) {
        let waiter = fault
            .id
            .as_ref()
            .and_then(|id| self.waiting.lock().take(id));
        match waiter {
            Some(waiter) => {
                waiter.end.send(Event::Failed(LinkError::Message(fault)));
            }
            None => self.drop_one(),
        }
    }

    /// A fault without an address is the only waiting request's; of several it may be any, and they
    /// wait on until their time is up.
    fn fail_only(&self, fault: LinkError) {
        let waiter = self.waiting.lock().take_only();
        self.drop_one();
        if let Some(waiter) = waiter {
            waiter.end.send(Event::Failed(fault));
        }
    }

    fn fail_all(&self) {
        for waiter in self.waiting.lock().close() {
            waiter.end.send(Event::Failed(LinkError::Closed));
        }
    }

    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Write {
    bytes: Vec<u8>,
    /// Set by the writer that begins, or by the sender that takes it back; whoever is first.
    is_taken: Arc<AtomicBool>,
    written: Option<oneshot::Sender<Result<(), LinkError>>>,
    leave: Option<Leave>,
}

impl Write {
    fn tell(self, end: Result<(), LinkError>) {
        // Stops that wait for this write need not wait for whoever reads of it.
        drop(self.leave);
        if let Some(written) = self.written {
            // Whoever stopped waiting for the writing still has its exchange.
            let _ = written.send(end);
        }
    }
}

#[derive(Debug)]
struct Waiter {
    asked: Asked,
    events: mpsc::Sender<Event>,
    /// Room for the end, kept from the beginning, so that a flood cannot push it out.
    end: mpsc::OwnedPermit<Event>,
}

#[derive(Debug, Default)]
struct Waiting {
    requests: HashMap<String, Waiter>,
    is_closed: bool,
}

impl Waiting {
    fn add(&mut self, id: String, waiter: Waiter) -> Result<(), LinkError> {
        if self.is_closed {
            return Err(LinkError::Gone);
        }
        self.requests.insert(id, waiter);
        Ok(())
    }

    fn find(&self, id: &str) -> Option<&Waiter> {
        self.requests.get(id)
    }

    fn take(&mut self, id: &Id) -> Option<Waiter> {
        match id {
            Id::Text(id) => self.requests.remove(id),
            // Every id of ours is a text.
            Id::Number(_) => None,
        }
    }

    fn take_only(&mut self) -> Option<Waiter> {
        if self.requests.len() != 1 {
            return None;
        }
        self.requests.drain().next().map(|(_, waiter)| waiter)
    }

    fn close(&mut self) -> impl Iterator<Item = Waiter> {
        self.is_closed = true;
        std::mem::take(&mut self.requests).into_values()
    }
}

/// An exchange's hold on its request.
struct Hold {
    pipe: Arc<Pipe>,
    id: String,
}

impl Withdraw for Hold {
    fn withdraw(&self, reason: &str) {
        self.pipe.write_soon(stream::cancellation(&self.id, reason));
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.pipe.waiting.lock().requests.remove(&self.id);
    }
}

fn answer(id: Id, result: Result<Value, RpcError>) -> Vec<u8> {
    jsonrpc::render(&Message::Response(Response {
        id: Some(id),
        result,
    }))
}

async fn write_all(mut stdin: ChildStdin, mut queue: mpsc::Receiver<Write>) {
    while let Some(mut write) = queue.recv().await {
        if write.is_taken.swap(true, Ordering::AcqRel) {
            continue;
        }
        if write.leave.as_ref().is_some_and(|leave| !leave.holds()) {
            write.tell(Err(LinkError::Stopped));
            continue;
        }
        write.bytes.push(b'\n');
        if stdin.write_all(&write.bytes).await.is_err() || stdin.flush().await.is_err() {
            break;
        }
        write.tell(Ok(()));
    }
}

async fn read_all(
    pipe: std::sync::Weak<Pipe>,
    stdout: ChildStdout,
    incoming: mpsc::Sender<Incoming>,
) {
    let mut lines = Lines::new(stdout, UPSTREAM_MESSAGE_BYTES);
    while let Some(line) = lines.next_line().await {
        let Some(pipe) = pipe.upgrade() else { return };
        if line != Line::Whole(Vec::new()) {
            pipe.take_line(&line, &incoming);
        }
    }
    if let Some(pipe) = pipe.upgrade() {
        pipe.fail_all();
    }
}

/// A child's words for people go to the guard's own log, each line bounded and escaped. Where a child
/// ends that nobody told to, its last words say why, and are said aloud.
async fn log_stderr(pipe: std::sync::Weak<Pipe>, server: ServerName, stderr: ChildStderr) {
    let mut lines = Lines::new(stderr, UPSTREAM_STDERR_LINE_BYTES);
    let mut words = Spoken::default();
    let mut last_words = VecDeque::with_capacity(UPSTREAM_LAST_WORDS_COUNT);
    while let Some(line) = lines.next_line().await {
        let line = match line {
            Line::Whole(bytes) => escape(&words.line(&String::from_utf8_lossy(&bytes))),
            Line::TooLong => "(a line that was too long)".to_owned(),
        };
        tracing::debug!(%server, line, "upstream stderr");
        if last_words.len() >= UPSTREAM_LAST_WORDS_COUNT {
            last_words.pop_front();
        }
        last_words.push_back(line);
    }
    if pipe
        .upgrade()
        .is_some_and(|pipe| pipe.writes.lock().is_some())
    {
        let last_words = Vec::from(last_words).join(" | ");
        tracing::warn!(%server, last_words, "the server ended by itself");
    }
}
