//! People decide: votes, what they leave, and every other end of an approval.

use std::sync::Arc;
use std::time::Duration;

use super::countersign::Unsigned;
use super::patterns::narrowest;
use super::{Guard, entries};
use crate::audit::entry::EntryKind;
use crate::limits::{DECIDE_TRIES_COUNT, LISTED_COUNT};
use crate::model::approval::{Approval, ApprovalState, Verdict};
use crate::model::ballot::Choice;
use crate::model::credential::Operator;
use crate::model::digest::Digest;
use crate::model::grant::Grant;
use crate::model::id::{ApprovalId, GrantId};
use crate::model::name::OperatorName;
use crate::model::passkey::{Assertion, PasskeyFault};
use crate::model::quorum::Bar;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::store::{Change, StoreError, Sync};

/// What a person decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resolution {
    /// The exact call may run.
    Approve {
        /// How often, 1 to [`crate::limits::GRANT_USES_COUNT`].
        uses: u32,
        /// How long a grant of several uses lives, at most [`crate::limits::GRANT_LIFE`]; once-grants live
        /// until they must be redeemed.
        life: Option<Duration>,
    },
    /// The exact call may run, and calls of its session that are like it.
    Pattern {
        /// JSON pointers of the arguments whose values stay; the others are free, inside the scope.
        pins: Vec<String>,
        /// How often in all, 1 to [`crate::limits::PATTERN_USES_COUNT`].
        uses: u32,
        /// How long, at most [`crate::limits::GRANT_LIFE`].
        life: Option<Duration>,
    },
    /// The call may not run.
    Deny {
        /// What the agent is told.
        message: Option<String>,
    },
}

/// One vote: what was shown, and what was decided on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vote {
    /// The version that was shown.
    pub version: u32,
    /// The action digest that was shown.
    pub digest: Digest,
    /// The decision.
    pub decision: Resolution,
    /// The operator's own name for this decision: repeated, it answers as it did the first time.
    pub client_id: String,
    /// What their passkey signed, where it was asked.
    pub answer: Option<Assertion>,
}

impl Vote {
    /// Whether it lets something happen, and nothing but its sender's word stands for it.
    #[must_use]
    pub const fn is_bare_approval(&self) -> bool {
        matches!(self.decision, Resolution::Approve { .. }) && self.answer.is_none()
    }
}

/// Why a vote did not count.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is no such approval.
    #[error("no such approval")]
    Missing,
    /// It changed since it was shown.
    #[error("the request is at version {version} now")]
    Stale {
        /// The version it is at.
        version: u32,
    },
    /// The vote was for another action.
    #[error("the digest is not that of this request")]
    OtherDigest,
    /// This operator may not decide it.
    #[error("{}", .0.sentence())]
    NotEligible(Bar),
    /// This operator has voted on it, and counts once.
    #[error("{by} has voted to {vote} already, at {at}, and counts once")]
    Voted {
        /// Who.
        by: OperatorName,
        /// When.
        at: Timestamp,
        /// What for.
        vote: &'static str,
    },
    /// There is no vote of this operator's in the stage that is open.
    #[error("the operator has no vote in the stage that is open")]
    NoVote,
    /// It is decided, or ended otherwise.
    #[error("the request is {state} already")]
    Decided {
        /// Where it stands.
        state: &'static str,
        /// Who decided it, where a person did.
        by: Option<OperatorName>,
        /// When, as far as that is still known.
        at: Option<Timestamp>,
    },
    /// It must be signed with a passkey first.
    #[error("this approval must be signed with a passkey")]
    Unsigned(Box<Unsigned>),
    /// The operator's passkeys are all too new for it.
    #[error(
        "a new passkey decides nothing above `write` for a day, unless another admin confirms it"
    )]
    NewAuthenticator,
    /// What their passkey signed does not count.
    #[error(transparent)]
    Answer(#[from] PasskeyFault),
    /// What the operator may hangs on an account whose provider was not asked lately.
    #[error("the rights of the operator were last read from their provider too long ago")]
    RightsOld,
    /// The token's owner has something better, and did not confirm the token with it.
    #[error("the owner of the token has not confirmed lately that it is them who uses it")]
    Unconfirmed,
    /// The grant is beyond what an approver may give.
    #[error("{0}")]
    BadGrant(String),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ResolveError {
    /// The row of the table it is.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Missing | Self::NoVote => Reason::NotFound,
            Self::Stale { .. } | Self::Store(StoreError::Moved) => Reason::Stale,
            Self::OtherDigest | Self::BadGrant(_) => Reason::Malformed,
            Self::NotEligible(_) => Reason::NotEligible,
            Self::Decided { .. } | Self::Voted { .. } => Reason::AlreadyDecided,
            Self::Unsigned(_) => Reason::UserUnverified,
            Self::NewAuthenticator => Reason::AuthenticatorNew,
            Self::Answer(_) => Reason::PasskeyRefused,
            Self::RightsOld => Reason::RightsUnread,
            Self::Unconfirmed => Reason::TokenUnconfirmed,
            Self::Store(StoreError::Unavailable(_)) => Reason::StoreUnavailable,
        }
    }
}

