//! The ways in of an agent: the HTTP API, and MCP in both of its generations.

use std::time::Duration;

use countersign::model::json;
use countersign::outbound;
use serde_json::{Value, json};

/// Where a running guard listens.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// For agents.
    pub(crate) agents: String,
    /// For operators.
    pub(crate) operators: String,
}

/// What an agent is told of one ask.
#[derive(Debug)]
pub(crate) enum Said {
    /// The tool's own answer.
    Ran(Option<String>),
    /// Nothing was executed, a person must decide first.
    Held {
        call: Option<String>,
        approval: Option<String>,
    },
    /// Nothing was executed.
    Refused { call: Option<String> },
    /// No answer, or one that leaves open whether it was executed.
    Broken,
}

/// How an agent speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Speech {
    Api,
    Modern,
    Legacy,
}

/// A client of one agent.
pub(crate) struct Client {
    http: reqwest::Client,
    key: String,
    speech: Speech,
    /// The session of the older generation, and the guard that gave it.
    session: Option<(String, String)>,
}

impl Client {
    pub(crate) fn new(key: String, speech: Speech) -> Self {
        Self {
            http: outbound::build(true).unwrap(),
            key,
            speech,
            session: None,
        }
    }

    /// Asks once.
    pub(crate) async fn ask(
        &mut self,
        door: &Door,
        server: &str,
        tool: &str,
        nonce: &str,
        arguments: &Value,
    ) -> Said {
        let asked = async {
            match self.speech {
                Speech::Api => self.ask_api(door, server, tool, nonce, arguments).await,
                Speech::Modern | Speech::Legacy => {
                    self.ask_mcp(door, server, tool, arguments).await
                }
            }
        };
        match tokio::time::timeout(ANSWERED_WITHIN, asked).await {
            Ok(Ok(said)) => said,
            Ok(Err(_)) | Err(_) => Said::Broken,
        }
    }

    async fn ask_api(
        &self,
        door: &Door,
        server: &str,
        tool: &str,
        nonce: &str,
        arguments: &Value,
    ) -> reqwest::Result<Said> {
        let body =
            json!({"mode": "proxy", "tool": format!("{server}/{tool}"), "arguments": arguments});
        let mut request = self
            .http
            .post(format!("{}/v1/calls", door.agents))
            .bearer_auth(&self.key)
            .header("content-type", "application/json")
            .header("prefer", "wait=1")
            .body(body.to_string());
        // With and without a name of the client's own for the call.
        if nonce.ends_with(['0', '2', '4', '6', '8']) {
            request = request.header("idempotency-key", nonce);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.bytes().await?;
        let Ok(answer) = json::parse(&text) else {
            return Ok(Said::Broken);
        };
        let call = word(&answer, "/call_id");
        Ok(match (status, answer["state"].as_str()) {
            (200, Some(_)) => Said::Ran(call),
            (202, Some("held")) => Said::Held {
                call,
                approval: word(&answer, "/approval_id"),
            },
            (200 | 202, _) => Said::Broken,
            _ => refusal(answer["code"].as_str().unwrap_or_default(), call),
        })
    }

    async fn ask_mcp(
        &mut self,
        door: &Door,
        server: &str,
        tool: &str,
        arguments: &Value,
    ) -> reqwest::Result<Said> {
        if self.speech == Speech::Legacy
            && self
                .session
                .as_ref()
                .is_none_or(|(of, _)| *of != door.agents)
        {
            let hello = json!({
                "protocolVersion": LEGACY,
                "capabilities": {},
                "clientInfo": {"name": "crash", "version": "1"},
            });
            let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello});
            let response = self.post(door, server, "initialize", None, &hello).await?;
            let session = response.headers().get("mcp-session-id");
            let Some(session) = session.and_then(|id| id.to_str().ok()).map(str::to_owned) else {
                return Ok(Said::Broken);
            };
            response.bytes().await?;
            self.session = Some((door.agents.clone(), session));
            let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
            self.post(door, server, "notifications/initialized", None, &ready)
                .await?;
        }
        let mut params = json!({"name": tool, "arguments": arguments});
        if self.speech == Speech::Modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "crash", "version": "1"},
            });
        }
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let response = self
            .post(door, server, "tools/call", Some(tool), &request)
            .await?;
        let text = response.bytes().await?;
        Ok(match answer(&text) {
            Some(answer) => read(&answer),
            None => Said::Broken,
        })
    }

    async fn post(
        &self,
        door: &Door,
        server: &str,
        method: &str,
        name: Option<&str>,
        message: &Value,
    ) -> reqwest::Result<reqwest::Response> {
        let mut request = self
            .http
            .post(format!("{}/mcp/{server}", door.agents))
            .bearer_auth(&self.key)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        match (self.speech, &self.session) {
            (Speech::Modern, _) => {
                request = request
                    .header("mcp-protocol-version", MODERN)
                    .header("mcp-method", method);
                if let Some(name) = name {
                    request = request.header("mcp-name", name);
                }
            }
            (_, Some((of, session))) if *of == door.agents => {
                request = request
                    .header("mcp-protocol-version", LEGACY)
                    .header("mcp-session-id", session);
            }
            _ => {}
        }
        request.body(message.to_string()).send().await
    }
}

/// The answer in a document, or in the events of a stream.
fn answer(text: &[u8]) -> Option<Value> {
    if let Ok(document) = json::parse(text) {
        return Some(document);
    }
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| json::parse(line.strip_prefix(b"data:")?).ok())
        .find(|message| message.get("id").is_some() && message.get("method").is_none())
}

fn read(answer: &Value) -> Said {
    let Some(result) = answer.get("result") else {
        return Said::Broken;
    };
    let Some(decision) = result.pointer("/_meta/dev.countersign~1decision") else {
        return Said::Ran(None);
    };
    let call = word(decision, "/call");
    match decision["outcome"].as_str() {
        Some("pending") => Said::Held {
            call,
            approval: word(decision, "/approval"),
        },
        Some(_) => refusal(decision["reason"].as_str().unwrap_or_default(), call),
        None => Said::Broken,
    }
}

/// A refusal, as far as it says that nothing was executed and that the record has it.
fn refusal(code: &str, call: Option<String>) -> Said {
    match code {
        "" | "outcome-unknown" | "upstream-failed" => Said::Broken,
        "busy" | "store-unavailable" | "shutting-down" | "superseded" => {
            Said::Refused { call: None }
        }
        _ => Said::Refused { call },
    }
}

fn word(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

const MODERN: &str = "2026-07-28";
const LEGACY: &str = "2025-06-18";
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
