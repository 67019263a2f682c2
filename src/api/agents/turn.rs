//! One request's turn at a call: judge, wait, judge again, run.
//!
//! Nothing resumes here. A wait that ends enters the guard's one door again with the call it holds. A
//! turn runs in a task of its own that the guard waits for, so that an agent that hangs up can leave
//! no permit unsettled and no hold in nobody's hands.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::super::problem::Problem;
use super::Desk;
use super::answer::Answer;
use super::held;
use super::slot::Slot;
use crate::guard::{Hold, Permit, Ruling, Woke};
use crate::limits::{ANSWER_KEPT_BYTES, CALL_KEPT, HOLD_POLL_INTERVAL};
use crate::model::approval::ApprovalState;
use crate::model::call::{Call, Mode};
use crate::model::outcome::Outcome;
use crate::model::reason::Reason;

/// A call in the hands of one request. Dropped on the way, it puts the hold down for the next one.
pub(super) struct Turn {
    desk: Desk,
    slot: Arc<Slot>,
    hold: Option<Hold>,
    over: bool,
    /// Cancelled when nobody waits for the answer any more.
    gone: CancellationToken,
}

impl Turn {
    /// The turn of the request that opened the call.
    pub(super) fn first(desk: Desk, slot: Arc<Slot>) -> Self {
        Self::with(desk, slot, None)
    }

    /// A turn at a hold that no request waits on.
    pub(super) fn at(desk: Desk, slot: Arc<Slot>) -> Option<Self> {
        let hold = slot.take_hold()?;
        Some(Self::with(desk, slot, Some(hold)))
    }

    fn with(desk: Desk, slot: Arc<Slot>, hold: Option<Hold>) -> Self {
        Self {
            desk,
            slot,
            hold,
            over: false,
            gone: CancellationToken::new(),
        }
    }

    /// Judges the call, and waits for a person as long as the request is willing to.
    pub(super) async fn judge(self, call: Call, wait: Duration) -> Response {
        let guard = Arc::clone(&self.desk.guard);
        let ends = guard.ambient().monotonic() + wait;
        self.drive(async move |turn: Self| {
            let ruling = guard.decide(call).await;
            turn.pursue(ruling, ends).await
        })
        .await
    }

    /// The turn of a request that repeats a call under its key.
    pub(super) async fn join(desk: Desk, slot: Arc<Slot>, wait: Duration) -> Response {
        let ends = desk.guard.ambient().monotonic() + wait;
        loop {
            let mut changes = slot.changes();
            if let Some(answer) = slot.replay() {
                return answer.into_response();
            }
            if let Some(turn) = Self::at(desk.clone(), Arc::clone(&slot)) {
                return turn
                    .drive(async move |turn: Self| turn.resume(ends).await)
                    .await;
            }
            if !slot.is_busy() {
                return Problem::new(Reason::Superseded)
                    .call(slot.id)
                    .into_response();
            }
            let left = ends.saturating_sub(desk.guard.ambient().monotonic());
            if tokio::time::timeout(left, changes.changed()).await.is_err() {
                return held::underway(&slot);
            }
        }
    }

    async fn resume(mut self, ends: Duration) -> Response {
        let Some(hold) = self.hold.take() else {
            return Problem::new(Reason::Busy).into_response();
        };
        let guard = Arc::clone(&self.desk.guard);
        let open = match guard.approval(hold.pending().approval).await {
            Ok(Some(approval)) => approval.state_at(guard.ambient().now()) == ApprovalState::Held,
            Ok(None) | Err(_) => false,
        };
        // While a person has not decided, judging again could only say so again.
        let ruling = match open {
            true => Ruling::Pause(hold),
            false => guard.redeem(hold).await,
        };
        self.pursue(ruling, ends).await
    }

    async fn pursue(mut self, mut ruling: Ruling, ends: Duration) -> Response {
        let guard = Arc::clone(&self.desk.guard);
        loop {
            let hold = match ruling {
                Ruling::Permit(permit) => return self.run(permit).await,
                Ruling::Challenge(challenge) => return self.refuse(challenge.into()),
                Ruling::Deny(denial) => return self.refuse(denial.into()),
                Ruling::Pause(hold) => hold,
            };
            let pending = hold.pending();
            self.slot.note(pending, pending.decide_by.after(CALL_KEPT));
            let own = pending.own;
            let left = ends.saturating_sub(guard.ambient().monotonic());
            let hold = self.hold.insert(hold);
            let woke = tokio::select! {
                woke = guard.wait(hold, left) => Some(woke),
                () = self.slot.withdrawn.cancelled() => None,
                () = self.gone.cancelled() => Some(Woke::TimeUp),
            };
            match woke {
                Some(Woke::Changed) => match self.hold.take() {
                    Some(hold) => ruling = guard.redeem(hold).await,
                    None => return self.refuse(Problem::new(Reason::Busy)),
                },
                Some(Woke::TimeUp | Woke::Stopping) => {
                    if let Some(hold) = &mut self.hold {
                        guard.look_again(hold).await;
                        let pending = hold.pending();
                        self.slot.note(pending, pending.decide_by.after(CALL_KEPT));
                    }
                    return match own {
                        true => held::render(&self.slot),
                        // Its session waits for another call's approval: nobody was asked for this one.
                        false => self.refuse(
                            Problem::new(Reason::SessionPaused).retry_after(HOLD_POLL_INTERVAL),
                        ),
                    };
                }
                None => return self.withdraw().await,
            }
        }
    }

