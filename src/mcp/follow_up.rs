//! Further rounds of one call: what its client hands back, and what it is given to hand back.

use serde_json::{Map, Value, json};

use super::asked::Asked;
use super::jsonrpc::RpcError;
use super::proxy::Pass;
use super::question;
use super::relation::Relation;
use super::render;
use super::round::{Kind, Leg, Round};
use super::turn::{Finished, Turn};
use crate::model::digest::Digest;
use crate::model::id::ApprovalId;
use crate::model::target::TargetKind;

/// Which round of a call this is, and what it waits on.
#[derive(Default)]
pub(super) struct Count {
    /// How many rounds are over.
    pub(super) over: u8,
    /// The approval it waits on.
    pub(super) waiting: Option<ApprovalId>,
    /// The state that it used, which it could not use again.
    pub(super) used: Option<Digest>,
    /// What it brings to the upstream, where it goes on with an earlier round.
    pub(super) leg: Option<Leg>,
}

impl Turn<'_> {
    /// Takes up the round that the request goes on from. What the upstream did not ask for is no answer.
    pub(super) fn take_up(&self, asked: &mut Asked) -> Result<Count, RpcError> {
        let Some(text) = asked.envelope.state.take() else {
            // Only a method that exists to bring answers needs no state for them.
            if asked.target.kind != TargetKind::Method {
                asked.disown_responses();
            }
            return Ok(Count::default());
        };
        let Relation {
            principal, server, ..
        } = &**self.relation;
        let round = self
            .edge()
            .rounds
            .take_back(principal, server, &self.method, &text);
        let Some(round) = round.filter(|round| round.action == asked.action()) else {
            return Err(render::bad_params(
                "requestState is not valid for this request",
            ));
        };
        match round.kind {
            Kind::Waiting { approval, leg } => {
                asked.disown_responses();
                if let Some(leg) = &leg {
                    asked.envelope.state.clone_from(&leg.state);
                    asked.bring(leg.answers.as_ref());
                }
                Ok(Count {
                    over: round.count,
                    waiting: Some(approval),
                    used: None,
                    leg,
                })
            }
            Kind::Asked { keys, state } => {
                if let Some(responses) = asked.responses() {
                    responses.retain(|key, _| keys.contains(key));
                }
                let answers = asked.responses().cloned();
                asked.envelope.state.clone_from(&state);
                Ok(Count {
                    over: round.count,
                    waiting: None,
                    used: Some(Digest::of(text.as_bytes())),
                    leg: Some(Leg { state, answers }),
                })
            }
        }
    }

    /// Seals what the upstream wants to have handed back with the answers to its questions.
    pub(super) fn ask(&self, pass: Pass, result: &mut Map<String, Value>) -> Result<(), String> {
        let mut keys = Vec::new();
        if let Some(Value::Object(questions)) = result.get_mut("inputRequests") {
            question::screen_all(self.relation, questions)?;
            keys = questions.keys().cloned().collect();
        }
        let state = result
            .get("requestState")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let over = pass.over.saturating_add(1);
        let round = Round {
            action: pass.action,
            count: over,
            kind: Kind::Asked { keys, state },
        };
        let sealed = self
            .hand_out(&round)
            .ok_or("the state could not be sealed")?;
        result.insert("requestState".to_owned(), Value::String(sealed));
        Ok(())
    }

    /// Asks the client to come again with the next round of a call that waits for a person.
    pub(super) fn again(&self, pass: &Pass, approval: ApprovalId) -> Option<Finished> {
        let over = pass.over.saturating_add(1);
        let round = Round {
            action: pass.action,
            count: over,
            kind: Kind::Waiting {
                approval,
                leg: pass.leg.clone(),
            },
        };
        let Some(sealed) = self.hand_out(&round) else {
            return Finished::of(Err(render::upstream("the state could not be sealed")));
        };
        Finished::of(Ok(
            json!({"resultType": "input_required", "requestState": sealed}),
        ))
    }

    /// Lets a round that did not run come again with the same state.
    pub(super) fn unuse(&self, used: Option<Digest>) {
        if let Some(used) = used {
            self.edge().rounds.unspend(used);
        }
    }

    fn hand_out(&self, round: &Round) -> Option<String> {
        let Relation {
            principal, server, ..
        } = &**self.relation;
        self.edge()
            .rounds
            .hand_out(principal, server, &self.method, round)
    }
}
