//! One agent's relation with one server: what is in flight, what was asked, and the link behind it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::HEXLOWER;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::Edge;
use super::dialect::{Era, meta};
use super::jsonrpc::{Id, Message};
use super::task::TaskNames;
use super::unasked;
use super::upstream::{Link, LinkError};
use crate::guard::{Denial, Refusal};
use crate::limits::{QUESTIONS_OPEN_COUNT, REQUESTS_IN_FLIGHT_COUNT};
use crate::model::call::Principal;
use crate::model::name::ServerName;
use crate::model::reason::Reason;
use crate::model::target::{Target, TargetKind};

/// One agent's relation with one server.
pub struct Relation {
    /// What all relations share.
    pub edge: Arc<Edge>,
    /// Who asks.
    pub principal: Principal,
    /// The server.
    pub server: ServerName,
    /// Which of the two protocols is spoken.
    pub era: Era,
    /// The way to the server.
    pub link: Link,
    /// Where messages go that belong to no request.
    pub outbox: mpsc::Sender<Message>,
    flights: Mutex<HashMap<u64, (Id, CancellationToken)>>,
    taken_off: AtomicU64,
    landed: Notify,
    questions: Mutex<HashMap<String, Question>>,
}

/// Something the upstream asked and the agent must answer.
#[derive(Clone, Debug)]
pub struct Question {
    /// The upstream's own id of it.
    pub id: Id,
    /// What kind of answer it wants.
    pub method: String,
}

/// A request in flight; its end frees its id.
pub struct Flight<'a> {
    relation: &'a Relation,
    number: u64,
    /// Cancelled when the agent withdraws the request.
    pub cancelled: CancellationToken,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.relation.flights.lock().remove(&self.number);
        self.relation.landed.notify_waiters();
    }
}

impl Relation {
    /// Opens a link to the server for this principal. Messages that belong to no request go to
    /// `outbox`.
    ///
    /// # Errors
    /// [`LinkError`] where the server cannot be started or reached.
    pub async fn open(
        edge: &Arc<Edge>,
        principal: Principal,
        server: &ServerName,
        era: Era,
        outbox: mpsc::Sender<Message>,
    ) -> Result<Arc<Self>, LinkError> {
        let spec = edge.upstream(server)?;
        let (link, incoming) = Link::open(spec, era, edge.guard.ambient()).await?;
        let relation = Arc::new(Self {
            edge: Arc::clone(edge),
            principal,
            server: server.clone(),
            era,
            link,
            outbox,
            flights: Mutex::default(),
            taken_off: AtomicU64::new(0),
            landed: Notify::new(),
            questions: Mutex::default(),
        });
        // Ends with the link or the relation, so nothing need wait for it.
        tokio::spawn(unasked::carry(Arc::downgrade(&relation), incoming));
        Ok(relation)
    }

