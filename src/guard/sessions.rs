//! Who asks and in which session: opened on demand, ended by time, by the agent, or by an operator.

use super::operate::{OperateError, Stopped};
use super::ruling::Denial;
use super::{Guard, opening};
use crate::audit::entry::EntryKind;
use crate::engine::facts::Standing;
use crate::limits::LISTED_COUNT;
use crate::model::approval::Approval;
use crate::model::call::Principal;
use crate::model::id::SessionId;
use crate::model::name::OperatorName;
use crate::model::reason::Reason;
use crate::model::session::{EndCause, Session, SessionState};
use crate::model::taint::Taint;
use crate::model::time::Timestamp;
use crate::scopes::Scope;
use crate::store::{Change, StoreError, Sync};

impl Guard {
    /// The session a request belongs to: the named one, if it is this principal's, or the principal's
    /// default one, opened on demand.
    ///
    /// # Errors
    /// A denial when there is none, or it was revoked.
    pub async fn session(
        &self,
        principal: &Principal,
        named: Option<SessionId>,
    ) -> Result<SessionId, Denial> {
        self.keep_time().await.map_err(|fault| down(&fault))?;
        let Some(id) = named else {
            return self.default_session(principal).await;
        };
        let session = self.store.session(id).await.map_err(|fault| down(&fault))?;
        match session {
            Some(session) if session.principal == *principal => match session.state {
                SessionState::Ended(EndCause::Revoked) => Err(revoked(id)),
                SessionState::Ended(_) => Err(Denial::new(
                    Reason::SessionExpired,
                    format!("{id} has ended"),
                )),
                SessionState::Active | SessionState::Paused => Ok(id),
            },
            // Somebody else's session is simply unknown.
            _ => Err(Denial::new(
                Reason::SessionUnknown,
                format!("{id} is not of this principal"),
            )),
        }
    }

    /// Opens a session of its own for a principal.
    ///
    /// # Errors
    /// A denial when the principal has too many, or was revoked.
    pub async fn open_session(
        &self,
        principal: &Principal,
        label: Option<String>,
    ) -> Result<Session, Denial> {
        let _turn = self.turns.lock().await;
        self.open(principal, label, false).await
    }

    /// Ends a session at its own principal's wish. One that is paused stays: closing it would be a way
    /// around the pause.
    ///
    /// # Errors
    /// A denial when it is not this principal's, or paused.
    pub async fn close_session(&self, principal: &Principal, id: SessionId) -> Result<(), Denial> {
        let _turn = self.turns.lock().await;
        self.session(principal, Some(id)).await?;
        let session = self.store.session(id).await.map_err(|fault| down(&fault))?;
        if session.is_some_and(|session| session.state == SessionState::Paused) {
            return Err(opening::paused(id));
        }
        self.set_session(
            id,
            SessionState::Ended(EndCause::Closed),
            principal.agent.as_str(),
        )
        .await
        .map_err(|fault| down(&fault))
    }

