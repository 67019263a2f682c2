//! The shell around the rules: facts in, a recorded ruling out.
//!
//! First try, retry after an approval, MCP, HTTP and hooks all enter at [`Guard::decide`]. Nothing
//! resumes: an approval leaves a grant, and the repeated call meets it among the facts.

mod accounts;
mod agents;
mod amend;
mod approvals;
mod ballots;
mod catalog;
mod clocks;
mod closed;
mod confirmations;
mod countersign;
mod credentials;
mod decide;
mod delegations;
mod doorway;
mod entries;
mod floods;
mod glass;
mod history;
mod holds;
mod keys;
mod kinds;
mod leave;
mod life;
mod measure;
pub mod notices;
mod opening;
mod operate;
mod operators;
mod passkeys;
mod patterns;
mod peps;
mod permit;
mod pins;
mod precedents;
mod present;
mod presented;
mod proofs;
mod prune;
mod redeem;
mod reload;
mod reviews;
mod ruling;
mod sentence;
mod sessions;
mod settle;
mod shares;
mod signed;
pub mod source;
mod stops;
mod taint;
mod tokens;
mod upstream;
mod wakes;
mod weigh;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};

use arc_swap::ArcSwap;
use aws_lc_rs::hmac;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use agents::AgentView;
pub use amend::{AmendError, Proposal, Replay};
pub use approvals::{Resolution, ResolveError, Vote};
pub use ballots::Part;
pub use catalog::{Catalog, KnownTool};
pub use confirmations::{Asking, ConfirmError};
pub use countersign::Unsigned;
pub use doorway::{Doorway, DoorwayFault};
pub use entries::Refusal;
pub use glass::Glass;
pub use keys::RotateError;
pub use leave::Leave;
pub use measure::{Figures, Spread};
pub use operate::{OperateError, Stopped};
pub use passkeys::{EnrolError, Enrolling};
pub use patterns::{Preview, PreviewError};
pub use permit::{Dispatch, Permit, Receipt};
pub use pins::{MemberDiff, PinDiff, PinPolicy, PinView, Word};
pub use precedents::Precedent;
pub use presented::Presented;
pub use prune::{Keep, PruneError, Pruned};
pub use redeem::Redeemed;
pub use reload::{Offered, Reload};
pub use reviews::ReviewError;
pub use ruling::{Challenge, Denial, Hold, Pending, Ruling, Woke};
pub use sentence::{sentence, sentence_on};
pub use signed::SignedPermit;
pub use upstream::{Delivery, Upstreams};

/// Words of the store that the guard passes on, since edges do not know the store.
pub use crate::store::{StoreError, Wake};

use crate::ambient::Ambient;
use crate::model::call::Principal;
use crate::model::history::Lesson;
use crate::model::id::{ApprovalId, CallId, SessionId};
use crate::model::isolation::Isolation;
use crate::model::name::OperatorName;
use crate::model::redact::Redactor;
use crate::rate::Limits;
use crate::scopes::Scopes;
use crate::store::{SharedStore, Sync};

/// Everything a guard is made of.
pub struct Parts {
    /// Where everything durable lives.
    pub store: SharedStore,
    /// The scopes in force at start.
    pub scopes: Scopes,
    /// Clock and randomness.
    pub ambient: Ambient,
    /// Finds the same call again.
    pub match_key: [u8; 32],
    /// Derives the comparison codes of approvals.
    pub code_key: [u8; 32],
    /// Seals permits that somebody else runs.
    pub permit_key: [u8; 32],
    /// Whether reads are synced too.
    pub all_synced: bool,
    /// Bytes of the record that one agent may fill within [`crate::limits::RECORD_SHARE_WINDOW`].
    pub record_share_bytes: u64,
    /// Who puts changed scopes into force.
    pub reload: Reload,
    /// Who accepts what servers present for the first time.
    pub pin: PinPolicy,
    /// How far agents are kept from the guard itself.
    pub isolation: Isolation,
}

/// The guard: one for a process, shared by its edges.
pub struct Guard {
    store: SharedStore,
    scopes: ArcSwap<Scopes>,
    /// When those scopes were last put into force, in milliseconds since 1970. It is set after them, so
    /// that for a moment patterns may cover too little, and never too much.
    since: AtomicI64,
    offered: Mutex<Option<Scopes>>,
    limits: Limits,
    catalog: Catalog,
    book: pins::Book,
    /// Held while pins are written: each is written over the version that was looked at.
    pinning: tokio::sync::Mutex<()>,
    pin: PinPolicy,
    ambient: Ambient,
    match_key: hmac::Key,
    code_key: ArcSwap<hmac::Key>,
    permit_keys: ArcSwap<keys::PermitKeys>,
    /// Held while a key is changed.
    rotating: tokio::sync::Mutex<()>,
    /// How durable the record of a read is.
    reads: Sync,
    reload: Reload,
    isolation: Isolation,
    measures: measure::Measures,
    notices: notices::Notices,
    wakes: Arc<wakes::Wakes>,
    /// Default sessions; the store is the authority, this spares the search.
    defaults: Mutex<HashMap<Principal, SessionId>>,
    /// Held by whoever reads agents, credentials or sessions in order to write them: two at once could
    /// open what the other ends.
    turns: tokio::sync::Mutex<()>,
    floods: floods::Floods,
    shares: shares::Shares,
    proofs: tokens::Proofs,
    /// Challenges that people have yet to answer, and where.
    desk: passkeys::Desk,
    confirmations: confirmations::Confirmations,
    /// Votes by the name their operator gave them.
    votes: Mutex<HashMap<(ApprovalId, OperatorName, String), Vote>>,
    /// What calls teach that somebody else runs, until it is told what came of them.
    lessons: Mutex<HashMap<CallId, Box<Lesson>>>,
    /// What takes the secrets of calls on their way out of what is said of them.
    redactors: Mutex<HashMap<CallId, Redactor>>,
    /// Counts everything that may forbid a permit already minted.
    epoch: AtomicU64,
    /// What may be written upstream right now.
    leaves: leave::Leaves,
    /// Held while entries are taken out of the record.
    pruning: tokio::sync::Mutex<()>,
    /// Held while what a moved clock makes void is ended.
    timekeeping: tokio::sync::Mutex<()>,
    /// Counts how often the clocks parted.
    partings: AtomicU64,
    stopping: CancellationToken,
    running: TaskTracker,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}
