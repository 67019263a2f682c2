//! A store in memory, with a real chain and real heads: for tests, and for embedders who keep the
//! record elsewhere. **Nothing of it outlives the process**, whatever durability a commit asks for.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::commit::{next_signer, unsealed};
use super::state::{Rows, State};
use super::wake::{WAKES_COUNT, wakes};
use super::{Ask, Change, Commit, InFlight, Recorded, Store, StoreError, Wake};
use crate::ambient::Ambient;
use crate::audit::chain::Chain;
use crate::audit::checkpoint::{SignedHead, Signer};
use crate::audit::entry::StoredEntry;
use crate::audit::rotation::Rotation;
use crate::audit::segment::Segment;
use crate::engine::facts::Standing;
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

/// A store that forgets everything when it is dropped.
pub struct Memory {
    kept: Mutex<Kept>,
    boot: BootId,
    ambient: Ambient,
    wakes: broadcast::Sender<Wake>,
}

struct Kept {
    state: State,
    chain: Chain,
    entries: Vec<StoredEntry>,
    signer: Signer,
    closed: bool,
}

impl Memory {
    /// An empty store whose heads `signer` signs.
    #[must_use]
    pub fn new(signer: Signer, boot: BootId, ambient: Ambient) -> Self {
        Self {
            kept: Mutex::new(Kept {
                state: State::default(),
                chain: Chain::begin(),
                entries: Vec::new(),
                signer,
                closed: false,
            }),
            boot,
            ambient,
            wakes: broadcast::Sender::new(WAKES_COUNT),
        }
    }
}

#[async_trait]
impl Store for Memory {
    async fn standing(&self, ask: &Ask<'_>) -> Result<Standing, StoreError> {
        Ok(self.kept.lock().state.standing(ask))
    }

    async fn revision(&self, agent: &AgentName) -> Result<u64, StoreError> {
        Ok(self.kept.lock().state.revision(agent))
    }

    async fn commit(&self, commit: Commit) -> Result<Recorded, StoreError> {
        let disclosure = commit.entry.disclosure.as_ref().map(|one| one.render());
        let mut body = commit.entry.canonical();
        let mut kept = self.kept.lock();
        if kept.closed {
            return Err(StoreError::Unavailable("it is closed".to_owned()));
        }
        let (seq, last) = (kept.chain.count().saturating_add(1), kept.chain.last());
        if let Some(next) = next_signer(&commit.changes) {
            body = Rotation::seal(&body, seq, &last, &kept.signer, next).ok_or_else(unsealed)?;
        }
        let mut rows = Rows::default();
        kept.state
            .commit(commit.expects.as_ref(), &commit.changes, &mut rows)
            .map_err(|_| StoreError::Moved)?;
        kept.state.settle_approvers(self.ambient.now());
        for change in &commit.changes {
            if let Change::Prune(segment) = change {
                kept.entries.retain(|entry| entry.seq > segment.last);
            }
        }
        if let Some(next) = next_signer(&commit.changes) {
            kept.signer = next.clone();
        }
        let entry = kept.chain.append(body, disclosure);
        let recorded = Recorded::of(&entry);
        kept.entries.push(entry);
        drop(kept);
        for wake in wakes(&commit.changes) {
            // Nobody waiting is no fault.
            let _ = self.wakes.send(wake);
        }
        Ok(recorded)
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        Ok(self.kept.lock().state.approval(id))
    }

    async fn approvals(
        &self,
        only_live_at: Option<Timestamp>,
        most: usize,
    ) -> Result<Vec<Arc<Approval>>, StoreError> {
        Ok(self.kept.lock().state.approvals(only_live_at, most))
    }

    async fn crowded(
        &self,
        groups: &[GroupName],
        agent: &AgentName,
        now: Timestamp,
    ) -> Result<Option<GroupName>, StoreError> {
        let kept = self.kept.lock();
        Ok(kept.state.crowded(groups, agent, now).cloned())
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(self.kept.lock().state.session(id))
    }

    async fn sessions(&self, most: usize) -> Result<Vec<Session>, StoreError> {
        Ok(self.kept.lock().state.sessions(most))
    }

    async fn sessions_of(&self, principal: &Principal) -> Result<Vec<Session>, StoreError> {
        Ok(self.kept.lock().state.sessions_of(principal))
    }

    async fn grants(&self, most: usize) -> Result<Vec<Grant>, StoreError> {
        Ok(self.kept.lock().state.grants(most))
    }

    async fn agents(&self) -> Result<Vec<(AgentName, AgentState)>, StoreError> {
        Ok(self.kept.lock().state.agents())
    }

    async fn history(&self, agent: &AgentName, now: Timestamp) -> Result<History, StoreError> {
        Ok(self.kept.lock().state.history(agent, now))
    }

    async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        Ok(self.kept.lock().state.credentials())
    }

    async fn credential_by_secret(
        &self,
        secret: &Digest,
    ) -> Result<Option<Credential>, StoreError> {
        Ok(self.kept.lock().state.credential_by_secret(secret))
    }

    async fn credential(&self, id: CredentialId) -> Result<Option<Credential>, StoreError> {
        Ok(self.kept.lock().state.credential(id))
    }

    async fn operators(&self) -> Result<Vec<Operator>, StoreError> {
        Ok(self.kept.lock().state.operators())
    }

    async fn proofs(&self) -> Result<Vec<Proof>, StoreError> {
        Ok(self.kept.lock().state.proofs())
    }

    async fn proof(&self, key: &Digest) -> Result<Option<Proof>, StoreError> {
        Ok(self.kept.lock().state.proof(key))
    }

    async fn operator(&self, name: &OperatorName) -> Result<Option<Operator>, StoreError> {
        Ok(self.kept.lock().state.operator(name))
    }

    async fn delegations(&self) -> Result<Vec<Delegation>, StoreError> {
        Ok(self.kept.lock().state.delegations())
    }

    async fn reviews(&self) -> Result<Vec<Review>, StoreError> {
        Ok(self.kept.lock().state.reviews())
    }

    async fn in_flight(&self) -> Result<Vec<InFlight>, StoreError> {
        Ok(self.kept.lock().state.in_flight())
    }

    async fn rate_cells(&self) -> Result<Vec<(String, u64)>, StoreError> {
        Ok(self.kept.lock().state.rate_cells())
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.kept.lock().state.setting(name))
    }

    async fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        Ok(self.kept.lock().state.pins())
    }

    async fn segments(&self) -> Result<Vec<Segment>, StoreError> {
        Ok(self.kept.lock().state.segments())
    }

    async fn entries(&self, from: u64, most: usize) -> Result<Vec<StoredEntry>, StoreError> {
        let kept = self.kept.lock();
        let skipped = kept.entries.partition_point(|entry| entry.seq < from);
        Ok(kept
            .entries
            .iter()
            .skip(skipped)
            .take(most)
            .cloned()
            .collect())
    }

    async fn head(&self) -> Result<Option<SignedHead>, StoreError> {
        let (chain, signer) = {
            let kept = self.kept.lock();
            (kept.chain.clone(), kept.signer.clone())
        };
        Ok((chain.count() > 0).then(|| signer.sign(&chain, self.ambient.now(), self.boot)))
    }

    fn wakes(&self) -> broadcast::Receiver<Wake> {
        self.wakes.subscribe()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.kept.lock().closed = true;
        Ok(())
    }
}
