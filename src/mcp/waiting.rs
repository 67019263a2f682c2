//! Held calls as tasks, for clients that know tasks: answered at once, asked after as often as they like.
//!
//! Nothing runs while nobody asks: the first question after the approval redeems it, once. A task lives
//! in this process; after a restart its name is unknown, and the identical call finds its approval again
//! by itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::answers::Answers;
use super::dialect::{Era, meta, method};
use super::jsonrpc::{Id, RpcError};
use super::proxy::Pass;
use super::relation::Relation;
use super::render::{self, Answer};
use super::task::TASK_ID;
use super::turn::{Carried, Finished, Turn};
use crate::ambient::Ambient;
use crate::guard::{Hold, Permit, Ruling, Woke};
use crate::limits::{TASK_ANSWER_WAIT, TASK_LIFE, TASK_POLL_INTERVAL, TASKS_WAITING_COUNT};
use crate::model::call::Principal;
use crate::model::name::ServerName;
use crate::model::outcome::Outcome;
use crate::model::target::Target;
use crate::model::time::Timestamp;

/// Every held call that was answered with a task.
#[derive(Default)]
pub(super) struct Waiting {
    tasks: Mutex<HashMap<String, Arc<Task>>>,
}

/// One held call, as a task.
pub(super) struct Task {
    name: String,
    principal: Principal,
    server: ServerName,
    target: Target,
    opened: Timestamp,
    // Taken while it is asked after, so that it is redeemed once.
    state: tokio::sync::Mutex<State>,
    ended: tokio::sync::Notify,
}

enum State {
    Held(Box<(Hold, Pass)>),
    Running(CancellationToken),
    Ended(Answer),
    Withdrawn,
}

impl Waiting {
    /// Keeps a held call and names it; gives it back where there is no room.
    pub(super) fn keep(
        &self,
        ambient: &Ambient,
        hold: Hold,
        pass: Pass,
    ) -> Result<Arc<Task>, Box<Hold>> {
        let now = ambient.now();
        let mut tasks = self.tasks.lock();
        tasks.retain(|_, task| now < task.opened.after(TASK_LIFE));
        if tasks.len() >= TASKS_WAITING_COUNT {
            return Err(Box::new(hold));
        }
        let name = format!("guard-{}", HEXLOWER.encode(&ambient.random::<16>()));
        let call = hold.call();
        let task = Arc::new(Task {
            name: name.clone(),
            principal: call.principal.clone(),
            server: call.target.server.clone(),
            target: call.target.clone(),
            opened: now,
            state: tokio::sync::Mutex::new(State::Held(Box::new((hold, pass)))),
            ended: tokio::sync::Notify::new(),
        });
        tasks.insert(name, Arc::clone(&task));
        Ok(task)
    }

    /// The task of that name, if it is this principal's on this server.
    pub(super) fn find(&self, relation: &Relation, name: &str) -> Option<Arc<Task>> {
        let task = self.tasks.lock().get(name).cloned()?;
        let is_theirs = task.principal == relation.principal && task.server == relation.server;
        is_theirs.then_some(task)
    }
}

impl Task {
    /// What the call that became this task is answered.
    pub(super) async fn created(&self) -> Value {
        let state = self.state.lock().await;
        let mut result = self.describe(&state);
        result.insert("resultType".to_owned(), json!("task"));
        Value::Object(result)
    }

    /// Answers a question about it.
    pub(super) async fn ask(self: &Arc<Self>, relation: &Arc<Relation>, method: &str) -> Answer {
        match method {
            method::TASKS_GET => Ok(self.get(relation).await),
            method::TASKS_CANCEL => {
                self.cancel(relation).await;
                Ok(json!({"resultType": "complete"}))
            }
            // It asks nothing, so it takes no answers.
            _ => Err(render::bad_params("the task waits for no input")),
        }
    }

    async fn get(self: &Arc<Self>, relation: &Arc<Relation>) -> Value {
        let mut state = self.state.lock().await;
        if let State::Held(_) = &*state {
            let held = std::mem::replace(&mut *state, State::Withdrawn);
            *state = self.redeem(relation, held).await;
        }
        if let State::Running(_) = &*state {
            // Most tools answer in a moment, which spares the client a round.
            drop(state);
            let _ = timeout(TASK_ANSWER_WAIT, self.ended.notified()).await;
            state = self.state.lock().await;
        }
        let mut result = self.describe(&state);
        result.insert("resultType".to_owned(), json!("complete"));
        Value::Object(result)
    }

