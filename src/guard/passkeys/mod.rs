//! Passkeys: how a person adds one, signs in with it, and what stands against a copied one.

mod desk;

use serde_json::Value;

use super::Guard;
use super::doorway::Doorway;
use super::proofs::{entry, moved};
use super::ruling::Denial;
use super::sessions::down;
use crate::audit::entry::EntryKind;
use crate::limits::{
    CHALLENGE_LIFE, ENROLMENT_CHALLENGE_LIFE, PASSKEY_LABEL_BYTES, PASSKEYS_PER_OPERATOR_COUNT,
    SECRET_LENGTH_BYTES,
};
use crate::model::credential::Operator;
use crate::model::digest::{Digest, Fields};
use crate::model::name::OperatorName;
use crate::model::passkey::{Assertion, Passkey, PasskeyFault, Registration, Sworn};
use crate::model::proof::{Proof, ProofKind, Proven};
use crate::model::reason::Reason;
use crate::store::{Change, StoreError, Sync};

pub(super) use desk::{Desk, Purpose};

/// Somebody who is about to add a passkey.
#[derive(Clone, Debug)]
pub struct Enrolling {
    /// Who.
    pub operator: OperatorName,
    /// What their browser is asked.
    pub options: Value,
}

/// Why a passkey was not added.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The link is none, was used, or has run out.
    #[error("the link is not open: it was used, has run out, or never was one")]
    Link,
    /// The challenge was not asked, was answered, or has run out.
    #[error("the answer came too late, or twice; begin again")]
    Challenge,
    /// The answer is not acceptable.
    #[error(transparent)]
    Answer(#[from] PasskeyFault),
    /// It is somebody's already.
    #[error("this passkey was added before")]
    Known,
    /// It is somebody's already.
    #[error("this account is another operator's already")]
    AccountKnown,
    /// They have as many as anybody may.
    #[error("there is no room for one more; remove another first")]
    TooMany,
    /// Nobody said where the console is.
    #[error("this guard has no console address that passkeys could be made for")]
    NoDoorway,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EnrolError {
    /// The row of the table it is.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Link => Reason::CredentialUnknown,
            Self::AccountKnown => Reason::AccountRefused,
            Self::Store(StoreError::Unavailable(_)) => Reason::StoreUnavailable,
            _ => Reason::PasskeyRefused,
        }
    }
}

impl Guard {
    /// Says where people reach the console.
    pub fn open_doorway(&self, doorway: Doorway) {
        self.desk.open_doorway(doorway);
    }

    /// Where people reach the console, as far as anybody said.
    #[must_use]
    pub fn doorway(&self) -> Option<std::sync::Arc<Doorway>> {
        self.desk.doorway()
    }

    /// Asks for a passkey from whoever holds a link.
    ///
    /// # Errors
    /// [`EnrolError`]; a link that is not open is recorded.
    pub async fn begin_enrolment(&self, secret: &str) -> Result<Enrolling, EnrolError> {
        let link = self.open_link(secret).await?;
        self.ask_passkey(&link.operator.clone(), Some(link.key))
            .await
    }

    /// Asks for one more passkey from a person who is there already.
    ///
    /// # Errors
    /// [`EnrolError`].
    pub async fn begin_passkey(&self, operator: &Operator) -> Result<Enrolling, EnrolError> {
        self.ask_passkey(&operator.name, None).await
    }

