//! The one writer: a thread that gathers what waits into a batch, so that concurrent decisions share
//! a transaction and its sync.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::OpenError;
use super::journal::{Journal, Read};
use super::shared::Shared;
use crate::ambient::Ambient;
use crate::audit::chain::Chain;
use crate::audit::checkpoint::{SignedHead, Signer};
use crate::audit::rotation::Rotation;
use crate::limits::COMMIT_BATCH_COUNT;
use crate::model::id::BootId;
use crate::model::time::Timestamp;
use crate::store::commit::{next_signer, unsealed};
use crate::store::state::{Rows, State};
use crate::store::wake::wakes;
use crate::store::{Change, Expect, Recorded, StoreError, Sync};

/// What the writer is asked.
pub(super) enum Job {
    /// Write this.
    Commit(Pending),
    /// Try to read the database again; answered when tried.
    Heal(oneshot::Sender<()>),
    /// Write a last head and stop.
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// A commit on its way, its entry already in canonical form.
pub(super) struct Pending {
    pub(super) expects: Option<Expect>,
    pub(super) changes: Vec<Change>,
    pub(super) body: Vec<u8>,
    pub(super) disclosure: Option<Vec<u8>>,
    pub(super) sync: Sync,
    pub(super) reply: oneshot::Sender<Result<Recorded, StoreError>>,
}

/// Everything the thread owns.
pub(super) struct Writer {
    path: PathBuf,
    journal: Option<Journal>,
    chain: Chain,
    /// The state with what this batch adds; equal to the readers' between batches.
    ahead: State,
    shared: Arc<Shared>,
    signer: Signer,
    /// Those that were to sign from a batch on of which nobody knows whether it is in force.
    heirs: Vec<Signer>,
    boot: BootId,
    ambient: Ambient,
    /// The least durable any commit may be.
    floor: Sync,
    tidied: Timestamp,
}

impl Writer {
    /// Opens the database and reads it.
    pub(super) fn open(
        path: PathBuf,
        signer: Signer,
        boot: BootId,
        ambient: Ambient,
        floor: Sync,
    ) -> Result<Self, OpenError> {
        let now = ambient.now();
        let tally = Arc::default();
        let mut journal = Journal::open(&path, &tally)?;
        journal.keep_key(signer.public())?;
        journal.tidy(now)?;
        let read = journal.read(now)?;
        Ok(Self {
            path,
            journal: Some(journal),
            chain: read.chain,
            ahead: read.ahead,
            shared: Arc::new(Shared::new(read.state, read.head, tally)),
            signer,
            heirs: Vec::new(),
            boot,
            ambient,
            floor,
            tidied: now,
        })
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Works until told to close, or until nobody is left to ask.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(COMMIT_BATCH_COUNT);
        while let Some(job) = jobs.blocking_recv() {
            let mut next = Some(job);
            while let Some(Job::Commit(pending)) = next {
                batch.push(pending);
                next = match batch.len() < COMMIT_BATCH_COUNT {
                    true => jobs.try_recv().ok(),
                    false => None,
                };
            }
            if !batch.is_empty() {
                self.write(&mut batch);
            }
            match next {
                Some(Job::Heal(done)) => {
                    self.heal();
                    // Who asked may have gone.
                    let _ = done.send(());
                }
                Some(Job::Close(done)) => {
                    // What was queued behind it is dropped, which its senders hear as unavailable.
                    jobs.close();
                    let _ = done.send(self.close());
                    return;
                }
                Some(Job::Commit(_)) | None => {}
            }
        }
        // The last handle was dropped without a close: the log is recovered at the next start.
        drop(self.close());
    }

