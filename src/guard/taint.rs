//! Foreign words on their way into a session: noted before the first of them is delivered.

use super::entries::clipped;
use super::{Guard, sessions};
use crate::audit::entry::EntryKind;
use crate::model::call::{Call, Principal};
use crate::model::id::SessionId;
use crate::model::name::ServerName;
use crate::model::session::{Session, SessionState};
use crate::model::taint::{Taint, TaintGrade};
use crate::model::time::Timestamp;
use crate::scopes::Scope;
use crate::store::{Change, StoreError, Sync};

impl Guard {
    /// Notes that a server is about to be heard outside of any call. Nobody can say which session of the
    /// principal hears it, so where the server is untrusted every one does.
    ///
    /// # Errors
    /// When it could not be noted: then nothing must be delivered.
    pub async fn hears(
        &self,
        principal: &Principal,
        server: &ServerName,
    ) -> Result<(), StoreError> {
        let scopes = self.scopes.load_full();
        let grade = scopes
            .scope(&principal.agent)
            .map_or(TaintGrade::Untrusted, |scope| scope.grade_of_server(server));
        let taint = Taint::heard(grade, server.to_string(), self.ambient.now());
        for session in self.hearers(principal, grade).await? {
            if !taint.adds_to(session.taint.as_ref()) {
                continue;
            }
            let body = sessions::tainted(&session, &taint);
            let change = Change::Taint(session.id, taint.clone());
            match self
                .write(EntryKind::Session, body, vec![change], Sync::Synced)
                .await
            {
                Ok(()) => {}
                // It ended meanwhile.
                Err(StoreError::Moved) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// The sessions that may hear it. Without any there is one to come, which copies nothing of words that
    /// were heard before it: so it is opened now.
    async fn hearers(
        &self,
        principal: &Principal,
        grade: TaintGrade,
    ) -> Result<Vec<Session>, StoreError> {
        if grade == TaintGrade::Unvouched {
            let known: Option<SessionId> = self.defaults.lock().get(principal).copied();
            let Some(id) = known else {
                return Ok(Vec::new());
            };
            let session = self.store.session(id).await?;
            return Ok(session.into_iter().filter(lasts).collect());
        }
        let mut live = self.store.sessions_of(principal).await?;
        // One that may not be opened hears nothing either.
        if live.is_empty() && self.session(principal, None).await.is_ok() {
            live = self.store.sessions_of(principal).await?;
        }
        Ok(live)
    }
}

/// What a call lets its session hear, once it is permitted; nothing where that is known of it.
pub(super) fn of(
    call: &Call,
    scope: &Scope,
    is_declared: bool,
    session: Option<&Session>,
    now: Timestamp,
) -> Option<Taint> {
    let grade = scope.grade_of(&call.target, is_declared);
    let taint = Taint::heard(grade, clipped(&call.target.to_string()), now);
    let known = session.and_then(|session| session.taint.as_ref());
    taint.adds_to(known).then_some(taint)
}

fn lasts(session: &Session) -> bool {
    !matches!(session.state, SessionState::Ended(_))
}
