//! Joining an outcome to the decision it came from.

use serde_json::{Map, Value};
use tracing::Instrument;

use super::approvals::Ended;
use super::decide::DECISIONS;
use super::permit::Receipt;
use super::{Guard, entries};
use crate::audit::entry::EntryKind;
use crate::model::approval::{Approval, ApprovalState};
use crate::model::history::Lesson;
use crate::model::id::{ApprovalId, CallId};
use crate::model::name::AgentName;
use crate::model::outcome::Outcome;
use crate::model::time::Timestamp;
use crate::store::{Change, InFlight, Leg, StoreError};

/// Whose outcome is joined to what.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    /// The call.
    pub(super) call: CallId,
    /// Whose it is, and in whose share of the record its outcome stands.
    pub(super) agent: AgentName,
    /// The place of its decision in the record; 0 where that is not known.
    pub(super) of: u64,
    /// The approval it used, if any.
    pub(super) approval: Option<ApprovalId>,
}

impl Ending {
    /// Of a call that an earlier run, or somebody else, left without one.
    pub(super) fn left(left: &InFlight, of: u64) -> Self {
        Self {
            call: left.call,
            agent: left.agent.clone(),
            of,
            approval: left.approval,
        }
    }
}

impl Guard {
    /// Records how a dispatched call ended. `note` is a short word of the edge, never the tool's output.
    pub async fn settle(&self, mut receipt: Receipt, outcome: Outcome, note: Option<String>) {
        let ending = receipt.ending.clone();
        let lesson = receipt.lesson.take().filter(|_| outcome == Outcome::Done);
        let span = receipt.span.clone();
        if outcome != Outcome::NotSent {
            let took = self.ambient.monotonic().saturating_sub(receipt.since);
            self.measures.returned(took);
        }
        receipt.close();
        self.settle_as(&ending, lesson, outcome, note.as_deref())
            .instrument(span)
            .await;
    }

    /// Writes the outcome and what it teaches. What cannot be written stays in flight, and is closed as `unknown` at the
    /// next start.
    pub(super) async fn settle_as(
        &self,
        ending: &Ending,
        lesson: Option<Box<Lesson>>,
        outcome: Outcome,
        note: Option<&str>,
    ) {
        let (call, seq) = (ending.call, ending.of);
        for _ in 0..crate::limits::DECIDE_TRIES_COUNT {
            let lesson = lesson.clone();
            match self.try_settle(ending, lesson, outcome, note).await {
                Ok(()) => {
                    tracing::debug!(target: DECISIONS, %call, seq, outcome = outcome.name(), "settled");
                    return;
                }
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

    pub(super) async fn try_settle(
        &self,
        ending: &Ending,
        lesson: Option<Box<Lesson>>,
        outcome: Outcome,
        note: Option<&str>,
    ) -> Result<(), StoreError> {
        let body = entries::outcome(
            ending.call.to_string(),
            ending.of,
            outcome,
            note,
            &self.redactor(ending.call),
        );
        let mut first = Vec::new();
        if let Some(lesson) = lesson {
            first.push(Change::Learn(lesson, self.ambient.now()));
        }
        self.end_call(ending, outcome, body, first).await
    }

    /// Ends a call whose permit ran out unredeemed; one that was redeemed meanwhile goes on.
    pub(super) async fn lapse(&self, left: &InFlight, now: Timestamp) -> Result<(), StoreError> {
        let (call, outcome) = (left.call, Outcome::NotSent);
        self.lessons.lock().remove(&call);
        let note = Some("its permit was not redeemed in time");
        let mut body = entries::outcome(call.to_string(), 0, outcome, note, &self.redactor(call));
        body.shift_remove("of");
        let first = vec![Change::Lapse(call, now)];
        let ending = Ending::left(left, 0);
        match self.end_call(&ending, outcome, body, first).await {
            // The next sweep looks again.
            Ok(()) | Err(StoreError::Moved) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    async fn end_call(
        &self,
        ending: &Ending,
        outcome: Outcome,
        body: Map<String, Value>,
        mut changes: Vec<Change>,
    ) -> Result<(), StoreError> {
        let call = ending.call;
        changes.push(Change::End(call, outcome));
        if outcome == Outcome::NotSent {
            changes.push(Change::Release(call));
        }
        if let Some(id) = ending.approval
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
        let recorded = self
            .record(EntryKind::Outcome, body, changes, self.reads)
            .await?;
        self.redactors.lock().remove(&ending.call);
        // It is written in any case; what it took counts against what the agent begins next.
        self.charge_share(&ending.agent, recorded.bytes());
        Ok(())
    }

    /// Closes what an earlier run of the guard left in flight: its outcome was never learned.
    pub(super) async fn close_left_over(&self) -> Result<(), StoreError> {
        let now = self.ambient.now();
        for left in self.store.in_flight().await? {
            match left.leg {
                Leg::Own => {}
                Leg::Signed { until, .. } => {
                    // The seal's count of stops began anew with this run, so none is redeemed after it.
                    self.lapse(&left, until.max(now)).await?;
                    continue;
                }
                // Its enforcement point may still report.
                Leg::Redeemed { .. } => continue,
            }
            let (ending, note) = (Ending::left(&left, 0), Some("the guard stopped"));
            self.settle_as(&ending, None, Outcome::Unknown, note).await;
        }
        Ok(())
    }

    /// Writes down what has expired. Expiry itself is computed when read; this only tidies.
    pub(super) async fn sweep(&self) -> Result<(), StoreError> {
        self.keep_time().await?;
        let now = self.ambient.now();
        self.fold_refusals(now).await;
        self.close_overdue(now).await?;
        for approval in self.unended().await? {
            if overdue(&approval, now).is_none() {
                continue;
            }
            let ended = self.end_approval(approval.id, |one| overdue(one, now), None);
            match ended.await {
                Ok(_) | Err(StoreError::Moved) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
}

/// How the clock has ended an approval that nobody ended yet.
pub(super) fn overdue(approval: &Approval, now: Timestamp) -> Option<Ended> {
    match (&approval.state, approval.state_at(now)) {
        (ApprovalState::Held, ApprovalState::Expired) => Some(Ended::Expired),
        (ApprovalState::Approved { .. }, ApprovalState::Unredeemed) => Some(Ended::Unredeemed),
        _ => None,
    }
}
