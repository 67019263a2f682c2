//! Redeeming a permit, once and before its call runs, and what came of the call.

use serde_json::Map;

use super::credentials::is_live;
use super::entries::Refusal;
use super::ruling::Denial;
use super::sessions::down;
use super::settle::Ending;
use super::signed::{Claims, permitted_action};
use super::{Guard, entries};
use crate::audit::entry::EntryKind;
use crate::limits::{DECIDE_TRIES_COUNT, OUTCOME_REPORT_LONGEST};
use crate::model::arguments::Arguments;
use crate::model::credential::Pep;
use crate::model::digest::Digest;
use crate::model::id::CallId;
use crate::model::name::AgentName;
use crate::model::outcome::Outcome;
use crate::model::reason::Reason;
use crate::model::target::Target;
use crate::model::time::Timestamp;
use crate::store::{Change, InFlight, Leg, StoreError, Sync};

/// A call that its enforcement point must run now, and report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Redeemed {
    /// The call.
    pub call: CallId,
    /// The action digest.
    pub digest: Digest,
    /// Until when its outcome is expected; it is unknown then.
    pub report_by: Timestamp,
}

impl Guard {
    /// Redeems a permit for the call that is about to run. Whoever gets an answer acts, once; whoever
    /// gets a denial must not.
    ///
    /// # Errors
    /// A denial, recorded.
    pub async fn redeem_permit(
        &self,
        pep: &Pep,
        token: &str,
        target: &Target,
        arguments: &Arguments,
    ) -> Result<Redeemed, Denial> {
        let redeemed = self.try_redeem(pep, token, target, arguments).await;
        if let Err(denial) = &redeemed {
            self.refuse(Refusal {
                reason: denial.reason(),
                agent: None,
                edge: "permits",
                sentence: denial.cause.sentence.clone(),
            })
            .await;
        }
        redeemed
    }

    async fn try_redeem(
        &self,
        pep: &Pep,
        token: &str,
        target: &Target,
        arguments: &Arguments,
    ) -> Result<Redeemed, Denial> {
        let invalid = |sentence: &str| Denial::new(Reason::PermitInvalid, sentence);
        let (claims, key) = self
            .unseal(token)
            .ok_or_else(|| invalid("the permit is not sealed by this guard"))?;
        if claims.audience != pep.server.as_str() {
            return Err(invalid("the permit is for another enforcement point"));
        }
        if claims.action != permitted_action(&key, target, arguments.canonical()) {
            return Err(invalid("the permit is for another tool or other arguments"));
        }
        for _ in 0..DECIDE_TRIES_COUNT {
            self.keep_time().await.map_err(|fault| down(&fault))?;
            let at = self.ambient.now();
            if at >= claims.expires {
                let sentence = format!("the permit ended at {}", claims.expires);
                return Err(Denial::new(Reason::PermitExpired, sentence).of(claims.call));
            }
            if claims.epoch != self.epoch() {
                self.still_stands(&claims).await?;
            }
            match self.write_redemption(pep, &claims, at).await {
                Ok(()) => {
                    return Ok(Redeemed {
                        call: claims.call,
                        digest: claims.digest,
                        report_by: at.after(OUTCOME_REPORT_LONGEST),
                    });
                }
                // Why it no longer fits is found here, or it was a stop just lifted.
                Err(StoreError::Moved) => self.still_stands(&claims).await?,
                Err(fault) => return Err(down(&fault)),
            }
        }
        Err(Denial::new(Reason::Busy, "the facts moved at every try").of(claims.call))
    }

    async fn write_redemption(
        &self,
        pep: &Pep,
        claims: &Claims,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut body = Map::new();
        body.insert("call".into(), claims.call.to_string().into());
        body.insert("of".into(), claims.of.into());
        body.insert("permit".into(), claims.permit.to_string().into());
        body.insert("audience".into(), pep.server.as_str().into());
        body.insert("credential".into(), pep.credential.to_string().into());
        body.insert("action_digest".into(), claims.digest.to_string().into());
        body.insert("state".into(), "redeemed".into());
        let change = Change::Redeem {
            call: claims.call,
            permit: claims.permit,
            by: pep.credential,
            at,
            of: claims.of,
        };
        self.write(EntryKind::Permit, body, vec![change], Sync::Synced)
            .await
    }

