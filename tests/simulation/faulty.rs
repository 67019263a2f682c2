//! A store that fails: before it writes, or after it wrote and before it says so; and that dies with
//! the guard that holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use countersign::audit::checkpoint::SignedHead;
use countersign::audit::entry::StoredEntry;
use countersign::audit::segment::Segment;
use countersign::engine::facts::Standing;
use countersign::model::approval::Approval;
use countersign::model::call::Principal;
use countersign::model::credential::{Credential, Operator};
use countersign::model::delegation::Delegation;
use countersign::model::digest::Digest;
use countersign::model::grant::Grant;
use countersign::model::history::History;
use countersign::model::id::{ApprovalId, CredentialId, SessionId};
use countersign::model::name::{AgentName, GroupName, OperatorName};
use countersign::model::pin::Pin;
use countersign::model::proof::Proof;
use countersign::model::review::Review;
use countersign::model::session::{AgentState, Session};
use countersign::model::time::Timestamp;
use countersign::store::{Ask, Commit, InFlight, Recorded, SharedStore, Store, StoreError, Wake};
use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::dice::Dice;
use super::errands::{at_once, hesitate};
use super::planted::Planted;

/// When an operation fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// Nothing was done.
    Before,
    /// It was done, but whoever asked hears that it was not.
    After,
}

/// Which operations fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Weather {
    /// None.
    Fair,
    /// So many in a thousand.
    Storm(u64),
    /// Only that one, counted from 1.
    Nth(u64, When),
}

/// What one process of the guard sees of the store that outlives it.
pub(crate) struct Faulty {
    inner: SharedStore,
    planted: Option<Arc<Planted>>,
    dice: Mutex<Dice>,
    weather: Mutex<Weather>,
    hesitates: bool,
    dead: AtomicBool,
    count: Arc<Count>,
}

/// Operations of all processes over a store.
#[derive(Default)]
pub(crate) struct Count {
    /// How many were asked.
    pub(crate) asked: AtomicU64,
    /// How many of them failed.
    pub(crate) failed: AtomicU64,
}

impl Faulty {
    /// Over a store; if it `hesitates`, others get their turn within every operation.
    pub(crate) fn over(
        inner: SharedStore,
        planted: Option<Arc<Planted>>,
        dice: Dice,
        hesitates: bool,
        count: Arc<Count>,
    ) -> Self {
        Self {
            inner,
            planted,
            dice: Mutex::new(dice),
            weather: Mutex::new(Weather::Fair),
            hesitates,
            dead: AtomicBool::new(false),
            count,
        }
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        *self.weather.lock() = weather;
    }

    /// Nothing that still runs of the process reaches the store any more.
    pub(crate) fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    async fn turn(&self) {
        if self.hesitates {
            let times = self.dice.lock().below(3);
            hesitate(times).await;
        }
    }

    /// Whether the operation that begins now will fail, and when.
    fn fate(&self) -> Option<When> {
        let asked = self.count.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut dice = self.dice.lock();
        let fate = match *self.weather.lock() {
            Weather::Fair => None,
            Weather::Storm(per_mille) if dice.falls(per_mille) => match dice.below(2) {
                0 => Some(When::Before),
                _ => Some(When::After),
            },
            Weather::Storm(_) => None,
            Weather::Nth(nth, when) => (asked == nth).then_some(when),
        };
        if fate.is_some() {
            self.count.failed.fetch_add(1, Ordering::SeqCst);
        }
        fate
    }

    fn alive(&self) -> Result<(), StoreError> {
        match self.dead.load(Ordering::SeqCst) {
            true => Err(gone("the process is dead")),
            false => Ok(()),
        }
    }

    /// A read: one that fails before or after is the same to whoever asked.
    async fn read<T>(
        &self,
        read: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.alive()?;
        self.turn().await;
        if self.fate().is_some() {
            return Err(gone("a planned fault of a read"));
        }
        self.alive()?;
        let read = at_once(read);
        self.turn().await;
        self.alive()?;
        read
    }
}

fn gone(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}

#[async_trait]
impl Store for Faulty {
    async fn standing(&self, ask: &Ask<'_>) -> Result<Standing, StoreError> {
        self.read(self.inner.standing(ask)).await
    }

