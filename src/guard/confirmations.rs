//! Tokens whose owners confirmed lately, at the console, that it is them who uses it.
//!
//! A token for commands lies in a file, and whoever reads the file has it. So that a copy decides nothing,
//! its owner proves themselves anew, shortly before, with what no file holds. Nothing of it outlives the
//! guard's process.

use std::collections::HashMap;
use std::time::Duration;

use indexmap::IndexMap;
use parking_lot::Mutex;
use serde_json::Value;

use super::approvals::ResolveError;
use super::passkeys::Purpose;
use super::proofs::{entry, moved};
use super::{Guard, source};
use crate::ambient::Ambient;
use crate::audit::entry::EntryKind;
use crate::limits::{CHALLENGE_LIFE, CONFIRMATION_WAIT, TOKEN_CONFIRMED_LIFE};
use crate::model::digest::Digest;
use crate::model::id::ApprovalId;
use crate::model::name::OperatorName;
use crate::model::passkey::{Assertion, PasskeyFault};
use crate::model::proof::{Proof, ProofKind, Proven};
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::store::{StoreError, Sync};

/// A token whose owner was asked to confirm it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asking {
    /// The token's name in lists.
    pub id: String,
    /// What the command showed to whoever called it, for comparison.
    pub code: String,
    /// When it was asked.
    pub at: Timestamp,
    /// From where.
    pub source: Option<String>,
}

/// Why a token was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// Nothing was asked of this person under that name, or it is too late.
    #[error("no command of yours waits for that any more")]
    Missing,
    /// They sign it with a passkey; this is what their browser is asked.
    #[error("this is confirmed with a passkey")]
    Unsigned(Box<Value>),
    /// They have not just proved themselves with anything that no file holds.
    #[error("prove yourself anew first")]
    Unproved,
    /// What their passkey signed does not count.
    #[error(transparent)]
    Answer(#[from] PasskeyFault),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ConfirmError {
    /// The row of the table it is.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Missing => Reason::NotFound,
            Self::Unsigned(_) | Self::Unproved => Reason::UserUnverified,
            Self::Answer(_) => Reason::PasskeyRefused,
            Self::Store(_) => Reason::StoreUnavailable,
        }
    }
}

/// What was asked, what was confirmed, and who proved themselves just now.
#[derive(Default)]
pub(super) struct Confirmations(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    asked: IndexMap<Digest, (OperatorName, Asking, Duration)>,
    confirmed: HashMap<Digest, (OperatorName, Duration)>,
    proved: HashMap<OperatorName, Duration>,
}

impl Confirmations {
    /// What is kept, without what is over at `now`.
    fn at(&self, now: Duration) -> parking_lot::MutexGuard<'_, Kept> {
        let mut kept = self.0.lock();
        kept.asked.retain(|_, (_, _, until)| now < *until);
        kept.confirmed.retain(|_, (_, until)| now < *until);
        kept.proved.retain(|_, until| now < *until);
        kept
    }

    /// Forgets everything of a person.
    pub(super) fn forget(&self, name: &OperatorName) {
        let mut kept = self.0.lock();
        kept.asked.retain(|_, (of, _, _)| of != name);
        kept.confirmed.retain(|_, (of, _)| of != name);
        kept.proved.remove(name);
    }
}

impl Guard {
    /// Asks the owner of a token to confirm it; what was asked for it before is void.
    pub fn ask_confirmation(&self, proven: &Proven) -> Asking {
        let now = self.ambient.monotonic();
        let asking = Asking {
            id: proven.proof.id(),
            code: code(&self.ambient),
            at: self.ambient.now(),
            source: source::current().map(|source| source.to_string()),
        };
        let until = now.saturating_add(CONFIRMATION_WAIT);
        let name = proven.operator.name.clone();
        let asked = (name, asking.clone(), until);
        self.confirmations
            .at(now)
            .asked
            .insert(proven.proof.key, asked);
        asking
    }

    /// What a person is asked to confirm now.
    #[must_use]
    pub fn askings(&self, name: &OperatorName) -> Vec<Asking> {
        let kept = self.confirmations.at(self.ambient.monotonic());
        let own = kept.asked.values().filter(|(of, _, _)| of == name);
        own.map(|(_, asking, _)| asking.clone()).collect()
    }

    /// How much longer a token counts as confirmed; nothing where it does not.
    #[must_use]
    pub fn confirmation(&self, proven: &Proven) -> Option<Duration> {
        let now = self.ambient.monotonic();
        let kept = self.confirmations.at(now);
        let (_, until) = kept.confirmed.get(&proven.proof.key)?;
        Some(until.saturating_sub(now))
    }

    /// Notes that a person proved themselves just now with something that no file holds.
    pub fn note_proved(&self, name: &OperatorName) {
        let now = self.ambient.monotonic();
        let until = now.saturating_add(TOKEN_CONFIRMED_LIFE);
        let mut kept = self.confirmations.at(now);
        kept.proved.insert(name.clone(), until);
    }

    /// Whether a person proved themselves just now.
    #[must_use]
    pub fn has_proved(&self, name: &OperatorName) -> bool {
        let kept = self.confirmations.at(self.ambient.monotonic());
        kept.proved.contains_key(name)
    }

