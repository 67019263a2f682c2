//! The embedded store: one SQLite file, one writer, and memory that answers what decisions ask.
//!
//! Whoever opens it must be alone on the file: the guard's lock on its data directory sees to that.
//! Should another writer still come, the places of the record's entries collide and nothing of its
//! batch is written.

mod agents;
mod approvals;
mod budgets;
mod column;
mod copier;
mod credentials;
mod delegations;
mod doubts;
mod entries;
mod grants;
mod heads;
mod history;
mod in_flight;
mod journal;
mod operators;
mod pins;
mod proofs;
mod rates;
mod reader;
mod reviews;
mod rotations;
mod schema;
mod segments;
mod sessions;
mod settings;
mod shared;
mod tables;
mod votes;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{broadcast, mpsc, oneshot};

pub use reader::Reader;
pub use schema::FILE;
pub use shared::Written;

use super::state::State;
use super::{Ask, Commit, InFlight, Recorded, Store, StoreError, Sync, Wake};
use crate::ambient::Ambient;
use crate::audit::checkpoint::{SignedHead, Signer};
use crate::audit::entry::{EntryKind, StoredEntry};
use crate::audit::segment::Segment;
use crate::engine::facts::Standing;
use crate::limits::{COMMIT_QUEUE_COUNT, COMMIT_QUEUE_KEPT_COUNT};
use crate::model::approval::Approval;
use crate::model::call::Principal;
use crate::model::credential::{Credential, Operator};
use crate::model::delegation::Delegation;
use crate::model::digest::Digest;
use crate::model::grant::Grant;
use crate::model::history::History;
use crate::model::id::{ApprovalId, BootId, CredentialId, SessionId};
use crate::model::name::{AgentName, GroupName, OperatorName};
use crate::model::pin::Pin;
use crate::model::proof::Proof;
use crate::model::review::Review;
use crate::model::session::{AgentState, Session};
use crate::model::time::Timestamp;
use shared::Shared;
use writer::{Job, Pending, UNREAD, Writer};