    async fn revision(&self, agent: &AgentName) -> Result<u64, StoreError> {
        self.read(self.inner.revision(agent)).await
    }

    async fn commit(&self, commit: Commit) -> Result<Recorded, StoreError> {
        self.alive()?;
        self.turn().await;
        let fate = self.fate();
        if fate == Some(When::Before) {
            return Err(gone("a planned fault before the commit"));
        }
        self.alive()?;
        let recorded = match &self.planted {
            Some(planted) => at_once(planted.commit(&self.inner, commit)),
            None => at_once(self.inner.commit(commit)),
        };
        self.turn().await;
        self.alive()?;
        match fate {
            Some(_) => Err(gone("a planned fault after the commit")),
            None => recorded,
        }
    }

    async fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        self.read(self.inner.pins()).await
    }

    async fn history(&self, agent: &AgentName, now: Timestamp) -> Result<History, StoreError> {
        self.read(self.inner.history(agent, now)).await
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        self.read(self.inner.approval(id)).await
    }

    async fn approvals(
        &self,
        only_live_at: Option<Timestamp>,
        most: usize,
    ) -> Result<Vec<Arc<Approval>>, StoreError> {
        self.read(self.inner.approvals(only_live_at, most)).await
    }

    async fn crowded(
        &self,
        groups: &[GroupName],
        agent: &AgentName,
        now: Timestamp,
    ) -> Result<Option<GroupName>, StoreError> {
        self.read(self.inner.crowded(groups, agent, now)).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.read(self.inner.session(id)).await
    }

    async fn sessions(&self, most: usize) -> Result<Vec<Session>, StoreError> {
        self.read(self.inner.sessions(most)).await
    }

    async fn sessions_of(&self, principal: &Principal) -> Result<Vec<Session>, StoreError> {
        self.read(self.inner.sessions_of(principal)).await
    }

    async fn grants(&self, most: usize) -> Result<Vec<Grant>, StoreError> {
        self.read(self.inner.grants(most)).await
    }

    async fn agents(&self) -> Result<Vec<(AgentName, AgentState)>, StoreError> {
        self.read(self.inner.agents()).await
    }

    async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        self.read(self.inner.credentials()).await
    }

    async fn credential_by_secret(
        &self,
        secret: &Digest,
    ) -> Result<Option<Credential>, StoreError> {
        self.read(self.inner.credential_by_secret(secret)).await
    }

    async fn credential(&self, id: CredentialId) -> Result<Option<Credential>, StoreError> {
        self.read(self.inner.credential(id)).await
    }

    async fn operators(&self) -> Result<Vec<Operator>, StoreError> {
        self.read(self.inner.operators()).await
    }

    async fn proofs(&self) -> Result<Vec<Proof>, StoreError> {
        self.read(self.inner.proofs()).await
    }

    async fn proof(&self, key: &Digest) -> Result<Option<Proof>, StoreError> {
        self.read(self.inner.proof(key)).await
    }

    async fn operator(&self, name: &OperatorName) -> Result<Option<Operator>, StoreError> {
        self.read(self.inner.operator(name)).await
    }

    async fn delegations(&self) -> Result<Vec<Delegation>, StoreError> {
        self.read(self.inner.delegations()).await
    }

    async fn reviews(&self) -> Result<Vec<Review>, StoreError> {
        self.read(self.inner.reviews()).await
    }

    async fn in_flight(&self) -> Result<Vec<InFlight>, StoreError> {
        self.read(self.inner.in_flight()).await
    }

    async fn rate_cells(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.read(self.inner.rate_cells()).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(self.inner.setting(name)).await
    }

    async fn segments(&self) -> Result<Vec<Segment>, StoreError> {
        self.read(self.inner.segments()).await
    }

    async fn entries(&self, from: u64, most: usize) -> Result<Vec<StoredEntry>, StoreError> {
        self.read(self.inner.entries(from, most)).await
    }

    async fn head(&self) -> Result<Option<SignedHead>, StoreError> {
        self.read(self.inner.head()).await
    }

    fn wakes(&self) -> broadcast::Receiver<Wake> {
        self.inner.wakes()
    }

    /// The store outlives this process, so only the process is closed.
    async fn close(&self) -> Result<(), StoreError> {
        self.die();
        Ok(())
    }
}
