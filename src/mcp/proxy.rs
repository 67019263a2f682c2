//! The spine: what is a call is decided here, and what is permitted goes on from here.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::asked::{Asked, Envelope};
use super::dialect::code::HEADER_MISMATCH;
use super::forward;
use super::hold::{self, Held, Terms};
use super::jsonrpc::RpcError;
use super::relay::{self, End};
use super::render;
use super::round::Leg;
use super::turn::{Finished, Turn};
use crate::guard::{Denial, Hold, Permit, Ruling};
use crate::model::call::{Call, Mode};
use crate::model::digest::Digest;
use crate::model::id::CallId;
use crate::model::outcome::Outcome;
use crate::model::target::TargetKind;

/// What a call takes with it past the decision.
pub(super) struct Pass {
    /// What must stay the same in every round.
    pub(super) action: Digest,
    /// What carried it.
    pub(super) envelope: Envelope,
    /// How many rounds are over.
    pub(super) over: u8,
    /// The state that this round used.
    pub(super) used: Option<Digest>,
    /// What it brings to the upstream, where it goes on with an earlier one.
    pub(super) leg: Option<Leg>,
}

impl Turn<'_> {
    pub(super) async fn call(
        &self,
        kind: TargetKind,
        params: Map<String, Value>,
    ) -> Option<Finished> {
        let server = &self.relation.server;
        let mut asked = match Asked::parse(kind, server, &self.method, params) {
            Ok(asked) => asked,
            Err(error) => return Finished::of(Err(error)),
        };
        let count = match self.take_up(&mut asked) {
            Ok(round) => round,
            Err(error) => return Finished::of(Err(error)),
        };
        let pinned = matches!(kind, TargetKind::Tool | TargetKind::Prompt);
        let pinned = pinned.then_some(&asked.target);
        if let Err(denial) = self
            .relation
            .ensure_listed(pinned, &asked.envelope.meta)
            .await
        {
            return self.deny(&asked.target, &denial);
        }
        if let Err(text) = self.check_mirror(&asked) {
            return Finished::refused(400, RpcError::new(HEADER_MISMATCH, text));
        }
        let guard = &self.edge().guard;
        let session = guard
            .session(&self.relation.principal, self.carried.session)
            .await;
        let session = match session {
            Ok(session) => session,
            Err(denial) => return self.deny(&asked.target, &denial),
        };
        let client = guard.client(&self.relation.principal.agent);
        let terms = Terms::new(
            self.relation.era,
            &client,
            asked.capability("elicitation").is_some(),
            count.over,
            asked.progress_token().cloned(),
        );
        let knows_tasks = kind == TargetKind::Tool && asked.knows_tasks(self.relation.era);
        let pass = Pass {
            action: asked.action(),
            envelope: asked.envelope,
            over: count.over,
            used: count.used,
            leg: count.leg,
        };
        let target = asked.target.clone();
        let call = Call {
            id: CallId::random(guard.ambient()),
            principal: self.relation.principal.clone(),
            session,
            mode: Mode::Proxy,
            method: Arc::from(self.method.as_str()),
            target: asked.target,
            arguments: asked.arguments,
            extras: asked.extras,
            claims: asked.claims,
            idempotency_key: None,
            attached: count.waiting,
        };
        let mut told = 0;
        let mut ruling = guard.decide(call).await;
        loop {
            match ruling {
                // Apart, so that a call that waits for a person holds no room for its way upstream.
                Ruling::Permit(permit) => return Box::pin(self.run(permit, pass, told)).await,
                Ruling::Challenge(challenge) if client.oauth && self.carried.is_http => {
                    return Finished::refused(401, render::step_up(&challenge));
                }
                Ruling::Challenge(challenge) => {
                    return Finished::of(render::challenge(self.relation.era, &challenge));
                }
                Ruling::Pause(hold) if knows_tasks => return self.begin_task(hold, pass).await,
                Ruling::Pause(hold) => {
                    let cancelled = &self.flight.cancelled;
                    let held =
                        hold::wait(guard, hold, &terms, self.answers, cancelled, &mut told).await;
                    match held {
                        Held::Ruled(next) => ruling = *next,
                        Held::Answered(answer) => {
                            self.unuse(pass.used);
                            return Finished::of(answer);
                        }
                        Held::Again(approval) => return self.again(&pass, approval),
                        Held::Abandoned => {
                            self.unuse(pass.used);
                            return None;
                        }
                    }
                }
                Ruling::Deny(denial) => return self.deny(&target, &denial),
            }
        }
    }

    /// Answers a held call with a task; without room for one, as any other held call at its end.
    async fn begin_task(&self, hold: Hold, pass: Pass) -> Option<Finished> {
        let (edge, used) = (self.edge(), pass.used);
        match edge.waiting.keep(edge.guard.ambient(), hold, pass) {
            Ok(task) => Finished::of(Ok(task.created().await)),
            Err(hold) => {
                self.unuse(used);
                let target = &hold.call().target;
                Finished::of(render::pending(self.relation.era, target, hold.pending()))
            }
        }
    }

    /// Sends the permitted call, settles it, and gives its answer.
    pub(super) async fn run(&self, permit: Permit, pass: Pass, told: u64) -> Option<Finished> {
        let guard = &self.edge().guard;
        let target = permit.call().target.clone();
        let dispatch = match guard.dispatch(permit).await {
            Ok(dispatch) => dispatch,
            Err(denial) => return self.deny(&target, &denial),
        };
        let (call, mut receipt) = dispatch.into_parts();
        let mut outgoing = self.rebuild(&call, &pass.envelope);
        outgoing.leave = receipt.take_leave();
        let end = match self.relation.link.send(outgoing).await {
            Ok(exchange) => relay::carry(self, exchange, told).await,
            Err(fault) => End::Failed(fault),
        };
        match end {
            End::Answered { status, result } => {
                let (outcome, note) = forward::judge(&result);
                guard.settle(receipt, outcome, note).await;
                let result = self.finish(&call, pass, result);
                Some(Finished { status, result })
            }
            End::Failed(fault) => {
                guard
                    .settle(receipt, fault.outcome(), Some(forward::describe(&fault)))
                    .await;
                let denial = Denial::new(fault.reason(), fault.to_string()).of(call.id);
                self.deny(&target, &denial)
            }
            End::Withdrawn => {
                let note = "the agent withdrew the call while it ran".to_owned();
                guard.settle(receipt, Outcome::Unknown, Some(note)).await;
                None
            }
        }
    }
}
