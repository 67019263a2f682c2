//! Where everything durable lives: one transaction a decision, and nothing minted before it is written.
//!
//! The trait does not assume one process: facts carry a revision and a commit names the revision it was
//! judged at; wake-ups are an interface. SQL stands only below this module.

pub mod anchor;
pub(crate) mod closed;
mod commit;
pub mod keys;
pub mod lines;
mod memory;
mod recorded;
pub mod segments;
pub mod sqlite;
mod state;
mod wake;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::broadcast;

pub use commit::{Change, Commit, Expect, Sync};
pub use memory::Memory;
pub use recorded::Recorded;

use crate::audit::checkpoint::SignedHead;
use crate::audit::entry::StoredEntry;
use crate::audit::segment::Segment;
use crate::engine::facts::{BudgetAsk, Standing};
use crate::model::action::MatchKey;
use crate::model::aim::{Aim, Aims};
use crate::model::approval::Approval;
use crate::model::call::Principal;
use crate::model::credential::{Credential, Operator};
use crate::model::delegation::Delegation;
use crate::model::digest::Digest;
use crate::model::grant::Grant;
use crate::model::history::{History, Lesson};
use crate::model::id::{ApprovalId, CallId, CredentialId, PermitId, SessionId};
use crate::model::name::{AgentName, GroupName, OperatorName};
use crate::model::pin::Pin;
use crate::model::privilege::Privilege;
use crate::model::proof::Proof;
use crate::model::review::Review;
use crate::model::session::{AgentState, Session};
use crate::model::target::Target;
use crate::model::time::Timestamp;

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The facts moved since they were read: read them again and judge anew.
    #[error("the facts moved since they were read")]
    Moved,
    /// The store does not answer, is full, or failed; nothing of the commit is in force.
    #[error("the store failed: {0}")]
    Unavailable(String),
}

/// What a decision asks the store.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Whose standing.
    pub agent: &'a AgentName,
    /// In which session.
    pub session: SessionId,
    /// On what; for the memory of refusals.
    pub target: &'a Target,
    /// With which arguments, in canonical form and with secrets masked; for the memory of refusals.
    pub arguments: &'a [u8],
    /// What it is aimed at; for the memory of refusals, and for doubts.
    pub aims: &'a Aims,
    /// For exactly which call.
    pub key: MatchKey,
    /// Which sums.
    pub budgets: &'a [BudgetAsk],
    /// What it would teach, which is compared with the past; nothing where no rule names the target.
    pub lesson: Option<&'a Lesson>,
    /// What must have succeeded in the session before.
    pub after: &'a BTreeSet<Target>,
    /// At which moment expiry is computed.
    pub now: Timestamp,
}

/// Something that changed and that somebody may wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wake {
    /// An approval was opened or changed its state.
    Approval(ApprovalId),
    /// A session changed its state.
    Session(SessionId),
    /// An agent changed its state.
    Agent,
}

/// One call that was permitted and whose outcome is not yet recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InFlight {
    /// The call.
    pub call: CallId,
    /// Whose it is.
    pub agent: AgentName,
    /// In which session.
    pub session: SessionId,
    /// What it is on.
    pub target: Target,
    /// Where it goes, if its tool declares that.
    pub destinations: BTreeSet<Aim>,
    /// How far up the ladder it stands.
    pub privilege: Privilege,
    /// The approval it used, if any.
    pub approval: Option<ApprovalId>,
    /// When it was permitted.
    pub since: Timestamp,
    /// Who runs it, and how far that has come.
    pub leg: Leg,
}

/// Who runs a permitted call, and how far that has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leg {
    /// The guard itself.
    Own,
    /// Whoever redeems its permit.
    Signed {
        /// The permit.
        permit: PermitId,
        /// From when on it is not redeemed any more.
        until: Timestamp,
    },
    /// The enforcement point that redeemed its permit.
    Redeemed {
        /// With which credential.
        by: CredentialId,
        /// When.
        at: Timestamp,
        /// The place of the decision in the record.
        of: u64,
    },
}

