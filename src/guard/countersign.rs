//! The countersignature of a decision: asked where the rule or the privilege wants it, for exactly what
//! is granted, and verified before the decision counts.

use serde_json::{Map, Value};

use super::Guard;
use super::approvals::{Resolution, ResolveError, Vote};
use super::passkeys::Purpose;
use super::proofs::moved;
use crate::audit::countersignature::{GrantKind, Granted, Terms};
use crate::limits::CHALLENGE_LIFE;
use crate::model::approval::Approval;
use crate::model::ballot::{Ballot, Choice};
use crate::model::credential::Operator;
use crate::model::grant::Grant;
use crate::model::name::OperatorName;
use crate::model::passkey::{Assertion, Passkey, PasskeyFault};
use crate::model::privilege::Privilege;
use crate::model::proof::Proof;
use crate::store::{Change, StoreError};

/// A decision that waits for its signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsigned {
    /// What the person's browser is asked.
    pub options: Value,
    /// The page on which they can decide it, as far as anybody said where the console is.
    pub page: Option<String>,
}

/// What a challenge was asked for: these terms, by this decision of this person.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) approver: OperatorName,
    decision: Resolution,
    terms: Terms,
}

/// A decision with its signature.
pub(super) struct Signed {
    terms: Terms,
    answer: Assertion,
    proof: Proof,
}

