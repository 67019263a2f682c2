//! Requests that are passed without a decision: they read what the agent may see anyway.

use serde_json::{Map, Value, json};

use super::asked;
use super::dialect::{self, Era, method};
use super::relay::{self, End};
use super::render::{self, Answer};
use super::task::TASK_ID;
use super::turn::{Finished, Turn};
use super::upstream::Params;
use super::voice;
use crate::limits::{UPSTREAM_ANSWER_TIMEOUT, UPSTREAM_STREAM_TIMEOUT};
use crate::model::pin::PinKind;
use crate::model::target::TargetKind;
use crate::scopes::Extras;

impl Turn<'_> {
    /// Begins the relation: the upstream answers, the guard adds that the list of tools may change, and
    /// takes out instructions that nobody accepted.
    pub(super) async fn open(&self, params: Map<String, Value>) -> Option<Finished> {
        let finished = self.pass(params, |result| {
            self.relation.link.introduce(result);
            let tools = result
                .get_mut("capabilities")
                .and_then(|capabilities| capabilities.get_mut("tools"));
            if let Some(Value::Object(tools)) = tools {
                tools.insert("listChanged".to_owned(), json!(true));
            }
        });
        let mut finished = finished.await?;
        if let Ok(Value::Object(result)) = &mut finished.result
            && let Some(told) = result.get("instructions")
            && !self.may_be_told(told).await
        {
            result.shift_remove("instructions");
        }
        Some(finished)
    }

    async fn may_be_told(&self, instructions: &Value) -> bool {
        let (server, link) = (&self.relation.server, &self.relation.link);
        let Some(text) = instructions.as_str() else {
            return false;
        };
        let admitted = self
            .edge()
            .guard
            .admit_instructions(server, link.identity(), text)
            .await;
        admitted.unwrap_or_else(|fault| {
            tracing::error!(%server, %fault, "instructions could not be pinned");
            false
        })
    }

    pub(super) async fn pass(
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
                if self.is_foreign(&result) && !self.relation.hears().await {
                    return Finished::of(Err(render::upstream("its answer could not be noted")));
                }
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

    /// Whether an answer holds words that nobody has accepted: what is pinned is shown only once it is
    /// accepted.
    fn is_foreign(&self, result: &Answer) -> bool {
        let pinned = [
            method::INITIALIZE,
            method::DISCOVER,
            method::PING,
            method::PROMPTS_LIST,
            method::RESOURCES_TEMPLATES_LIST,
        ];
        result.is_err() || !pinned.contains(&self.method.as_str())
    }

    /// Passes a request for a list, and takes out what the agent may not see.
    pub(super) async fn filtered(
        &self,
        kind: TargetKind,
        params: Map<String, Value>,
    ) -> Option<Finished> {
        if kind == TargetKind::Prompt
            && let Err(refused) = self.take_snapshot(&params).await
        {
            return refused;
        }
        self.pass(params, |result| self.filter(kind, result)).await
    }

    /// Passes a request for the templates of resources, and takes out those that nobody accepted.
    pub(super) async fn templates(&self, params: Map<String, Value>) -> Option<Finished> {
        if let Err(refused) = self.take_snapshot(&params).await {
            return refused;
        }
        self.pass(params, |result| {
            if let Some(Value::Array(items)) = result.get_mut("resourceTemplates") {
                items.retain(|item| {
                    let name = item.get("uriTemplate").and_then(Value::as_str);
                    name.is_some_and(|name| self.is_accepted(PinKind::Template, name, item))
                });
            }
        })
        .await
    }

    /// A list is held against what was pinned, so that must be known.
    async fn take_snapshot(&self, params: &Map<String, Value>) -> Result<(), Option<Finished>> {
        let none = Map::new();
        let meta = dialect::meta(params).unwrap_or(&none);
        let listed = self.relation.ensure_listed(None, meta).await;
        listed.map_err(|denial| Finished::of(Err(render::upstream(&denial.cause.sentence))))
    }

    fn is_accepted(&self, kind: PinKind, name: &str, definition: &Value) -> bool {
        let server = &self.relation.server;
        let guard = &self.edge().guard;
        guard.is_accepted(server, kind, name, definition)
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
                name.is_some_and(|name| {
                    self.is_visible(kind, name)
                        && (kind != TargetKind::Prompt
                            || self.is_accepted(PinKind::Prompt, name, item))
                })
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

    pub(super) async fn list(&self, params: &Map<String, Value>) -> Option<Finished> {
        if params.get("cursor").is_some_and(|cursor| !cursor.is_null()) {
            // The guard's list has one page, so no cursor is one of its own.
            return Finished::of(Err(render::bad_params("the cursor is not valid")));
        }
        if let Err(refused) = self.take_snapshot(params).await {
            return refused;
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

    pub(super) async fn task(&self, mut params: Map<String, Value>) -> Option<Finished> {
        let name = params.get(TASK_ID).and_then(Value::as_str);
        let own = name.and_then(|name| self.edge().waiting.find(self.relation, name));
        if let Some(own) = own {
            return Finished::of(own.ask(self.relation, &self.method).await);
        }
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

    fn scope<T>(&self, read: impl FnOnce(&crate::scopes::Scope) -> T) -> Option<T> {
        let scopes = self.edge().guard.scopes();
        scopes
            .scope(&self.relation.principal.agent)
            .map(|scope| read(scope))
    }
}

/// A list made for one agent is nobody else's to keep.
fn keep_private(result: &mut Map<String, Value>) {
    result.insert("ttlMs".to_owned(), json!(0));
    result.insert("cacheScope".to_owned(), json!("private"));
}
