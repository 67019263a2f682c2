//! What an upstream asks the agent's side: screened on the way there, a call on the way back.
//!
//! A question reaches the agent only if the scope names its method. The answer is an argument like any
//! other, so it is decided and recorded before the upstream gets it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::dialect::method;
use super::elicitation;
use super::jsonrpc::{Id, METHOD_NOT_FOUND, Request, Response, RpcError};
use super::relation::{Question, Relation};
use super::render;
use super::stance::{self, Course, Stance};
use super::voice;
use crate::guard::{Hold, Ruling, Woke};
use crate::model::arguments::Arguments;
use crate::model::call::{Call, Mode};
use crate::model::id::CallId;
use crate::model::outcome::Outcome;
use crate::model::reason::Reason;
use crate::model::target::TargetKind;

/// The question as the agent gets it; nothing where the guard answered it itself.
pub(super) async fn screen(relation: &Arc<Relation>, mut request: Request) -> Option<Request> {
    if request.method == method::ROOTS_LIST
        && let Some(roots) = roots(relation)
    {
        respond(relation, request.id, Ok(json!({"roots": roots}))).await;
        return None;
    }
    let refusal = match stance::of(relation.era, Course::UpstreamRequest, &request.method) {
        Stance::Answered => {
            respond(relation, request.id, Ok(json!({}))).await;
            return None;
        }
        Stance::Declared => fault(relation, &request.method, &mut request.params).err(),
        _ => Some(format!("{} is not passed to agents", request.method)),
    };
    let question = Question {
        id: request.id.clone(),
        method: request.method.clone(),
    };
    let kept = match refusal {
        None if !relation.hears().await => Err("what it asks could not be noted".to_owned()),
        None => relation
            .keep(question)
            .ok_or_else(|| "too many questions are open".to_owned()),
        Some(refusal) => Err(refusal),
    };
    match kept {
        Ok(id) => Some(Request { id, ..request }),
        Err(refusal) => {
            relation
                .refuse(Reason::MethodRefused, refusal.clone())
                .await;
            let error = RpcError::new(METHOD_NOT_FOUND, refusal);
            respond(relation, request.id, Err(error)).await;
            None
        }
    }
}

/// The roots that the manifest lists; nothing where it lists none, and the agent's word counts if it may.
fn roots(relation: &Relation) -> Option<Vec<Value>> {
    let scopes = relation.edge.guard.scopes();
    let scope = scopes.scope(&relation.principal.agent)?;
    let roots = scope.roots.iter().map(|uri| json!({"uri": uri}));
    (!scope.roots.is_empty()).then(|| roots.collect())
}

/// Tells the upstream that its question reached nobody.
pub(super) async fn unheard(relation: &Relation, id: &Id) {
    if let Some(question) = relation.answered(id) {
        let error = RpcError::new(METHOD_NOT_FOUND, "nobody is there to answer");
        respond(relation, question.id, Err(error)).await;
    }
}

/// Screens the questions of an `input_required` result: nothing, or why the agent must not be asked.
pub(super) fn screen_all(
    relation: &Relation,
    questions: &mut Map<String, Value>,
) -> Result<(), String> {
    for question in questions.values_mut() {
        let method = question
            .get("method")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let method = method.ok_or_else(|| "a question without a method".to_owned())?;
        if stance::of(relation.era, Course::UpstreamRequest, &method) != Stance::Declared {
            return Err(format!("{method} is not passed to agents"));
        }
        let mut none = Map::new();
        let params = match question.get_mut("params") {
            Some(Value::Object(params)) => params,
            _ => &mut none,
        };
        fault(relation, &method, params)?;
    }
    Ok(())
}