    /// Gives the call up, on its agent's word.
    pub(super) async fn withdraw(mut self) -> Response {
        if let Some(hold) = self.hold.take()
            && hold.pending().own
        {
            self.desk.guard.withdraw(hold).await;
        }
        self.over = true;
        self.desk.ledger.release_key(&self.slot);
        self.slot.spend("cancelled");
        let problem = Problem::new(Reason::ApprovalCancelled).call(self.slot.id);
        problem.into_response()
    }

    /// A refusal is not kept: the same key may ask again and is judged anew.
    pub(super) fn refuse(mut self, problem: Problem) -> Response {
        self.hold = None;
        self.over = true;
        self.desk.ledger.release_key(&self.slot);
        self.slot.spend(problem.reason().code());
        problem.call(self.slot.id).into_response()
    }

    async fn run(mut self, permit: Permit) -> Response {
        self.over = true;
        match (self.slot.mode, self.gone.is_cancelled()) {
            (Mode::Authorize, _) => self.sign(permit).await,
            (Mode::Proxy, false) => self.send(permit).await,
            // A call whose agent hung up before it could run does not run.
            (Mode::Proxy, true) => self.give_back(permit).await,
        }
    }

    async fn give_back(self, permit: Permit) -> Response {
        let guard = Arc::clone(&self.desk.guard);
        let note = "the agent hung up before the call was sent".to_owned();
        // A permit that is refused at the write is settled as not sent already.
        if let Ok(dispatch) = guard.dispatch(permit).await {
            let (_, receipt) = dispatch.into_parts();
            guard.settle(receipt, Outcome::NotSent, Some(note)).await;
        }
        self.refuse(Problem::new(Reason::ApprovalCancelled))
    }

    async fn sign(self, permit: Permit) -> Response {
        let guard = Arc::clone(&self.desk.guard);
        let signed = match guard.sign(permit).await {
            Ok(signed) => signed,
            Err(denial) => return self.refuse(denial.into()),
        };
        let answer = Answer::permitted(&signed);
        let until = guard.ambient().now().after(CALL_KEPT);
        self.slot.sign(answer.clone(), signed.expires, until);
        answer.into_response()
    }

    async fn send(self, permit: Permit) -> Response {
        self.slot.run();
        let delivery = self.desk.upstreams.run(&self.desk.guard, permit).await;
        let came = Answer::delivered(self.slot.id, delivery);
        keep(&self.desk, &self.slot, &came);
        came.into_response()
    }

    /// Runs the rest of the turn in its own task, and tells it when the request that waits is dropped.
    async fn drive<F>(self, rest: impl FnOnce(Self) -> F) -> Response
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let _request = self.gone.clone().drop_guard();
        let guard = Arc::clone(&self.desk.guard);
        let id = self.slot.id;
        let span = tracing::info_span!("call", %id);
        let (tell, told) = oneshot::channel();
        let rest = rest(self).instrument(span);
        guard.spawn(async move {
            // Where nobody listens any more, what can be kept is in the slot.
            let _ = tell.send(rest.await);
        });
        match told.await {
            Ok(response) => response,
            Err(_) => Problem::new(Reason::OutcomeUnknown)
                .call(id)
                .into_response(),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        match self.hold.take() {
            Some(hold) => self.slot.park(hold),
            None if !self.over => {
                self.slot.spend("dropped");
                self.desk.ledger.forget(&self.slot);
            }
            None => {}
        }
    }
}

/// Keeps what a call came to for one repeat under its key, where there is room.
fn keep(desk: &Desk, slot: &Slot, came: &Result<Answer, Problem>) {
    let answer = match came {
        Ok(answer) => answer,
        Err(problem) => return slot.spend(problem.reason().code()),
    };
    let room = match slot.key.is_some() && answer.body.len() <= ANSWER_KEPT_BYTES {
        true => desk.ledger.room(answer.body.len()),
        false => None,
    };
    match room {
        Some(room) => {
            let until = desk.guard.ambient().now().after(CALL_KEPT);
            slot.end(answer.clone(), room, until);
        }
        None => slot.spend(answer.word),
    }
}