    /// Sessions, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sessions(&self) -> Result<Vec<Session>, StoreError> {
        self.store.sessions(LISTED_COUNT).await
    }

    /// The session of that name, whosever it is and however long ago it ended.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn session_named(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.store.session(id).await
    }

    /// Stops a session until it is resumed.
    ///
    /// # Errors
    /// When there is no such live session.
    pub async fn pause_session(
        &self,
        operator: &OperatorName,
        id: SessionId,
    ) -> Result<(), OperateError> {
        let _turn = self.turns.lock().await;
        self.live_session(id).await?;
        self.set_session(id, SessionState::Paused, operator.as_str())
            .await?;
        self.recall().await;
        Ok(())
    }

    /// Lets a paused session go on.
    ///
    /// # Errors
    /// When there is no such live session.
    pub async fn resume_session(
        &self,
        operator: &OperatorName,
        id: SessionId,
    ) -> Result<(), OperateError> {
        let _turn = self.turns.lock().await;
        self.live_session(id).await?;
        Ok(self
            .set_session(id, SessionState::Active, operator.as_str())
            .await?)
    }

    /// Ends a session for good: its approvals and grants end with it, and the principal gets no new one
    /// until an operator reinstates it. Asked again after a fault, it ends what is left.
    ///
    /// # Errors
    /// When there is no such live session.
    pub async fn revoke_session(
        &self,
        operator: &OperatorName,
        id: SessionId,
    ) -> Result<Stopped, OperateError> {
        let _turn = self.turns.lock().await;
        let session = self.store.session(id).await?.ok_or(OperateError::Missing)?;
        if let SessionState::Ended(EndCause::Timeout | EndCause::Closed) = session.state {
            return Err(OperateError::Missing);
        }
        let mut stopped = Stopped::default();
        self.end_sessions(|one| one.id == session.id, operator.as_str(), &mut stopped)
            .await?;
        if stopped == Stopped::default() {
            return Err(OperateError::Missing);
        }
        self.recall().await;
        self.list_running(|left| left.session == session.id, &mut stopped)
            .await?;
        Ok(stopped)
    }

    /// Lets the principal of a revoked session open new ones.
    ///
    /// # Errors
    /// When the session is not a revoked one.
    pub async fn reinstate_session(
        &self,
        operator: &OperatorName,
        id: SessionId,
    ) -> Result<(), OperateError> {
        let session = self.store.session(id).await?.ok_or(OperateError::Missing)?;
        if session.state != SessionState::Ended(EndCause::Revoked) {
            return Err(OperateError::Missing);
        }
        let mut body = entry(&session, "reinstated", operator.as_str());
        body.insert("state".into(), "reinstated".into());
        let change = Change::Setting(reinstated(id), operator.to_string());
        Ok(self
            .write(EntryKind::Session, body, vec![change], Sync::Synced)
            .await?)
    }

    /// Ends what the manifest's time limits have ended: as read, so that no timer can be wrong. While a
    /// hold of the session is open or waits to be used, its idle clock stands still.
    pub(super) fn age(
        &self,
        standing: &mut Standing,
        attached: Option<&Approval>,
        scope: &Scope,
        principal: &Principal,
        now: Timestamp,
    ) {
        let holds = standing.approval.iter().chain(attached);
        let mut held_until = holds.filter_map(|one| waited_until(one, now)).max();
        if !standing.covering.is_empty() {
            held_until = Some(now);
        }
        let Some(session) = &mut standing.session else {
            return;
        };
        if session.principal != *principal {
            standing.session = None;
            return;
        }
        if overdue(session, scope, held_until, now) {
            session.state = SessionState::Ended(EndCause::Timeout);
        }
    }

    async fn default_session(&self, principal: &Principal) -> Result<SessionId, Denial> {
        if let Some(session) = self.known_default(principal).await?
            && !self.is_over(&session).await?
        {
            return Ok(session.id);
        }
        // One opener at a time, or two first requests would open two default sessions.
        let _turn = self.turns.lock().await;
        if let Some(session) = self.known_default(principal).await? {
            if !self.is_over(&session).await? {
                return Ok(session.id);
            }
            let end = SessionState::Ended(EndCause::Timeout);
            self.set_session(session.id, end, "guard")
                .await
                .map_err(|fault| down(&fault))?;
        }
        Ok(self.open(principal, None, true).await?.id)
    }

    /// The default session as last used, unless it has ended.
    async fn known_default(&self, principal: &Principal) -> Result<Option<Session>, Denial> {
        let known = self.defaults.lock().get(principal).copied();
        let Some(id) = known else { return Ok(None) };
        let session = self.store.session(id).await.map_err(|fault| down(&fault))?;
        Ok(session.filter(|session| !matches!(session.state, SessionState::Ended(_))))
    }

    /// Whether the manifest's time limits have ended the session.
    async fn is_over(&self, session: &Session) -> Result<bool, Denial> {
        let scopes = self.scopes.load_full();
        // Without a scope nothing runs; the decision says so.
        let Some(scope) = scopes.scope(&session.principal.agent) else {
            return Ok(false);
        };
        let now = self.ambient.now();
        if !overdue(session, scope, None, now) {
            return Ok(false);
        }
        let approvals = self.store.approvals(None, LISTED_COUNT).await;
        let approvals = approvals.map_err(|fault| down(&fault))?;
        let own = approvals
            .iter()
            .filter(|approval| approval.session == session.id);
        Ok(overdue(
            session,
            scope,
            own.filter_map(|one| waited_until(one, now)).max(),
            now,
        ))
    }

    /// Pauses a session that asked persons too often, until an operator looks at it.
    pub(super) async fn pause_flooding(&self, id: SessionId) {
        let _turn = self.turns.lock().await;
        match self.set_session(id, SessionState::Paused, "guard").await {
            Ok(()) => self.revoked_something(),
            // It ended meanwhile.
            Err(StoreError::Moved) => {}
            Err(fault) => tracing::error!(%fault, session = %id, "a session could not be paused"),
        }
    }

    async fn live_session(&self, id: SessionId) -> Result<Session, OperateError> {
        match self.store.session(id).await? {
            Some(session) if !matches!(session.state, SessionState::Ended(_)) => Ok(session),
            _ => Err(OperateError::Missing),
        }
    }

    pub(super) async fn set_session(
        &self,
        id: SessionId,
        state: SessionState,
        by: &str,
    ) -> Result<(), StoreError> {
        let Some(session) = self.store.session(id).await? else {
            return Ok(());
        };
        let body = entry(&session, state.name(), by);
        self.write_stop(EntryKind::Session, body, Change::SetSession(id, state))
            .await
    }
}

