//! Keeping what servers present, and accepting what a lock file or the guard's own setting accepts.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};

use super::PinPolicy;
use crate::engine::facts::PinStanding;
use crate::guard::Guard;
use crate::guard::presented::Definition;
use crate::model::digest::Digest;
use crate::model::json as json_form;
use crate::model::name::ServerName;
use crate::model::pin::{Acceptance, Accepter, Pin, PinKey, PinKind, PinState, members};
use crate::model::time::Timestamp;
use crate::store::StoreError;

impl Guard {
    /// Notes what a server tells about itself, and says whether an agent may be told it.
    ///
    /// For the first words of a relation, when nothing else of the server is known yet; the digest of
    /// the server's identity must be the one that [`super::super::Presented::pin`] will give.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn admit_instructions(
        &self,
        server: &ServerName,
        identity: &Value,
        instructions: &str,
    ) -> Result<bool, StoreError> {
        let identity = Definition::of(PinKind::Server, "", identity);
        let text = Value::from(instructions);
        let told = Definition::of(PinKind::Instructions, "", &text);
        if let Err(sentence) = told.fits() {
            tracing::warn!(%server, sentence, "instructions were left out");
            return Ok(false);
        }
        let digests = [identity.digest, told.digest];
        self.keep_presented(server, identity.digest, &[identity, told])
            .await?;
        let stand =
            |kind, digest| self.stands(server, kind, "", Some(digest)) == PinStanding::Accepted;
        let [identity, told] = digests;
        Ok(stand(PinKind::Server, identity) && stand(PinKind::Instructions, told))
    }

    /// Keeps each definition that was never seen before, accepted where a lock or the policy accepts it.
    pub(in crate::guard) async fn keep_presented(
        &self,
        server: &ServerName,
        identity: Digest,
        definitions: &[Definition],
    ) -> Result<(), StoreError> {
        let _turn = self.pinning.lock().await;
        let batch = Batch::of(self, server, identity);
        self.keep_batch(batch, definitions).await
    }

    /// Accepts what locks that just came into force name of what is presented.
    pub(in crate::guard) async fn accept_locked(&self) -> Result<(), StoreError> {
        let _turn = self.pinning.lock().await;
        let scopes = self.scopes.load_full();
        let presented: Vec<Arc<Pin>> = self
            .book
            .all()
            .into_iter()
            .filter(|pin| {
                let key = &pin.key;
                let locked = scopes
                    .lock(&key.server)
                    .and_then(|lock| lock.pin(key.kind, &key.name));
                locked == Some(key.digest)
            })
            .collect();
        let servers: HashSet<&ServerName> = presented.iter().map(|pin| &pin.key.server).collect();
        for server in servers {
            let definitions: Vec<Definition> = presented
                .iter()
                .filter(|pin| pin.key.server == *server)
                .map(|pin| Definition {
                    kind: pin.key.kind,
                    name: Arc::clone(&pin.key.name),
                    digest: pin.key.digest,
                    text: pin.definition.clone(),
                })
                .collect();
            // All of them are known, so that no identity is kept with them.
            let batch = Batch::of(self, server, Digest::of(b""));
            self.keep_batch(batch, &definitions).await?;
        }
        Ok(())
    }

    async fn keep_batch(
        &self,
        mut batch: Batch<'_>,
        definitions: &[Definition],
    ) -> Result<(), StoreError> {
        for definition in definitions {
            batch.take(definition);
        }
        if batch.left_out > 0 {
            let (server, count) = (batch.server, batch.left_out);
            tracing::warn!(%server, count, "definitions were not kept: the server has presented too many");
        }
        if batch.pins.is_empty() {
            return Ok(());
        }
        let mut body = Map::new();
        body.insert("server".into(), batch.server.as_str().into());
        body.insert("state".into(), "presented".into());
        body.insert("pins".into(), batch.told.into());
        self.keep(body, batch.pins).await
    }
}

/// The pins that one presentation adds or moves.
struct Batch<'a> {
    guard: &'a Guard,
    server: &'a ServerName,
    identity: Digest,
    now: Timestamp,
    /// Kinds of which the server had presented something before.
    known: HashSet<PinKind>,
    /// Whether the guard's own setting may accept anything of this server.
    trusts: bool,
    pins: Vec<Pin>,
    bytes: usize,
    told: Vec<Value>,
    left_out: usize,
}

