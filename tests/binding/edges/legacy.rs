//! MCP 2025-11-25 over Streamable HTTP: a session of the protocol, and the identical call again.

use serde_json::{Value, json};

use crate::edge::{Agent, Told};
use crate::guarded::wire::{Came, Wire};
use crate::house::{House, Last};

/// A client of the older generation.
pub(crate) struct Legacy {
    wire: Wire,
    key: String,
    protocol_session: String,
    last: Last,
}

impl Legacy {
    async fn greet(wire: Wire, key: &str) -> Self {
        let params = json!({
            "protocolVersion": VERSION,
            "capabilities": {},
            "clientInfo": {"name": "binding", "version": "1"},
        });
        let came = wire.ask("initialize", params).await;
        let session = came.headers["mcp-session-id"].to_str().unwrap().to_owned();
        let wire = wire
            .with("mcp-session-id", &session)
            .with("mcp-protocol-version", VERSION);
        let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(wire.post(&told.to_string()).await.status, 202);
        Self {
            wire,
            key: key.to_owned(),
            protocol_session: session,
            last: Last::default(),
        }
    }

    async fn send(&self, message: Value) -> Told {
        let came = self.wire.post(&message.to_string()).await;
        self.last.keep(message);
        told(&came)
    }
}

impl Agent for Legacy {
    async fn connect(house: &House, key: &str) -> Self {
        Self::greet(Wire::new(&house.url(), key), key).await
    }

    async fn connect_in(house: &House, key: &str, session: &str) -> Self {
        let wire = Wire::new(&house.url(), key).with("countersign-session", session);
        Self::greet(wire, key).await
    }

    async fn call(&self, tool: &str, arguments: &Value) -> Told {
        self.send(message(tool, arguments)).await
    }

    async fn swap(&self, tool: &str, _: &Value, others: &Value) -> Told {
        self.call(tool, others).await
    }

    async fn again(&self) -> Told {
        self.send(self.last.said()).await
    }

    async fn call_and_leave(self, house: &House, tool: &str, arguments: &Value) {
        let bearer = format!("Bearer {}", self.key);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-session-id", &self.protocol_session),
            ("mcp-protocol-version", VERSION),
        ];
        let body = message(tool, arguments);
        house.send_and_leave("/mcp/bank", &headers, &body).await;
    }
}

/// What an answer says, whatever its status.
pub(super) fn told(came: &Came) -> Told {
    match came.status {
        200 => Told::of_rpc(&came.answer()),
        status => Told::Refused(format!("status {status}")),
    }
}

fn message(tool: &str, arguments: &Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": "call", "method": "tools/call", "params": params})
}

const VERSION: &str = "2025-11-25";