    async fn ask_passkey(
        &self,
        name: &OperatorName,
        link: Option<Digest>,
    ) -> Result<Enrolling, EnrolError> {
        let doorway = self.doorway().ok_or(EnrolError::NoDoorway)?;
        let known = self.passkeys_of(name).await?;
        if known.len() >= PASSKEYS_PER_OPERATOR_COUNT {
            return Err(EnrolError::TooMany);
        }
        let known: Vec<Vec<u8>> = known.into_iter().map(|(_, passkey)| passkey.id).collect();
        let challenge = Digest::from_bytes(self.ambient.random());
        let purpose = Purpose::Enrol {
            operator: name.clone(),
            link,
        };
        let life = ENROLMENT_CHALLENGE_LIFE;
        self.desk.ask(challenge, purpose, life, &self.ambient);
        let life = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        let user = user(name);
        Ok(Enrolling {
            operator: name.clone(),
            options: Registration::options(
                &challenge,
                doorway.host(),
                name.as_str(),
                &user,
                &known,
                life,
            ),
        })
    }

    /// Adds the passkey that a browser made; a link it was asked with is used up. `by` is who it must have
    /// been asked for, where somebody is signed in.
    ///
    /// # Errors
    /// [`EnrolError`].
    pub async fn add_passkey(
        &self,
        answer: &Registration,
        label: &str,
        by: Option<&Operator>,
    ) -> Result<Proof, EnrolError> {
        let doorway = self.doorway().ok_or(EnrolError::NoDoorway)?;
        let challenge = answer.challenge().ok_or(EnrolError::Challenge)?;
        let asked = self.desk.take(&challenge, &self.ambient);
        let Some(Purpose::Enrol { operator, link }) = asked else {
            return Err(EnrolError::Challenge);
        };
        let is_theirs = match by {
            Some(by) => link.is_none() && by.name == operator,
            None => link.is_some(),
        };
        if !is_theirs {
            return Err(EnrolError::Challenge);
        }
        let made = answer.verify(&challenge, doorway.party())?;
        let passkey = Passkey {
            label: label_of(label),
            party: doorway.host().to_owned(),
            confirmed: None,
            id: made.id,
            public: made.public,
            counter: made.counter,
        };
        let key = Digest::of(&passkey.id);
        let proof = self.proof(&operator, key, ProofKind::Passkey(passkey));
        let mut changes = vec![Change::SetProof(Box::new(proof.clone()))];
        if let Some(link) = link {
            let link = self.store.proof(&link).await?;
            let link = link.filter(|link| link.is_live(self.ambient.now()));
            let mut link = link.ok_or(EnrolError::Link)?;
            (link.used, link.ended) = (Some(proof.added), Some(proof.added));
            changes.push(moved(link));
        }
        let body = entry(&proof, "passkey-added", operator.as_str());
        let written = self
            .write(EntryKind::Operator, body, changes, Sync::Synced)
            .await;
        match written {
            Err(StoreError::Moved) => Err(EnrolError::Known),
            written => Ok(written.map(|()| proof)?),
        }
    }

    /// Asks whoever is there to sign in: any passkey of this console will do.
    ///
    /// # Errors
    /// When nobody said where the console is.
    pub fn begin_sign_in(&self) -> Result<Value, EnrolError> {
        let doorway = self.doorway().ok_or(EnrolError::NoDoorway)?;
        let challenge = Digest::from_bytes(self.ambient.random());
        let life = CHALLENGE_LIFE;
        self.desk
            .ask(challenge, Purpose::SignIn, life, &self.ambient);
        let life = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        Ok(Assertion::options(&challenge, doorway.host(), &[], life))
    }

    /// Who signed in with a passkey.
    ///
    /// # Errors
    /// A denial, recorded, when it proves nobody.
    pub async fn sign_in(&self, answer: &Assertion) -> Result<Proven, Denial> {
        let proved = self.prove_passkey(answer).await;
        if let Err(denial) = &proved {
            self.refuse_operator(denial).await;
        }
        proved
    }

