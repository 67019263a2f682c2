//! The spine: a request of an agent comes in, its answer goes out, and what is a call is decided.

use std::sync::Arc;

use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::answers::Answers;
use super::asked::{self, Asked, Envelope};
use super::dialect::code::HEADER_MISMATCH;
use super::dialect::{Era, method};
use super::hold::{self, Held, Terms};
use super::jsonrpc::{INVALID_REQUEST, Request, RpcError};
use super::relation::{Flight, Relation};
use super::relay::{self, End};
use super::render::{self, Answer};
use super::round::{Kind, Round};
use super::stance::{self, Course, Stance};
use super::task::TASK_ID;
use super::upstream::{LinkError, Outgoing, Params};
use super::{mirror, modern, question, voice};
use crate::guard::{Denial, Permit, Ruling};
use crate::limits::{UPSTREAM_ANSWER_TIMEOUT, UPSTREAM_STREAM_TIMEOUT};
use crate::model::call::{Call, Mode};
use crate::model::id::{ApprovalId, CallId, SessionId};
use crate::model::outcome::Outcome;
use crate::model::reason::Reason;
use crate::model::target::{Target, TargetKind};
use crate::scopes::Extras;

/// What came with a request besides its message.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    /// The session of the guard's own that the agent named.
    pub session: Option<SessionId>,
    /// The headers of a modern request over HTTP, which must repeat its body.
    pub headers: Option<HeaderMap>,
}

/// Answers one request. Runs to its end even if the agent hangs up, so that no outcome is lost.
pub(super) async fn answer(
    relation: &Arc<Relation>,
    request: Request,
    carried: Carried,
    answers: &Answers,
) {
    let Some(flight) = relation.take_off(&request.id, carried.headers.is_some()) else {
        let text = "this id is already in flight, or too many requests are";
        let error = RpcError::new(INVALID_REQUEST, text);
        answers.answer(Some(400), Err(error)).await;
        return;
    };
    let turn = Turn {
        relation,
        method: request.method,
        carried,
        answers,
        flight,
    };
    // Without an answer the agent withdrew the request, and must not be answered.
    if let Some(Finished { status, result }) = turn.take(request.params).await {
        let status = status.or_else(|| {
            result
                .as_ref()
                .err()
                .map(|error| render::status(relation.era, error))
        });
        answers.answer(status, result).await;
    }
}

/// One request on its way.
pub(super) struct Turn<'a> {
    pub(super) relation: &'a Arc<Relation>,
    pub(super) method: String,
    carried: Carried,
    pub(super) answers: &'a Answers,
    pub(super) flight: Flight<'a>,
}

/// The answer, and the HTTP status the upstream gave it, where it gave one.
pub(super) struct Finished {
    pub(super) status: Option<u16>,
    pub(super) result: Answer,
}

impl Finished {
    fn of(result: Answer) -> Option<Self> {
        Some(Self {
            status: None,
            result,
        })
    }

    fn refused(status: u16, error: RpcError) -> Option<Self> {
        Some(Self {
            status: Some(status),
            result: Err(error),
        })
    }
}

