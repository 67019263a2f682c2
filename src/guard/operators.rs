//! Operators: people who look, decide and manage, and who of them asks.

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::Guard;
use super::entries::Refusal;
use super::operate::OperateError;
use super::proofs;
use super::ruling::Denial;
use super::sessions::down;
use crate::audit::entry::EntryKind;
use crate::limits::{OPERATOR_TOKEN_LIFE, SECRET_LENGTH_BYTES};
use crate::model::credential::Operator;
use crate::model::digest::Digest;
use crate::model::name::{GroupName, OperatorName};
use crate::model::proof::{Proof, ProofKind, Proven};
use crate::model::reason::Reason;
use crate::model::role::{Right, Role, TokenScope};
use crate::store::{Change, StoreError, Sync};

impl Guard {
    /// Who a token proves on the operator listener.
    ///
    /// # Errors
    /// A denial, recorded, when it proves nobody.
    pub async fn operator(&self, bearer: Option<&str>) -> Result<Proven, Denial> {
        let proved = self.prove_operator(bearer).await;
        if let Err(denial) = &proved {
            self.refuse_operator(denial).await;
        }
        proved
    }

    /// Whether somebody's role, and what they proved themselves with, give a right.
    ///
    /// # Errors
    /// A denial, recorded, when they do not.
    pub async fn allow(&self, proven: &Proven, right: Right) -> Result<(), Denial> {
        if proven.may(right) {
            return Ok(());
        }
        let sentence = format!("{}: {}", proven.operator.name, right.lacking());
        let denial = Denial::new(Reason::RoleMissing, sentence);
        self.refuse_operator(&denial).await;
        Err(denial)
    }

    /// Records that a person proved nobody, where an edge found that out.
    pub async fn unproved_person(&self, denial: Denial) -> Denial {
        self.refuse_operator(&denial).await;
        denial
    }

    /// Records that a person was signed out wherever they were signed in; what they confirmed is void.
    ///
    /// # Errors
    /// When there is no such operator.
    pub async fn sign_out(&self, by: &str, name: &OperatorName) -> Result<(), OperateError> {
        self.confirmations.forget(name);
        self.live_operator(name).await?;
        let mut body = Map::new();
        body.insert("operator".into(), name.as_str().into());
        body.insert("state".into(), "signed-out".into());
        body.insert("by".into(), by.into());
        Ok(self
            .write(EntryKind::Operator, body, Vec::new(), Sync::Synced)
            .await?)
    }

    /// Records that somebody on the operators' listener proved nobody, or not enough.
    pub(super) async fn refuse_operator(&self, denial: &Denial) {
        self.refuse(Refusal {
            reason: denial.reason(),
            agent: None,
            edge: "operators",
            sentence: denial.cause.sentence.clone(),
        })
        .await;
    }

    async fn prove_operator(&self, bearer: Option<&str>) -> Result<Proven, Denial> {
        let Some(token) = bearer else {
            let sentence = "the request carries no token";
            return Err(Denial::new(Reason::CredentialMissing, sentence));
        };
        let unknown = |sentence| Denial::new(Reason::CredentialUnknown, sentence);
        if token.len() > SECRET_LENGTH_BYTES {
            return Err(unknown("the token is longer than any"));
        }
        let found = self.store.proof(&Digest::of(token.as_bytes())).await;
        let found = found.map_err(|fault| down(&fault))?;
        let token = found.filter(|proof| matches!(proof.kind, ProofKind::Token { .. }));
        let proof = token.ok_or_else(|| unknown("no operator has this token"))?;
        self.proven(proof).await
    }

    /// The operator whom a live proof proves.
    pub(super) async fn proven(&self, proof: Proof) -> Result<Proven, Denial> {
        let operator = self.store.operator(&proof.operator).await;
        let operator = operator.map_err(|fault| down(&fault))?;
        let revoked = |sentence| Denial::new(Reason::CredentialRevoked, sentence);
        let operator = operator
            .filter(|operator| operator.revoked.is_none())
            .ok_or_else(|| revoked("the operator was removed"))?;
        if proof.ended.is_some() {
            return Err(revoked("it was revoked"));
        }
        if !proof.is_live(self.ambient.now()) {
            let sentence = "it has expired";
            return Err(Denial::new(Reason::CredentialExpired, sentence));
        }
        Ok(Proven { operator, proof })
    }