    /// Confirms a token of the person who is there: with a passkey where they have one, else because
    /// they proved themselves just now.
    ///
    /// # Errors
    /// [`ConfirmError`]; nothing is confirmed then.
    pub async fn confirm_token(
        &self,
        shown: &Proven,
        id: &str,
        answer: Option<&Assertion>,
    ) -> Result<(), ConfirmError> {
        let name = &shown.operator.name;
        let token = {
            let kept = self.confirmations.at(self.ambient.monotonic());
            let mut own = kept.asked.iter();
            let found = own.find(|(_, (of, asking, _))| of == name && asking.id == id);
            found.map(|(key, _)| *key).ok_or(ConfirmError::Missing)?
        };
        let proof = self.store.proof(&token).await?;
        let proof = proof.filter(|one| one.is_live(self.ambient.now()));
        let proof = proof.ok_or(ConfirmError::Missing)?;
        let signed = self.sworn(name, token, answer).await?;
        if signed.is_none() && !(shown.proof.is_personal() && self.has_proved(name)) {
            return Err(ConfirmError::Unproved);
        }
        let body = entry(&proof, "token-confirmed", name.as_str());
        let changes = signed.map(moved).into_iter().collect();
        self.write(EntryKind::Operator, body, changes, Sync::Synced)
            .await?;
        let now = self.ambient.monotonic();
        let until = now.saturating_add(TOKEN_CONFIRMED_LIFE);
        let mut kept = self.confirmations.at(now);
        kept.asked.shift_remove(&token);
        kept.confirmed.insert(token, (name.clone(), until));
        Ok(())
    }

    /// The passkey that signed it; nothing where the person has none.
    async fn sworn(
        &self,
        name: &OperatorName,
        token: Digest,
        answer: Option<&Assertion>,
    ) -> Result<Option<Proof>, ConfirmError> {
        let passkeys = self.passkeys_of(name).await?;
        if passkeys.is_empty() {
            return Ok(None);
        }
        let Some(answer) = answer else {
            let doorway = self.doorway();
            let host = doorway.as_ref().map(|doorway| doorway.host());
            let challenge = Digest::from_bytes(self.ambient.random());
            let purpose = Purpose::Confirm {
                operator: name.clone(),
                token,
            };
            self.desk
                .ask(challenge, purpose, CHALLENGE_LIFE, &self.ambient);
            let ids: Vec<Vec<u8>> = passkeys.into_iter().map(|(_, one)| one.id).collect();
            let life = u64::try_from(CHALLENGE_LIFE.as_millis()).unwrap_or(u64::MAX);
            let options = Assertion::options(&challenge, host.unwrap_or_default(), &ids, life);
            return Err(ConfirmError::Unsigned(Box::new(options)));
        };
        let challenge = answer.challenge().ok_or(PasskeyFault::OtherChallenge)?;
        let asked = self.desk.take(&challenge, &self.ambient);
        match asked {
            Some(Purpose::Confirm {
                operator,
                token: asked,
            }) if operator == *name && asked == token => {}
            _ => return Err(PasskeyFault::OtherChallenge.into()),
        }
        let mut own = passkeys.into_iter();
        let own = own.find(|(_, passkey)| passkey.id == answer.id);
        let (proof, _) = own.ok_or(PasskeyFault::Malformed("id"))?;
        let (proof, _) = self.swear(answer, &challenge, proof)?;
        Ok(Some(proof))
    }

    /// Whether what somebody shows may approve: a token whose owner has something better, only while it
    /// is confirmed. Where the approval is signed with a passkey anyway, that says more.
    ///
    /// # Errors
    /// [`ResolveError::Unconfirmed`], or when the store does not answer.
    pub async fn confirmed(&self, proven: &Proven, id: ApprovalId) -> Result<(), ResolveError> {
        let is_token = matches!(proven.proof.kind, ProofKind::Token { .. });
        if !is_token || self.confirmation(proven).is_some() {
            return Ok(());
        }
        let (now, operator) = (self.ambient.now(), &proven.operator);
        let own = self.proofs_of(&operator.name).await?;
        if !own.iter().any(|one| one.is_personal() && one.is_live(now)) {
            return Ok(());
        }
        let approval = self.store.approval(id).await?;
        let Some(approval) = approval.filter(|approval| approval.is_open(now)) else {
            return Ok(());
        };
        let part = self.part(&approval, operator).await?;
        match self.asks_passkey(&approval, operator, part.own).await? {
            true => Ok(()),
            false => Err(ResolveError::Unconfirmed),
        }
    }
}

/// Eight letters and digits that nobody takes for one another.
fn code(ambient: &Ambient) -> String {
    let letters: Vec<char> = ALPHABET.chars().collect();
    let drawn = ambient.random::<8>();
    let mut code: String = drawn
        .iter()
        .filter_map(|byte| letters.get(usize::from(*byte) % letters.len()))
        .collect();
    code.insert(4, '-');
    code
}

/// As many as divide a byte evenly.
const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_eight_letters_that_are_drawn_evenly() {
        assert_eq!(256 % ALPHABET.len(), 0);
        let (ambient, _) = Ambient::played(1, Timestamp::default());
        let code = code(&ambient);
        assert_eq!((code.len(), code.find('-')), (9, Some(4)));
    }
}
