//! A guard's own life: started over what an earlier run left, stopped without losing what is in flight.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use aws_lc_rs::hmac;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::confirmations::Confirmations;
use super::passkeys::Desk;
use super::{Guard, Parts};
use crate::ambient::Ambient;
use crate::audit::checkpoint::SignedHead;
use crate::audit::entry::{EntryKind, StoredEntry};
use crate::audit::segment::Segment;
use crate::limits::{SHUTDOWN_GRACE, SWEEP_INTERVAL};
use crate::model::time::Timestamp;
use crate::rate::{CellKey, Limits};
use crate::store::{StoreError, Sync, Wake};

impl Guard {
    /// Starts a guard: restores its limits, closes what was left in flight, and records the start.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn start(parts: Parts) -> Result<Arc<Self>, StoreError> {
        let guard = Arc::new(Self {
            store: parts.store,
            scopes: ArcSwap::from_pointee(parts.scopes),
            offered: parking_lot::Mutex::default(),
            limits: Limits::default(),
            catalog: super::Catalog::default(),
            since: AtomicI64::new(0),
            book: super::pins::Book::default(),
            pinning: tokio::sync::Mutex::default(),
            pin: parts.pin,
            ambient: parts.ambient,
            match_key: hmac::Key::new(hmac::HMAC_SHA256, &parts.match_key),
            code_key: ArcSwap::from_pointee(hmac::Key::new(hmac::HMAC_SHA256, &parts.code_key)),
            permit_keys: ArcSwap::from_pointee(super::keys::PermitKeys::new(&parts.permit_key)),
            rotating: tokio::sync::Mutex::default(),
            reads: if parts.all_synced {
                Sync::Synced
            } else {
                Sync::Handed
            },
            reload: parts.reload,
            isolation: parts.isolation,
            measures: super::measure::Measures::default(),
            notices: super::notices::Notices::default(),
            wakes: Arc::default(),
            defaults: parking_lot::Mutex::default(),
            turns: tokio::sync::Mutex::default(),
            proofs: super::tokens::Proofs::default(),
            floods: super::floods::Floods::default(),
            shares: super::shares::Shares::of(parts.record_share_bytes),
            votes: parking_lot::Mutex::default(),
            lessons: parking_lot::Mutex::default(),
            redactors: parking_lot::Mutex::default(),
            epoch: AtomicU64::new(0),
            leaves: super::leave::Leaves::default(),
            desk: Desk::default(),
            confirmations: Confirmations::default(),
            pruning: tokio::sync::Mutex::default(),
            timekeeping: tokio::sync::Mutex::default(),
            partings: AtomicU64::new(0),
            stopping: CancellationToken::new(),
            running: TaskTracker::new(),
        });
        let cells = guard.store.rate_cells().await?;
        guard.limits.restore(
            cells
                .into_iter()
                .filter_map(|(key, cell)| Some((CellKey::parse(&key)?, cell))),
        );
        for pin in guard.store.pins().await? {
            guard.book.put(pin);
        }
        guard.begin_time().await?;
        guard.close_left_over().await?;
        let changes = guard.begin_scopes().await?;
        let mut body = serde_json::Map::new();
        body.insert("state".into(), "started".into());
        body.insert("version".into(), env!("CARGO_PKG_VERSION").into());
        body.insert(
            "scopes".into(),
            guard.scopes.load().digest().to_string().into(),
        );
        guard
            .write(EntryKind::Guard, body, changes, Sync::Synced)
            .await?;
        guard.accept_locked().await?;
        tokio::spawn(Arc::clone(&guard.wakes).pass_on(guard.store.wakes()));
        tokio::spawn(Self::tidy(Arc::downgrade(&guard), guard.stopping.clone()));
        Ok(guard)
    }

    /// Stops taking calls, gives those in flight [`SHUTDOWN_GRACE`] to settle, and closes the store.
    ///
    /// # Errors
    /// When the store could not write what it still had.
    pub async fn stop(&self) -> Result<(), StoreError> {
        self.stopping.cancel();
        self.running.close();
        if tokio::time::timeout(SHUTDOWN_GRACE, self.running.wait())
            .await
            .is_err()
        {
            tracing::warn!("calls were still in flight when the guard stopped");
        }
        // Seen from the end of time every minute is over.
        self.fold_refusals(Timestamp::from_millis(i64::MAX)).await;
        let mut body = serde_json::Map::new();
        body.insert("state".into(), "stopped".into());
        self.write(EntryKind::Guard, body, Vec::new(), Sync::Synced)
            .await?;
        self.store.close().await
    }

    /// Told when the guard stops taking calls.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Runs a task that [`Guard::stop`] waits for: whoever forwards a call settles it in one, so that
    /// an agent that hangs up cannot leave the call unrecorded.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.running.spawn(task);
    }

    /// Clock and randomness.
    #[must_use]
    pub const fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// Entries of the record from a sequence number on.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn entries(&self, from: u64, most: usize) -> Result<Vec<StoredEntry>, StoreError> {
        self.store.entries(from, most).await
    }

    /// The segments that were sealed and taken out of the record, oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn segments(&self) -> Result<Vec<Segment>, StoreError> {
        self.store.segments().await
    }

    /// The newest signed head of the record.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn head(&self) -> Result<Option<SignedHead>, StoreError> {
        self.store.head().await
    }

    /// Wake-ups for edges that show how things move.
    #[must_use]
    pub fn wakes(&self) -> broadcast::Receiver<Wake> {
        self.store.wakes()
    }

    /// The count of stops so far; a permit minted at an older count is looked at again before its write.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Counts a stop. Called after it is written and before it is acknowledged: a permit minted before
    /// carries an older count and is looked at again, one judged after meets the stop among its facts.
    pub(super) fn revoked_something(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    async fn tidy(guard: std::sync::Weak<Self>, stopping: CancellationToken) {
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            }
            let Some(guard) = guard.upgrade() else { return };
            for swept in [guard.sweep().await, guard.invalidate_outdated().await] {
                if let Err(fault) = swept {
                    tracing::error!(%fault, "approvals that are over could not be written down");
                }
            }
        }
    }
}
