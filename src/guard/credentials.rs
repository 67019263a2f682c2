//! Credentials: whom a key or a launcher proves, for as long as it is good.

use aws_lc_rs::constant_time;
use serde_json::{Map, Value};

use super::Guard;
use super::entries::Refusal;
use super::ruling::Denial;
use super::sessions::down;
use crate::audit::entry::EntryKind;
use crate::limits::{LOCAL_CREDENTIAL_LIFE, SECRET_LENGTH_BYTES};
use crate::model::call::Principal;
use crate::model::credential::{Credential, CredentialKind};
use crate::model::digest::Digest;
use crate::model::id::CredentialId;
use crate::model::name::AgentName;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::store::{Change, Sync};

impl Guard {
    /// Who a bearer key proves.
    ///
    /// # Errors
    /// A denial, recorded, when it proves nobody who may ask.
    pub async fn principal(&self, bearer: Option<&str>) -> Result<Principal, Denial> {
        match self.prove(bearer).await {
            Ok(principal) => Ok(principal),
            Err((denial, agent)) => Err(self.unproved(denial, agent).await),
        }
    }

    /// Records that a request proved nobody who may ask; `agent` is whom it proved that may not.
    pub async fn unproved(&self, denial: Denial, agent: Option<AgentName>) -> Denial {
        self.refuse(Refusal {
            reason: denial.reason(),
            agent,
            edge: "agents",
            sentence: denial.cause.sentence.clone(),
        })
        .await;
        denial
    }

    async fn prove(&self, bearer: Option<&str>) -> Result<Principal, (Denial, Option<AgentName>)> {
        let found = self.credential(bearer).await;
        let credential = found.map_err(|denial| (denial, None))?;
        // On the agents' routes a key of an enforcement point is nobody's.
        if credential.kind != CredentialKind::ApiKey {
            return Err((unknown(), None));
        }
        let agent = credential.agent.clone();
        self.accept(credential)
            .await
            .map_err(|denial| (denial, Some(agent)))
    }

    /// The credential with that secret, good or not.
    pub(super) async fn credential(&self, bearer: Option<&str>) -> Result<Credential, Denial> {
        let Some(secret) = bearer else {
            let sentence = "the request carries no key";
            return Err(Denial::new(Reason::CredentialMissing, sentence));
        };
        if secret.len() > SECRET_LENGTH_BYTES {
            let sentence = "the key is longer than any key";
            return Err(Denial::new(Reason::CredentialUnknown, sentence));
        }
        let digest = Digest::of(secret.as_bytes());
        let found = self.store.credential_by_secret(&digest).await;
        let found = found.map_err(|fault| down(&fault))?;
        // Found by its digest; compared once more without leaking where a near miss ends.
        let credential = found.filter(|credential| {
            credential.secret.is_some_and(|kept| {
                constant_time::verify_slices_are_equal(kept.as_bytes(), digest.as_bytes()).is_ok()
            })
        });
        credential.ok_or_else(unknown)
    }

    /// Who a launcher on the same machine says it starts; only where the manifest accepts `local`.
    ///
    /// # Errors
    /// A denial, recorded, when the manifest does not.
    pub async fn local_principal(&self, agent: &AgentName) -> Result<Principal, Denial> {
        match self.local(agent).await {
            Ok(principal) => Ok(principal),
            Err(denial) => {
                self.refuse(Refusal {
                    reason: denial.reason(),
                    agent: Some(agent.clone()),
                    edge: "local",
                    sentence: denial.cause.sentence.clone(),
                })
                .await;
                Err(denial)
            }
        }
    }

    async fn local(&self, agent: &AgentName) -> Result<Principal, Denial> {
        let _turn = self.turns.lock().await;
        let known = self
            .store
            .credentials()
            .await
            .map_err(|fault| down(&fault))?;
        let live = known.into_iter().find(|credential| {
            credential.agent == *agent
                && credential.kind == CredentialKind::Local
                && credential.revoked.is_none()
        });
        if let Some(credential) = live {
            return self.accept(credential).await;
        }
        let now = self.ambient.now();
        let credential = Credential {
            id: CredentialId::random(&self.ambient),
            agent: agent.clone(),
            kind: CredentialKind::Local,
            secret: None,
            issued: now,
            expires: now.after(LOCAL_CREDENTIAL_LIFE),
            revoked: None,
        };
        let principal = self.accept(credential.clone()).await?;
        let body = entry(&credential, "issued", "launcher");
        self.write(
            EntryKind::Agent,
            body,
            vec![Change::AddCredential(credential)],
            Sync::Synced,
        )
        .await
        .map_err(|fault| down(&fault))?;
        Ok(principal)
    }

    /// Whether a credential of the store is good now, under the manifest in force.
    async fn accept(&self, credential: Credential) -> Result<Principal, Denial> {
        let now = self.ambient.now();
        is_live(&credential, now)?;
        let scopes = self.scopes.load();
        let Some(scope) = scopes.scope(&credential.agent) else {
            return Err(Denial::new(
                Reason::NoScope,
                "no manifest speaks of this agent",
            ));
        };
        let accepted = match credential.kind {
            CredentialKind::Local => scope.credentials.local,
            // Neither is proved by what is kept here.
            CredentialKind::Jwt | CredentialKind::Pep => false,
            CredentialKind::ApiKey => match &scope.credentials.api_key {
                None => false,
                Some(rule) => {
                    if rule
                        .max_age
                        .is_some_and(|age| now.since(credential.issued) >= age)
                    {
                        let sentence = "the key is older than the manifest's max_age";
                        return Err(Denial::new(Reason::CredentialExpired, sentence));
                    }
                    true
                }
            },
        };
        if !accepted {
            let sentence = format!("the manifest does not accept `{}`", credential.kind.name());
            return Err(Denial::new(Reason::CredentialKind, sentence));
        }
        Ok(Principal {
            agent: credential.agent,
            credential: credential.id,
            on_behalf_of: None,
        })
    }
}

/// Whether a credential was neither revoked nor outlived.
pub(super) fn is_live(credential: &Credential, now: Timestamp) -> Result<(), Denial> {
    let (reason, sentence) = match credential.revoked {
        Some(_) => (Reason::CredentialRevoked, "the credential was revoked"),
        None if now >= credential.expires => {
            (Reason::CredentialExpired, "the credential has expired")
        }
        None => return Ok(()),
    };
    Err(Denial::new(reason, sentence))
}

pub(super) fn unknown() -> Denial {
    Denial::new(Reason::CredentialUnknown, "nobody here has this key")
}

pub(super) fn entry(credential: &Credential, state: &str, by: &str) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("agent".into(), credential.agent.as_str().into());
    body.insert("credential".into(), credential.id.to_string().into());
    body.insert("kind".into(), credential.kind.name().into());
    body.insert("expires".into(), credential.expires.to_string().into());
    body.insert("state".into(), state.into());
    body.insert("by".into(), by.into());
    body
}
