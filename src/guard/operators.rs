//! Operators: people who decide, and the tokens they prove themselves with.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::Guard;
use super::entries::Refusal;
use super::operate::OperateError;
use super::ruling::Denial;
use super::sessions::down;
use crate::audit::entry::EntryKind;
use crate::limits::{OPERATOR_TOKEN_LIFE, SECRET_LENGTH_BYTES};
use crate::model::credential::Operator;
use crate::model::digest::Digest;
use crate::model::name::{GroupName, OperatorName};
use crate::model::reason::Reason;
use crate::store::{Change, StoreError, Sync};

impl Guard {
    /// Who a token proves on the operator listener.
    ///
    /// # Errors
    /// A denial, recorded, when it proves nobody.
    pub async fn operator(&self, bearer: Option<&str>) -> Result<Operator, Denial> {
        let proved = self.prove_operator(bearer).await;
        if let Err(denial) = &proved {
            self.refuse(Refusal {
                reason: denial.reason(),
                agent: None,
                edge: "operators",
                sentence: denial.cause.sentence.clone(),
            })
            .await;
        }
        proved
    }

    async fn prove_operator(&self, bearer: Option<&str>) -> Result<Operator, Denial> {
        let Some(token) = bearer else {
            return Err(Denial::new(
                Reason::CredentialMissing,
                "the request carries no token",
            ));
        };
        if token.len() > SECRET_LENGTH_BYTES {
            return Err(Denial::new(
                Reason::CredentialUnknown,
                "the token is longer than any",
            ));
        }
        let found = self
            .store
            .operator_by_secret(&Digest::of(token.as_bytes()))
            .await;
        let Some(operator) = found.map_err(|fault| down(&fault))? else {
            return Err(Denial::new(
                Reason::CredentialUnknown,
                "no operator has this token",
            ));
        };
        if operator.revoked.is_some() {
            return Err(Denial::new(
                Reason::CredentialRevoked,
                "the operator was removed",
            ));
        }
        if self.ambient.now() >= operator.expires {
            return Err(Denial::new(
                Reason::CredentialExpired,
                "the token has expired",
            ));
        }
        Ok(operator)
    }

    /// The operator who proved that token before, as they stand now: nobody where they were removed,
    /// their token expired, or somebody else has the name since.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn standing_operator(
        &self,
        name: &OperatorName,
        secret: &Digest,
    ) -> Result<Option<Operator>, StoreError> {
        let now = self.ambient.now();
        let found = self.store.operator(name).await?;
        Ok(found.filter(|operator| {
            operator.secret == *secret && operator.revoked.is_none() && now < operator.expires
        }))
    }

    /// Adds a person; the token is given once and kept only as its digest.
    ///
    /// # Errors
    /// When the name is taken.
    pub async fn add_operator(
        &self,
        by: &str,
        name: OperatorName,
        groups: Vec<GroupName>,
    ) -> Result<(Operator, String), OperateError> {
        if self
            .store
            .operator(&name)
            .await?
            .is_some_and(|known| known.revoked.is_none())
        {
            return Err(OperateError::Taken);
        }
        let now = self.ambient.now();
        let token = format!(
            "cso_{}",
            BASE64URL_NOPAD.encode(&self.ambient.random::<32>())
        );
        let operator = Operator {
            name,
            groups,
            secret: Digest::of(token.as_bytes()),
            added: now,
            expires: now.after(OPERATOR_TOKEN_LIFE),
            revoked: None,
        };
        let body = entry(&operator, "added", by);
        let change = Change::SetOperator(operator.clone());
        self.write(EntryKind::Operator, body, vec![change], Sync::Synced)
            .await?;
        Ok((operator, token))
    }

    /// Removes a person.
    ///
    /// # Errors
    /// When there is no such operator.
    pub async fn revoke_operator(&self, by: &str, name: &OperatorName) -> Result<(), OperateError> {
        let known = self
            .store
            .operator(name)
            .await?
            .filter(|known| known.revoked.is_none());
        let operator = known.ok_or(OperateError::Missing)?;
        let body = entry(&operator, "removed", by);
        let change = Change::RevokeOperator(name.clone(), self.ambient.now());
        Ok(self
            .write(EntryKind::Operator, body, vec![change], Sync::Synced)
            .await?)
    }

    /// Every operator.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn operators(&self) -> Result<Vec<Operator>, StoreError> {
        self.store.operators().await
    }
}

fn entry(operator: &Operator, state: &str, by: &str) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("operator".into(), operator.name.as_str().into());
    body.insert(
        "groups".into(),
        operator.groups.iter().map(|group| group.as_str()).collect(),
    );
    body.insert("expires".into(), operator.expires.to_string().into());
    body.insert("state".into(), state.into());
    body.insert("by".into(), by.into());
    body
}