    /// Marks a request as in flight; nothing if too many are, or its id already is. Requests that `stand_alone`
    /// have a stream each, so their ids may be the same.
    #[must_use]
    pub fn take_off(&self, id: &Id, stands_alone: bool) -> Option<Flight<'_>> {
        let mut flights = self.flights.lock();
        let is_known = !stands_alone && flights.values().any(|(known, _)| known == id);
        if flights.len() >= REQUESTS_IN_FLIGHT_COUNT || is_known {
            return None;
        }
        let cancelled = CancellationToken::new();
        let number = self.taken_off.fetch_add(1, Ordering::Relaxed);
        flights.insert(number, (id.clone(), cancelled.clone()));
        Some(Flight {
            relation: self,
            number,
            cancelled,
        })
    }

    /// Withdraws a request in flight.
    pub fn cancel(&self, id: &Id) {
        let flights = self.flights.lock();
        let named = flights.values().filter(|(known, _)| known == id);
        named.for_each(|(_, cancelled)| cancelled.cancel());
    }

    /// Returns once nothing is in flight.
    pub async fn landed(&self) {
        loop {
            let landed = self.landed.notified();
            tokio::pin!(landed);
            // Registered before the look, so that a landing in between is not missed.
            landed.as_mut().enable();
            if self.flights.lock().is_empty() {
                return;
            }
            landed.await;
        }
    }

    /// Withdraws everything in flight: the agent is gone.
    pub fn cancel_all(&self) {
        self.flights
            .lock()
            .values()
            .for_each(|(_, cancelled)| cancelled.cancel());
    }

    /// Keeps a question until it is answered, under an id of the guard's own; nothing when too many
    /// are open.
    #[must_use]
    pub fn keep(&self, question: Question) -> Option<Id> {
        let name = format!(
            "guard-{}",
            HEXLOWER.encode(&self.edge.guard.ambient().random::<16>())
        );
        let mut questions = self.questions.lock();
        if questions.len() >= QUESTIONS_OPEN_COUNT {
            return None;
        }
        questions.insert(name.clone(), question);
        Some(Id::Text(name))
    }

    /// The question an answer is for; each is answered once.
    #[must_use]
    pub fn answered(&self, id: &Id) -> Option<Question> {
        match id {
            Id::Text(name) => self.questions.lock().remove(name),
            Id::Number(_) => None,
        }
    }

    /// Whether a question is open under this id.
    #[must_use]
    pub fn has_asked(&self, id: &Id) -> bool {
        match id {
            Id::Text(name) => self.questions.lock().contains_key(name),
            Id::Number(_) => false,
        }
    }

    /// The open question that came from the upstream under `id`: it takes one back.
    #[must_use]
    pub fn taken_back(&self, id: &Id) -> Option<Id> {
        let mut questions = self.questions.lock();
        let name = questions
            .iter()
            .find(|(_, question)| question.id == *id)
            .map(|(name, _)| name.clone())?;
        questions.remove(&name);
        Some(Id::Text(name))
    }

    /// Whether the scope names the method among those it passes.
    #[must_use]
    pub fn declares(&self, method: &str) -> bool {
        let target = self.target(TargetKind::Method, method);
        self.edge
            .guard
            .scopes()
            .scope(&self.principal.agent)
            .is_some_and(|scope| scope.is_declared(&target))
    }

    /// Something on this server.
    #[must_use]
    pub fn target(&self, kind: TargetKind, name: &str) -> Target {
        Target {
            kind,
            server: self.server.clone(),
            name: Arc::from(name),
        }
    }

    /// The names of this principal's tasks.
    #[must_use]
    pub fn tasks(&self) -> TaskNames<'_> {
        TaskNames::new(&self.edge.seal, &self.principal, &self.server)
    }

    /// Records a message that was not passed.
    pub async fn refuse(&self, reason: Reason, sentence: String) {
        let agent = Some(self.principal.agent.clone());
        self.edge
            .guard
            .refuse(Refusal {
                reason,
                agent,
                edge: "mcp",
                sentence,
            })
            .await;
    }

    /// Notes that the agent is about to hear the server outside of any call; nothing must be delivered
    /// where that could not be noted.
    pub async fn hears(&self) -> bool {
        let heard = self.edge.guard.hears(&self.principal, &self.server).await;
        if let Err(fault) = &heard {
            tracing::error!(server = %self.server, %fault, "what a server says could not be noted");
        }
        heard.is_ok()
    }

    /// The server said that what it presents changed.
    pub fn forget_listing(&self) {
        self.edge.listing.note_change(&self.server);
    }

    /// Makes sure that the guard knows what the server presents, and looks again where `target` is not
    /// among it. `meta` is that of the request that needs to know.
    ///
    /// # Errors
    /// A denial that says why the guard does not.
    pub async fn ensure_listed(
        &self,
        target: Option<&Target>,
        meta: &Map<String, Value>,
    ) -> Result<(), Denial> {
        let Edge { guard, listing, .. } = &*self.edge;
        let meta = listing_meta(meta);
        match target {
            Some(target) => {
                listing
                    .ensure_target(guard, target, &self.link, &meta)
                    .await
            }
            None => listing.ensure(guard, &self.server, &self.link, &meta).await,
        }
    }
}

/// What of a request's `_meta` a listing repeats: what servers may present depends on it.
fn listing_meta(meta: &Map<String, Value>) -> Map<String, Value> {
    [
        meta::PROTOCOL_VERSION,
        meta::CLIENT_CAPABILITIES,
        meta::CLIENT_INFO,
    ]
    .into_iter()
    .filter_map(|key| Some((key.to_owned(), meta.get(key)?.clone())))
    .collect()
}
