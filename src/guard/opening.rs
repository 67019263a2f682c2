//! Opening a session: never kinder than what its credential has already.

use super::Guard;
use super::entries::{Refusal, clipped};
use super::ruling::Denial;
use super::sessions::{down, entry, overdue, reinstated, revoked};
use crate::audit::entry::{Entry, EntryKind};
use crate::limits::{DECIDE_TRIES_COUNT, LISTED_COUNT, SESSIONS_PER_PRINCIPAL_COUNT, TAINT_MEMORY};
use crate::model::call::Principal;
use crate::model::id::SessionId;
use crate::model::reason::Reason;
use crate::model::session::{EndCause, Session, SessionState};
use crate::model::taint::Taint;
use crate::model::time::Timestamp;
use crate::store::{Change, Commit, Expect, StoreError, Sync};

impl Guard {
    /// Opens a session; whoever calls holds the turn. What it is opened after is read at the revision it
    /// is written at: no taint and no pause slips in between.
    pub(super) async fn open(
        &self,
        principal: &Principal,
        label: Option<String>,
        default: bool,
    ) -> Result<Session, Denial> {
        for _ in 0..DECIDE_TRIES_COUNT {
            let revision = self.store.revision(&principal.agent).await;
            let expects = Expect {
                agent: principal.agent.clone(),
                revision: revision.map_err(|fault| down(&fault))?,
            };
            match self
                .try_open(principal, label.as_deref(), default, expects)
                .await?
            {
                Ok(session) => {
                    if default {
                        self.defaults.lock().insert(principal.clone(), session.id);
                    }
                    return Ok(session);
                }
                Err(StoreError::Moved) => {}
                Err(fault) => return Err(down(&fault)),
            }
        }
        Err(Denial::new(Reason::Busy, "the facts moved at every try"))
    }

    async fn try_open(
        &self,
        principal: &Principal,
        label: Option<&str>,
        default: bool,
        expects: Expect,
    ) -> Result<Result<Session, StoreError>, Denial> {
        // A connection may have proved itself before its credential was revoked.
        let credential = self.store.credential(principal.credential).await;
        let credential = credential.map_err(|fault| down(&fault))?;
        if credential.is_none_or(|one| one.revoked.is_some()) {
            let sentence = "the credential was revoked since it was proved";
            return Err(Denial::new(Reason::CredentialRevoked, sentence));
        }
        let all = self.store.sessions(LISTED_COUNT).await;
        let all = all.map_err(|fault| down(&fault))?;
        let own: Vec<_> = all
            .iter()
            .filter(|session| session.principal == *principal)
            .collect();
        for session in &own {
            if session.state == SessionState::Ended(EndCause::Revoked) {
                let lifted = self.store.setting(&reinstated(session.id)).await;
                if lifted.map_err(|fault| down(&fault))?.is_none() {
                    return Err(revoked(session.id));
                }
            }
        }
        let live = |session: &&&Session| !matches!(session.state, SessionState::Ended(_));
        if default && let Some(session) = own.iter().filter(live).find(|session| session.default) {
            return Ok(Ok((*session).clone()));
        }
        // Otherwise its pause would be escaped by opening another.
        if let Some(stopped) = own.iter().find(|one| one.state == SessionState::Paused) {
            return Err(self.turned_down(principal, paused(stopped.id)).await);
        }
        if own.iter().filter(live).count() >= SESSIONS_PER_PRINCIPAL_COUNT {
            let sentence =
                format!("the principal has {SESSIONS_PER_PRINCIPAL_COUNT} live sessions");
            let denial = Denial::new(Reason::TooManyHolds, sentence);
            return Err(self.turned_down(principal, denial).await);
        }
        if let Some((cause, wait)) = self.filled_share(&principal.agent) {
            let mut denial = Denial::because(cause);
            denial.retry_after = Some(wait);
            return Err(denial);
        }
        let now = self.ambient.now();
        let session = Session {
            id: SessionId::random(&self.ambient),
            principal: principal.clone(),
            opened: now,
            seen: now,
            state: SessionState::Active,
            default,
            label: label.map(clipped),
            taint: self.heard_before(&all, principal, now),
        };
        Ok(self.write_opened(session, expects).await)
    }

    async fn write_opened(&self, session: Session, expects: Expect) -> Result<Session, StoreError> {
        let mut body = entry(&session, "active", session.principal.agent.as_str());
        if let Some(taint) = &session.taint {
            body.insert("taint".into(), taint.grade.name().into());
        }
        let commit = Commit {
            expects: Some(expects),
            entry: Entry {
                kind: EntryKind::Session,
                at: session.opened,
                body,
                disclosure: None,
            },
            changes: vec![Change::OpenSession(session.clone())],
            sync: Sync::Synced,
        };
        let recorded = self.commit(commit).await?;
        self.charge_share(&session.principal.agent, recorded.bytes());
        Ok(session)
    }

    /// What the credential's sessions have heard that a new one is opened after: those that last, and
    /// those of the last day by their own words alone, so that no copy is copied for ever.
    fn heard_before(
        &self,
        all: &[Session],
        principal: &Principal,
        now: Timestamp,
    ) -> Option<Taint> {
        let scopes = self.scopes.load();
        let scope = scopes.scope(&principal.agent);
        let day = now.before(TAINT_MEMORY);
        let counts = |session: &Session, taint: &Taint| {
            let has_ended = matches!(session.state, SessionState::Ended(_))
                || scope.is_none_or(|scope| overdue(session, scope, None, now));
            !has_ended || !taint.copied && session.seen >= day
        };
        all.iter()
            .filter(|session| session.principal.credential == principal.credential)
            .filter_map(|session| Some((session, session.taint.as_ref()?)))
            .filter(|(session, taint)| counts(session, taint))
            .map(|(_, taint)| taint)
            .max_by_key(|taint| (taint.grade, taint.since))
            .map(Taint::copy)
    }

    /// Records that a principal gets no session.
    async fn turned_down(&self, principal: &Principal, denial: Denial) -> Denial {
        self.refuse(Refusal {
            reason: denial.reason(),
            agent: Some(principal.agent.clone()),
            edge: "session",
            sentence: denial.cause.sentence.clone(),
        })
        .await;
        denial
    }
}

pub(super) fn paused(id: SessionId) -> Denial {
    let sentence = format!("{id} is paused; an operator resumes it");
    Denial::new(Reason::SessionPaused, sentence)
}
