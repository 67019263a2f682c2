//! Enforcement points: whoever stands before a server, redeems its permits and reports what came of them.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use super::Guard;
use super::credentials::{entry, is_live, unknown};
use super::entries::Refusal;
use super::operate::OperateError;
use super::ruling::Denial;
use crate::audit::entry::EntryKind;
use crate::limits::AGENT_KEY_LIFE;
use crate::model::credential::{Credential, CredentialKind, Pep};
use crate::model::digest::Digest;
use crate::model::id::CredentialId;
use crate::model::name::{AgentName, ServerName};
use crate::store::{Change, StoreError, Sync};

impl Guard {
    /// Which enforcement point a bearer key proves.
    ///
    /// # Errors
    /// A denial, recorded, when it proves none.
    pub async fn pep(&self, bearer: Option<&str>) -> Result<Pep, Denial> {
        let proved = self.prove_pep(bearer).await;
        if let Err(denial) = &proved {
            self.refuse(Refusal {
                reason: denial.reason(),
                agent: None,
                edge: "permits",
                sentence: denial.cause.sentence.clone(),
            })
            .await;
        }
        proved
    }

    async fn prove_pep(&self, bearer: Option<&str>) -> Result<Pep, Denial> {
        let credential = self.credential(bearer).await?;
        if credential.kind != CredentialKind::Pep {
            return Err(unknown());
        }
        is_live(&credential, self.ambient.now())?;
        let server = ServerName::parse(credential.agent.as_str()).map_err(|_| unknown())?;
        Ok(Pep {
            credential: credential.id,
            server,
        })
    }

    /// Issues a key for whoever stands before a server; the secret is given once and kept only as its
    /// digest.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn add_pep_key(
        &self,
        by: &str,
        server: &ServerName,
        life: Option<Duration>,
    ) -> Result<(Credential, String), OperateError> {
        // The name of a server has the form of an agent's name too.
        let holder = AgentName::parse(server.as_str()).map_err(|_| OperateError::Missing)?;
        let now = self.ambient.now();
        let secret = format!(
            "cse_{}",
            BASE64URL_NOPAD.encode(&self.ambient.random::<32>())
        );
        let credential = Credential {
            id: CredentialId::random(&self.ambient),
            agent: holder,
            kind: CredentialKind::Pep,
            secret: Some(Digest::of(secret.as_bytes())),
            issued: now,
            expires: now.after(life.unwrap_or(AGENT_KEY_LIFE)),
            revoked: None,
        };
        let body = entry(&credential, "issued", by);
        let change = Change::AddCredential(credential.clone());
        self.write(EntryKind::Agent, body, vec![change], Sync::Synced)
            .await?;
        Ok((credential, secret))
    }

    /// The keys of enforcement points, revoked ones too.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn peps(&self) -> Result<Vec<Credential>, StoreError> {
        let mut all = self.store.credentials().await?;
        all.retain(|one| one.kind == CredentialKind::Pep);
        Ok(all)
    }

    /// Revokes a key of an enforcement point.
    ///
    /// # Errors
    /// When there is no such live key.
    pub async fn revoke_pep_key(&self, by: &str, id: CredentialId) -> Result<(), OperateError> {
        let known = self.peps().await?;
        let live = known
            .iter()
            .find(|one| one.id == id && one.revoked.is_none());
        let body = entry(live.ok_or(OperateError::Missing)?, "revoked", by);
        let change = Change::RevokeCredential(id, self.ambient.now());
        Ok(self
            .write(EntryKind::Agent, body, vec![change], Sync::Synced)
            .await?)
    }

    /// Whether anybody could redeem a permit for this server now.
    pub(super) async fn has_pep(&self, server: &ServerName) -> Result<bool, StoreError> {
        let now = self.ambient.now();
        let known = self.peps().await?;
        Ok(known
            .iter()
            .any(|one| one.agent.as_str() == server.as_str() && is_live(one, now).is_ok()))
    }
}
