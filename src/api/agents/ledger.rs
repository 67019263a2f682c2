//! The calls this edge still answers for, by their identifier and by their idempotency key.
//!
//! It lives in memory: a restart forgets it, and a repeated request attaches to its approval by its
//! content. A key means nothing outside its principal, session and mode.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::slot::Slot;
use crate::guard::Guard;
use crate::limits::{ANSWERS_KEPT_BYTES, CALLS_KEPT_PER_PRINCIPAL_COUNT};
use crate::model::call::{Mode, Principal};
use crate::model::id::{CallId, SessionId};
use crate::model::time::Timestamp;

/// The table.
pub(super) struct Ledger {
    shelves: Mutex<Shelves>,
    room: Arc<Semaphore>,
}

/// An idempotency key with everything it is kept apart by.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct KeyName {
    pub(super) owner: Principal,
    pub(super) session: SessionId,
    pub(super) mode: Mode,
    pub(super) key: Arc<str>,
}

/// What a slot met when it was put in.
pub(super) enum Opened {
    /// Nothing: the call is new.
    Fresh,
    /// The same call under the same key.
    Known(Arc<Slot>),
    /// Another call under the same key.
    Conflict,
}

#[derive(Default)]
struct Shelves {
    calls: HashMap<CallId, Arc<Slot>>,
    keys: HashMap<KeyName, CallId>,
    order: HashMap<Principal, VecDeque<CallId>>,
}

impl Ledger {
    /// An empty table, swept until it is dropped or the guard stops.
    pub(super) fn start(guard: &Arc<Guard>) -> Arc<Self> {
        let ledger = Arc::new(Self {
            shelves: Mutex::default(),
            room: Arc::new(Semaphore::new(ANSWERS_KEPT_BYTES)),
        });
        tokio::spawn(sweep(Arc::downgrade(&ledger), Arc::clone(guard)));
        ledger
    }

    /// Puts a call in, unless its key stands for one already.
    pub(super) fn open(&self, slot: &Arc<Slot>) -> Opened {
        let mut shelves = self.shelves.lock();
        if let Some(key) = &slot.key {
            let known = shelves.keys.get(key).and_then(|id| shelves.calls.get(id));
            if let Some(known) = known {
                return match known.fingerprint == slot.fingerprint {
                    true => Opened::Known(Arc::clone(known)),
                    false => Opened::Conflict,
                };
            }
            shelves.keys.insert(key.clone(), slot.id);
        }
        shelves.make_room(&slot.owner);
        shelves.calls.insert(slot.id, Arc::clone(slot));
        let order = shelves.order.entry(slot.owner.clone()).or_default();
        order.push_back(slot.id);
        Opened::Fresh
    }

    /// The call of that name, if it is this principal's.
    pub(super) fn find(&self, id: CallId, owner: &Principal) -> Option<Arc<Slot>> {
        let slot = self.shelves.lock().calls.get(&id).map(Arc::clone)?;
        (slot.owner == *owner).then_some(slot)
    }

    /// Lets the key stand for a new call, and keeps the old one for whoever asks after it.
    pub(super) fn release_key(&self, slot: &Slot) {
        if let Some(key) = &slot.key {
            let mut shelves = self.shelves.lock();
            if shelves.keys.get(key) == Some(&slot.id) {
                shelves.keys.remove(key);
            }
        }
    }

    /// Takes a call out.
    pub(super) fn forget(&self, slot: &Slot) {
        self.shelves.lock().remove(slot.id);
    }

    /// Room to keep an answer of that size, if there is any.
    pub(super) fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.room).try_acquire_many_owned(bytes).ok()
    }

    fn sweep(&self, now: Timestamp) {
        let mut shelves = self.shelves.lock();
        let over: Vec<CallId> = shelves
            .calls
            .values()
            .filter(|slot| slot.until() <= now && !slot.is_busy())
            .map(|slot| slot.id)
            .collect();
        over.into_iter().for_each(|id| shelves.remove(id));
    }

    fn clear(&self) {
        *self.shelves.lock() = Shelves::default();
    }
}

impl Shelves {
    /// The oldest goes first: a hold among them stays a row, and the repeated call attaches to it.
    fn make_room(&mut self, owner: &Principal) {
        let oldest = match self.order.get(owner) {
            Some(order) if order.len() >= CALLS_KEPT_PER_PRINCIPAL_COUNT => order.front().copied(),
            _ => None,
        };
        if let Some(oldest) = oldest {
            self.remove(oldest);
        }
    }

    fn remove(&mut self, id: CallId) {
        let Some(slot) = self.calls.remove(&id) else {
            return;
        };
        if let Some(key) = &slot.key
            && self.keys.get(key) == Some(&id)
        {
            self.keys.remove(key);
        }
        if let Some(order) = self.order.get_mut(&slot.owner) {
            match order.front() == Some(&id) {
                true => drop(order.pop_front()),
                false => order.retain(|other| *other != id),
            }
            if order.is_empty() {
                self.order.remove(&slot.owner);
            }
        }
    }
}

/// A receipt that nobody settles is settled as unknown when it is dropped, so what is over must go
/// even while nobody calls.
async fn sweep(ledger: Weak<Ledger>, guard: Arc<Guard>) {
    let stopping = guard.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => break,
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
        }
        match ledger.upgrade() {
            Some(ledger) => ledger.sweep(guard.ambient().now()),
            None => return,
        }
    }
    if let Some(ledger) = ledger.upgrade() {
        ledger.clear();
    }
}

const SWEEP_INTERVAL: Duration = Duration::from_secs(10);
