//! A held call and its client: kept waiting as long as that client can be, in the form it understands.
//!
//! The approval is a row before this begins, so nothing here can lose it. A client that is gone ends
//! the wait and never runs the call; the row stays for the identical call.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::answers::Answers;
use super::dialect::{Era, meta, method};
use super::jsonrpc::Notification;
use super::render::{self, Answer};
use crate::guard::{Denial, Guard, Hold, Ruling, Woke};
use crate::limits::{HOLD_HEARTBEAT, HOLD_ROUND_LONGEST, HOLD_ROUNDS_COUNT};
use crate::model::id::ApprovalId;
use crate::model::reason::Reason;
use crate::scopes::{Client, Mrtr};

/// How a client may be kept waiting.
#[derive(Debug)]
pub(super) struct Terms {
    era: Era,
    budget: Duration,
    rounds: bool,
    progress: Option<Value>,
}

impl Terms {
    /// For a client as the scope describes it, and as its request declares itself. `count` rounds of
    /// this call are over.
    #[must_use]
    pub(super) fn new(
        era: Era,
        client: &Client,
        declares_elicitation: bool,
        count: u8,
        progress: Option<Value>,
    ) -> Self {
        let wanted = match client.mrtr {
            Mrtr::On => true,
            Mrtr::Auto => declares_elicitation,
            Mrtr::Off => false,
        };
        let rounds = era == Era::Modern && wanted && count < HOLD_ROUNDS_COUNT;
        let budget = match rounds {
            true => client.hold.min(HOLD_ROUND_LONGEST),
            false => client.hold,
        };
        Self {
            era,
            budget,
            rounds,
            progress,
        }
    }
}

/// How a wait ended.
#[derive(Debug)]
pub(super) enum Held {
    /// It was decided, or the rules now say something else.
    Ruled(Box<Ruling>),
    /// The client must be answered before anybody decided.
    Answered(Answer),
    /// The client should come again with the next round of the same call.
    Again(ApprovalId),
    /// Nobody waits any more.
    Abandoned,
}

/// Waits for a decision on `hold` as long as its client can wait. `told` counts the signs of progress,
/// so that an upstream's own go on from there.
pub(super) async fn wait(
    guard: &Arc<Guard>,
    mut hold: Hold,
    terms: &Terms,
    answers: &Answers,
    cancelled: &CancellationToken,
    told: &mut u64,
) -> Held {
    let ambient = guard.ambient();
    let end = ambient.monotonic().saturating_add(terms.budget);
    // The first sign goes out at once: some clients give up on a response without headers.
    let mut due = ambient.monotonic();
    loop {
        let now = ambient.monotonic();
        if now >= due {
            guard.look_again(&mut hold).await;
            sign(&hold, terms, answers, told).await;
            due = now.saturating_add(HOLD_HEARTBEAT);
        }
        let left = end.saturating_sub(now);
        if left.is_zero() {
            break;
        }
        let woke = tokio::select! {
            () = answers.gone() => return Held::Abandoned,
            () = cancelled.cancelled() => return Held::Abandoned,
            woke = guard.wait(&hold, left.min(due.saturating_sub(now))) => woke,
        };
        match woke {
            Woke::TimeUp => {}
            Woke::Stopping => {
                let denial = Denial::new(Reason::ShuttingDown, "the guard is stopping");
                return Held::Ruled(Box::new(Ruling::Deny(denial.of(hold.call().id))));
            }
            Woke::Changed => {
                // Nothing runs for an agent that is away: it may never come back.
                if !answers.present().await {
                    return Held::Abandoned;
                }
                match guard.redeem(hold).await {
                    Ruling::Pause(still) => hold = still,
                    ruled @ (Ruling::Permit(_) | Ruling::Challenge(_) | Ruling::Deny(_)) => {
                        return Held::Ruled(Box::new(ruled));
                    }
                }
            }
        }
    }
    guard.look_again(&mut hold).await;
    let pending = hold.pending();
    match terms.rounds {
        true => Held::Again(pending.approval),
        false => Held::Answered(render::pending(terms.era, &hold.call().target, pending)),
    }
}

async fn sign(hold: &Hold, terms: &Terms, answers: &Answers, told: &mut u64) {
    answers.alive().await;
    let Some(token) = &terms.progress else {
        return;
    };
    *told = told.saturating_add(1);
    let mut params = Map::new();
    params.insert(meta::PROGRESS_TOKEN.to_owned(), token.clone());
    params.insert("progress".to_owned(), json!(told));
    params.insert("message".to_owned(), json!(render::waiting(hold.pending())));
    let method = method::PROGRESS.to_owned();
    answers.notification(Notification { method, params }).await;
}
