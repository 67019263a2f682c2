//! One request's turn at a call: judge, wait, judge again, run.
//!
//! Nothing resumes here. A wait that ends enters the guard's one door again with the call it holds.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::super::problem::{Problem, seconds};
use super::super::reply;
use super::Desk;
use super::answer::Answer;
use super::slot::{Slot, Waits};
use crate::guard::{Hold, Permit, Ruling, Woke};
use crate::limits::{ANSWER_KEPT_BYTES, CALL_KEPT, HOLD_POLL_INTERVAL, OUTCOME_REPORT_LONGEST};
use crate::model::approval::ApprovalState;
use crate::model::call::{Call, Mode};
use crate::model::reason::Reason;

/// A call in the hands of one request. Dropped on the way, it puts the hold down for the next one.
pub(super) struct Turn {
    desk: Desk,
    slot: Arc<Slot>,
    hold: Option<Hold>,
    over: bool,
}

impl Turn {
    /// The turn of the request that opened the call.
    pub(super) const fn first(desk: Desk, slot: Arc<Slot>) -> Self {
        Self {
            desk,
            slot,
            hold: None,
            over: false,
        }
    }

    /// Judges the call, and waits for a person as long as the request is willing to.
    pub(super) async fn judge(self, call: Call, wait: Duration) -> Response {
        let ends = self.desk.guard.ambient().monotonic() + wait;
        let ruling = self.desk.guard.decide(call).await;
        self.pursue(ruling, ends).await
    }

    /// The turn of a request that repeats a call under its key.
    pub(super) async fn join(desk: Desk, slot: Arc<Slot>, wait: Duration) -> Response {
        let ends = desk.guard.ambient().monotonic() + wait;
        loop {
            let mut changes = slot.changes();
            if let Some(answer) = slot.replay() {
                return answer.into_response();
            }
            if let Some(hold) = slot.take_hold() {
                let turn = Self {
                    desk,
                    slot,
                    hold: Some(hold),
                    over: false,
                };
                return turn.resume(ends).await;
            }
            if !slot.is_busy() {
                return Problem::new(Reason::Superseded)
                    .call(slot.id)
                    .into_response();
            }
            let left = ends.saturating_sub(desk.guard.ambient().monotonic());
            if tokio::time::timeout(left, changes.changed()).await.is_err() {
                return underway(&slot);
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
            };
            match woke {
                Some(Woke::Changed) => match self.hold.take() {
                    Some(hold) => ruling = guard.redeem(hold).await,
                    None => return self.refuse(Problem::new(Reason::Busy)),
                },
                Some(Woke::TimeUp | Woke::Stopping) => {
                    return match own {
                        true => held(&self.slot),
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

    /// A turn at a hold that no request waits on.
    pub(super) fn at(desk: Desk, slot: Arc<Slot>) -> Option<Self> {
        let hold = slot.take_hold()?;
        Some(Self {
            desk,
            slot,
            hold: Some(hold),
            over: false,
        })
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
        match self.slot.mode {
            Mode::Authorize => self.sign(permit).await,
            Mode::Proxy => self.send(permit).await,
        }
    }

    async fn sign(self, permit: Permit) -> Response {
        let guard = Arc::clone(&self.desk.guard);
        let signed = match guard.sign(permit).await {
            Ok(signed) => signed,
            Err(denial) => return self.refuse(denial.into()),
        };
        let answer = Answer::permitted(&signed);
        let until = guard.ambient().now().after(OUTCOME_REPORT_LONGEST);
        self.slot.sign(answer.clone(), signed.receipt, until);
        answer.into_response()
    }

    /// The half that sends and settles runs in its own task, so that an agent that hangs up cannot
    /// leave a call unrecorded.
    async fn send(self, permit: Permit) -> Response {
        self.slot.run();
        let (tell, told) = oneshot::channel();
        let (desk, slot) = (self.desk.clone(), Arc::clone(&self.slot));
        self.desk.guard.spawn(async move {
            let delivery = desk.upstreams.run(&desk.guard, permit).await;
            let answer = Answer::delivered(slot.id, delivery);
            keep(&desk, &slot, &answer);
            // Nobody listens any more when the agent has hung up; the answer is kept as it may be.
            let _ = tell.send(answer);
        });
        match told.await {
            Ok(Ok(answer)) => answer.into_response(),
            Ok(Err(problem)) => problem.into_response(),
            Err(_) => Problem::new(Reason::OutcomeUnknown)
                .call(self.slot.id)
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

/// 202: a person must decide.
fn held(slot: &Slot) -> Response {
    match slot.waits() {
        Some(waits) => accepted(slot, waiting(slot, &waits)),
        None => underway(slot),
    }
}

/// 202: another request has the call in its hands.
fn underway(slot: &Slot) -> Response {
    match slot.waits() {
        Some(waits) if slot.word().is_none() => accepted(slot, waiting(slot, &waits)),
        _ => accepted(
            slot,
            json!({
                "call_id": slot.id.to_string(),
                "state": slot.word().unwrap_or("judging"),
            }),
        ),
    }
}

fn waiting(slot: &Slot, waits: &Waits) -> Value {
    let reasons: Vec<Value> = waits
        .reasons
        .iter()
        .map(|reason| json!({"code": reason.code(), "sentence": reason.row().sentence}))
        .collect();
    json!({
        "call_id": slot.id.to_string(),
        "approval_id": waits.approval.to_string(),
        "state": "held",
        "reasons": reasons,
        "decide_by": waits.decide_by.to_string(),
        "code": waits.code,
        "agent_hint": AGENT_HINT,
    })
}

fn accepted(slot: &Slot, body: Value) -> Response {
    let mut response = reply::with(StatusCode::ACCEPTED, body);
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/calls/{}", slot.id)) {
        headers.insert(LOCATION, location);
    }
    headers.insert(RETRY_AFTER, seconds(HOLD_POLL_INTERVAL));
    response
}

const AGENT_HINT: &str = "APPROVAL PENDING: held for a person's approval and not executed. Do not \
     rephrase it and do not use another tool to the same effect. Wait, then repeat exactly the same \
     request; it joins this one and runs once it is approved.";