impl Turn<'_> {
    async fn take(&self, params: Map<String, Value>) -> Option<Finished> {
        if let Err((status, error)) = self.check(&params) {
            return Finished::refused(status, error);
        }
        let era = self.relation.era;
        match stance::of(era, Course::AgentRequest, &self.method) {
            Stance::Open => self.open(params).await,
            Stance::Pass => self.pass(params, |_| {}).await,
            Stance::Filtered(kind) => self.pass(params, |result| self.filter(kind, result)).await,
            Stance::Listed => self.list(&params).await,
            Stance::Call(kind) => self.call(kind, params).await,
            Stance::Method => self.call(TargetKind::Method, params).await,
            Stance::Task => self.task(params).await,
            Stance::Cancel | Stance::Answered | Stance::Declared | Stance::Refused => {
                if self.relation.declares(&self.method) {
                    return self.call(TargetKind::Method, params).await;
                }
                let sentence = format!("the scope does not pass the method {:?}", self.method);
                self.relation.refuse(Reason::MethodRefused, sentence).await;
                Finished::of(Err(render::no_method(&self.method)))
            }
        }
    }

    /// What a modern request must say of itself.
    fn check(&self, params: &Map<String, Value>) -> Result<(), (u16, RpcError)> {
        if self.relation.era == Era::Legacy {
            return Ok(());
        }
        let version = modern::version(params).map_err(|error| (400, error))?;
        modern::speak(version).map_err(|error| (400, error))?;
        let is_task = self.method == method::TASKS_UPDATE
            || stance::of(Era::Modern, Course::AgentRequest, &self.method) == Stance::Task;
        match is_task {
            true => modern::knows_tasks(params).map_err(|error| (400, error)),
            false => Ok(()),
        }
    }

    /// Begins the relation: the upstream answers, and the guard adds that the list of tools may change.
    async fn open(&self, params: Map<String, Value>) -> Option<Finished> {
        self.pass(params, |result| {
            let tools = result
                .get_mut("capabilities")
                .and_then(|capabilities| capabilities.get_mut("tools"));
            if let Some(Value::Object(tools)) = tools {
                tools.insert("listChanged".to_owned(), json!(true));
            }
        })
        .await
    }

    async fn pass(
        &self,
        params: Map<String, Value>,
        amend: impl FnOnce(&mut Value),
    ) -> Option<Finished> {
        let extras = self.scope(|scope| scope.extras).unwrap_or(Extras::Strip);
        let mut params = asked::carried(&self.method, params, extras == Extras::Pass);
        if self.method == method::LISTEN {
            self.narrow(&mut params);
        }
        let mut outgoing = self.outgoing(Params::Plain(params));
        outgoing.within = match self.method == method::LISTEN {
            true => UPSTREAM_STREAM_TIMEOUT,
            false => UPSTREAM_ANSWER_TIMEOUT,
        };
        let end = match self.relation.link.send(outgoing).await {
            Ok(exchange) => relay::carry(self, exchange, 0).await,
            Err(fault) => End::Failed(fault),
        };
        match end {
            End::Answered { status, result } => {
                let result = result.map(|mut result| {
                    voice::reserve(&mut result);
                    amend(&mut result);
                    result
                });
                Some(Finished { status, result })
            }
            End::Failed(fault) => Finished::of(Err(render::upstream(&fault.to_string()))),
            End::Withdrawn => None,
        }
    }

    /// Takes out of a list what the agent may not see.
    fn filter(&self, kind: TargetKind, result: &mut Value) {
        let (list, name) = match kind {
            TargetKind::Resource => ("resources", "uri"),
            TargetKind::Prompt => ("prompts", "name"),
            TargetKind::Tool | TargetKind::Method => return,
        };
        if let Some(Value::Array(items)) = result.get_mut(list) {
            items.retain(|item| {
                let name = item.get(name).and_then(Value::as_str);
                name.is_some_and(|name| self.is_visible(kind, name))
            });
        }
        if let Value::Object(result) = result
            && self.relation.era == Era::Modern
        {
            keep_private(result);
        }
    }

    /// Lets the agent listen only for what it may see, and for its own tasks.
    fn narrow(&self, params: &mut Map<String, Value>) {
        let Some(Value::Object(wanted)) = params.get_mut("notifications") else {
            return;
        };
        if let Some(Value::Array(uris)) = wanted.get_mut("resourceSubscriptions") {
            uris.retain(|uri| {
                uri.as_str()
                    .is_some_and(|uri| self.is_visible(TargetKind::Resource, uri))
            });
        }
        if let Some(Value::Array(tasks)) = wanted.get_mut("taskIds") {
            let names = self.relation.tasks();
            *tasks = tasks
                .iter()
                .filter_map(|task| names.resolve(task.as_str()?))
                .map(Value::String)
                .collect();
        }
    }

    async fn list(&self, params: &Map<String, Value>) -> Option<Finished> {
        if params.get("cursor").is_some_and(|cursor| !cursor.is_null()) {
            // The guard's list has one page, so no cursor is one of its own.
            return Finished::of(Err(render::bad_params("the cursor is not valid")));
        }
        let none = Map::new();
        let meta = super::dialect::meta(params).unwrap_or(&none);
        if let Err(denial) = self.relation.ensure_listed(None, meta).await {
            return Finished::of(Err(render::upstream(&denial.cause.sentence)));
        }
        let tools = self.edge().guard.catalog().tools(&self.relation.server);
        let visible = tools
            .iter()
            .filter(|tool| self.is_visible(TargetKind::Tool, tool.name.as_str()))
            .map(|tool| tool.definition.clone());
        let mut result = Map::new();
        if self.relation.era == Era::Modern {
            result.insert("resultType".to_owned(), json!("complete"));
        }
        result.insert("tools".to_owned(), visible.collect());
        if self.relation.era == Era::Modern {
            keep_private(&mut result);
        }
        Finished::of(Ok(Value::Object(result)))
    }

    async fn task(&self, mut params: Map<String, Value>) -> Option<Finished> {
        let name = params.get(TASK_ID).and_then(Value::as_str);
        let Some(id) = name.and_then(|name| self.relation.tasks().resolve(name)) else {
            return Finished::of(Err(render::bad_params("Task not found")));
        };
        params.insert(TASK_ID.to_owned(), Value::String(id));
        self.pass(params, |result| {
            if let Value::Object(result) = result {
                self.relation.tasks().rename(result);
            }
        })
        .await
    }

    async fn call(&self, kind: TargetKind, params: Map<String, Value>) -> Option<Finished> {
        let server = &self.relation.server;
        let mut asked = match Asked::parse(kind, server, &self.method, params) {
            Ok(asked) => asked,
            Err(error) => return Finished::of(Err(error)),
        };
        let count = match self.take_up(&mut asked) {
            Ok(round) => round,
            Err(error) => return Finished::of(Err(error)),
        };
        let tool = (kind == TargetKind::Tool).then_some(&asked.target);
        if let Err(denial) = self
            .relation
            .ensure_listed(tool, &asked.envelope.meta)
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
        let terms = Terms::new(
            self.relation.era,
            &guard.client(&self.relation.principal.agent),
            asked.capability("elicitation").is_some(),
            count.over,
            asked.progress_token().cloned(),
        );
        let pass = Pass {
            action: asked.action(),
            envelope: asked.envelope,
            over: count.over,
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
                Ruling::Permit(permit) => return self.run(permit, pass, told).await,
                Ruling::Challenge(challenge) => {
                    return Finished::of(render::challenge(self.relation.era, &challenge));
                }
                Ruling::Pause(hold) => {
                    let cancelled = &self.flight.cancelled;
                    let held =
                        hold::wait(guard, hold, &terms, self.answers, cancelled, &mut told).await;
                    match held {
                        Held::Ruled(next) => ruling = next,
                        Held::Answered(answer) => return Finished::of(answer),
                        Held::Again(approval) => return self.again(&pass, approval),
                        Held::Abandoned => return None,
                    }
                }
                Ruling::Deny(denial) => return self.deny(&target, &denial),
            }
        }
    }

    /// Sends the permitted call, settles it, and gives its answer.
    async fn run(&self, permit: Permit, pass: Pass, told: u64) -> Option<Finished> {
        let guard = &self.edge().guard;
        let target = permit.call().target.clone();
        let dispatch = match guard.dispatch(permit).await {
            Ok(dispatch) => dispatch,
            Err(denial) => return self.deny(&target, &denial),
        };
        let (call, receipt) = dispatch.into_parts();
        let end = match self
            .relation
            .link
            .send(self.rebuild(&call, &pass.envelope))
            .await
        {
            Ok(exchange) => relay::carry(self, exchange, told).await,
            Err(fault) => End::Failed(fault),
        };
        match end {
            End::Answered { status, result } => {
                let (outcome, note) = judge(&result);
                guard.settle(receipt, outcome, note).await;
                let result = self.finish(&call, pass, result);
                Some(Finished { status, result })
            }
            End::Failed(fault) => {
                guard
                    .settle(receipt, fault.outcome(), Some(describe(&fault)))
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

    /// The upstream's answer to a call, as the agent gets it.
    fn finish(&self, call: &Call, pass: Pass, result: Answer) -> Answer {
        let mut result = match result {
            // Only the older era knows this error, and it sends a person to an address.
            Err(error) if error.code == super::dialect::code::URL_ELICITATION => {
                let text = "the tool's server sends people to an address";
                return Err(render::refused(Reason::MethodRefused, text));
            }
            Err(error) => return Err(error),
            Ok(result) => result,
        };
        voice::reserve(&mut result);
        let Value::Object(object) = &mut result else {
            return Ok(result);
        };
        if self.relation.era == Era::Legacy {
            self.relation.tasks().rename(object);
            return Ok(result);
        }
        match object.get("resultType").and_then(Value::as_str) {
            Some("task") => self.relation.tasks().rename(object),
            Some("input_required") => {
                if let Err(text) = self.ask(pass, object) {
                    let denial = Denial::new(Reason::MethodRefused, text).of(call.id);
                    return render::denial(self.relation.era, &call.target, &denial);
                }
            }
            _ => {}
        }
        Ok(result)
    }

    /// Seals what the upstream wants to have handed back with the answers to its questions.
    fn ask(&self, pass: Pass, result: &mut Map<String, Value>) -> Result<(), String> {
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
    fn again(&self, pass: &Pass, approval: ApprovalId) -> Option<Finished> {
        let over = pass.over.saturating_add(1);
        let round = Round {
            action: pass.action,
            count: over,
            kind: Kind::Waiting(approval),
        };
        let Some(sealed) = self.hand_out(&round) else {
            return Finished::of(Err(render::upstream("the state could not be sealed")));
        };
        Finished::of(Ok(
            json!({"resultType": "input_required", "requestState": sealed}),
        ))
    }

    fn hand_out(&self, round: &Round) -> Option<String> {
        let Relation {
            principal, server, ..
        } = &**self.relation;
        self.edge()
            .rounds
            .hand_out(principal, server, &self.method, round)
    }

    /// Takes up the round that the request goes on from. What the upstream did not ask for is no answer.
    fn take_up(&self, asked: &mut Asked) -> Result<Count, RpcError> {
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
            Kind::Waiting(approval) => {
                asked.disown_responses();
                Ok(Count {
                    over: round.count,
                    waiting: Some(approval),
                })
            }
            Kind::Asked { keys, state } => {
                if let Some(responses) = asked.responses() {
                    responses.retain(|key, _| keys.contains(key));
                }
                asked.envelope.state = state;
                Ok(Count {
                    over: round.count,
                    waiting: None,
                })
            }
        }
    }

    fn check_mirror(&self, asked: &Asked) -> Result<(), String> {
        let Some(headers) = &self.carried.headers else {
            return Ok(());
        };
        let Some(tool) = self.edge().guard.catalog().tool(&asked.target) else {
            return Ok(());
        };
        match tool.definition.get("inputSchema") {
            Some(schema) => mirror::verify(schema, asked.arguments.value(), headers)
                .map_err(|fault| fault.to_string()),
            None => Ok(()),
        }
    }

    /// The call as the upstream gets it: our envelope around the very bytes that were judged.
    fn rebuild(&self, call: &Call, envelope: &Envelope) -> Outgoing {
        let mut rest = asked::rebuild(envelope, &call.extras);
        let target = &call.target;
        let params = match target.kind {
            TargetKind::Tool | TargetKind::Prompt => Params::Guarded {
                name: target.name.to_string(),
                arguments: call.arguments.canonical().clone(),
                rest,
            },
            TargetKind::Resource => {
                rest.insert("uri".to_owned(), json!(&*target.name));
                Params::Plain(rest)
            }
            TargetKind::Method => {
                if let Value::Object(arguments) = call.arguments.value() {
                    rest.extend(arguments.clone());
                }
                let task = rest.get(TASK_ID).and_then(Value::as_str);
                if let Some(id) = task.and_then(|name| self.relation.tasks().resolve(name)) {
                    rest.insert(TASK_ID.to_owned(), Value::String(id));
                }
                Params::Plain(rest)
            }
        };
        let mut outgoing = self.outgoing(params);
        if self.relation.era == Era::Modern
            && let Some(tool) = self.edge().guard.catalog().tool(target)
            && let Some(schema) = tool.definition.get("inputSchema")
        {
            // A tool whose marks are doubtful is no known tool, so there is no fault here.
            outgoing.headers = mirror::headers(schema, call.arguments.value()).unwrap_or_default();
        }
        outgoing
    }

    fn outgoing(&self, params: Params) -> Outgoing {
        let mut outgoing = Outgoing::new(self.method.as_str(), params);
        outgoing.known_as = Some(self.answers.id().clone());
        outgoing
    }

    fn deny(&self, target: &Target, denial: &Denial) -> Option<Finished> {
        Finished::of(render::denial(self.relation.era, target, denial))
    }

    fn is_visible(&self, kind: TargetKind, name: &str) -> bool {
        let target = self.relation.target(kind, name);
        self.edge()
            .guard
            .is_visible(&self.relation.principal.agent, &target)
    }

    fn scope<T>(&self, read: impl FnOnce(&crate::scopes::Scope) -> T) -> Option<T> {
        let scopes = self.edge().guard.scopes();
        scopes
            .scope(&self.relation.principal.agent)
            .map(|scope| read(scope))
    }

    fn edge(&self) -> &super::Edge {
        &self.relation.edge
    }
}

/// What a call takes with it past the decision.
struct Pass {
    action: crate::model::digest::Digest,
    envelope: Envelope,
    over: u8,
}

/// Which round of a call this is, and what it waits on.
#[derive(Default)]
struct Count {
    over: u8,
    waiting: Option<ApprovalId>,
}

/// A list made for one agent is nobody else's to keep.
fn keep_private(result: &mut Map<String, Value>) {
    result.insert("ttlMs".to_owned(), json!(0));
    result.insert("cacheScope".to_owned(), json!("private"));
}

fn judge(result: &Answer) -> (Outcome, Option<String>) {
    match result {
        Ok(result) if result.get("isError") == Some(&Value::Bool(true)) => (
            Outcome::Failed,
            Some("the tool answered with an error".to_owned()),
        ),
        Ok(_) => (Outcome::Done, None),
        Err(error) => (
            Outcome::Failed,
            Some(format!("{}: {}", error.code, error.message)),
        ),
    }
}

fn describe(fault: &LinkError) -> String {
    match std::error::Error::source(fault) {
        Some(source) => format!("{fault}: {source}"),
        None => fault.to_string(),
    }
}