    /// Whether a permit could be redeemed: not used, and nobody stopped.
    async fn still_stands(&self, claims: &Claims) -> Result<(), Denial> {
        let flight = self
            .flight(claims.call)
            .await
            .map_err(|fault| down(&fault))?;
        let is_unused = |flight: &InFlight| match flight.leg {
            Leg::Signed { permit, .. } => permit == claims.permit,
            Leg::Own | Leg::Redeemed { .. } => false,
        };
        let Some(flight) = flight.filter(is_unused) else {
            let sentence = format!("{} was redeemed already, or is over", claims.permit);
            return Err(Denial::new(Reason::PermitUsed, sentence).of(claims.call));
        };
        if let Some(denial) = self.stopped(flight.session, &flight.agent).await {
            return Err(denial.of(claims.call));
        }
        if let Some(denial) = self.refused(&flight.target) {
            return Err(denial.of(claims.call));
        }
        let session = self.store.session(flight.session).await;
        let session = session.map_err(|fault| down(&fault))?;
        let credentials = self.store.credentials().await;
        let credentials = credentials.map_err(|fault| down(&fault))?;
        let credential = credentials.iter().find(|one| {
            session
                .as_ref()
                .is_some_and(|session| session.principal.credential == one.id)
        });
        match credential {
            Some(credential) => is_live(credential, self.ambient.now()),
            None => Err(Denial::new(
                Reason::CredentialUnknown,
                "the session's credential is gone",
            )),
        }
        .map_err(|denial| denial.of(claims.call))
    }

    /// Records what came of a call, on the word of the enforcement point that redeemed its permit.
    ///
    /// # Errors
    /// A denial when the call is not its own, or has an outcome already.
    pub async fn report(
        &self,
        pep: &Pep,
        call: CallId,
        outcome: Outcome,
        note: Option<&str>,
    ) -> Result<(), Denial> {
        let note = match note {
            Some(words) => format!("reported from before {}: {words}", pep.server),
            None => format!("reported from before {}", pep.server),
        };
        for _ in 0..DECIDE_TRIES_COUNT {
            let flight = self.flight(call).await.map_err(|fault| down(&fault))?;
            let Some(flight) = flight else {
                let sentence = format!("{call} has an outcome already, or never was");
                return Err(Denial::new(Reason::AlreadyDecided, sentence).of(call));
            };
            let of = match flight.leg {
                Leg::Redeemed { by, of, .. } if by == pep.credential => of,
                // Somebody else's call is simply unknown.
                _ => {
                    return Err(Denial::new(
                        Reason::NotFound,
                        format!("{call} is not its own"),
                    ));
                }
            };
            let lesson = self.lessons.lock().get(&call).cloned();
            let lesson = lesson.filter(|_| outcome == Outcome::Done);
            let ending = Ending::left(&flight, of);
            let settled = self.try_settle(&ending, lesson, outcome, Some(&note));
            match settled.await {
                Ok(()) => {
                    self.lessons.lock().remove(&call);
                    return Ok(());
                }
                Err(StoreError::Moved) => {}
                Err(fault) => return Err(down(&fault)),
            }
        }
        Err(Denial::new(Reason::Busy, "the facts moved at every try").of(call))
    }

    /// Records, in its share of the record, what the acting agent says came of its call. It ends nothing: nobody vouches for it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn claim(
        &self,
        agent: &AgentName,
        call: CallId,
        outcome: Outcome,
        note: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut body = entries::outcome(call.to_string(), 0, outcome, note, &self.redactor(call));
        body.shift_remove("of");
        body.insert("standing".into(), "claimed".into());
        let recorded = self
            .record(EntryKind::Outcome, body, Vec::new(), self.reads)
            .await?;
        self.charge_share(agent, recorded.bytes());
        Ok(())
    }

    /// Ends what enforcement points left: an unredeemed permit that ran out was provably never used; a
    /// redeemed one whose outcome nobody reported is unknown.
    pub(super) async fn close_overdue(&self, now: Timestamp) -> Result<(), StoreError> {
        for left in self.store.in_flight().await? {
            match left.leg {
                Leg::Signed { until, .. } if until <= now => self.lapse(&left, now).await?,
                Leg::Redeemed { at, of, .. } if at.after(OUTCOME_REPORT_LONGEST) <= now => {
                    let note = Some("its enforcement point reported nothing");
                    self.lessons.lock().remove(&left.call);
                    let ending = Ending::left(&left, of);
                    self.settle_as(&ending, None, Outcome::Unknown, note).await;
                }
                Leg::Own | Leg::Signed { .. } | Leg::Redeemed { .. } => {}
            }
        }
        Ok(())
    }

    async fn flight(&self, call: CallId) -> Result<Option<InFlight>, StoreError> {
        let all = self.store.in_flight().await?;
        Ok(all.into_iter().find(|flight| flight.call == call))
    }
}