/// Takes the agent's answer to a question: decided, recorded, then handed to the upstream.
pub(super) async fn answer(relation: &Arc<Relation>, response: Response) {
    let Some(question) = response.id.as_ref().and_then(|id| relation.answered(id)) else {
        tracing::debug!(server = %relation.server, "an answer to no question was dropped");
        return;
    };
    let result = match response.result {
        Ok(Value::Object(result)) => result,
        Ok(_) => {
            let error = render::bad_params("the answer must be an object");
            return respond(relation, question.id, Err(error)).await;
        }
        Err(error) => return respond(relation, question.id, Err(error)).await,
    };
    let guard = &relation.edge.guard;
    let session = match guard.session(&relation.principal, None).await {
        Ok(session) => session,
        Err(denial) => return refuse(relation, question, denial.reason()).await,
    };
    let call = Call {
        id: CallId::random(guard.ambient()),
        principal: relation.principal.clone(),
        session,
        mode: Mode::Proxy,
        method: Arc::from(question.method.as_str()),
        target: relation.target(TargetKind::Method, &question.method),
        arguments: Arguments::from_map(result),
        extras: Map::new(),
        claims: Map::new(),
        idempotency_key: None,
        attached: None,
    };
    let ruling = guard.decide(call).await;
    match ruling {
        // The connection that brought the answer need not wait for a person.
        Ruling::Pause(hold) => {
            let relation = Arc::clone(relation);
            guard.spawn(async move {
                let ruling = wait(&relation, hold).await;
                deliver(&relation, question, ruling).await;
            });
        }
        ruled => deliver(relation, question, ruled).await,
    }
}

/// Waits for a person as long as this agent's client would be kept waiting: the upstream waits on a clock
/// of its own, which nobody here knows.
async fn wait(relation: &Relation, mut hold: Hold) -> Ruling {
    let guard = &relation.edge.guard;
    let longest = guard.client(&relation.principal.agent).hold;
    let end = guard.ambient().monotonic().saturating_add(longest);
    loop {
        let left = end.saturating_sub(guard.ambient().monotonic());
        let woke = match left.is_zero() {
            true => Woke::TimeUp,
            false => guard.wait(&hold, left).await,
        };
        match woke {
            Woke::TimeUp | Woke::Stopping => return Ruling::Pause(hold),
            Woke::Changed => match guard.redeem(hold).await {
                Ruling::Pause(still) => hold = still,
                ruled => return ruled,
            },
        }
    }
}

/// Hands a permitted answer to the upstream; tells it of any other that it was refused.
async fn deliver(relation: &Arc<Relation>, question: Question, ruling: Ruling) {
    let guard = &relation.edge.guard;
    match ruling {
        Ruling::Permit(permit) => match guard.dispatch(permit).await {
            Ok(dispatch) => {
                let (call, mut receipt) = dispatch.into_parts();
                let answer = Ok(call.arguments.value().clone());
                let sent = relation
                    .link
                    .respond_with(question.id, answer, receipt.take_leave())
                    .await;
                let (outcome, note) = match sent {
                    Ok(()) => (Outcome::Done, None),
                    Err(fault) => (fault.outcome(), Some(fault.to_string())),
                };
                guard.settle(receipt, outcome, note).await;
            }
            Err(denial) => refuse(relation, question, denial.reason()).await,
        },
        Ruling::Challenge(_) => refuse(relation, question, Reason::StepUpNeeded).await,
        Ruling::Pause(hold) => {
            guard.withdraw(hold).await;
            refuse(relation, question, Reason::NeedsApproval).await;
        }
        Ruling::Deny(denial) => refuse(relation, question, denial.reason()).await,
    }
}

async fn refuse(relation: &Relation, question: Question, reason: Reason) {
    let error = render::refused(reason, reason.row().sentence);
    respond(relation, question.id, Err(error)).await;
}

async fn respond(relation: &Relation, id: Id, result: render::Answer) {
    if let Err(fault) = relation.link.respond(id, result).await {
        tracing::debug!(server = %relation.server, %fault, "an upstream did not take an answer");
    }
}

/// Why the agent must not be asked this, if it must not; what passes says who asks.
fn fault(relation: &Relation, method: &str, params: &mut Map<String, Value>) -> Result<(), String> {
    if !relation.declares(method) {
        return Err(format!("the scope does not pass {method}"));
    }
    strip(params);
    if method != method::ELICITATION {
        return Ok(());
    }
    elicitation::screen(relation, params)
}

fn strip(params: &mut Map<String, Value>) {
    if let Some(Value::Object(meta)) = params.get_mut("_meta") {
        meta.retain(|key, _| !voice::is_reserved(key));
    }
}