    fn write(&mut self, batch: &mut Vec<Pending>) {
        if !self.heal() {
            return refuse(batch, UNREAD);
        }
        let mut rows = Rows::default();
        let mut entries = Vec::with_capacity(batch.len());
        let mut accepted = Vec::with_capacity(batch.len());
        let mut moved = Vec::new();
        let mut rotated = Vec::new();
        let mut signer = self.signer.clone();
        let mut sync = self.floor;
        for mut pending in batch.drain(..) {
            let mut body = std::mem::take(&mut pending.body);
            let next = next_signer(&pending.changes).cloned();
            if let Some(next) = &next {
                let (seq, last) = (self.chain.count().saturating_add(1), self.chain.last());
                match Rotation::seal(&body, seq, &last, &signer, next) {
                    Some(sealed) => body = sealed,
                    None => {
                        let _ = pending.reply.send(Err(unsealed()));
                        continue;
                    }
                }
            }
            let fits = self
                .ahead
                .commit(pending.expects.as_ref(), &pending.changes, &mut rows);
            if fits.is_err() {
                moved.push(pending);
                continue;
            }
            let entry = self.chain.append(body, pending.disclosure.take());
            if let Some(next) = next {
                rotated.push((entry.clone(), next.public().clone()));
                signer = next;
            }
            sync = sync.max(pending.sync);
            accepted.push((pending, Recorded::of(&entry)));
            entries.push(entry);
        }
        if !entries.is_empty() {
            let now = self.ambient.now();
            let head = signer.sign(&self.chain, now, self.boot);
            let written = match &mut self.journal {
                Some(journal) => journal.write(&entries, &rows, &rotated, &head, sync),
                None => Err(rusqlite::Error::InvalidQuery),
            };
            match written {
                Ok(()) => {
                    self.signer = signer;
                    self.publish(rows, head, now);
                    self.shared.tally.count(entries.len(), sync == Sync::Synced);
                }
                Err(fault) => {
                    let accepted = accepted.into_iter().map(|(pending, _)| pending);
                    batch.extend(accepted.chain(moved));
                    if !rotated.is_empty() {
                        self.heirs.push(signer);
                    }
                    self.fail();
                    return refuse(batch, &fault.to_string());
                }
            }
        }
        for (pending, recorded) in accepted {
            for wake in wakes(&pending.changes) {
                // Nobody waiting is no fault.
                let _ = self.shared.wakes.send(wake);
            }
            let _ = pending.reply.send(Ok(recorded));
        }
        // Only now: who moved first is visible by the time the other reads again.
        for pending in moved {
            let _ = pending.reply.send(Err(StoreError::Moved));
        }
        if let Some(journal) = &mut self.journal {
            journal.copy();
        }
    }

    /// Lets readers see a committed batch.
    fn publish(&mut self, rows: Rows, head: SignedHead, now: Timestamp) {
        let tidies = now.since(self.tidied) >= TIDY_INTERVAL;
        if tidies {
            self.ahead.tidy(now);
            self.tidied = now;
        }
        let mut state = self.shared.state.write();
        if let Some(state) = state.as_mut() {
            for row in rows.into_rows() {
                state.put(row);
            }
            if tidies {
                state.tidy(now);
            }
            state.settle_approvers(now);
        }
        drop(state);
        *self.shared.head.write() = Some(head);
    }

    /// After a fault nobody knows what is in force until the database says so.
    fn fail(&mut self) {
        self.journal = None;
        *self.shared.state.write() = None;
        self.heal();
    }

    /// Reads the database again if it has to; whether the writer can go on.
    fn heal(&mut self) -> bool {
        if self.journal.is_some() {
            return true;
        }
        let Ok(journal) = Journal::open(&self.path, &self.shared.tally) else {
            return false;
        };
        let Ok(Read {
            chain,
            head,
            ahead,
            state,
        }) = journal.read(self.ambient.now())
        else {
            return false;
        };
        // Whoever signed the newest head signs the next.
        let heirs = std::mem::take(&mut self.heirs);
        let signs = |heir: &Signer| head.as_ref().is_some_and(|it| it.key == heir.public().id());
        if let Some(heir) = heirs.into_iter().find(signs) {
            self.signer = heir;
        }
        self.chain = chain;
        self.ahead = ahead;
        self.journal = Some(journal);
        *self.shared.head.write() = head;
        *self.shared.state.write() = Some(state);
        true
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.heal();
        let unread = || StoreError::Unavailable(UNREAD.to_owned());
        let journal = self.journal.take().ok_or_else(unread)?;
        let head = (self.chain.count() > 0)
            .then(|| self.signer.sign(&self.chain, self.ambient.now(), self.boot));
        journal
            .close(head.as_ref())
            .map_err(|fault| StoreError::Unavailable(fault.to_string()))?;
        if head.is_some() {
            *self.shared.head.write() = head;
        }
        Ok(())
    }
}

/// What is said while nobody knows what is in force.
pub(super) const UNREAD: &str = "it could not be read again after a fault";

/// How often what no longer matters is forgotten.
const TIDY_INTERVAL: Duration = Duration::from_secs(3_600);

fn refuse(batch: &mut Vec<Pending>, why: &str) {
    for pending in batch.drain(..) {
        let _ = pending
            .reply
            .send(Err(StoreError::Unavailable(why.to_owned())));
    }
}
