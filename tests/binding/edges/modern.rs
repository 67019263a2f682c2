//! MCP 2026-07-28: no session of the protocol; a held call goes on in rounds, or as a task.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::legacy::told;
use crate::edge::{Agent, Told};
use crate::guarded::wire::{Came, Wire};
use crate::house::{House, Last};

/// A client that is kept waiting in rounds.
pub(crate) type Rounds = Modern<InRounds>;
/// A client that knows tasks.
pub(crate) type Tasks = Modern<AsTasks>;

/// A client of the newer generation.
pub(crate) struct Modern<F> {
    wire: Wire,
    key: String,
    /// What the guard gave to go on with, by tool and arguments.
    going_on: Mutex<HashMap<String, Value>>,
    last: Last,
    form: PhantomData<F>,
}

/// How a held call is told, and how the client goes on from there.
pub(crate) trait Form {
    const CAPABILITIES: &str;

    /// What the answer gives to go on with.
    fn handle(answer: &Value) -> Option<Value>;

    /// The request that goes on.
    fn resume(tool: &str, arguments: &Value, handle: &Value) -> (&'static str, Value);

    /// What the answer says.
    fn told(came: &Came) -> Told {
        told(came)
    }
}

/// With a sealed state, in the identical call.
pub(crate) struct InRounds;

/// With the name of a task.
pub(crate) struct AsTasks;

impl Form for InRounds {
    const CAPABILITIES: &str = r#"{"elicitation": {}}"#;

    fn handle(answer: &Value) -> Option<Value> {
        answer["result"].get("requestState").cloned()
    }

    fn resume(tool: &str, arguments: &Value, handle: &Value) -> (&'static str, Value) {
        let params = json!({"name": tool, "arguments": arguments, "requestState": handle});
        ("tools/call", params)
    }
}

impl Form for AsTasks {
    const CAPABILITIES: &str = r#"{"extensions": {"io.modelcontextprotocol/tasks": {}}}"#;

    fn handle(answer: &Value) -> Option<Value> {
        let result = &answer["result"];
        let is_open = result["resultType"] == "task" || result["status"] == "working";
        is_open.then(|| result["taskId"].clone())
    }

    fn resume(_: &str, _: &Value, handle: &Value) -> (&'static str, Value) {
        ("tasks/get", json!({"taskId": handle}))
    }

    fn told(came: &Came) -> Told {
        let result = &came.answer()["result"];
        match result["status"].as_str() {
            Some("working") => Told::Held,
            Some("completed") => Told::of_result(&result["result"]),
            Some(other) => Told::Refused(other.to_owned()),
            None => told(came),
        }
    }
}

impl<F: Form> Modern<F> {
    fn over(wire: Wire, key: &str) -> Self {
        Self {
            wire,
            key: key.to_owned(),
            going_on: Mutex::default(),
            last: Last::default(),
            form: PhantomData,
        }
    }

    async fn send(&self, method: &str, mut params: Value) -> Came {
        let capabilities: Value = serde_json::from_str(F::CAPABILITIES).unwrap();
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
        self.last.keep(json!([method, params]));
        self.wire.ask_modern(method, params).await
    }

    fn take(&self, tool: &str, arguments: &Value) -> Option<Value> {
        self.going_on.lock().unwrap().remove(&name(tool, arguments))
    }

    fn keep(&self, tool: &str, arguments: &Value, came: &Came) -> Told {
        if let Some(handle) = F::handle(&came.answer()) {
            let mut going_on = self.going_on.lock().unwrap();
            going_on.insert(name(tool, arguments), handle);
        }
        F::told(came)
    }
}

impl<F: Form> Agent for Modern<F> {
    async fn connect(house: &House, key: &str) -> Self {
        Self::over(Wire::new(&house.url(), key), key)
    }

    async fn connect_in(house: &House, key: &str, session: &str) -> Self {
        let wire = Wire::new(&house.url(), key).with("countersign-session", session);
        Self::over(wire, key)
    }

    async fn call(&self, tool: &str, arguments: &Value) -> Told {
        if let Some(handle) = self.take(tool, arguments) {
            let (method, params) = F::resume(tool, arguments, &handle);
            let came = self.send(method, params).await;
            // What the guard no longer knows is begun anew, as clients do.
            if came.answer()["error"]["code"] != -32_602 {
                return self.keep(tool, arguments, &came);
            }
        }
        let params = json!({"name": tool, "arguments": arguments});
        let came = self.send("tools/call", params).await;
        self.keep(tool, arguments, &came)
    }

    async fn swap(&self, tool: &str, arguments: &Value, others: &Value) -> Told {
        let handle = self.take(tool, arguments).unwrap();
        let going_on = name(tool, arguments);
        self.going_on
            .lock()
            .unwrap()
            .insert(going_on, handle.clone());
        let (method, params) = F::resume(tool, others, &handle);
        match method {
            "tools/call" => F::told(&self.send(method, params).await),
            // The name of a task leaves no room for arguments.
            _ => self.call(tool, others).await,
        }
    }

    async fn again(&self) -> Told {
        let last = self.last.said();
        let method = last[0].as_str().unwrap();
        F::told(&self.send(method, last[1].clone()).await)
    }

    async fn call_and_leave(self, house: &House, tool: &str, arguments: &Value) {
        let bearer = format!("Bearer {}", self.key);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", tool),
        ];
        let capabilities: Value = serde_json::from_str(F::CAPABILITIES).unwrap();
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        });
        let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        house.send_and_leave("/mcp/bank", &headers, &body).await;
    }
}

fn name(tool: &str, arguments: &Value) -> String {
    format!("{tool} {arguments}")
}
