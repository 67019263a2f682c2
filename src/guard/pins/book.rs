//! Every pin, found by what it is of: the store's rows, where listings and decisions look them up.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::engine::facts::PinStanding;
use crate::limits::{PINS_PER_SERVER_BYTES, PINS_PER_SERVER_COUNT};
use crate::model::digest::Digest;
use crate::model::name::ServerName;
use crate::model::pin::{Accepter, Pin, PinKey, PinKind, PinState};
use crate::model::time::Timestamp;
use crate::scopes::Lock;

/// The pins of every server.
#[derive(Default)]
pub(in crate::guard) struct Book {
    servers: RwLock<HashMap<ServerName, Shelf>>,
}

/// The pins of one server, and how much they are.
#[derive(Default)]
struct Shelf {
    kinds: HashMap<PinKind, HashMap<Arc<str>, Vec<Arc<Pin>>>>,
    count: usize,
    bytes: usize,
}

impl Book {
    /// Puts a pin in its place, instead of an earlier version of it.
    pub(in crate::guard) fn put(&self, pin: Pin) {
        let mut servers = self.servers.write();
        let shelf = servers.entry(pin.key.server.clone()).or_default();
        let kind = shelf.kinds.entry(pin.key.kind).or_default();
        let named = kind.entry(Arc::clone(&pin.key.name)).or_default();
        match named.iter_mut().find(|one| one.key == pin.key) {
            Some(place) => *place = Arc::new(pin),
            None => {
                shelf.count += 1;
                shelf.bytes += pin.definition.len();
                named.push(Arc::new(pin));
            }
        }
    }

    /// Every pin, by its key.
    pub(super) fn all(&self) -> Vec<Arc<Pin>> {
        let servers = self.servers.read();
        let kinds = servers.values().flat_map(|shelf| shelf.kinds.values());
        let named = kinds.flat_map(HashMap::values).flatten();
        let mut all: Vec<_> = named.cloned().collect();
        all.sort_by(|one, other| one.key.cmp(&other.key));
        all
    }

    /// Every definition that a server ever presented of one thing, in the order they were first seen.
    pub(super) fn named(&self, server: &ServerName, kind: PinKind, name: &str) -> Vec<Arc<Pin>> {
        self.look(server, kind, name, |pins| pins.to_vec())
    }

    /// The pin of that key.
    pub(super) fn pin(&self, key: &PinKey) -> Option<Arc<Pin>> {
        self.look(&key.server, key.kind, &key.name, |pins| {
            pins.iter().find(|one| one.key == *key).cloned()
        })
    }

    /// Whether a server ever presented anything of that kind.
    pub(super) fn knows(&self, server: &ServerName, kind: PinKind) -> bool {
        self.servers
            .read()
            .get(server)
            .is_some_and(|shelf| shelf.kinds.contains_key(&kind))
    }

    /// Whether one more definition of that many bytes may be kept for a server.
    pub(super) fn has_room(&self, server: &ServerName, count: usize, bytes: usize) -> bool {
        let servers = self.servers.read();
        let (kept, kept_bytes) = servers
            .get(server)
            .map_or((0, 0), |shelf| (shelf.count, shelf.bytes));
        kept + count <= PINS_PER_SERVER_COUNT && kept_bytes + bytes <= PINS_PER_SERVER_BYTES
    }

    /// How a definition stands; one that is not presented at all stands as unaccepted.
    pub(super) fn standing(
        &self,
        lock: Option<&Lock>,
        server: &ServerName,
        kind: PinKind,
        name: &str,
        digest: Option<Digest>,
    ) -> PinStanding {
        self.look(server, kind, name, |pins| {
            let pin = pins.iter().find(|one| Some(one.key.digest) == digest);
            match pin.map(|pin| &pin.state) {
                Some(PinState::Accepted(_)) => return PinStanding::Accepted,
                Some(PinState::Refused { .. }) => return PinStanding::Refused,
                Some(PinState::Seen | PinState::Superseded { .. }) | None => {}
            }
            let is_locked = lock.is_some_and(|lock| lock.pin(kind, name).is_some());
            match is_locked || pins.iter().any(|one| one.past_acceptance().is_some()) {
                true => PinStanding::Changed,
                false => PinStanding::Unaccepted,
            }
        })
    }

    /// Whether patterns that came into force at `since` may speak of the thing: it was accepted by
    /// then, or by the guard's own setting with the first of its kind.
    pub(super) fn is_covered(
        &self,
        server: &ServerName,
        kind: PinKind,
        name: &str,
        since: Timestamp,
    ) -> bool {
        self.look(server, kind, name, |pins| {
            pins.iter()
                .filter_map(|one| one.past_acceptance())
                .any(|accepted| accepted.by == Accepter::Introduction || accepted.at <= since)
        })
    }

    fn look<T>(
        &self,
        server: &ServerName,
        kind: PinKind,
        name: &str,
        look: impl FnOnce(&[Arc<Pin>]) -> T,
    ) -> T {
        let servers = self.servers.read();
        let named = servers
            .get(server)
            .and_then(|shelf| shelf.kinds.get(&kind))
            .and_then(|named| named.get(name));
        look(named.map(Vec::as_slice).unwrap_or_default())
    }
}