/// The ends that nobody votes for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    Expired,
    Unredeemed,
    Cancelled,
    Invalidated,
    Revoked,
}

impl Guard {
    /// Counts a vote. Where it is the last that was needed the approval is approved or denied, and an
    /// approval leaves a grant: the narrowest of those that were voted for.
    ///
    /// # Errors
    /// [`ResolveError`]; nothing is changed then.
    pub async fn resolve(
        &self,
        operator: &Operator,
        id: ApprovalId,
        vote: Vote,
    ) -> Result<Approval, ResolveError> {
        self.keep_time().await?;
        let now = self.ambient.now();
        let approval = self.votable(id).await?;
        let repeated = (id, operator.name.clone(), vote.client_id.clone());
        if self
            .votes
            .lock()
            .get(&repeated)
            .is_some_and(|earlier| *earlier == vote)
        {
            return Ok(approval);
        }
        if approval.digest != vote.digest {
            return Err(ResolveError::OtherDigest);
        }
        if self.rights_are_old(operator).await? {
            return Err(ResolveError::RightsOld);
        }
        let ballot = self.ballot(&approval, operator, &vote, now).await?;
        let signed = self
            .countersigned(operator, &approval, &ballot, &vote)
            .await?;
        let is_stepped_up = approval.rule.step_up || ballot.choice.has_pins();
        let mut counted = approval.clone();
        counted.ballots.push(ballot.clone());
        let mut body = entries::vote(&approval, &ballot);
        body.insert("version".into(), vote.version.into());
        body.insert(
            "decision_id".into(),
            entries::clipped(&vote.client_id).into(),
        );
        let mut grants = None;
        let state = match counted.verdict() {
            Verdict::Open => ApprovalState::Held,
            Verdict::Approved => {
                let mut grant = self.grant(&counted);
                if let Some(signed) = &signed {
                    signed.bind(&mut grant);
                }
                entries::approved(&mut body, &counted, &grant);
                grants = Some(Change::AddGrant(grant));
                ApprovalState::Approved {
                    by: operator.name.clone(),
                    at: now,
                    redeem_by: now.after(approval.rule.redeem_by),
                }
            }
            Verdict::Denied => {
                let message = counted
                    .ballots
                    .iter()
                    .rev()
                    .find_map(|one| match &one.choice {
                        Choice::Deny { message } => message.clone(),
                        Choice::Approve { .. } => None,
                    });
                entries::denied(&mut body, message.as_deref());
                ApprovalState::Denied {
                    by: operator.name.clone(),
                    at: now,
                    message,
                }
            }
        };
        let is_refusal = matches!(state, ApprovalState::Denied { .. });
        let is_decided = state != ApprovalState::Held;
        let mut changes = vec![Change::Vote {
            id,
            version: vote.version,
            ballot: Box::new(ballot),
            state,
        }];
        changes.extend(grants);
        if is_stepped_up {
            body.insert("step_up".into(), "passkey".into());
        }
        if let Some(signed) = signed {
            signed.enter(&mut body);
            changes.push(signed.change());
        }
        let written = self
            .write(EntryKind::Approval, body, changes, Sync::Synced)
            .await;
        if let Err(StoreError::Moved) = written {
            return Err(self.overtaken(id, now).await?);
        }
        written?;
        if is_decided {
            self.measures.voted(now.since(approval.opened));
        }
        self.votes.lock().insert(repeated, vote);
        if is_refusal {
            self.close_tool(&approval).await;
        }
        self.store.approval(id).await?.ok_or(ResolveError::Missing)
    }

    /// What a vote is told that another one, or the end of the request, came before.
    pub(super) async fn overtaken(
        &self,
        id: ApprovalId,
        now: Timestamp,
    ) -> Result<ResolveError, StoreError> {
        Ok(match self.store.approval(id).await? {
            None => ResolveError::Missing,
            Some(approval) if approval.is_open(now) => ResolveError::Stale {
                version: approval.version,
            },
            Some(approval) => decided(&approval, now),
        })
    }