/// The denial for a store that does not answer.
pub(super) fn down(fault: &StoreError) -> Denial {
    Denial::new(Reason::StoreUnavailable, fault.to_string())
}

pub(super) fn revoked(id: SessionId) -> Denial {
    Denial::new(Reason::SessionRevoked, format!("{id} was revoked"))
}

/// The entry of words that a session hears outside of any call.
pub(super) fn tainted(
    session: &Session,
    taint: &Taint,
) -> serde_json::Map<String, serde_json::Value> {
    let mut body = entry(session, "tainted", "guard");
    body.insert("taint".into(), taint.grade.name().into());
    body.insert("source".into(), taint.source.as_str().into());
    body
}

/// Time limits never end a paused session: a pause lasts until an operator ends it.
pub(super) fn overdue(
    session: &Session,
    scope: &Scope,
    held_until: Option<Timestamp>,
    now: Timestamp,
) -> bool {
    if session.state == SessionState::Paused {
        return false;
    }
    let idle_since = held_until.map_or(session.seen, |until| session.seen.max(until.min(now)));
    now.since(session.opened) >= scope.session.max_age
        || now.since(idle_since) >= scope.session.idle_timeout
}

/// Until when an agent waited for an approval; nothing of one that ended in what a clock that was set back
/// made the future.
fn waited_until(approval: &Approval, now: Timestamp) -> Option<Timestamp> {
    let until = approval.held_until();
    (until <= now || approval.is_live(now)).then_some(until)
}

pub(super) fn reinstated(id: SessionId) -> String {
    format!("reinstated {id}")
}

pub(super) fn entry(
    session: &Session,
    state: &str,
    by: &str,
) -> serde_json::Map<String, serde_json::Value> {
    let mut body = serde_json::Map::new();
    body.insert("session".into(), session.id.to_string().into());
    body.insert("agent".into(), session.principal.agent.as_str().into());
    body.insert(
        "credential".into(),
        session.principal.credential.to_string().into(),
    );
    body.insert("state".into(), state.into());
    body.insert("by".into(), by.into());
    body
}
