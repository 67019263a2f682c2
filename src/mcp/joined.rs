//! All servers as one: their tools under `server__tool`, and nothing else of them.
//!
//! The guard answers for itself here. Resources, prompts and the rest have no joined form; an agent
//! that needs them connects to their server.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, mpsc};

use super::Edge;
use super::answers::Answers;
use super::dialect::{self, Era, LEGACY_VERSIONS, MODERN_VERSIONS, method};
use super::jsonrpc::{Message, Request};
use super::relation::Relation;
use super::render::{self, Answer};
use super::turn::{self, Carried};
use super::upstream::{LinkError, Outgoing, Params};
use crate::limits::UPSTREAM_ANSWER_TIMEOUT;
use crate::model::call::Principal;
use crate::model::name::ServerName;
use crate::model::target::TargetKind;
use crate::model::text::escape;

/// One agent's relation with all servers at once.
pub struct Joined {
    edge: Arc<Edge>,
    principal: Principal,
    era: Era,
    outbox: mpsc::Sender<Message>,
    // What the agent said of itself, repeated to each server of the older era.
    hello: Mutex<Option<Map<String, Value>>>,
    relations: Mutex<BTreeMap<ServerName, Arc<Relation>>>,
}

impl Joined {
    /// A relation that opens each server when it is first needed.
    #[must_use]
    pub fn open(
        edge: &Arc<Edge>,
        principal: Principal,
        era: Era,
        outbox: mpsc::Sender<Message>,
    ) -> Arc<Self> {
        Arc::new(Self {
            edge: Arc::clone(edge),
            principal,
            era,
            outbox,
            hello: Mutex::default(),
            relations: Mutex::default(),
        })
    }

    /// Every server that was opened.
    pub async fn relations(&self) -> Vec<Arc<Relation>> {
        self.relations.lock().await.values().cloned().collect()
    }

    /// Answers one request.
    pub async fn answer(&self, mut request: Request, carried: Carried, answers: &Answers) {
        let answer = match request.method.as_str() {
            method::INITIALIZE if self.era == Era::Legacy => self.greet(request.params).await,
            method::DISCOVER if self.era == Era::Modern => Ok(self.introduce()),
            method::PING if self.era == Era::Legacy => Ok(json!({})),
            method::TOOLS_LIST => self.list(&request.params).await,
            method::TOOLS_CALL => match self.split(&mut request.params).await {
                Ok(relation) => {
                    return turn::answer(&relation, request, carried, answers).await;
                }
                Err(answer) => answer,
            },
            other => Err(render::no_method(other)),
        };
        let status = answer
            .as_ref()
            .err()
            .map(|error| render::status(self.era, error));
        answers.answer(status, answer).await;
    }

    async fn greet(&self, params: Map<String, Value>) -> Answer {
        let asked = params.get("protocolVersion").and_then(Value::as_str);
        let known = LEGACY_VERSIONS
            .iter()
            .find(|version| Some(**version) == asked);
        let version = known.or(LEGACY_VERSIONS.last());
        *self.hello.lock().await = Some(params);
        Ok(json!({
            "protocolVersion": version,
            "capabilities": {"tools": {"listChanged": true}},
            "serverInfo": itself(),
        }))
    }

    fn introduce(&self) -> Value {
        json!({
            "resultType": "complete",
            "supportedVersions": MODERN_VERSIONS,
            "capabilities": {"tools": {"listChanged": true}},
            "serverInfo": itself(),
            "ttlMs": 0,
            "cacheScope": "private",
        })
    }

    /// Every visible tool of every server that answers, in the order of the servers' names.
    async fn list(&self, params: &Map<String, Value>) -> Answer {
        if params.get("cursor").is_some_and(|cursor| !cursor.is_null()) {
            return Err(render::bad_params("the cursor is not valid"));
        }
        let none = Map::new();
        let meta = dialect::meta(params).unwrap_or(&none);
        let mut tools = Vec::new();
        let servers: Vec<_> = self.edge.upstreams.keys().cloned().collect();
        for server in servers {
            let listed = match self.relation(&server, params).await {
                Ok(relation) => relation
                    .ensure_listed(None, meta)
                    .await
                    .map_err(|denial| denial.cause.sentence),
                Err(fault) => Err(fault.to_string()),
            };
            if let Err(fault) = listed {
                // One server that is down takes only its own tools away.
                tracing::warn!(%server, fault, "a server is missing from the joined list");
                continue;
            }
            for tool in self.edge.guard.catalog().tools(&server) {
                let target = crate::model::target::Target::tool(server.clone(), tool.name.as_str());
                if !self.edge.guard.is_visible(&self.principal.agent, &target) {
                    continue;
                }
                let mut definition = tool.definition.clone();
                if let Some(name) = definition.get_mut("name") {
                    *name = Value::String(format!("{server}{JOINER}{}", tool.name));
                }
                tools.push(definition);
            }
        }
        let mut result = Map::new();
        if self.era == Era::Modern {
            result.insert("resultType".to_owned(), json!("complete"));
        }
        result.insert("tools".to_owned(), Value::Array(tools));
        if self.era == Era::Modern {
            result.insert("ttlMs".to_owned(), json!(0));
            result.insert("cacheScope".to_owned(), json!("private"));
        }
        Ok(Value::Object(result))
    }