    /// Who proved themselves with that before, as they stand now: nobody where they were removed, or
    /// where it is not accepted any more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn still_proven(&self, key: &Digest) -> Result<Option<Proven>, StoreError> {
        let Some(proof) = self.store.proof(key).await? else {
            return Ok(None);
        };
        let operator = self.store.operator(&proof.operator).await?;
        let operator = operator.filter(|operator| operator.revoked.is_none());
        let is_live = proof.is_live(self.ambient.now());
        Ok(operator
            .filter(|_| is_live)
            .map(|operator| Proven { operator, proof }))
    }

    /// Adds a person, who as yet has nothing to prove themselves with.
    ///
    /// # Errors
    /// When the name is taken.
    pub async fn add_person(
        &self,
        by: &str,
        name: OperatorName,
        groups: Vec<GroupName>,
        roles: BTreeSet<Role>,
    ) -> Result<Operator, OperateError> {
        let operator = self.person(name, groups, roles).await?;
        let body = entry(&operator, "added", by);
        let change = Change::SetOperator(operator.clone());
        self.write(EntryKind::Operator, body, vec![change], Sync::Synced)
            .await?;
        Ok(operator)
    }

    /// Adds a person who decides and manages, with a token that is given once and kept only as its digest.
    ///
    /// # Errors
    /// When the name is taken.
    pub async fn add_operator(
        &self,
        by: &str,
        name: OperatorName,
        groups: Vec<GroupName>,
    ) -> Result<(Operator, String), OperateError> {
        let roles = BTreeSet::from([Role::Approver, Role::Admin]);
        let operator = self.person(name, groups, roles).await?;
        let scopes = BTreeSet::from([TokenScope::Decide, TokenScope::Admin]);
        let (proof, token) = self.token(&operator.name, scopes, OPERATOR_TOKEN_LIFE);
        let mut body = entry(&operator, "added", by);
        proofs::name(&proof, &mut body);
        let changes = vec![
            Change::SetOperator(operator.clone()),
            Change::SetProof(Box::new(proof)),
        ];
        self.write(EntryKind::Operator, body, changes, Sync::Synced)
            .await?;
        Ok((operator, token))
    }

    async fn person(
        &self,
        name: OperatorName,
        groups: Vec<GroupName>,
        roles: BTreeSet<Role>,
    ) -> Result<Operator, OperateError> {
        let known = self.store.operator(&name).await?;
        if known.is_some_and(|known| known.revoked.is_none()) {
            return Err(OperateError::Taken);
        }
        Ok(Operator {
            name,
            groups,
            roles,
            added: self.ambient.now(),
            revoked: None,
        })
    }

    /// Removes a person, with everything that proves them.
    ///
    /// # Errors
    /// When there is no such operator.
    pub async fn revoke_operator(&self, by: &str, name: &OperatorName) -> Result<(), OperateError> {
        let operator = self.live_operator(name).await?;
        let body = entry(&operator, "removed", by);
        let change = Change::RevokeOperator(name.clone(), self.ambient.now());
        Ok(self
            .write(EntryKind::Operator, body, vec![change], Sync::Synced)
            .await?)
    }

    /// The operator of that name, if nobody removed them.
    pub(super) async fn live_operator(
        &self,
        name: &OperatorName,
    ) -> Result<Operator, OperateError> {
        let known = self.store.operator(name).await?;
        let live = known.filter(|known| known.revoked.is_none());
        live.ok_or(OperateError::Missing)
    }

    /// Every operator.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn operators(&self) -> Result<Vec<Operator>, StoreError> {
        self.store.operators().await
    }

    /// A secret that nobody can guess, behind a prefix that says what it is.
    pub(super) fn secret(&self, prefix: &str) -> String {
        format!(
            "{prefix}{}",
            BASE64URL_NOPAD.encode(&self.ambient.random::<32>())
        )
    }
}

fn entry(operator: &Operator, state: &str, by: &str) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("operator".into(), operator.name.as_str().into());
    rights(operator, &mut body);
    body.insert("state".into(), state.into());
    body.insert("by".into(), by.into());
    body
}

/// Says in an entry what somebody may.
pub(super) fn rights(operator: &Operator, body: &mut Map<String, Value>) {
    body.insert(
        "groups".into(),
        operator.groups.iter().map(|group| group.as_str()).collect(),
    );
    body.insert(
        "roles".into(),
        operator.roles.iter().map(|role| role.name()).collect(),
    );
}
