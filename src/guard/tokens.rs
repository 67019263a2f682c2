//! Agents that prove themselves with a token of an issuer: which agent, by which identity, until when.
//!
//! The identity (agent, issuer, bearer) is a credential like any other: a row that an operator can
//! revoke. Tokens come and go; no row keeps one.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::Guard;
use super::credentials::{entry, is_live};
use super::operate::{OperateError, Stopped};
use super::ruling::Denial;
use super::sessions::down;
use crate::audit::entry::EntryKind;
use crate::limits::{
    LOCAL_CREDENTIAL_LIFE, TOKEN_IDENTITIES_PER_AGENT_COUNT, TOKEN_PROOF_KEPT, TOKEN_PROOFS_COUNT,
};
use crate::model::call::Principal;
use crate::model::credential::{Credential, CredentialKind};
use crate::model::digest::Fields;
use crate::model::id::CredentialId;
use crate::model::name::{AgentName, OperatorName};
use crate::model::reason::Reason;
use crate::model::session::AgentState;
use crate::model::time::Timestamp;
use crate::model::token::Token;
use crate::scopes::{JwtRule, Scope, Scopes};
use crate::store::{Change, Sync};

/// Until when each principal is proved by its newest token.
#[derive(Default)]
pub(super) struct Proofs(Mutex<HashMap<Principal, Timestamp>>);

impl Proofs {
    /// Notes a proof; false where no more can be remembered.
    fn note(&self, principal: &Principal, until: Timestamp, now: Timestamp) -> bool {
        let mut proofs = self.0.lock();
        if let Some(known) = proofs.get_mut(principal) {
            *known = until.max(*known);
            return true;
        }
        if proofs.len() >= TOKEN_PROOFS_COUNT {
            proofs.retain(|_, until| now < until.after(TOKEN_PROOF_KEPT));
        }
        if proofs.len() >= TOKEN_PROOFS_COUNT {
            return false;
        }
        proofs.insert(principal.clone(), until);
        true
    }

    /// Whether a token proved the principal, and no newer one does now.
    pub(super) fn is_over(&self, principal: &Principal, now: Timestamp) -> bool {
        let proofs = self.0.lock();
        proofs.get(principal).is_some_and(|until| now >= *until)
    }
}

impl Guard {
    /// Who a verified token proves: the agent of the one manifest that says so.
    ///
    /// # Errors
    /// A denial, recorded, when it proves nobody who may ask.
    pub async fn token_principal(&self, token: &Token) -> Result<Principal, Denial> {
        let scopes = self.scopes.load_full();
        let (scope, rule) = match spoken_for(&scopes, token) {
            Ok(found) => found,
            Err(denial) => return Err(self.unproved(denial, None).await),
        };
        match self.prove_identity(token, scope, rule).await {
            Ok(principal) => Ok(principal),
            Err(denial) => Err(self.unproved(denial, Some(scope.agent.clone())).await),
        }
    }

    /// Lets the tokens of a revoked identity prove its agent again, as a new credential. A revoked agent
    /// comes back with it.
    ///
    /// # Errors
    /// When there is no such revoked identity, or it was readmitted already.
    pub async fn readmit_identity(
        &self,
        operator: &OperatorName,
        id: CredentialId,
    ) -> Result<(), OperateError> {
        let _turn = self.turns.lock().await;
        let credential = self.store.credential(id).await?;
        let credential = credential.filter(|one| one.kind == CredentialKind::Jwt);
        let credential = credential.ok_or(OperateError::Missing)?;
        let is_readmitted = self.store.setting(&readmitted(id)).await?.is_some();
        if credential.revoked.is_none() || is_readmitted {
            return Err(OperateError::Missing);
        }
        let mut changes = vec![Change::Setting(readmitted(id), operator.to_string())];
        if self.agent_state(&credential.agent).await? == AgentState::Revoked {
            self.end_everything_of(
                &credential.agent,
                operator.as_str(),
                &mut Stopped::default(),
            )
            .await?;
            changes.push(Change::SetAgent(
                credential.agent.clone(),
                AgentState::Running,
            ));
        }
        let body = entry(&credential, "readmitted", operator.as_str());
        Ok(self
            .write(EntryKind::Agent, body, changes, Sync::Synced)
            .await?)
    }

