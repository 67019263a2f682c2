//! Waiting with a held call, collecting it, giving it up.

use std::sync::Arc;
use std::time::Duration;

use super::Guard;
use super::approvals::Ended;
use super::ruling::{Hold, Ruling, Woke};
use super::wakes::Matter;
use crate::engine::facts::Pinned;
use crate::limits::WAIT_LONGEST;
use crate::model::approval::Approval;
use crate::model::id::ApprovalId;
use crate::model::reason::Reason;
use crate::store::StoreError;

impl Guard {
    /// Waits until something the hold waits on changed, or for `longest`, and never past the moment at
    /// which nobody may decide any more.
    pub async fn wait(&self, hold: &Hold, longest: Duration) -> Woke {
        let mut matters: Vec<_> = hold.behind.iter().map(|id| Matter::Approval(*id)).collect();
        matters.push(Matter::Session(hold.call.session));
        // Registered before the first look, so that a change between look and wait is not missed.
        let registration = self.wakes.register(matters);
        let longest = longest.min(WAIT_LONGEST);
        let until = hold
            .pending
            .decide_by
            .since(self.ambient.now())
            .min(longest);
        let late = tokio::time::sleep(until);
        tokio::pin!(late);
        loop {
            // A wake-up only says that something was written, for example the opening of this very hold.
            if self.is_accepted_by_now(hold) || self.has_moved(hold).await {
                return Woke::Changed;
            }
            tokio::select! {
                // In this order, so that chance has no part in what is answered.
                biased;
                () = registration.woken() => {}
                () = &mut late => {
                    return if until < longest { Woke::Changed } else { Woke::TimeUp };
                }
                () = self.stopping.cancelled() => return Woke::Stopping,
            }
        }
    }

    /// Looks again how many approvals there are; where the store does not answer, what was known stays.
    pub async fn look_again(&self, hold: &mut Hold) {
        if let Ok(Some(approval)) = self.store.approval(hold.pending.approval).await {
            hold.pending.progress = approval.progress();
        }
    }

    /// Takes the held call back into the decision.
    pub fn redeem(self: &Arc<Self>, hold: Hold) -> impl Future<Output = Ruling> + Send {
        self.decide(hold.call)
    }

    /// Gives the held call up for good: an approval of its own that is still open ends as cancelled.
    pub async fn withdraw(&self, hold: Hold) {
        if !hold.pending.own {
            return;
        }
        if let Err(fault) = self.cancel(hold.pending.approval).await {
            tracing::error!(%fault, approval = %hold.pending.approval, "could not be withdrawn");
        }
    }

    /// Ends an open approval because its agent withdrew.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn cancel(&self, id: ApprovalId) -> Result<(), StoreError> {
        let due = |approval: &Approval| {
            let is_live = approval.is_live(self.ambient.now());
            is_live.then_some(Ended::Cancelled)
        };
        self.end_approval(id, due, None).await.map(drop)
    }

    /// Whether the hold asks about a definition that has been accepted since.
    fn is_accepted_by_now(&self, hold: &Hold) -> bool {
        let asks = hold
            .pending
            .reasons
            .iter()
            .any(|cause| matches!(cause.reason, Reason::ToolUnaccepted | Reason::ToolChanged));
        asks && self.pinned_now(&hold.call.target) == Pinned::ACCEPTED
    }

    /// Whether something the hold waits on has changed: an approval ended, or session or agent stopped.
    async fn has_moved(&self, hold: &Hold) -> bool {
        let now = self.ambient.now();
        for id in &hold.behind {
            let held = match self.store.approval(*id).await {
                Ok(approval) => approval.is_some_and(|approval| approval.is_open(now)),
                // Redeeming meets the same store and denies.
                Err(_) => false,
            };
            if !held {
                return true;
            }
        }
        self.stopped(hold.call.session, &hold.call.principal.agent)
            .await
            .is_some()
    }
}