    async fn prove_passkey(&self, answer: &Assertion) -> Result<Proven, Denial> {
        let refused = |sentence: &str| Denial::new(Reason::PasskeyRefused, sentence);
        let challenge = answer
            .challenge()
            .filter(|challenge| {
                let asked = self.desk.take(challenge, &self.ambient);
                matches!(asked, Some(Purpose::SignIn))
            })
            .ok_or_else(|| refused("it answers no question that was asked"))?;
        let found = self.store.proof(&Digest::of(&answer.id)).await;
        let found = found.map_err(|fault| down(&fault))?;
        let proof = found.ok_or_else(|| refused("nobody here has this passkey"))?;
        let proven = self.proven(proof).await?;
        let (proof, _) = self
            .swear(answer, &challenge, proven.proof)
            .map_err(|fault| refused(&fault.to_string()))?;
        let body = entry(&proof, "signed-in", proof.operator.as_str());
        let change = moved(proof.clone());
        let written = self.write(EntryKind::Operator, body, vec![change], Sync::Synced);
        match written.await {
            Ok(()) => Ok(Proven {
                operator: proven.operator,
                proof,
            }),
            Err(StoreError::Moved) => Err(refused("the passkey changed meanwhile")),
            Err(fault) => Err(down(&fault)),
        }
    }

    /// Verifies an answer by the passkey of a proof; the proof as it stands after it.
    pub(super) fn swear(
        &self,
        answer: &Assertion,
        challenge: &Digest,
        mut proof: Proof,
    ) -> Result<(Proof, Sworn), PasskeyFault> {
        let doorway = self.doorway().ok_or(PasskeyFault::OtherOrigin)?;
        let person = user(&proof.operator);
        let ProofKind::Passkey(passkey) = &mut proof.kind else {
            return Err(PasskeyFault::Malformed("id"));
        };
        let is_theirs = answer
            .user
            .as_deref()
            .is_none_or(|user| user == person.as_bytes());
        if !is_theirs || answer.id != passkey.id {
            return Err(PasskeyFault::Malformed("userHandle"));
        }
        let sworn = answer.verify(&passkey.public, challenge, doorway.party())?;
        let sworn = sworn.follows(passkey.counter)?;
        passkey.counter = sworn.counter;
        proof.used = Some(self.ambient.now());
        Ok((proof, sworn))
    }

    /// The passkeys of a person that are accepted now.
    pub(super) async fn passkeys_of(
        &self,
        name: &OperatorName,
    ) -> Result<Vec<(Proof, Passkey)>, StoreError> {
        let now = self.ambient.now();
        let own = self.proofs_of(name).await?.into_iter();
        let live = own.filter(|proof| proof.is_live(now));
        Ok(live
            .filter_map(|proof| proof.passkey().cloned().map(|passkey| (proof, passkey)))
            .collect())
    }

    /// The link of that secret, which is still to be used.
    ///
    /// # Errors
    /// [`EnrolError`]; a link that is not open is recorded.
    pub async fn open_link(&self, secret: &str) -> Result<Proof, EnrolError> {
        let found = match secret.len() <= SECRET_LENGTH_BYTES {
            true => self.store.proof(&Digest::of(secret.as_bytes())).await?,
            false => None,
        };
        let now = self.ambient.now();
        let open =
            found.filter(|proof| matches!(proof.kind, ProofKind::Link) && proof.is_live(now));
        if open.is_none() {
            let sentence = EnrolError::Link.to_string();
            let denial = Denial::new(EnrolError::Link.reason(), sentence);
            self.refuse_operator(&denial).await;
        }
        open.ok_or(EnrolError::Link)
    }
}

/// What authenticators know a person by.
fn user(name: &OperatorName) -> Digest {
    Fields::new("countersign.user.v1")
        .field(name.as_str().as_bytes())
        .digest()
}

/// A name for a passkey from what its owner typed, as much of it as fits.
fn label_of(text: &str) -> String {
    let text = text.trim();
    let fits = text
        .char_indices()
        .take_while(|(at, c)| at + c.len_utf8() <= PASSKEY_LABEL_BYTES)
        .map(|(_, c)| c);
    let label: String = fits.collect();
    match label.is_empty() {
        true => "passkey".to_owned(),
        false => label,
    }
}