    /// The approval of that name.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        self.store.approval(id).await
    }

    /// Approvals, newest first: those that are open or wait to be used, or `all`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn approvals(&self, all: bool) -> Result<Vec<Arc<Approval>>, StoreError> {
        let live_at = (!all).then(|| self.ambient.now());
        self.store
            .approvals(live_at, crate::limits::LISTED_COUNT)
            .await
    }

    /// Approvals whose last written state is held or approved, whatever the clock says of them.
    pub(super) async fn unended(&self) -> Result<Vec<Arc<Approval>>, StoreError> {
        // Seen from the beginning of time nothing has expired yet.
        self.store
            .approvals(Some(Timestamp::default()), crate::limits::LISTED_COUNT)
            .await
    }

    /// Ends an approval without a vote if `due` says so of it as it stands, and revokes what it left;
    /// whether there was anything to end. A used approval has ended already, but its grant may have uses.
    pub(super) async fn end_approval(
        &self,
        id: ApprovalId,
        due: impl Fn(&Approval) -> Option<Ended> + Send,
        by: Option<&str>,
    ) -> Result<bool, StoreError> {
        for _ in 0..DECIDE_TRIES_COUNT {
            let Some(approval) = self.store.approval(id).await? else {
                return Ok(false);
            };
            let Some(ended) = due(&approval) else {
                return Ok(false);
            };
            let changes = self.ending(&approval, ended).await?;
            if changes.is_empty() {
                return Ok(false);
            }
            let body = entries::approval(&approval, ended.name(), by);
            match self
                .write(EntryKind::Approval, body, changes, Sync::Synced)
                .await
            {
                Ok(()) => return Ok(true),
                // Somebody voted or used it meanwhile.
                Err(StoreError::Moved) => {}
                Err(fault) => return Err(fault),
            }
        }
        Err(StoreError::Moved)
    }

    /// The changes that end an approval and what it left: none where nothing of it is left.
    pub(super) async fn ending(
        &self,
        approval: &Approval,
        ended: Ended,
    ) -> Result<Vec<Change>, StoreError> {
        let at = self.ambient.now();
        let mut changes = Vec::new();
        if let ApprovalState::Held | ApprovalState::Approved { .. } = approval.state {
            let state = match ended {
                Ended::Expired => ApprovalState::Expired,
                Ended::Unredeemed => ApprovalState::Unredeemed,
                Ended::Cancelled => ApprovalState::Cancelled { at },
                Ended::Invalidated => ApprovalState::Invalidated { at },
                Ended::Revoked => ApprovalState::Revoked { at },
            };
            changes.push(Change::SetApproval {
                id: approval.id,
                version: approval.version,
                state,
            });
        }
        // Nobody has approved yet, so there is no grant.
        if approval.state == ApprovalState::Held {
            return Ok(changes);
        }
        // Whether its time is over is not asked: a clock that is set back would give it more.
        let left = self.store.grants(LISTED_COUNT).await?.into_iter();
        let left = left.filter(|grant| {
            grant.approval == approval.id && grant.revoked.is_none() && grant.used < grant.uses
        });
        changes.extend(left.map(|grant| Change::RevokeGrant(grant.id, at)));
        Ok(changes)
    }

    /// What the approvals leave together: the narrowest that anybody voted for.
    pub(super) fn grant(&self, approval: &Approval) -> Grant {
        let (uses, life, pins) = narrowest(approval);
        let pattern = pins.and_then(|pins| self.pattern(approval, pins));
        let life = match (uses, &pattern) {
            (1, None) => approval.rule.redeem_by,
            _ => life,
        };
        Grant {
            id: GrantId::random(&self.ambient),
            approval: approval.id,
            agent: approval.principal.agent.clone(),
            session: approval.session,
            key: approval.key,
            pattern,
            uses,
            used: 0,
            until: self.ambient.now().after(life),
            revoked: None,
        }
    }
}

/// What somebody is told who decides what has ended.
pub(super) fn decided(approval: &Approval, now: Timestamp) -> ResolveError {
    let state = approval.state_at(now);
    let (by, at) = match &state {
        ApprovalState::Approved { by, at, .. } | ApprovalState::Denied { by, at, .. } => {
            (Some(by), Some(*at))
        }
        ApprovalState::Executing { by, .. } | ApprovalState::Ended { by, .. } => (Some(by), None),
        ApprovalState::Cancelled { at }
        | ApprovalState::Invalidated { at }
        | ApprovalState::Revoked { at } => (None, Some(*at)),
        ApprovalState::Held | ApprovalState::Expired | ApprovalState::Unredeemed => (None, None),
    };
    let last = approval.ballots.last().map(|ballot| ballot.at);
    ResolveError::Decided {
        by: by.cloned(),
        at: at.or(last.filter(|_| by.is_some())),
        state: state.name(),
    }
}

impl Ended {
    const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Unredeemed => "unredeemed",
            Self::Cancelled => "cancelled",
            Self::Invalidated => "invalidated",
            Self::Revoked => "revoked",
        }
    }
}