/// A place for records, sessions, approvals, grants, sums and credentials.
#[async_trait]
pub trait Store: Send + std::marker::Sync + 'static {
    /// How things stand for one call. Reads only.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn standing(&self, ask: &Ask<'_>) -> Result<Standing, StoreError>;

    /// The agent's revision now; that of one who is not known is 0.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn revision(&self, agent: &AgentName) -> Result<u64, StoreError>;

    /// Writes an entry and its changes in one transaction, or nothing at all.
    ///
    /// # Errors
    /// [`StoreError::Moved`] if the agent moved since `expects`, a version, a use or a sum no longer
    /// fits; [`StoreError::Unavailable`] if it could not be written.
    async fn commit(&self, commit: Commit) -> Result<Recorded, StoreError>;

    /// The approval of that name, however long ago it ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreError>;

    /// Approvals, newest first: the live ones, or the newest of all.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn approvals(
        &self,
        only_live_at: Option<Timestamp>,
        most: usize,
    ) -> Result<Vec<Arc<Approval>>, StoreError>;

    /// The first of the groups whose inbox has no room for one more request of the agent.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn crowded(
        &self,
        groups: &[GroupName],
        agent: &AgentName,
        now: Timestamp,
    ) -> Result<Option<GroupName>, StoreError>;

    /// The session of that name, however long ago it ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// All sessions that have not ended, and as many ended ones as `most` leaves room for: those an
    /// operator ended, and the others of the last day. Newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn sessions(&self, most: usize) -> Result<Vec<Session>, StoreError>;

    /// The sessions of a principal that have not ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn sessions_of(&self, principal: &Principal) -> Result<Vec<Session>, StoreError>;

    /// Grants, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn grants(&self, most: usize) -> Result<Vec<Grant>, StoreError>;

    /// Every agent the store knows, with its state.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn agents(&self) -> Result<Vec<(AgentName, AgentState)>, StoreError>;

    /// Everything kept of one agent's past, as its windows stand at `now`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn history(&self, agent: &AgentName, now: Timestamp) -> Result<History, StoreError>;

    /// Every credential.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn credentials(&self) -> Result<Vec<Credential>, StoreError>;

    /// The credential with that secret.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn credential_by_secret(&self, secret: &Digest)
    -> Result<Option<Credential>, StoreError>;

    /// One credential.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn credential(&self, id: CredentialId) -> Result<Option<Credential>, StoreError>;

    /// Every operator.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn operators(&self) -> Result<Vec<Operator>, StoreError>;

    /// Everything that proves operators, ended ones too, in the order they were added.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn proofs(&self) -> Result<Vec<Proof>, StoreError>;

    /// What is found by that key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn proof(&self, key: &Digest) -> Result<Option<Proof>, StoreError>;

    /// The operator of that name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn operator(&self, name: &OperatorName) -> Result<Option<Operator>, StoreError>;

    /// Every delegation, also those that are over, in the order they were made.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn delegations(&self) -> Result<Vec<Delegation>, StoreError>;

    /// Every review of a use of break-glass, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn reviews(&self) -> Result<Vec<Review>, StoreError>;

    /// Calls without an outcome.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn in_flight(&self) -> Result<Vec<InFlight>, StoreError>;

    /// Limiter cells as last committed: key and opaque nanoseconds.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn rate_cells(&self) -> Result<Vec<(String, u64)>, StoreError>;

    /// A small setting of the guard's own, for example the accepted scopes digest.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Every pin, in the order they were first seen.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn pins(&self) -> Result<Vec<Pin>, StoreError>;

    /// Segments that were sealed and taken out of the record, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn segments(&self) -> Result<Vec<Segment>, StoreError>;

    /// Entries from sequence number `from` on, oldest first; not those of sealed segments.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn entries(&self, from: u64, most: usize) -> Result<Vec<StoredEntry>, StoreError>;

    /// The newest signed head.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn head(&self) -> Result<Option<SignedHead>, StoreError>;

    /// Wake-ups: a receiver that lags must look at everything it waits for.
    fn wakes(&self) -> broadcast::Receiver<Wake>;

    /// Takes no more commits, writes what is queued and a last head.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn close(&self) -> Result<(), StoreError>;
}

/// A store that many hold.
pub type SharedStore = Arc<dyn Store>;