impl<'a> Batch<'a> {
    fn of(guard: &'a Guard, server: &'a ServerName, identity: Digest) -> Self {
        let knows = |kind: &PinKind| guard.book.knows(server, *kind);
        let standing = guard.stands(server, PinKind::Server, "", Some(identity));
        let is_new = standing == PinStanding::Unaccepted && !knows(&PinKind::Server);
        Self {
            guard,
            server,
            identity,
            now: guard.ambient.now(),
            known: PinKind::ALL.into_iter().filter(knows).collect(),
            // Under another identity nothing is a first use of the server that was accepted.
            trusts: guard.pin == PinPolicy::FirstUse
                && (is_new || standing == PinStanding::Accepted),
            pins: Vec::new(),
            bytes: 0,
            told: Vec::new(),
            left_out: 0,
        }
    }

    fn take(&mut self, definition: &Definition) {
        let key = PinKey {
            server: self.server.clone(),
            kind: definition.kind,
            name: Arc::clone(&definition.name),
            digest: definition.digest,
        };
        let known = self.guard.book.pin(&key);
        let acceptance = self.acceptance(&key, known.as_deref());
        let pin = match (known, &acceptance) {
            (Some(_), None) => return,
            (Some(known), Some(_)) => Pin::clone(&known),
            (None, _) => {
                let (count, bytes) = (self.pins.len() + 1, self.bytes + definition.text.len());
                if !self.guard.book.has_room(self.server, count, bytes) {
                    self.left_out += 1;
                    return;
                }
                self.bytes = bytes;
                Pin {
                    key,
                    identity: self.identity,
                    definition: definition.text.clone(),
                    first_seen: self.now,
                    version: 0,
                    state: PinState::Seen,
                }
            }
        };
        self.tell(&pin, acceptance.as_ref());
        match acceptance {
            Some(acceptance) => self.pins.extend(self.guard.accepted(&pin, acceptance)),
            None => self.pins.push(pin.moved_to(PinState::Seen)),
        }
    }

    /// Who accepts the definition without a person, if anybody does.
    fn acceptance(&self, key: &PinKey, known: Option<&Pin>) -> Option<Acceptance> {
        let scopes = self.guard.scopes.load();
        let locked = scopes
            .lock(self.server)
            .and_then(|lock| lock.pin(key.kind, &key.name));
        let is_open = known.is_none_or(|known| {
            matches!(known.state, PinState::Seen | PinState::Superseded { .. })
        });
        if locked.is_some() {
            // What a lock names is accepted as it stands there, and when its scopes came into force.
            let at = Timestamp::from_millis(self.guard.since.load(Ordering::SeqCst));
            return (is_open && locked == Some(key.digest)).then_some(Acceptance {
                by: Accepter::Lock,
                at,
            });
        }
        let is_first = known.is_none()
            && self
                .guard
                .book
                .named(self.server, key.kind, &key.name)
                .is_empty();
        (self.trusts && is_first).then(|| Acceptance {
            by: match self.known.contains(&key.kind) {
                true => Accepter::FirstUse,
                false => Accepter::Introduction,
            },
            at: self.now,
        })
    }

    /// One line of the entry: what was seen, the digests of its members, and who accepted it.
    fn tell(&mut self, pin: &Pin, acceptance: Option<&Acceptance>) {
        let definition = json_form::parse(&pin.definition).unwrap_or_default();
        let members: Map<String, Value> = members(&definition)
            .into_iter()
            .map(|(name, digest)| (name.to_owned(), digest.to_string().into()))
            .collect();
        let mut line = json!({
            "pin": pin.key.kind.name(),
            "name": &*pin.key.name,
            "digest": pin.key.digest.to_string(),
            "members": members,
            "state": acceptance.map_or("seen", |_| "accepted"),
        });
        if let (Value::Object(line), Some(acceptance)) = (&mut line, acceptance) {
            line.insert("by".to_owned(), acceptance.by.to_string().into());
        }
        self.told.push(line);
    }
}
