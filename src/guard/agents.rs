//! Agents: given keys, paused, resumed, revoked.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde_json::Map;

use super::Guard;
use super::credentials::entry;
use super::operate::{OperateError, Stopped};
use crate::audit::entry::EntryKind;
use crate::limits::{AGENT_KEY_LIFE, LISTED_COUNT};
use crate::model::credential::{Credential, CredentialKind};
use crate::model::digest::Digest;
use crate::model::id::CredentialId;
use crate::model::name::{AgentName, OperatorName};
use crate::model::session::{AgentState, SessionState};
use crate::store::{Change, InFlight, StoreError, Sync};

/// An agent as operators see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentView {
    /// Its name.
    pub name: AgentName,
    /// Whether it may act.
    pub state: AgentState,
    /// Who is accountable for it, as its manifest says.
    pub owner: Option<String>,
    /// Whether a manifest is in force for it.
    pub scoped: bool,
    /// Its credentials.
    pub credentials: Vec<Credential>,
    /// Its open approvals.
    pub open: usize,
}

impl Guard {
    /// Issues a key; the secret is given once and kept only as its digest.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn add_agent_key(
        &self,
        by: &str,
        agent: &AgentName,
        life: Option<Duration>,
    ) -> Result<(Credential, String), OperateError> {
        let _turn = self.turns.lock().await;
        // A revoked agent comes back by a new credential, and only so; what a revocation that failed half
        // way left of it ends first, or it would come back too.
        let returns = self.agent_state(agent).await? == AgentState::Revoked;
        if returns {
            self.end_everything_of(agent, by, &mut Stopped::default())
                .await?;
        }
        let now = self.ambient.now();
        let secret = format!(
            "csk_{}",
            BASE64URL_NOPAD.encode(&self.ambient.random::<32>())
        );
        let credential = Credential {
            id: CredentialId::random(&self.ambient),
            agent: agent.clone(),
            kind: CredentialKind::ApiKey,
            secret: Some(Digest::of(secret.as_bytes())),
            issued: now,
            expires: now.after(life.unwrap_or(AGENT_KEY_LIFE)),
            revoked: None,
        };
        let body = entry(&credential, "issued", by);
        let mut changes = vec![Change::AddCredential(credential.clone())];
        if returns {
            changes.push(Change::SetAgent(agent.clone(), AgentState::Running));
        }
        self.write(EntryKind::Agent, body, changes, Sync::Synced)
            .await?;
        Ok((credential, secret))
    }

    /// Revokes a key; the sessions it opened end with it, and their calls that were already on their way are
    /// named. Asked again after a fault, it ends what is left.
    ///
    /// # Errors
    /// When there is no such credential, or nothing of it is live.
    pub async fn revoke_agent_key(
        &self,
        by: &str,
        id: CredentialId,
    ) -> Result<Stopped, OperateError> {
        let _turn = self.turns.lock().await;
        let known = self.store.credentials().await?;
        let credential = known
            .iter()
            .find(|one| one.id == id && one.kind != CredentialKind::Pep)
            .ok_or(OperateError::Missing)?;
        let was_live = credential.revoked.is_none();
        if was_live {
            self.revoke_credential(credential, by).await?;
        }
        let mut stopped = Stopped::default();
        self.end_sessions(
            |session| session.principal.credential == id,
            by,
            &mut stopped,
        )
        .await?;
        self.recall().await;
        if !was_live && stopped == Stopped::default() {
            return Err(OperateError::Missing);
        }
        let mut own = self.store.sessions(LISTED_COUNT).await?;
        own.retain(|session| session.principal.credential == id);
        let is_own = |left: &InFlight| own.iter().any(|session| session.id == left.session);
        self.list_running(is_own, &mut stopped).await?;
        Ok(stopped)
    }

    async fn revoke_credential(&self, credential: &Credential, by: &str) -> Result<(), StoreError> {
        let body = entry(credential, "revoked", by);
        let change = Change::RevokeCredential(credential.id, self.ambient.now());
        self.write_stop(EntryKind::Agent, body, change).await
    }

    /// Stops an agent until it is resumed.
    ///
    /// # Errors
    /// When nobody knows the agent, or it is revoked.
    pub async fn pause_agent(
        &self,
        operator: &OperatorName,
        agent: &AgentName,
    ) -> Result<Stopped, OperateError> {
        let _turn = self.turns.lock().await;
        self.set_agent(operator, agent, AgentState::Paused).await?;
        self.recall().await;
        self.what_stops(agent).await
    }

    /// Lets a paused agent go on.
    ///
    /// # Errors
    /// When nobody knows the agent, or it is revoked.
    pub async fn resume_agent(
        &self,
        operator: &OperatorName,
        agent: &AgentName,
    ) -> Result<(), OperateError> {
        let _turn = self.turns.lock().await;
        self.set_agent(operator, agent, AgentState::Running).await
    }

    /// Ends an agent: its credentials, sessions, approvals and grants end with it. Asked again after a
    /// fault, it ends what is left.
    ///
    /// # Errors
    /// When nobody knows the agent, or nothing of it is live.
    pub async fn revoke_agent(
        &self,
        operator: &OperatorName,
        agent: &AgentName,
    ) -> Result<Stopped, OperateError> {
        let _turn = self.turns.lock().await;
        let was_live = self.agent_state(agent).await? != AgentState::Revoked;
        if was_live {
            self.set_agent(operator, agent, AgentState::Revoked).await?;
        }
        let mut stopped = Stopped::default();
        let credentials = self
            .end_everything_of(agent, operator.as_str(), &mut stopped)
            .await?;
        if !was_live && credentials == 0 && stopped == Stopped::default() {
            return Err(OperateError::Missing);
        }
        self.recall().await;
        self.list_running(|left| left.agent == *agent, &mut stopped)
            .await?;
        Ok(stopped)
    }

    /// Ends the live credentials of an agent, its sessions, approvals and grants; how many credentials
    /// it were.
    pub(super) async fn end_everything_of(
        &self,
        agent: &AgentName,
        by: &str,
        stopped: &mut Stopped,
    ) -> Result<usize, StoreError> {
        let known = self.store.credentials().await?;
        // The key of an enforcement point bears the name of its server, which may be an agent's too.
        let own = |one: &&Credential| {
            one.agent == *agent && one.kind != CredentialKind::Pep && one.revoked.is_none()
        };
        for credential in known.iter().filter(own) {
            self.revoke_credential(credential, by).await?;
        }
        self.end_sessions(|session| session.principal.agent == *agent, by, stopped)
            .await?;
        Ok(known.iter().filter(own).count())
    }

    /// Every agent that a manifest or the store knows.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn agents(&self) -> Result<Vec<AgentView>, StoreError> {
        let states = self.store.agents().await?;
        let mut credentials = self.store.credentials().await?;
        credentials.retain(|one| one.kind != CredentialKind::Pep);
        let live = self
            .store
            .approvals(Some(self.ambient.now()), LISTED_COUNT)
            .await?;
        let scopes = self.scopes.load();
        let mut names: Vec<AgentName> = scopes.agents().map(|scope| scope.agent.clone()).collect();
        names.extend(states.iter().map(|(name, _)| name.clone()));
        names.extend(
            credentials
                .iter()
                .map(|credential| credential.agent.clone()),
        );
        names.sort();
        names.dedup();
        let view = |name: AgentName| {
            let scope = scopes.scope(&name);
            let state = states
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, state)| *state);
            AgentView {
                state: state.unwrap_or_default(),
                owner: scope.and_then(|scope| scope.owner.clone()),
                scoped: scope.is_some(),
                credentials: credentials
                    .iter()
                    .filter(|one| one.agent == name)
                    .cloned()
                    .collect(),
                open: live
                    .iter()
                    .filter(|one| one.principal.agent == name)
                    .count(),
                name,
            }
        };
        Ok(names.into_iter().map(view).collect())
    }

    pub(super) async fn agent_state(&self, agent: &AgentName) -> Result<AgentState, StoreError> {
        let states = self.store.agents().await?;
        Ok(states
            .into_iter()
            .find(|(name, _)| name == agent)
            .map(|(_, state)| state)
            .unwrap_or_default())
    }

    async fn set_agent(
        &self,
        operator: &OperatorName,
        agent: &AgentName,
        state: AgentState,
    ) -> Result<(), OperateError> {
        let known = self.agents().await?;
        let view = known
            .iter()
            .find(|view| view.name == *agent)
            .ok_or(OperateError::Missing)?;
        if view.state == AgentState::Revoked {
            return Err(OperateError::Missing);
        }
        let mut body = Map::new();
        body.insert("agent".into(), agent.as_str().into());
        body.insert("state".into(), state.name().into());
        body.insert("by".into(), operator.as_str().into());
        let change = Change::SetAgent(agent.clone(), state);
        Ok(self.write_stop(EntryKind::Agent, body, change).await?)
    }

    async fn what_stops(&self, agent: &AgentName) -> Result<Stopped, OperateError> {
        let sessions = self.store.sessions(LISTED_COUNT).await?;
        let live = self
            .store
            .approvals(Some(self.ambient.now()), LISTED_COUNT)
            .await?;
        let acting = sessions.iter().filter(|session| {
            session.principal.agent == *agent && !matches!(session.state, SessionState::Ended(_))
        });
        let mut stopped = Stopped {
            sessions: acting.count(),
            holds: live
                .iter()
                .filter(|one| one.principal.agent == *agent)
                .count(),
            running: Vec::new(),
        };
        self.list_running(|left| left.agent == *agent, &mut stopped)
            .await?;
        Ok(stopped)
    }
}
