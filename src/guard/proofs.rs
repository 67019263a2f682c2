//! What operators prove themselves with: tokens and links are made here, and every proof ends here.

use std::collections::BTreeSet;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::Guard;
use super::operate::OperateError;
use crate::audit::entry::EntryKind;
use crate::limits::{LINK_LIFE, TOKENS_PER_OPERATOR_COUNT};
use crate::model::digest::Digest;
use crate::model::name::OperatorName;
use crate::model::proof::{Proof, ProofKind};
use crate::model::role::TokenScope;
use crate::store::{Change, StoreError, Sync};

impl Guard {
    /// Everything that proves operators, ended ones too.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn proofs(&self) -> Result<Vec<Proof>, StoreError> {
        self.store.proofs().await
    }

    /// Makes a token for a person; its secret is given once and kept only as its digest.
    ///
    /// # Errors
    /// When there is no such operator, or they have too many.
    pub async fn add_token(
        &self,
        by: &str,
        name: &OperatorName,
        scopes: BTreeSet<TokenScope>,
        life: Duration,
    ) -> Result<(Proof, String), OperateError> {
        self.live_operator(name).await?;
        let now = self.ambient.now();
        let live =
            self.proofs_of(name).await?.into_iter().filter(|proof| {
                matches!(proof.kind, ProofKind::Token { .. }) && proof.is_live(now)
            });
        if live.count() >= TOKENS_PER_OPERATOR_COUNT {
            return Err(OperateError::TooMany);
        }
        let (proof, token) = self.token(name, scopes, life);
        self.write_proof(proof.clone(), "token-added", by).await?;
        Ok((proof, token))
    }

    /// Makes a link with which a person adds what proves them. An earlier one that is still open ends.
    ///
    /// # Errors
    /// When there is no such operator.
    pub async fn add_link(
        &self,
        by: &str,
        name: &OperatorName,
    ) -> Result<(Proof, String), OperateError> {
        self.live_operator(name).await?;
        let secret = self.secret("csl_");
        let now = self.ambient.now();
        let proof = Proof {
            expires: Some(now.after(LINK_LIFE)),
            ..self.proof(name, Digest::of(secret.as_bytes()), ProofKind::Link)
        };
        let mut changes = vec![Change::SetProof(Box::new(proof.clone()))];
        for mut earlier in self.proofs_of(name).await? {
            if matches!(earlier.kind, ProofKind::Link) && earlier.is_live(now) {
                earlier.ended = Some(now);
                changes.push(moved(earlier));
            }
        }
        let body = entry(&proof, "link-added", by);
        self.write(EntryKind::Operator, body, changes, Sync::Synced)
            .await?;
        Ok((proof, secret))
    }

    /// Ends a proof of a person; `owner` is whose it must be, where that matters.
    ///
    /// # Errors
    /// When there is no such live proof.
    pub async fn end_proof(
        &self,
        by: &str,
        owner: Option<&OperatorName>,
        id: &str,
    ) -> Result<Proof, OperateError> {
        let all = self.store.proofs().await?;
        let mut found = all.into_iter().filter(|proof| {
            proof.id() == id
                && proof.ended.is_none()
                && owner.is_none_or(|owner| proof.operator == *owner)
        });
        let mut proof = found.next().ok_or(OperateError::Missing)?;
        proof.ended = Some(self.ambient.now());
        let state = match proof.kind {
            ProofKind::Token { .. } => "token-revoked",
            ProofKind::Link => "link-revoked",
            ProofKind::Passkey(_) => "passkey-removed",
            ProofKind::Account(_) => "account-removed",
        };
        let body = entry(&proof, state, by);
        self.write(
            EntryKind::Operator,
            body,
            vec![moved(proof.clone())],
            Sync::Synced,
        )
        .await?;
        Ok(proof)
    }

    /// Vouches that a person's passkeys are theirs; how many did not wait any more.
    ///
    /// # Errors
    /// When there is no such operator, or whoever vouches is the person themselves.
    pub async fn confirm_passkeys(
        &self,
        by: &str,
        name: &OperatorName,
    ) -> Result<usize, OperateError> {
        self.live_operator(name).await?;
        if by == name.as_str() {
            return Err(OperateError::Own);
        }
        let now = self.ambient.now();
        let mut confirmed = 0;
        for mut proof in self.proofs_of(name).await? {
            let is_live = proof.is_live(now);
            match &mut proof.kind {
                ProofKind::Passkey(passkey) if is_live && passkey.confirmed.is_none() => {
                    passkey.confirmed = Some((by.to_owned(), now));
                }
                _ => continue,
            }
            let body = entry(&proof, "passkey-confirmed", by);
            self.write(EntryKind::Operator, body, vec![moved(proof)], Sync::Synced)
                .await?;
            confirmed += 1;
        }
        Ok(confirmed)
    }

    /// What proves one person, ended ones too.
    pub(super) async fn proofs_of(&self, name: &OperatorName) -> Result<Vec<Proof>, StoreError> {
        let mut proofs = self.store.proofs().await?;
        proofs.retain(|proof| proof.operator == *name);
        Ok(proofs)
    }

    pub(super) fn token(
        &self,
        name: &OperatorName,
        scopes: BTreeSet<TokenScope>,
        life: Duration,
    ) -> (Proof, String) {
        let token = self.secret("cso_");
        let kind = ProofKind::Token { scopes };
        let proof = Proof {
            expires: Some(self.ambient.now().after(life)),
            ..self.proof(name, Digest::of(token.as_bytes()), kind)
        };
        (proof, token)
    }

    pub(super) fn proof(&self, name: &OperatorName, key: Digest, kind: ProofKind) -> Proof {
        Proof {
            key,
            version: 1,
            operator: name.clone(),
            added: self.ambient.now(),
            expires: None,
            used: None,
            ended: None,
            kind,
        }
    }

    async fn write_proof(&self, proof: Proof, state: &str, by: &str) -> Result<(), StoreError> {
        let body = entry(&proof, state, by);
        let change = Change::SetProof(Box::new(proof));
        self.write(EntryKind::Operator, body, vec![change], Sync::Synced)
            .await
    }
}

/// The change that writes a proof over the version it was read at.
pub(super) fn moved(mut proof: Proof) -> Change {
    proof.version = proof.version.saturating_add(1);
    Change::SetProof(Box::new(proof))
}

/// The entry of a change of what proves a person.
pub(super) fn entry(proof: &Proof, state: &str, by: &str) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("operator".into(), proof.operator.as_str().into());
    body.insert("state".into(), state.into());
    body.insert("by".into(), by.into());
    name(proof, &mut body);
    body
}

/// Names a proof in an entry; a passkey with all that verifies what it signs.
pub(super) fn name(proof: &Proof, body: &mut Map<String, Value>) {
    body.insert("proof".into(), proof.id().into());
    if let Some(expires) = proof.expires {
        body.insert("expires".into(), expires.to_string().into());
    }
    match &proof.kind {
        ProofKind::Token { scopes } => {
            let scopes = scopes.iter().map(|scope| scope.name()).collect();
            body.insert("scopes".into(), scopes);
        }
        ProofKind::Link => {}
        ProofKind::Passkey(passkey) => {
            let id = BASE64URL_NOPAD.encode(&passkey.id);
            body.insert("passkey".into(), id.into());
            body.insert("public_key".into(), passkey.public.to_string().into());
            body.insert("party".into(), passkey.party.as_str().into());
        }
        ProofKind::Account(account) => {
            body.insert("issuer".into(), account.issuer.as_str().into());
            body.insert("subject".into(), account.subject.as_str().into());
        }
    }
}