    async fn prove_identity(
        &self,
        token: &Token,
        scope: &Scope,
        rule: &JwtRule,
    ) -> Result<Principal, Denial> {
        let now = self.ambient.now();
        let user = rule.user(token);
        let on_behalf_of =
            user.map_err(|fault| Denial::new(Reason::TokenClaims, fault.to_string()))?;
        let (id, known) = self.identity(&scope.agent, token).await?;
        let credential = match known {
            Some(credential) => credential,
            None => self.meet(id, token, scope).await?,
        };
        is_live(&credential, now)?;
        let principal = Principal {
            agent: credential.agent,
            credential: id,
            on_behalf_of,
        };
        match self.proofs.note(&principal, token.until, now) {
            true => Ok(principal),
            false => Err(Denial::new(
                Reason::Busy,
                "too many principals are proved by tokens",
            )),
        }
    }

    /// The credential that stands for the token's bearer as this agent, if it was met before.
    async fn identity(
        &self,
        agent: &AgentName,
        token: &Token,
    ) -> Result<(CredentialId, Option<Credential>), Denial> {
        let fields = Fields::new("countersign.identity.v1")
            .field(agent.as_str().as_bytes())
            .field(token.issuer.as_bytes())
            .field(token.bearer().as_bytes());
        let mut id = CredentialId::of(&fields.digest());
        loop {
            let known = self.store.credential(id).await;
            let known = known.map_err(|fault| down(&fault))?;
            if known.as_ref().is_none_or(|one| one.revoked.is_none()) {
                return Ok((id, known));
            }
            let follows = self.store.setting(&readmitted(id)).await;
            if follows.map_err(|fault| down(&fault))?.is_none() {
                return Ok((id, known));
            }
            let next = Fields::new("countersign.identity.next.v1").field(id.as_bytes());
            id = CredentialId::of(&next.digest());
        }
    }

    /// Writes down an identity that was never met.
    async fn meet(
        &self,
        id: CredentialId,
        token: &Token,
        scope: &Scope,
    ) -> Result<Credential, Denial> {
        let _turn = self.turns.lock().await;
        let known = self.store.credentials().await;
        let known = known.map_err(|fault| down(&fault))?;
        if let Some(credential) = known.iter().find(|one| one.id == id) {
            return Ok(credential.clone());
        }
        let state = self.agent_state(&scope.agent).await;
        if state.map_err(|fault| down(&fault))? == AgentState::Revoked {
            let sentence = "an operator revoked the agent";
            return Err(Denial::new(Reason::AgentRevoked, sentence));
        }
        let is_own = |one: &&Credential| {
            one.kind == CredentialKind::Jwt && one.agent == scope.agent && one.revoked.is_none()
        };
        if known.iter().filter(is_own).count() >= TOKEN_IDENTITIES_PER_AGENT_COUNT {
            let sentence = "too many identities prove this agent";
            return Err(Denial::new(Reason::TokenUnmapped, sentence));
        }
        let now = self.ambient.now();
        let credential = Credential {
            id,
            agent: scope.agent.clone(),
            kind: CredentialKind::Jwt,
            secret: None,
            issued: now,
            expires: now.after(LOCAL_CREDENTIAL_LIFE),
            revoked: None,
        };
        let mut body = entry(&credential, "issued", "issuer");
        body.insert("issuer".into(), token.issuer.as_str().into());
        body.insert("subject".into(), token.bearer().into());
        let change = Change::AddCredential(credential.clone());
        self.write(EntryKind::Agent, body, vec![change], Sync::Synced)
            .await
            .map_err(|fault| down(&fault))?;
        Ok(credential)
    }
}

/// The one scope whose manifest says that the token speaks for its agent.
fn spoken_for<'a>(scopes: &'a Scopes, token: &Token) -> Result<(&'a Scope, &'a JwtRule), Denial> {
    let rules = scopes
        .agents()
        .filter_map(|scope| Some((&**scope, scope.credentials.jwt.as_ref()?)));
    let ours: Vec<_> = rules
        .filter(|(_, rule)| rule.issuer == token.issuer && token.audiences.contains(&rule.audience))
        .collect();
    if ours.is_empty() {
        let sentence = "no manifest accepts tokens of this issuer for any audience of the token";
        return Err(Denial::new(Reason::TokenAudience, sentence));
    }
    let mut speaking = ours.into_iter().filter(|(_, rule)| rule.admits(token));
    match (speaking.next(), speaking.next()) {
        (Some(found), None) => Ok(found),
        (Some(_), Some(_)) => Err(Denial::new(
            Reason::TokenAmbiguous,
            "more than one manifest takes the token for its agent",
        )),
        (None, _) => Err(Denial::new(
            Reason::TokenUnmapped,
            "no manifest of this issuer and audience has the token's subject and claims",
        )),
    }
}

fn readmitted(id: CredentialId) -> String {
    format!("readmitted {id}")
}
