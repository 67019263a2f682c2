//! What operators do to agents, sessions and grants, and what it stopped.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::Guard;
use super::approvals::Ended;
use crate::audit::entry::EntryKind;
use crate::limits::LISTED_COUNT;
use crate::model::grant::Grant;
use crate::model::id::{CallId, GrantId};
use crate::model::name::OperatorName;
use crate::model::reason::Reason;
use crate::model::session::{EndCause, Session, SessionState};
use crate::store::{Change, InFlight, StoreError, Sync};

/// Why an operator's wish was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// There is nothing of that name, or it is over already.
    #[error("nothing of that name is live")]
    Missing,
    /// The name is taken.
    #[error("the name is taken")]
    Taken,
    /// It is not something that can be done.
    #[error("{0}")]
    Unfit(String),
    /// There is no room for one more.
    #[error("there is no room for one more")]
    TooMany,
    /// Nobody vouches for themselves.
    #[error("somebody else must do this for you")]
    Own,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OperateError {
    /// The row of the table it is.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Missing => Reason::NotFound,
            Self::Unfit(_) => Reason::Malformed,
            Self::Taken | Self::TooMany => Reason::AlreadyDecided,
            Self::Own => Reason::NotEligible,
            Self::Store(_) => Reason::StoreUnavailable,
        }
    }
}

/// What a stop stopped.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stopped {
    /// Sessions that may not act any more.
    pub sessions: usize,
    /// Held calls that will not run.
    pub holds: usize,
    /// Calls that were already on their way upstream, and cannot be called back.
    pub running: Vec<CallId>,
}

impl Guard {
    /// Grants, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn grants(&self) -> Result<Vec<Grant>, StoreError> {
        self.store.grants(LISTED_COUNT).await
    }

    /// Ends a grant; names the calls that used it and were already on their way.
    ///
    /// # Errors
    /// When there is no such live grant.
    pub async fn revoke_grant(
        &self,
        operator: &OperatorName,
        id: GrantId,
    ) -> Result<Stopped, OperateError> {
        let now = self.ambient.now();
        let grants = self.store.grants(LISTED_COUNT).await?;
        let live = grants
            .iter()
            .find(|grant| grant.id == id && grant.is_live(now));
        let grant = live.ok_or(OperateError::Missing)?;
        let mut body = serde_json::Map::new();
        body.insert("grant".into(), id.to_string().into());
        body.insert("approval".into(), grant.approval.to_string().into());
        body.insert("agent".into(), grant.agent.as_str().into());
        body.insert("state".into(), "revoked".into());
        body.insert("by".into(), operator.as_str().into());
        let change = Change::RevokeGrant(id, now);
        self.write_stop(EntryKind::Grant, body, change).await?;
        self.recall().await;
        let (approval, mut stopped) = (Some(grant.approval), Stopped::default());
        self.list_running(|left| left.approval == approval, &mut stopped)
            .await?;
        Ok(stopped)
    }

    /// Writes what stops somebody, and counts it even where the store did not say that it is written: it
    /// may be in force all the same, and a permit looked at once too often does no harm.
    pub(super) async fn write_stop(
        &self,
        kind: EntryKind,
        body: Map<String, Value>,
        change: Change,
    ) -> Result<(), StoreError> {
        let written = self.write(kind, body, vec![change], Sync::Synced).await;
        self.revoked_something();
        written
    }

    /// Revokes every live session that `concerns` names, with the approvals and grants of all that it
    /// names, ended or not: an earlier try may have come only half way.
    pub(super) async fn end_sessions(
        &self,
        concerns: impl Fn(&Session) -> bool + Send,
        by: &str,
        stopped: &mut Stopped,
    ) -> Result<(), StoreError> {
        let all = self.store.sessions(LISTED_COUNT).await?;
        let mut concerned = HashSet::new();
        for session in all.iter().filter(|session| concerns(session)) {
            concerned.insert(session.id);
            if matches!(session.state, SessionState::Ended(_)) {
                continue;
            }
            let end = SessionState::Ended(EndCause::Revoked);
            match self.set_session(session.id, end, by).await {
                Ok(()) => stopped.sessions += 1,
                // It ended by itself meanwhile.
                Err(StoreError::Moved) => {}
                Err(fault) => return Err(fault),
            }
        }
        let approvals = self.store.approvals(None, LISTED_COUNT).await?;
        let theirs = approvals
            .iter()
            .filter(|approval| concerned.contains(&approval.session));
        for approval in theirs {
            if self
                .end_approval(approval.id, |_| Some(Ended::Revoked), Some(by))
                .await?
            {
                stopped.holds += 1;
            }
        }
        Ok(())
    }

    /// Names the calls that are already on their way.
    pub(super) async fn list_running(
        &self,
        concerns: impl Fn(&InFlight) -> bool + Send,
        stopped: &mut Stopped,
    ) -> Result<(), StoreError> {
        let left = self.store.in_flight().await?;
        stopped.running = left
            .into_iter()
            .filter(concerns)
            .map(|left| left.call)
            .collect();
        Ok(())
    }
}
