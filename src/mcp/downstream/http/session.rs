//! Sessions of the legacy era: each is one principal's, and keeps the streams it may come back to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::outlet::Outlet;
use crate::limits::RESUME_GRACE;
use crate::mcp::answers::{Replies, Reply};
use crate::mcp::jsonrpc::{self, Message};
use crate::mcp::peer::Peer;
use crate::mcp::seal::Seal;
use crate::model::call::Principal;
use crate::model::digest::Fields;
use crate::model::name::ServerName;

/// One session.
pub struct Session {
    /// What the agent names it by.
    pub id: String,
    /// Whose it is.
    pub principal: Principal,
    /// Which server it is with; nothing for all of them joined.
    pub server: Option<ServerName>,
    /// What it is with.
    pub peer: Peer,
    seal: Arc<Seal>,
    version: String,
    streams: Mutex<HashMap<u64, Arc<Outlet>>>,
    next: AtomicU64,
    seen: Mutex<Duration>,
}

/// What a session is made of.
pub struct Beginning {
    /// What the agent will name it by.
    pub id: String,
    /// Whose it is.
    pub principal: Principal,
    /// Which server it is with.
    pub server: Option<ServerName>,
    /// What it is with.
    pub peer: Peer,
    /// Seals the names of its events.
    pub seal: Arc<Seal>,
    /// The version that was agreed upon.
    pub version: String,
    /// What the servers say outside of any request.
    pub unasked: mpsc::Receiver<Message>,
    /// When it begins.
    pub now: Duration,
}

impl Session {
    /// Begins a session, with its stream of messages that belong to no request.
    #[must_use]
    pub fn begin(beginning: Beginning) -> Arc<Self> {
        let Beginning {
            id,
            principal,
            server,
            peer,
            seal,
            version,
            mut unasked,
            now,
        } = beginning;
        let standing = Outlet::new(STANDING);
        let session = Arc::new(Self {
            id,
            principal,
            server,
            peer,
            seal,
            version,
            streams: Mutex::new(HashMap::from([(STANDING, Arc::clone(&standing))])),
            next: AtomicU64::new(STANDING + 1),
            seen: Mutex::new(now),
        });
        tokio::spawn(async move {
            while let Some(message) = unasked.recv().await {
                standing.push(jsonrpc::render(&message));
            }
            standing.end();
        });
        session
    }

    /// The stream of messages that belong to no request.
    #[must_use]
    pub fn standing(&self) -> Option<Arc<Outlet>> {
        self.streams.lock().get(&STANDING).cloned()
    }

    /// A new stream for the answer of one request, fed from `replies` until the answer. An agent that
    /// leaves it has a moment to come back; then nobody waits any more.
    #[must_use]
    pub fn stream(self: &Arc<Self>, first: Option<Reply>, replies: Replies) -> Arc<Outlet> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let outlet = Outlet::new(number);
        self.streams.lock().insert(number, Arc::clone(&outlet));
        let (session, fed) = (Arc::clone(self), Arc::clone(&outlet));
        // Its reader is about to come: it must not be missed before it is there.
        let mut presence = outlet.presence();
        let Replies {
            mut queue,
            presence: told,
        } = replies;
        tokio::spawn(async move {
            let mut over = first.is_some_and(|first| feed(&fed, first));
            while !over {
                tokio::select! {
                    reply = queue.recv() => match reply {
                        Some(reply) => over = feed(&fed, reply),
                        None => break,
                    },
                    is_alone = alone(&mut presence, &told) => if is_alone { break },
                }
            }
            drop(queue);
            fed.end();
            // What was not read yet stays for whoever comes back in time.
            let read = async {
                while !fed.is_done() {
                    if presence.changed().await.is_err() {
                        break;
                    }
                }
            };
            let _ = timeout(RESUME_GRACE, read).await;
            session.streams.lock().remove(&fed.number);
        });
        outlet
    }

    /// The stream and place that an event's name means.
    #[must_use]
    pub fn place(&self, event: &str) -> Option<(Arc<Outlet>, u64)> {
        let plain = String::from_utf8(self.seal.open(&self.binding(), event)?).ok()?;
        let (stream, number) = plain.split_once(':')?;
        let stream = self.streams.lock().get(&stream.parse().ok()?).cloned()?;
        Some((stream, number.parse().ok()?))
    }

    /// The name of an event, which only this session's agent can use.
    #[must_use]
    pub fn event_id(&self, stream: u64, number: u64) -> Option<String> {
        self.seal
            .name(&self.binding(), format!("{stream}:{number}").as_bytes())
    }

    /// Whether the agreed version lets an event be empty, which is how a stream is begun that can be
    /// taken up from its very beginning.
    #[must_use]
    pub fn understands_resuming(&self) -> bool {
        self.version.as_str() >= "2025-11-25"
    }

    /// Notes that the agent used it.
    pub fn touch(&self, now: Duration) {
        *self.seen.lock() = now;
    }

    /// How long the agent has neither used it nor read from it.
    #[must_use]
    pub fn idle(&self, now: Duration) -> Duration {
        let is_read = self
            .streams
            .lock()
            .values()
            .any(|stream| *stream.presence().borrow());
        match is_read {
            true => Duration::ZERO,
            false => now.saturating_sub(*self.seen.lock()),
        }
    }

    /// Ends it once what is in flight has its answer, which a guard that stops sees to.
    pub(super) async fn wind_up(&self) {
        if let Some(standing) = self.standing() {
            standing.end();
        }
        self.peer.landed().await;
        self.peer.close().await;
    }

    /// Ends it: its streams are cut, what is in flight is withdrawn, the servers are let go.
    pub async fn close(&self) {
        self.streams.lock().values().for_each(|stream| stream.end());
        self.peer.close().await;
    }

    fn binding(&self) -> Vec<u8> {
        Fields::new("countersign.event.v1")
            .field(self.principal.agent.as_str().as_bytes())
            .field(self.principal.credential.as_bytes())
            .field(self.id.as_bytes())
            .digest()
            .as_bytes()
            .to_vec()
    }
}

/// The number of the stream that belongs to no request.
const STANDING: u64 = 0;

/// Puts a reply on the stream; whether it was the last.
fn feed(outlet: &Outlet, reply: Reply) -> bool {
    match reply {
        // The body shows signs of life of its own.
        Reply::Alive => false,
        Reply::Suspended => {
            outlet.suspend();
            false
        }
        Reply::Message(message) => {
            outlet.push(jsonrpc::render(&message));
            false
        }
        Reply::Answer { response, .. } => {
            outlet.push(jsonrpc::render(&Message::Response(response)));
            true
        }
    }
}

/// Follows who reads the stream. Returns true when nobody came back in time.
async fn alone(presence: &mut watch::Receiver<bool>, told: &watch::Sender<bool>) -> bool {
    let is_read = *presence.borrow_and_update();
    told.send_replace(is_read);
    match is_read {
        true => presence.changed().await.is_err(),
        false => timeout(RESUME_GRACE, presence.changed()).await.is_err(),
    }
}