impl Guard {
    /// Whether this person's approval of it must be signed with a passkey: where the rule says so; where
    /// it concerns themselves (`own`), since nobody else has looked at it; and above `write` where the
    /// configuration is strict, and from whoever has, or ever had, one, or an account: a stolen token must
    /// not be worth more once the passkey is removed.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn asks_passkey(
        &self,
        approval: &Approval,
        operator: &Operator,
        own: bool,
    ) -> Result<bool, StoreError> {
        if approval.rule.step_up || own {
            return Ok(true);
        }
        if approval.privilege <= Privilege::Write {
            return Ok(false);
        }
        // Where nobody said where the console is, nobody has a passkey for it.
        let Some(doorway) = self.doorway() else {
            return Ok(false);
        };
        if doorway.is_strict {
            return Ok(true);
        }
        let proofs = self.proofs_of(&operator.name).await?;
        Ok(proofs.iter().any(Proof::is_personal))
    }

    /// The signature that a vote brings, verified; nothing where none is needed. A vote that needs one and
    /// brings none is told what to sign.
    pub(super) async fn countersigned(
        &self,
        operator: &Operator,
        approval: &Approval,
        ballot: &Ballot,
        vote: &Vote,
    ) -> Result<Option<Signed>, ResolveError> {
        let Choice::Approve { pins, .. } = &ballot.choice else {
            // Whoever can say no can always say it.
            return Ok(None);
        };
        let stage = u32::try_from(ballot.stage.saturating_add(1)).unwrap_or(u32::MAX);
        let mut counted = approval.clone();
        counted.ballots.push(ballot.clone());
        let grant = self.grant(&counted);
        let kind = match grant.pattern {
            Some(pattern) => GrantKind::Pattern(pattern.pins),
            None => GrantKind::Exact,
        };
        if let Some(answer) = &vote.answer {
            return self
                .signed(operator, approval, (stage, kind), vote, answer)
                .await
                .map(Some);
        }
        // What runs under a pattern nobody has looked at, so it is always signed.
        if pins.is_none() && !self.asks_passkey(approval, operator, ballot.own).await? {
            return Ok(None);
        }
        let granted = Granted {
            kind,
            uses: grant.uses,
            until: grant.until,
        };
        let asked = self.ask_signature(operator, approval, vote, stage, granted);
        Err(ResolveError::Unsigned(Box::new(asked.await?)))
    }

    /// Asks a person to sign what they are about to grant.
    pub(super) async fn ask_signature(
        &self,
        operator: &Operator,
        approval: &Approval,
        vote: &Vote,
        stage: u32,
        granted: Granted,
    ) -> Result<Unsigned, ResolveError> {
        let usable = self.usable(operator, approval).await?;
        let terms = Terms {
            approval: approval.id,
            version: vote.version,
            digest: approval.digest,
            grant: Some(granted),
            stage,
            approver: operator.name.clone(),
            previous: None,
            issued: self.ambient.now(),
            nonce: self.ambient.random(),
        };
        let challenge = terms.challenge();
        let asked = Asked {
            approver: operator.name.clone(),
            decision: vote.decision.clone(),
            terms,
        };
        let doorway = self.doorway();
        let host = doorway.as_ref().map(|doorway| doorway.host());
        let purpose = Purpose::Decide(Box::new(asked));
        self.desk
            .ask(challenge, purpose, CHALLENGE_LIFE, &self.ambient);
        let passkeys: Vec<Vec<u8>> = usable.into_iter().map(|(_, one)| one.id).collect();
        let life = u64::try_from(CHALLENGE_LIFE.as_millis()).unwrap_or(u64::MAX);
        let options = Assertion::options(&challenge, host.unwrap_or_default(), &passkeys, life);
        let page = doorway.map(|doorway| {
            let page = page_of(&vote.decision);
            format!("{}/requests/{}{page}", doorway.origin(), approval.id)
        });
        Ok(Unsigned { options, page })
    }

    /// The signature on a grant of that kind in that stage, verified.
    pub(super) async fn signed(
        &self,
        operator: &Operator,
        approval: &Approval,
        (stage, kind): (u32, GrantKind),
        vote: &Vote,
        answer: &Assertion,
    ) -> Result<Signed, ResolveError> {
        let other = ResolveError::Answer(PasskeyFault::OtherChallenge);
        let challenge = answer.challenge().ok_or(PasskeyFault::OtherChallenge)?;
        let Some(Purpose::Decide(asked)) = self.desk.take(&challenge, &self.ambient) else {
            return Err(other);
        };
        let terms = asked.terms;
        let is_this = asked.approver == operator.name
            && asked.decision == vote.decision
            && terms.approval == approval.id
            && terms.version == vote.version
            && terms.digest == approval.digest
            && terms.stage == stage
            && terms.grant.as_ref().is_some_and(|one| one.kind == kind);
        if !is_this {
            return Err(other);
        }
        let usable = self.usable(operator, approval).await?.into_iter();
        let mut own = usable.filter(|(_, passkey)| passkey.id == answer.id);
        let (proof, _) = own.next().ok_or(PasskeyFault::Malformed("id"))?;
        let (proof, _) = self.swear(answer, &challenge, proof)?;
        Ok(Signed {
            terms,
            answer: answer.clone(),
            proof,
        })
    }

    /// The passkeys with which a person may decide it.
    async fn usable(
        &self,
        operator: &Operator,
        approval: &Approval,
    ) -> Result<Vec<(Proof, Passkey)>, ResolveError> {
        let now = self.ambient.now();
        let mut usable = self.passkeys_of(&operator.name).await?;
        let has_any = !usable.is_empty();
        if approval.privilege > Privilege::Write {
            usable.retain(|(proof, passkey)| passkey.is_settled(proof.added, now));
        }
        match has_any && usable.is_empty() {
            true => Err(ResolveError::NewAuthenticator),
            false => Ok(usable),
        }
    }
}

/// Stands where a stage would, in what somebody signs who passes by all of them. People count from one.
pub(super) const GLASS_STAGE: u32 = 0;

impl Signed {
    /// Gives the grant the very terms that were signed.
    pub(super) fn bind(&self, grant: &mut Grant) {
        if let Some(signed) = &self.terms.grant {
            (grant.uses, grant.until) = (signed.uses, signed.until);
        }
    }

    /// Adds to the entry of the decision what proves it.
    pub(super) fn enter(&self, body: &mut Map<String, Value>) {
        self.terms.record(&self.answer, body);
    }

    /// What the signature changes: the passkey was used.
    pub(super) fn change(self) -> Change {
        moved(self.proof)
    }
}

/// Where on a request's page somebody can sign a decision: a pattern has a page of its own.
fn page_of(decision: &Resolution) -> String {
    let Resolution::Pattern { pins, uses, life } = decision else {
        return String::new();
    };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pins.iter().map(|pin| ("pin", pin)));
    query.append_pair("uses", &uses.to_string());
    if let Some(life) = life {
        query.append_pair("minutes", &life.as_secs().div_ceil(60).to_string());
    }
    format!("/pattern?{}", query.finish())
}
