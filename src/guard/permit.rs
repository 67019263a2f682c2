//! Leave to run one call once.
//!
//! **A permit is minted from a [`Recorded`] and nothing else, and is consumed by its dispatch.** The
//! call it holds is the call that was judged; there is no way to put another into it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Guard;
use super::ruling::Denial;
use super::stops::Terms;
use crate::limits::PERMIT_LIFE;
use crate::model::call::Call;
use crate::model::digest::Digest;
use crate::model::history::Lesson;
use crate::model::id::{ApprovalId, CallId};
use crate::model::outcome::Outcome;
use crate::model::reason::Reason;
use crate::store::Recorded;

/// Leave to run the call it holds, once, within [`PERMIT_LIFE`].
#[derive(Debug)]
pub struct Permit {
    call: Call,
    digest: Digest,
    approval: Option<ApprovalId>,
    lesson: Option<Box<Lesson>>,
    recorded: Recorded,
    minted: Duration,
    terms: Terms,
}

impl Permit {
    pub(super) const fn mint(
        recorded: Recorded,
        call: Call,
        digest: Digest,
        approval: Option<ApprovalId>,
        lesson: Option<Box<Lesson>>,
        minted: Duration,
        terms: Terms,
    ) -> Self {
        Self {
            call,
            digest,
            approval,
            lesson,
            recorded,
            minted,
            terms,
        }
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
    pub(super) call: CallId,
    pub(super) seq: u64,
    pub(super) approval: Option<ApprovalId>,
    /// What the call teaches if it is done.
    pub(super) lesson: Option<Box<Lesson>>,
    guard: Option<Weak<Guard>>,
}

impl Receipt {
    /// The call it is for.
    #[must_use]
    pub const fn call(&self) -> CallId {
        self.call
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
        let (call, seq, approval) = (self.call, self.seq, self.approval);
        tracing::warn!(%call, "a call was dropped before its outcome was known");
        let settler = Arc::clone(&guard);
        guard.spawn(async move {
            settler
                .settle_as(call, seq, approval, None, Outcome::Unknown, None)
                .await;
        });
    }
}

impl Guard {
    /// Spends a permit at the very write upstream.
    ///
    /// # Errors
    /// When the permit is older than [`PERMIT_LIFE`], or what it was given on has ceased since: agent,
    /// session or grant were stopped, scopes or tool changed. The call is then settled as never sent.
    pub async fn dispatch(self: &Arc<Self>, permit: Permit) -> Result<Dispatch, Denial> {
        let Permit {
            call,
            approval,
            lesson,
            recorded,
            minted,
            terms,
            ..
        } = permit;
        let receipt = Receipt {
            call: call.id,
            seq: recorded.seq(),
            approval,
            lesson,
            guard: Some(Arc::downgrade(self)),
        };
        let refusal = match self.ceased(&call, &terms).await {
            Some(denial) => Some(denial),
            // Asked last, since the look may have taken its time.
            None => (self.ambient.monotonic().saturating_sub(minted) > PERMIT_LIFE)
                .then(|| Denial::new(Reason::Busy, "the permit was too old at the write")),
        };
        match refusal {
            None => Ok(Dispatch { call, receipt }),
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
