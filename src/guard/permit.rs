//! Leave to run one call once.
//!
//! **A permit is minted from a [`Recorded`] and nothing else, and is consumed by its dispatch.** The
//! call it holds is the call that was judged; there is no way to put another into it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tracing::{Instrument, Span};

use super::Guard;
use super::leave::Leave;
use super::ruling::Denial;
use super::sessions::down;
use super::settle::Ending;
use super::stops::Terms;
use crate::limits::PERMIT_LIFE;
use crate::model::call::Call;
use crate::model::digest::Digest;
use crate::model::history::Lesson;
use crate::model::id::{ApprovalId, CallId, PermitId};
use crate::model::outcome::Outcome;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::store::{Leg, Recorded};

/// Leave to run the call it holds, once, within [`PERMIT_LIFE`].
#[derive(Debug)]
pub struct Permit {
    call: Call,
    digest: Digest,
    approval: Option<ApprovalId>,
    lesson: Option<Box<Lesson>>,
    recorded: Recorded,
    terms: Box<Terms>,
    /// Open from the judgement to the settled outcome.
    span: Span,
}

impl Permit {
    pub(super) fn mint(
        recorded: Recorded,
        call: Call,
        digest: Digest,
        approval: Option<ApprovalId>,
        lesson: Option<Box<Lesson>>,
        terms: Box<Terms>,
    ) -> Self {
        Self {
            call,
            digest,
            approval,
            lesson,
            recorded,
            terms,
            span: Span::current(),
        }
    }

    /// The count of stops when its call was judged.
    pub(super) const fn epoch(&self) -> u64 {
        self.terms.epoch
    }

    /// The call it holds.
    #[must_use]
    pub const fn call(&self) -> &Call {
        &self.call
    }

    /// The digest of the action that was permitted.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Why it was given: inside the scope, or approved by a person.
    pub(super) const fn reason(&self) -> Reason {
        match self.approval {
            Some(_) => Reason::Granted,
            None => Reason::InScope,
        }
    }

    /// The place of its decision in the record.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.recorded.seq()
    }
}

/// A permit at the moment of use: the call to send, and what must be settled afterwards.
#[derive(Debug)]
pub struct Dispatch {
    call: Call,
    receipt: Receipt,
}

impl Dispatch {
    /// The call to send, and the receipt to settle.
    #[must_use]
    pub fn into_parts(self) -> (Call, Receipt) {
        (self.call, self.receipt)
    }
}

/// Must be settled once. Dropped unsettled, it settles itself as `unknown`.
#[derive(Debug)]
pub struct Receipt {
    pub(super) ending: Ending,
    /// What the call teaches if it is done.
    pub(super) lesson: Option<Box<Lesson>>,
    /// When the call was handed out, on the clock that only moves forward.
    pub(super) since: Duration,
    /// That of the call.
    pub(super) span: Span,
    guard: Option<Weak<Guard>>,
    leave: Option<Leave>,
}

impl Receipt {
    /// The call it is for.
    #[must_use]
    pub const fn call(&self) -> CallId {
        self.ending.call
    }

    /// Takes out the leave to begin the write. While it stays here, stops take the call for one that is
    /// about to be written.
    pub const fn take_leave(&mut self) -> Option<Leave> {
        self.leave.take()
    }

    /// Marks it as settled.
    pub(super) fn close(mut self) {
        self.guard = None;
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let Some(guard) = self.guard.take().and_then(|guard| guard.upgrade()) else {
            return;
        };
        let ending = self.ending.clone();
        let call = ending.call;
        let span = std::mem::replace(&mut self.span, Span::none());
        tracing::warn!(parent: &span, %call, "a call was dropped before its outcome was known");
        let settler = Arc::clone(&guard);
        let settling = async move {
            settler
                .settle_as(&ending, None, Outcome::Unknown, None)
                .await;
        };
        guard.spawn(settling.instrument(span));
    }
}

impl Guard {
    /// Spends a permit at the very write upstream.
    ///
    /// # Errors
    /// When the permit is older than [`PERMIT_LIFE`], what it was given on has ceased since (agent,
    /// session or grant were stopped, scopes or tool changed), or somebody else must run the call. The
    /// call is then settled as never sent.
    pub async fn dispatch(self: &Arc<Self>, permit: Permit) -> Result<Dispatch, Denial> {
        let is_own = permit.terms.leg == Leg::Own;
        let (call, receipt) = self.spend(permit, is_own).await?;
        Ok(Dispatch { call, receipt })
    }

    /// Spends a permit on the one that its enforcement point redeems; from then on the store alone knows
    /// how far its call has come.
    pub(super) async fn hand_over(
        self: &Arc<Self>,
        permit: Permit,
    ) -> Result<(Call, (PermitId, Timestamp)), Denial> {
        let signed = match permit.terms.leg {
            Leg::Signed { permit, until } => Some((permit, until)),
            Leg::Own | Leg::Redeemed { .. } => None,
        };
        let (call, mut receipt) = self.spend(permit, signed.is_some()).await?;
        // Its enforcement point may teach it; the word of the agent does not.
        if let Some(lesson) = receipt.lesson.take() {
            self.lessons.lock().insert(call.id, lesson);
        }
        receipt.close();
        // A permit that is not for others was refused just before.
        let signed = signed.ok_or_else(|| Denial::new(Reason::ModeRefused, OTHER_LEG))?;
        Ok((call, signed))
    }

    async fn spend(
        self: &Arc<Self>,
        permit: Permit,
        is_right: bool,
    ) -> Result<(Call, Receipt), Denial> {
        let Permit {
            call,
            approval,
            lesson,
            recorded,
            terms,
            span,
            ..
        } = permit;
        let since = self.ambient.monotonic();
        let receipt = Receipt {
            ending: Ending {
                call: call.id,
                agent: call.principal.agent.clone(),
                of: recorded.seq(),
                approval,
            },
            lesson,
            since,
            span,
            guard: Some(Arc::downgrade(self)),
            // Before the look for stops: one that comes after the look waits for it.
            leave: Some(self.leaves.take()),
        };
        let ceased = match (is_right, self.keep_time().await) {
            (false, _) => Some(Denial::new(Reason::ModeRefused, OTHER_LEG)),
            (true, Err(fault)) => Some(down(&fault)),
            (true, Ok(())) => self.ceased(&call, &terms).await,
        };
        let refusal = match ceased {
            Some(denial) => Some(denial),
            // Asked last, since the look may have taken its time.
            None if self.ambient.monotonic().saturating_sub(terms.minted) > PERMIT_LIFE => Some(
                Denial::new(Reason::Busy, "the permit was too old at the write"),
            ),
            None => self
                .has_parted()
                .then(|| Denial::new(Reason::Busy, "the clock was moved before the write")),
        };
        match refusal {
            None => Ok((call, receipt)),
            Some(denial) => {
                let id = call.id;
                self.settle(
                    receipt,
                    Outcome::NotSent,
                    Some(denial.cause.sentence.clone()),
                )
                .await;
                Err(denial.of(id))
            }
        }
    }
}

const OTHER_LEG: &str = "the permit is for another to run";