/// Why a record file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file could not be made or opened.
    #[error("{0} could not be opened")]
    File(PathBuf, #[source] std::io::Error),
    /// SQLite refused.
    #[error("the record could not be read: {0}")]
    Database(#[from] rusqlite::Error),
    /// A newer program wrote it.
    #[error("the record's tables have version {0}, which this program does not know")]
    TooNew(i64),
    /// Its last entry is not the one that its newest head names.
    #[error("the record ends at entry {entries}, but its newest head counts {head}: verify it")]
    Tampered {
        /// Entries in the record.
        entries: u64,
        /// Entries as the head counts them.
        head: u64,
    },
    /// The writer's thread could not be started.
    #[error("the writer could not be started")]
    Thread(#[source] std::io::Error),
}

/// The embedded store.
pub struct Sqlite {
    path: PathBuf,
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
    readers: Arc<Mutex<Vec<Reader>>>,
}

impl Sqlite {
    /// Opens the record in a data directory, or begins one; `signer` signs its heads as those of
    /// `boot`. With `all_synced` every commit is synced to the disk, whatever it asks for.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        directory: &Path,
        signer: Signer,
        boot: BootId,
        ambient: Ambient,
        all_synced: bool,
    ) -> Result<Self, OpenError> {
        let path = directory.join(FILE);
        let floor = match all_synced {
            true => Sync::Synced,
            false => Sync::Handed,
        };
        let writer = Writer::open(path.clone(), signer, boot, ambient, floor)?;
        let shared = writer.shared();
        let (jobs, queue) = mpsc::channel(COMMIT_QUEUE_COUNT);
        let thread = std::thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || writer.run(queue))
            .map_err(OpenError::Thread)?;
        Ok(Self {
            path,
            shared,
            jobs,
            thread: Mutex::new(Some(thread)),
            readers: Arc::default(),
        })
    }

    /// How much was written since it was opened, how many transactions shared it, and how the log was copied.
    #[must_use]
    pub fn written(&self) -> Written {
        self.shared.tally.written()
    }

    /// Looks at the state as last committed, after letting the writer read it again if it is unknown.
    async fn look<T>(&self, look: impl Fn(&State) -> T) -> Result<T, StoreError> {
        if let Some(state) = self.shared.state.read().as_ref() {
            return Ok(look(state));
        }
        let (done, healed) = oneshot::channel();
        self.send(Job::Heal(done))?;
        healed.await.map_err(|_| closed())?;
        match self.shared.state.read().as_ref() {
            Some(state) => Ok(look(state)),
            None => Err(StoreError::Unavailable(UNREAD.to_owned())),
        }
    }

    /// Reads the file itself, away from the threads that serve calls.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let readers = Arc::clone(&self.readers);
        let reading = tokio::task::spawn_blocking(move || {
            let idle = readers.lock().pop();
            let reader = match idle {
                Some(reader) => reader,
                None => Reader::open(&path)
                    .map_err(|fault| StoreError::Unavailable(fault.to_string()))?,
            };
            // One that failed is not used again.
            let found = read(&reader)?;
            let mut readers = readers.lock();
            if readers.len() < IDLE_READERS_COUNT {
                readers.push(reader);
            }
            Ok(found)
        });
        reading.await.map_err(|_| closed())?
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        self.jobs.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => congested(),
            mpsc::error::TrySendError::Closed(_) => closed(),
        })
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn standing(&self, ask: &Ask<'_>) -> Result<Standing, StoreError> {
        self.look(|state| state.standing(ask)).await
    }

    async fn revision(&self, agent: &AgentName) -> Result<u64, StoreError> {
        self.look(|state| state.revision(agent)).await
    }

    async fn commit(&self, commit: Commit) -> Result<Recorded, StoreError> {
        let is_agents = matches!(
            commit.entry.kind,
            EntryKind::Decision | EntryKind::Refusal | EntryKind::Session
        );
        if is_agents && self.jobs.capacity() < COMMIT_QUEUE_KEPT_COUNT {
            return Err(congested());
        }
        let (reply, answer) = oneshot::channel();
        let disclosure = commit.entry.disclosure.as_ref().map(|one| one.render());
        self.send(Job::Commit(Pending {
            expects: commit.expects,
            changes: commit.changes,
            body: commit.entry.canonical(),
            disclosure,
            sync: commit.sync,
            reply,
        }))?;
        answer.await.map_err(|_| closed())?
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        match self.look(|state| state.approval(id)).await? {
            Some(approval) => Ok(Some(approval)),
            None => self.read(move |reader| reader.approval(id)).await,
        }
    }

    async fn approvals(
        &self,
        only_live_at: Option<Timestamp>,
        most: usize,
    ) -> Result<Vec<Arc<Approval>>, StoreError> {
        match only_live_at {
            Some(_) => self.look(|state| state.approvals(only_live_at, most)).await,
            None => self.read(move |reader| reader.approvals(most)).await,
        }
    }

    async fn crowded(
        &self,
        groups: &[GroupName],
        agent: &AgentName,
        now: Timestamp,
    ) -> Result<Option<GroupName>, StoreError> {
        self.look(|state| state.crowded(groups, agent, now).cloned())
            .await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        match self.look(|state| state.session(id)).await? {
            Some(session) => Ok(Some(session)),
            None => self.read(move |reader| reader.session(id)).await,
        }
    }

    async fn sessions(&self, most: usize) -> Result<Vec<Session>, StoreError> {
        self.look(|state| state.sessions(most)).await
    }

    async fn sessions_of(&self, principal: &Principal) -> Result<Vec<Session>, StoreError> {
        self.look(|state| state.sessions_of(principal)).await
    }

    async fn grants(&self, most: usize) -> Result<Vec<Grant>, StoreError> {
        self.read(move |reader| reader.grants(most)).await
    }

    async fn agents(&self) -> Result<Vec<(AgentName, AgentState)>, StoreError> {
        self.look(State::agents).await
    }

    async fn history(&self, agent: &AgentName, now: Timestamp) -> Result<History, StoreError> {
        self.look(|state| state.history(agent, now)).await
    }

    async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        self.look(State::credentials).await
    }

    async fn credential_by_secret(
        &self,
        secret: &Digest,
    ) -> Result<Option<Credential>, StoreError> {
        self.look(|state| state.credential_by_secret(secret)).await
    }

    async fn credential(&self, id: CredentialId) -> Result<Option<Credential>, StoreError> {
        self.look(|state| state.credential(id)).await
    }

    async fn operators(&self) -> Result<Vec<Operator>, StoreError> {
        self.look(State::operators).await
    }

    async fn proofs(&self) -> Result<Vec<Proof>, StoreError> {
        self.look(State::proofs).await
    }

    async fn proof(&self, key: &Digest) -> Result<Option<Proof>, StoreError> {
        self.look(|state| state.proof(key)).await
    }

    async fn operator(&self, name: &OperatorName) -> Result<Option<Operator>, StoreError> {
        self.look(|state| state.operator(name)).await
    }

    async fn delegations(&self) -> Result<Vec<Delegation>, StoreError> {
        self.look(State::delegations).await
    }

    async fn reviews(&self) -> Result<Vec<Review>, StoreError> {
        self.look(State::reviews).await
    }

    async fn in_flight(&self) -> Result<Vec<InFlight>, StoreError> {
        self.look(State::in_flight).await
    }

    async fn rate_cells(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.look(State::rate_cells).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.look(|state| state.setting(name)).await
    }

    async fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        self.look(State::pins).await
    }

    async fn segments(&self) -> Result<Vec<Segment>, StoreError> {
        self.look(State::segments).await
    }

    async fn entries(&self, from: u64, most: usize) -> Result<Vec<StoredEntry>, StoreError> {
        self.read(move |reader| reader.entries(from, most)).await
    }

    async fn head(&self) -> Result<Option<SignedHead>, StoreError> {
        Ok(self.shared.head.read().clone())
    }

    fn wakes(&self) -> broadcast::Receiver<Wake> {
        self.shared.wakes.subscribe()
    }

    async fn close(&self) -> Result<(), StoreError> {
        let (done, finished) = oneshot::channel();
        // Waits for a place in the queue: a full one is no reason to stop without a last head.
        let asked = self.jobs.send(Job::Close(done)).await;
        asked.map_err(|_| closed())?;
        // An open reader would keep the log from being brought into the file.
        self.readers.lock().clear();
        let answer = finished.await.map_err(|_| closed())?;
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            // It has answered, so it only has to return.
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            joined
                .map_err(|_| closed())?
                .map_err(|_| StoreError::Unavailable("the writer broke off".to_owned()))?;
        }
        answer
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(fault: rusqlite::Error) -> Self {
        Self::Unavailable(fault.to_string())
    }
}

/// How many idle connections are kept for reading.
const IDLE_READERS_COUNT: usize = 4;

fn congested() -> StoreError {
    StoreError::Unavailable("too much waits to be written".to_owned())
}

fn closed() -> StoreError {
    StoreError::Unavailable("it is closed".to_owned())
}
