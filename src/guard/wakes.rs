//! Who waits for what: one wake-up reaches those it concerns, and nobody else.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast};

use crate::model::id::{ApprovalId, SessionId};
use crate::store::Wake;

/// What somebody may wait for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Matter {
    Approval(ApprovalId),
    Session(SessionId),
}

/// Waiters by what they wait for.
#[derive(Default)]
pub(super) struct Wakes {
    waiting: Mutex<HashMap<Matter, Vec<Arc<Notify>>>>,
}

impl Wakes {
    /// Registers for several matters; a wake-up that comes between registering and waiting is kept.
    pub(super) fn register(self: &Arc<Self>, matters: Vec<Matter>) -> Registration {
        let notify = Arc::new(Notify::new());
        let mut waiting = self.waiting.lock();
        for matter in &matters {
            waiting
                .entry(*matter)
                .or_default()
                .push(Arc::clone(&notify));
        }
        drop(waiting);
        Registration {
            wakes: Arc::clone(self),
            matters,
            notify,
        }
    }

    /// Passes the store's wake-ups on until the store is gone.
    pub(super) async fn pass_on(self: Arc<Self>, mut wakes: broadcast::Receiver<Wake>) {
        loop {
            match wakes.recv().await {
                Ok(Wake::Approval(id)) => self.wake(Matter::Approval(id)),
                Ok(Wake::Session(id)) => self.wake(Matter::Session(id)),
                // An agent's state bears on all its sessions, and a lagging receiver does not know
                // what it missed: everybody looks again.
                Ok(Wake::Agent) | Err(RecvError::Lagged(_)) => self.wake_all(),
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn wake(&self, matter: Matter) {
        for waiter in self.waiting.lock().get(&matter).into_iter().flatten() {
            waiter.notify_one();
        }
    }

    /// Lets everybody who waits look again.
    pub(super) fn wake_all(&self) {
        for waiter in self.waiting.lock().values().flatten() {
            waiter.notify_one();
        }
    }
}

/// One waiter's place; leaves with its drop.
pub(super) struct Registration {
    wakes: Arc<Wakes>,
    matters: Vec<Matter>,
    notify: Arc<Notify>,
}

impl Registration {
    /// Waits for the next wake-up.
    pub(super) async fn woken(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut waiting = self.wakes.waiting.lock();
        for matter in &self.matters {
            if let Some(waiters) = waiting.get_mut(matter) {
                waiters.retain(|waiter| !Arc::ptr_eq(waiter, &self.notify));
                if waiters.is_empty() {
                    waiting.remove(matter);
                }
            }
        }
    }
}
