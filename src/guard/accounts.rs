//! Accounts at an identity provider: how one is bound to a person, signs them in, and what rights of
//! theirs it gives and takes.

use super::Guard;
use super::operators::rights;
use super::passkeys::EnrolError;
use super::proofs::{entry, moved};
use super::ruling::Denial;
use super::sessions::down;
use crate::audit::entry::EntryKind;
use crate::limits::RIGHTS_READ_LONGEST;
use crate::model::account::{Account, Attested};
use crate::model::credential::Operator;
use crate::model::digest::{Digest, Fields};
use crate::model::name::OperatorName;
use crate::model::proof::{Proof, ProofKind, Proven};
use crate::model::reason::Reason;
use crate::store::{Change, StoreError, Sync};

impl Guard {
    /// Binds the account to whom a link was made for; the link is used up. An account that they had
    /// before ends: the provider's word counts once.
    ///
    /// # Errors
    /// [`EnrolError`].
    pub async fn bind_account(
        &self,
        link: &Digest,
        attested: &Attested,
    ) -> Result<Proof, EnrolError> {
        let now = self.ambient.now();
        let link = self.store.proof(link).await?;
        let link = link.filter(|link| matches!(link.kind, ProofKind::Link) && link.is_live(now));
        let mut link = link.ok_or(EnrolError::Link)?;
        let operator = self.store.operator(&link.operator).await?;
        let operator = operator.filter(|operator| operator.revoked.is_none());
        let operator = operator.ok_or(EnrolError::Link)?;
        let mut changes = Vec::new();
        let mut earlier = 0_u64;
        for mut proof in self.store.proofs().await? {
            let is_same = proof.account() == Some(&attested.account);
            if is_same && proof.ended.is_none() && proof.operator != operator.name {
                return Err(EnrolError::AccountKnown);
            }
            earlier += u64::from(is_same);
            let is_own = proof.account().is_some() && proof.operator == operator.name;
            if is_own && proof.ended.is_none() {
                proof.ended = Some(now);
                changes.push(moved(proof));
            }
        }
        let kind = ProofKind::Account(attested.account.clone());
        let mut proof = self.proof(&operator.name, key(&attested.account, earlier), kind);
        proof.used = Some(now);
        changes.push(Change::SetProof(Box::new(proof.clone())));
        (link.used, link.ended) = (Some(now), Some(now));
        changes.push(moved(link));
        let mut body = entry(&proof, "account-added", operator.name.as_str());
        let applied = attested.apply(&operator);
        if applied != operator {
            rights(&applied, &mut body);
            changes.push(Change::SetOperator(applied));
        }
        let written = self
            .write(EntryKind::Operator, body, changes, Sync::Synced)
            .await;
        match written {
            // Somebody bound it, or used the link, meanwhile.
            Err(StoreError::Moved) => Err(EnrolError::AccountKnown),
            written => Ok(written.map(|()| proof)?),
        }
    }

    /// Who signed in with an account, with the rights that the provider gives them now. With `only`,
    /// nobody else may have.
    ///
    /// # Errors
    /// A denial, recorded, when it proves nobody, or nobody who may do anything here.
    pub async fn sign_in_account(
        &self,
        attested: &Attested,
        only: Option<&OperatorName>,
    ) -> Result<Proven, Denial> {
        let proved = self.prove_account(attested, only).await;
        if let Err(denial) = &proved {
            self.refuse_operator(denial).await;
        }
        proved
    }

    async fn prove_account(
        &self,
        attested: &Attested,
        only: Option<&OperatorName>,
    ) -> Result<Proven, Denial> {
        let refused = |sentence: &str| Denial::new(Reason::AccountRefused, sentence);
        let proofs = self.store.proofs().await;
        let proofs = proofs.map_err(|fault| down(&fault))?;
        let mut bound = proofs
            .into_iter()
            .filter(|one| one.ended.is_none() && one.account() == Some(&attested.account));
        let proof = bound
            .next()
            .ok_or_else(|| refused("no operator has this account"))?;
        if only.is_some_and(|only| *only != proof.operator) {
            return Err(refused("this is the account of another operator"));
        }
        let Proven { operator, proof } = self.proven(proof).await?;
        let mut read = proof;
        read.used = Some(self.ambient.now());
        let mut body = entry(&read, "signed-in", operator.name.as_str());
        let mut changes = vec![moved(read.clone())];
        let applied = attested.apply(&operator);
        if applied != operator {
            rights(&applied, &mut body);
            changes.push(Change::SetOperator(applied.clone()));
        }
        let written = self
            .write(EntryKind::Operator, body, changes, Sync::Synced)
            .await;
        match written {
            // What the provider took is written down before anybody is turned away for it.
            Ok(()) if applied.roles.is_empty() => {
                Err(refused("the provider gives this account no role here"))
            }
            Ok(()) => Ok(Proven {
                operator: applied,
                proof: read,
            }),
            Err(StoreError::Moved) => Err(refused("the account changed meanwhile")),
            Err(fault) => Err(down(&fault)),
        }
    }

    /// Whether the rights of a person hang on an account, and its provider was not asked for them within
    /// [`RIGHTS_READ_LONGEST`]. They decide nothing then.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn rights_are_old(&self, operator: &Operator) -> Result<bool, StoreError> {
        let now = self.ambient.now();
        let own = self.proofs_of(&operator.name).await?;
        let mut accounts = own
            .iter()
            .filter(|one| one.account().is_some() && one.is_live(now));
        Ok(accounts.any(|one| {
            one.used
                .is_none_or(|read| now.since(read) > RIGHTS_READ_LONGEST)
        }))
    }
}

/// What an account is found by; one that was unbound before is another.
fn key(account: &Account, earlier: u64) -> Digest {
    Fields::new("countersign.account.v1")
        .field(account.issuer.as_bytes())
        .field(account.subject.as_bytes())
        .field(&earlier.to_be_bytes())
        .digest()
}
