//! Leave to run one call once.
//!
//! **A permit is minted from a [`Recorded`] and nothing else, and is consumed by its dispatch.** The
//! call it holds is the call that was judged; there is no way to put another into it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Guard;
use super::ruling::Denial;
use crate::limits::PERMIT_LIFE;
use crate::model::action::Binding;
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
    /// Boxed, because a permit travels by value through every ruling.
    binding: Box<Binding>,
    minted: Moment,
}

/// When a permit was minted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) monotonic: Duration,
    /// The count of stops by then.
    pub(super) epoch: u64,
}

impl Permit {
    pub(super) const fn mint(
        recorded: Recorded,
        call: Call,
        digest: Digest,
        approval: Option<ApprovalId>,
        lesson: Option<Box<Lesson>>,
        binding: Box<Binding>,
        minted: Moment,
    ) -> Self {
        Self {
            call,
            digest,
            approval,
            lesson,
            recorded,
            binding,
            minted,
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
    /// When the permit is older than [`PERMIT_LIFE`], agent or session were stopped, or server or tool
    /// changed since it was minted; the call is then settled as never sent.
    pub async fn dispatch(self: &Arc<Self>, permit: Permit) -> Result<Dispatch, Denial> {
        let Permit {
            call,
            approval,
            lesson,
            recorded,
            binding,
            minted,
            ..
        } = permit;
        let receipt = Receipt {
            call: call.id,
            seq: recorded.seq(),
            approval,
            lesson,
            guard: Some(Arc::downgrade(self)),
        };
        let late = self.ambient.monotonic().saturating_sub(minted.monotonic) > PERMIT_LIFE;
        let refusal = match (late, self.epoch() == minted.epoch) {
            (true, _) => Some(Denial::new(
                Reason::Busy,
                "the permit was too old at the write",
            )),
            (false, true) => self.changed(&call, &binding),
            (false, false) => match self.stopped(&call).await {
                None => self.changed(&call, &binding),
                stopped => stopped,
            },
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