    /// The server a joined name means; the name becomes the server's own.
    async fn split(&self, params: &mut Map<String, Value>) -> Result<Arc<Relation>, Answer> {
        let name = params
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let unknown = || {
            Err(render::bad_params(format!(
                "Unknown tool: {}",
                escape(&name)
            )))
        };
        // No server's name contains the joiner, so the first one splits.
        let Some((server, tool)) = name.split_once(JOINER) else {
            return Err(unknown());
        };
        let Ok(server) = ServerName::parse(server) else {
            return Err(unknown());
        };
        if !self.edge.upstreams.contains_key(&server) {
            return Err(unknown());
        }
        match self.relation(&server, params).await {
            Ok(relation) => {
                params.insert("name".to_owned(), json!(tool));
                Ok(relation)
            }
            Err(fault) => {
                let denial = crate::guard::Denial::new(fault.reason(), fault.to_string());
                let target = crate::model::target::Target {
                    kind: TargetKind::Tool,
                    server,
                    name: Arc::from(tool),
                };
                Err(render::denial(self.era, &target, &denial))
            }
        }
    }

    async fn relation(
        &self,
        server: &ServerName,
        params: &Map<String, Value>,
    ) -> Result<Arc<Relation>, LinkError> {
        let mut relations = self.relations.lock().await;
        if let Some(relation) = relations
            .get(server)
            .filter(|relation| relation.link.is_open())
        {
            return Ok(Arc::clone(relation));
        }
        let outbox = self.outbox.clone();
        let relation =
            Relation::open(&self.edge, self.principal.clone(), server, self.era, outbox).await?;
        self.begin(&relation, params).await?;
        relations.insert(server.clone(), Arc::clone(&relation));
        Ok(relation)
    }

    /// Says to a server what the agent said to the guard.
    async fn begin(
        &self,
        relation: &Relation,
        params: &Map<String, Value>,
    ) -> Result<(), LinkError> {
        let (method, params) = match self.era {
            Era::Legacy => {
                let hello = self.hello.lock().await.clone().unwrap_or_default();
                let mut hello: Map<_, _> = hello
                    .into_iter()
                    .filter(|(key, _)| key != "_meta")
                    .collect();
                hello
                    .entry("protocolVersion")
                    .or_insert_with(|| json!(LEGACY_VERSIONS.last()));
                hello.entry("clientInfo").or_insert_with(itself);
                // No server can ask anything through the joined endpoint.
                hello.insert("capabilities".to_owned(), json!({}));
                (method::INITIALIZE, hello)
            }
            Era::Modern => {
                let meta = dialect::meta(params).cloned().unwrap_or_default();
                let meta = meta
                    .into_iter()
                    .filter(|(key, _)| {
                        key == dialect::meta::PROTOCOL_VERSION
                            || key == dialect::meta::CLIENT_INFO
                            || key == dialect::meta::CLIENT_CAPABILITIES
                    })
                    .collect();
                (
                    method::DISCOVER,
                    Map::from_iter([("_meta".to_owned(), Value::Object(meta))]),
                )
            }
        };
        let mut outgoing = Outgoing::new(method, Params::Plain(params));
        outgoing.within = UPSTREAM_ANSWER_TIMEOUT;
        let answered = relation.link.send(outgoing).await?.answer().await?;
        match answered {
            Ok(result) => relation.link.introduce(&result),
            Err(error) => {
                return Err(LinkError::Unacceptable(format!(
                    "{}: {}",
                    error.code, error.message
                )));
            }
        }
        if self.era == Era::Legacy {
            relation
                .link
                .notify(method::INITIALIZED, Map::new())
                .await?;
        }
        Ok(())
    }
}

/// What stands between a server's name and its tool's.
const JOINER: &str = "__";

fn itself() -> Value {
    json!({"name": "countersign", "version": env!("CARGO_PKG_VERSION")})
}
