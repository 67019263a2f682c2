//! Joining an outcome to the decision it came from.

use super::approvals::Ended;
use super::permit::Receipt;
use super::{Guard, entries};
use crate::audit::entry::EntryKind;
use crate::model::approval::ApprovalState;
use crate::model::history::Lesson;
use crate::model::id::{ApprovalId, CallId};
use crate::model::outcome::Outcome;
use crate::store::{Change, StoreError};

impl Guard {
    /// Records how a dispatched call ended. `note` is a short word of the edge, never the tool's output.
    pub async fn settle(&self, mut receipt: Receipt, outcome: Outcome, note: Option<String>) {
        let (call, seq, approval) = (receipt.call, receipt.seq, receipt.approval);
        let lesson = receipt.lesson.take().filter(|_| outcome == Outcome::Done);
        receipt.close();
        self.settle_as(call, seq, approval, lesson, outcome, note.as_deref())
            .await;
    }

    /// Writes the outcome and what it teaches. What cannot be written stays in flight, and is closed as `unknown` at the
    /// next start.
    pub(super) async fn settle_as(
        &self,
        call: CallId,
        seq: u64,
        approval: Option<ApprovalId>,
        lesson: Option<Box<Lesson>>,
        outcome: Outcome,
        note: Option<&str>,
    ) {
        for _ in 0..crate::limits::DECIDE_TRIES_COUNT {
            let lesson = lesson.clone();
            match self
                .try_settle(call, seq, approval, lesson, outcome, note)
                .await
            {
                Ok(()) => return,
                // The approval moved meanwhile, for example because a second use of its grant ended.
                Err(StoreError::Moved) => {}
                Err(fault) => {
                    tracing::error!(%call, %fault, outcome = outcome.name(), "an outcome could not be recorded");
                    return;
                }
            }
        }
        tracing::error!(%call, outcome = outcome.name(), "an outcome could not be joined to its approval");
    }

    async fn try_settle(
        &self,
        call: CallId,
        seq: u64,
        approval: Option<ApprovalId>,
        lesson: Option<Box<Lesson>>,
        outcome: Outcome,
        note: Option<&str>,
    ) -> Result<(), StoreError> {
        let body = entries::outcome(call.to_string(), seq, outcome, note);
        let mut changes = vec![Change::End(call, outcome)];
        if let Some(lesson) = lesson {
            changes.push(Change::Learn(lesson, self.ambient.now()));
        }
        if outcome == Outcome::NotSent {
            changes.push(Change::Release(call));
        }
        if let Some(id) = approval
            && let Some(approval) = self.store.approval(id).await?
            && let ApprovalState::Executing { call: user, by } = &approval.state
            && *user == call
        {
            let state = ApprovalState::Ended {
                outcome,
                call,
                by: by.clone(),
            };
            changes.push(Change::SetApproval {
                id,
                version: approval.version,
                state,
            });
        }
        self.write(EntryKind::Outcome, body, changes, self.reads)
            .await
    }

    /// Closes what an earlier run of the guard left in flight: its outcome was never learned.
    pub(super) async fn close_left_over(&self) -> Result<(), StoreError> {
        for left in self.store.in_flight().await? {
            self.settle_as(
                left.call,
                0,
                left.approval,
                None,
                Outcome::Unknown,
                Some("the guard stopped"),
            )
            .await;
        }
        Ok(())
    }

    /// Writes down what has expired. Expiry itself is computed when read; this only tidies.
    pub(super) async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.ambient.now();
        for approval in self.unended().await? {
            let ended = match (&approval.state, approval.state_at(now)) {
                (ApprovalState::Held, ApprovalState::Expired) => Ended::Expired,
                (ApprovalState::Approved { .. }, ApprovalState::Unredeemed) => Ended::Unredeemed,
                _ => continue,
            };
            match self.end_approval(&approval, ended, None).await {
                Ok(()) | Err(StoreError::Moved) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
}
