//! What the writer and the readers share: the state as last committed, the newest head, wake-ups.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use tokio::sync::broadcast;

use crate::audit::checkpoint::SignedHead;
use crate::store::Wake;
use crate::store::state::State;
use crate::store::wake::WAKES_COUNT;

/// Readers see only what is committed; nothing while the writer cannot tell what is.
pub(super) struct Shared {
    pub(super) state: RwLock<Option<State>>,
    pub(super) head: RwLock<Option<SignedHead>>,
    pub(super) wakes: broadcast::Sender<Wake>,
    pub(super) tally: Arc<Tally>,
}

impl Shared {
    pub(super) fn new(state: State, head: Option<SignedHead>, tally: Arc<Tally>) -> Self {
        Self {
            state: RwLock::new(Some(state)),
            head: RwLock::new(head),
            wakes: broadcast::Sender::new(WAKES_COUNT),
            tally,
        }
    }
}

/// Counts of the writer's work, for metrics.
#[derive(Default)]
pub(super) struct Tally {
    entries: AtomicU64,
    batches: AtomicU64,
    synced: AtomicU64,
    copies: AtomicU64,
    waits: AtomicU64,
}

/// How much the writer has written since it was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Entries.
    pub entries: u64,
    /// Transactions they shared.
    pub batches: u64,
    /// Transactions that were synced to the disk.
    pub synced: u64,
    /// Times its log was copied into the file, by a thread that does nothing else.
    pub copies: u64,
    /// Times it waited for such a copy, because the log had grown past its bound.
    pub waits: u64,
}

impl Tally {
    pub(super) fn count(&self, entries: usize, synced: bool) {
        self.entries.fetch_add(entries as u64, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.synced.fetch_add(u64::from(synced), Ordering::Relaxed);
    }

    pub(super) fn copy(&self) {
        self.copies.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn wait(&self) {
        self.waits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn written(&self) -> Written {
        Written {
            entries: self.entries.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            synced: self.synced.load(Ordering::Relaxed),
            copies: self.copies.load(Ordering::Relaxed),
            waits: self.waits.load(Ordering::Relaxed),
        }
    }
}
