//! The demo's agent: a plain MCP client that does as the guard's answers tell it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::tools::Kind;
use crate::ambient::Ambient;
use crate::mcp::dialect::{Era, MODERN_VERSIONS, meta, method};
use crate::mcp::jsonrpc::RpcError;
use crate::mcp::upstream::{
    HttpSpec, Incoming, Link, LinkError, Outgoing, Params, TransportSpec, UpstreamSpec,
};
use crate::model::name::ServerName;
use crate::model::secret::Secret;

/// One agent, with an endpoint for each server.
pub(super) struct McpAgent {
    endpoints: BTreeMap<&'static str, Endpoint>,
}

struct Endpoint {
    link: Link,
    // The link ends with its other half.
    _incoming: tokio::sync::mpsc::Receiver<Incoming>,
}

/// What the agent was told.
pub(super) struct Answer {
    /// The text a model would read.
    pub(super) text: String,
    /// Whether the call was answered otherwise than by its result.
    pub(super) is_error: bool,
}

/// Why the agent has no answer at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum AgentError {
    /// The guard's endpoint could not be used.
    #[error("the agent's connection to the guard failed")]
    Link(#[from] LinkError),
    /// The protocol's own refusal.
    #[error("the guard refused the agent's request: {}", .0.message)]
    Refused(RpcError),
    /// The server's name was not acceptable.
    #[error("a server has no acceptable name")]
    Name(#[from] crate::model::name::NameError),
}

impl McpAgent {
    /// Meets every server at the guard's listener, with the agent's own key.
    pub(super) async fn connect(
        listener: &str,
        key: &Secret<String>,
        ambient: &Ambient,
    ) -> Result<Self, AgentError> {
        let mut endpoints = BTreeMap::new();
        for kind in Kind::ALL {
            let url = format!("{listener}/mcp/{}", kind.name());
            let http = HttpSpec::new(&url, Some(key.clone()), false)?;
            let spec = UpstreamSpec {
                name: ServerName::parse(kind.name())?,
                transport: TransportSpec::Http(http),
            };
            let (link, incoming) = Link::open(&spec, Era::Modern, ambient).await?;
            let endpoint = Endpoint {
                link,
                _incoming: incoming,
            };
            endpoint.ask(method::DISCOVER, Map::new()).await?;
            endpoints.insert(kind.name(), endpoint);
        }
        Ok(Self { endpoints })
    }

    /// The tools of a server that this agent may see.
    pub(super) async fn tools(&self, server: Kind) -> Result<Vec<String>, AgentError> {
        let endpoint = self.endpoint(server)?;
        let listed = endpoint.ask(method::TOOLS_LIST, Map::new()).await?;
        let tools = listed.get("tools").and_then(Value::as_array);
        let name = |tool: &Value| Some(tool.get("name")?.as_str()?.to_owned());
        Ok(tools.into_iter().flatten().filter_map(name).collect())
    }

    /// Calls a tool. While a person decides it repeats the identical call, as it is told.
    pub(super) async fn call(
        &self,
        server: Kind,
        tool: &str,
        arguments: &Value,
    ) -> Result<Answer, AgentError> {
        let endpoint = self.endpoint(server)?;
        loop {
            let mut params = Map::new();
            params.insert("name".to_owned(), tool.into());
            params.insert("arguments".to_owned(), arguments.clone());
            let result = endpoint.ask(method::TOOLS_CALL, params).await?;
            if !is_pending(&result) {
                return Ok(answer(&result));
            }
            tokio::time::sleep(REPEAT_AFTER).await;
        }
    }

    fn endpoint(&self, server: Kind) -> Result<&Endpoint, AgentError> {
        let endpoint = self.endpoints.get(server.name());
        Ok(endpoint.ok_or(LinkError::Gone)?)
    }
}

impl Endpoint {
    async fn ask(&self, method: &str, mut params: Map<String, Value>) -> Result<Value, AgentError> {
        let envelope = json!({
            meta::PROTOCOL_VERSION: MODERN_VERSIONS.last(),
            meta::CLIENT_CAPABILITIES: {},
            meta::CLIENT_INFO: {"name": "demo-agent", "version": env!("CARGO_PKG_VERSION")},
        });
        params.insert("_meta".to_owned(), envelope);
        let request = Outgoing::new(method, Params::Plain(params));
        let answer = self.link.send(request).await?.answer().await?;
        answer.map_err(AgentError::Refused)
    }
}

fn is_pending(result: &Value) -> bool {
    let decision = result
        .get("_meta")
        .and_then(|meta| meta.get("dev.countersign/decision"));
    let outcome = decision.and_then(|decision| decision.get("outcome"));
    outcome.and_then(Value::as_str) == Some("pending")
}

fn answer(result: &Value) -> Answer {
    let blocks = result.get("content").and_then(Value::as_array);
    let text = |block: &Value| Some(block.get("text")?.as_str()?.to_owned());
    let texts: Vec<String> = blocks.into_iter().flatten().filter_map(text).collect();
    Answer {
        text: texts.join("\n"),
        is_error: result.get("isError") == Some(&Value::Bool(true)),
    }
}

/// Shorter than agents are told, so that a person who just decided sees what comes of it.
const REPEAT_AFTER: Duration = Duration::from_secs(1);
