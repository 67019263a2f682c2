//! What one transaction writes: an entry of the record, and the changes it stands for.

use crate::audit::checkpoint::Signer;
use crate::audit::entry::Entry;
use crate::audit::segment::Segment;
use crate::engine::facts::Spend;
use crate::model::approval::{Approval, ApprovalState};
use crate::model::ballot::Ballot;
use crate::model::credential::{Credential, Operator};
use crate::model::delegation::Delegation;
use crate::model::grant::Grant;
use crate::model::history::Lesson;
use crate::model::id::{ApprovalId, CallId, CredentialId, GrantId, PermitId, SessionId};
use crate::model::name::{AgentName, OperatorName};
use crate::model::outcome::Outcome;
use crate::model::pin::Pin;
use crate::model::proof::Proof;
use crate::model::review::Review;
use crate::model::session::{AgentState, Session, SessionState};
use crate::model::taint::Taint;
use crate::model::target::Target;
use crate::model::time::Timestamp;

use super::{InFlight, StoreError};

/// One transaction.
#[derive(Debug)]
pub struct Commit {
    /// The revision the decision was judged at, where it depends on one.
    pub expects: Option<Expect>,
    /// The entry of the record.
    pub entry: Entry,
    /// What else changes, in order.
    pub changes: Vec<Change>,
    /// How durable it must be before it counts as recorded.
    pub sync: Sync,
}

/// The revision of one agent.
#[derive(Clone, Debug)]
pub struct Expect {
    /// The agent.
    pub agent: AgentName,
    /// Its revision when the facts were read.
    pub revision: u64,
}

/// Who signs heads from a commit on, where it changes that.
pub(super) fn next_signer(changes: &[Change]) -> Option<&Signer> {
    changes.iter().find_map(|change| match change {
        Change::RotateSigner(signer) => Some(signer),
        _ => None,
    })
}

/// Said where both keys cannot sign an entry, since its body is none.
pub(super) fn unsealed() -> StoreError {
    StoreError::Unavailable("an entry that changes the key cannot be signed".to_owned())
}

/// How durable a commit is when it is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Sync {
    /// Handed to the operating system: a crash of the process loses nothing, a power loss may lose the tail.
    Handed,
    /// Synced to the disk.
    Synced,
}

/// One change of state. Each is guarded where it is written: a version, a use or a sum that no longer
/// fits refuses the whole commit with [`super::StoreError::Moved`].
#[derive(Debug)]
pub enum Change {
    /// Sets an agent's state.
    SetAgent(AgentName, AgentState),
    /// Adds a credential.
    AddCredential(Credential),
    /// Revokes a credential.
    RevokeCredential(CredentialId, Timestamp),
    /// Adds an operator, or replaces one of the same name.
    SetOperator(Operator),
    /// Adds what proves an operator at version 1, or moves it to its next version. Refused at any other
    /// version, of an operator who is not there, and where it is somebody else's.
    SetProof(Box<Proof>),
    /// Removes an operator, and ends everything that proves them, what they lent and what was lent to them.
    RevokeOperator(OperatorName, Timestamp),
    /// Lends an operator's groups to another, or ends that, in place of what stood between the two.
    /// Refused unless both are operators.
    SetDelegation(Delegation),
    /// Opens a session.
    OpenSession(Session),
    /// Notes that a session acted; moves no revision.
    SeenSession(SessionId, Timestamp),
    /// Sets a session's state. A session that ended stays ended.
    SetSession(SessionId, SessionState),
    /// A session is about to hear foreign words. What it has heard is never made less, and a session that
    /// ended hears nothing.
    Taint(SessionId, Taint),
    /// Opens an approval. Refused while another of the same session and key is open.
    OpenApproval(Box<Approval>),
    /// Moves an approval from the version it was read at; the version then counts one more.
    SetApproval {
        /// Which.
        id: ApprovalId,
        /// The version it was read at.
        version: u32,
        /// The new state.
        state: ApprovalState,
    },
    /// Counts a vote on a held approval, and moves it to what the votes then come to; its version counts
    /// one more. Refused where that is something else, where the person has voted in that stage, or where
    /// it is approved and somebody who approved was removed.
    Vote {
        /// On which.
        id: ApprovalId,
        /// The version it was read at.
        version: u32,
        /// The vote.
        ballot: Box<Ballot>,
        /// The new state.
        state: ApprovalState,
    },
    /// Takes back the vote of a person in a stage of a held approval; its version counts one more.
    Unvote {
        /// On which.
        id: ApprovalId,
        /// The version it was read at.
        version: u32,
        /// In which stage.
        stage: usize,
        /// Whose.
        person: OperatorName,
    },
    /// Approves a held approval by one person alone, in place of its stages, and opens the review of it; its
    /// version counts one more. Refused where it is not held, or that person may not break the glass.
    BreakGlass {
        /// The version it was read at.
        version: u32,
        /// The new state.
        state: ApprovalState,
        /// The review.
        review: Box<Review>,
    },
    /// Closes a review. Refused where it is not open, or whoever broke the glass would close it.
    CloseReview(Box<Review>),
    /// Adds a grant.
    AddGrant(Grant),
    /// Uses a grant once. Refused when it is used up, over or revoked at that moment.
    UseGrant(GrantId, Timestamp),
    /// Revokes a grant.
    RevokeGrant(GrantId, Timestamp),
    /// Reserves from a budget for a call. Refused when the sum would exceed the limit.
    Spend(CallId, Spend),
    /// Gives back what a call reserved, when it provably never reached the upstream.
    Release(CallId),
    /// A call was permitted.
    Start(InFlight),
    /// The permit of a call is redeemed. Refused unless it is unredeemed, in time, and agent, session
    /// and their credential may act.
    Redeem {
        /// The call.
        call: CallId,
        /// Its permit.
        permit: PermitId,
        /// With which credential of an enforcement point.
        by: CredentialId,
        /// When.
        at: Timestamp,
        /// The place of the decision in the record.
        of: u64,
    },
    /// The permit of a call has run out. Refused when it was redeemed.
    Lapse(CallId, Timestamp),
    /// A call's outcome is known, or known to be unknown. Refused when it has one already. An unknown one
    /// above `read` leaves a doubt; a known one of a call that a person let run in spite of it lifts it.
    End(CallId, Outcome),
    /// An operator has looked at what became of a call of unknown outcome. Refused where there is none.
    Resolve(AgentName, Target),
    /// A call was done, and teaches the past of its agent; moves no revision.
    Learn(Box<Lesson>, Timestamp),
    /// The clock was moved by so many milliseconds: windows that began before it are moved with it, and
    /// every agent's revision counts one more, so that nothing is written that was judged before.
    MoveClock(i64),
    /// Keeps a limiter's cell.
    Rate(String, u64),
    /// Keeps a small setting of the guard's own.
    Setting(String, String),
    /// Takes the entries of a sealed segment out of the record. Refused unless it begins where the last
    /// one ended.
    Prune(Segment),
    /// From this entry on another key signs heads; both sign the entry. Moves no revision.
    RotateSigner(Signer),
    /// Adds a pin at version 1, or moves one to its next version. Refused at any other version.
    SetPin(Box<Pin>),
}
