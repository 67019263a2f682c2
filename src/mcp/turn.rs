//! One request of an agent on its way to its answer.

use std::sync::Arc;

use http::HeaderMap;
use serde_json::{Map, Value};

use super::answers::Answers;
use super::dialect::{Era, method};
use super::jsonrpc::{INVALID_REQUEST, Request, RpcError};
use super::modern;
use super::relation::{Flight, Relation};
use super::render::{self, Answer};
use super::stance::{self, Course, Stance};
use super::upstream::{Outgoing, Params};
use crate::guard::Denial;
use crate::model::id::SessionId;
use crate::model::reason::Reason;
use crate::model::target::{Target, TargetKind};

/// What came with a request besides its message.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    /// The session of the guard's own that the agent named.
    pub session: Option<SessionId>,
    /// The headers of a modern request over HTTP, which must repeat its body.
    pub headers: Option<HeaderMap>,
    /// Whether it came over HTTP, which has a status for a missing proof.
    pub is_http: bool,
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
    pub(super) carried: Carried,
    pub(super) answers: &'a Answers,
    pub(super) flight: Flight<'a>,
}

/// The answer, and the HTTP status the upstream gave it, where it gave one.
pub(super) struct Finished {
    pub(super) status: Option<u16>,
    pub(super) result: Answer,
}

impl Finished {
    pub(super) fn of(result: Answer) -> Option<Self> {
        Some(Self {
            status: None,
            result,
        })
    }

    pub(super) fn refused(status: u16, error: RpcError) -> Option<Self> {
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
            Stance::Filtered(kind) => self.filtered(kind, params).await,
            Stance::Templates => self.templates(params).await,
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

    pub(super) fn outgoing(&self, params: Params) -> Outgoing {
        let mut outgoing = Outgoing::new(self.method.as_str(), params);
        outgoing.known_as = Some(self.answers.id().clone());
        outgoing
    }

    pub(super) fn deny(&self, target: &Target, denial: &Denial) -> Option<Finished> {
        Finished::of(render::denial(self.relation.era, target, denial))
    }

    pub(super) fn is_visible(&self, kind: TargetKind, name: &str) -> bool {
        let target = self.relation.target(kind, name);
        self.edge()
            .guard
            .is_visible(&self.relation.principal.agent, &target)
    }

    pub(super) fn edge(&self) -> &super::Edge {
        &self.relation.edge
    }
}