    /// Looks whether the hold is decided, and runs the call if it is approved.
    async fn redeem(self: &Arc<Self>, relation: &Arc<Relation>, state: State) -> State {
        let State::Held(held) = state else {
            return state;
        };
        let (hold, pass) = *held;
        let guard = &relation.edge.guard;
        match guard.wait(&hold, Duration::ZERO).await {
            Woke::TimeUp | Woke::Stopping => return State::Held(Box::new((hold, pass))),
            Woke::Changed => {}
        }
        match guard.redeem(hold).await {
            Ruling::Permit(permit) => {
                let cancelled = CancellationToken::new();
                let running = run(
                    Arc::clone(self),
                    Arc::clone(relation),
                    permit,
                    pass,
                    cancelled.clone(),
                );
                guard.spawn(running);
                State::Running(cancelled)
            }
            Ruling::Challenge(challenge) => {
                State::Ended(render::challenge(Era::Modern, &challenge))
            }
            Ruling::Pause(still) => State::Held(Box::new((still, pass))),
            Ruling::Deny(denial) => {
                State::Ended(render::denial(Era::Modern, &self.target, &denial))
            }
        }
    }

    async fn cancel(&self, relation: &Relation) {
        let mut state = self.state.lock().await;
        match std::mem::replace(&mut *state, State::Withdrawn) {
            State::Held(held) => relation.edge.guard.withdraw(held.0).await,
            State::Running(cancelled) => cancelled.cancel(),
            ended @ State::Ended(_) => *state = ended,
            State::Withdrawn => {}
        }
    }

    fn describe(&self, state: &State) -> Map<String, Value> {
        let (status, message) = match state {
            State::Held(held) => ("working", Some(render::waiting(held.0.pending()))),
            State::Running(_) => ("working", None),
            State::Ended(Ok(_)) => ("completed", None),
            State::Ended(Err(_)) => ("failed", None),
            State::Withdrawn => ("cancelled", None),
        };
        let mut result = Map::new();
        result.insert(TASK_ID.to_owned(), json!(self.name));
        result.insert("status".to_owned(), json!(status));
        if let Some(message) = message {
            result.insert("statusMessage".to_owned(), json!(message));
        }
        result.insert("createdAt".to_owned(), json!(self.opened.to_string()));
        result.insert("lastUpdatedAt".to_owned(), json!(self.opened.to_string()));
        result.insert("ttlMs".to_owned(), json!(TASK_LIFE.as_secs() * 1_000));
        let poll = TASK_POLL_INTERVAL.as_secs() * 1_000;
        result.insert("pollIntervalMs".to_owned(), json!(poll));
        match state {
            State::Ended(Ok(answer)) => result.insert("result".to_owned(), answer.clone()),
            State::Ended(Err(error)) => result.insert("error".to_owned(), error.to_value()),
            State::Held(_) | State::Running(_) | State::Withdrawn => None,
        };
        result
    }
}

/// Runs the permitted call to its end, whoever asks meanwhile.
async fn run(
    task: Arc<Task>,
    relation: Arc<Relation>,
    permit: Permit,
    mut pass: Pass,
    cancelled: CancellationToken,
) {
    // The task is the guard's, so the tool's server can neither make another of it nor ask through it.
    if let Some(Value::Object(capabilities)) = pass.envelope.meta.get_mut(meta::CLIENT_CAPABILITIES)
    {
        capabilities.clear();
    }
    pass.envelope.meta.shift_remove(meta::PROGRESS_TOKEN);
    let id = Id::Text(task.name.clone());
    let (answers, mut replies) = Answers::channel(id.clone());
    let finished = match relation.take_off(&id, true) {
        Some(flight) => {
            let withdraw = flight.cancelled.clone();
            let turn = Turn {
                relation: &relation,
                method: method::TOOLS_CALL.to_owned(),
                carried: Carried::default(),
                answers: &answers,
                flight,
            };
            let ran = turn.run(permit, pass, 0);
            tokio::pin!(ran);
            loop {
                tokio::select! {
                    finished = &mut ran => break finished,
                    // What the upstream tells meanwhile has nobody to hear it.
                    _ = replies.queue.recv() => {}
                    () = cancelled.cancelled(), if !withdraw.is_cancelled() => withdraw.cancel(),
                }
            }
        }
        None => {
            let guard = &relation.edge.guard;
            if let Ok(dispatch) = guard.dispatch(permit).await {
                let note = Some("too many requests are in flight".to_owned());
                guard
                    .settle(dispatch.into_parts().1, Outcome::NotSent, note)
                    .await;
            }
            Finished::of(Err(render::upstream("too many requests are in flight")))
        }
    };
    let end = match finished {
        Some(Finished { result, .. }) => State::Ended(result.and_then(whole)),
        None => State::Withdrawn,
    };
    *task.state.lock().await = end;
    task.ended.notify_waiters();
}

/// Only a whole result can be a task's.
fn whole(result: Value) -> Answer {
    match result.get("resultType").and_then(Value::as_str) {
        None | Some("complete") => Ok(result),
        Some(other) => Err(RpcError::new(
            super::jsonrpc::INTERNAL_ERROR,
            format!("the tool's server answered {other:?}, which a task that waited cannot carry"),
        )),
    }
}
