//! A small agent over MCP: it calls a tool through the guard and, while a person decides, repeats the
//! identical call as it is told.
//!
//! ```text
//! COUNTERSIGN_ENDPOINT=http://127.0.0.1:7440/mcp/ledger COUNTERSIGN_KEY=csk_… \
//!     cargo run --example agent -- pay '{"recipient": "Brightside Print", "amount": 240, "currency": "EUR"}'
//! ```
#![expect(clippy::print_stdout, reason = "it prints for a person")]

use std::error::Error;
use std::time::Duration;

use countersign::model::json;
use countersign::outbound;
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(tool), Some(arguments)) = (words.next(), words.next()) else {
        return Err("usage: agent TOOL ARGUMENTS".into());
    };
    let agent = Agent {
        client: outbound::build(true)?,
        endpoint: std::env::var("COUNTERSIGN_ENDPOINT")?,
        key: std::env::var("COUNTERSIGN_KEY")?,
    };
    println!(
        "{}",
        agent
            .call(&tool, &json::parse(arguments.as_bytes())?)
            .await?
    );
    Ok(())
}

struct Agent {
    client: reqwest::Client,
    endpoint: String,
    key: String,
}

impl Agent {
    /// Calls a tool until it is decided. What is repeated must be the same call to the last digit: that
    /// is how the guard knows it, and what the person approved.
    async fn call(&self, tool: &str, arguments: &Value) -> Result<String, Box<dyn Error>> {
        loop {
            let result = self.ask(tool, arguments).await?;
            let text = result
                .pointer("/content/0/text")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if !text.starts_with("APPROVAL PENDING") {
                return Ok(text.to_owned());
            }
            println!("{text}");
            tokio::time::sleep(REPEAT_AFTER).await;
        }
    }

    /// One request of revision 2026-07-28: everything it needs is in it, so there is nothing to begin
    /// or end. The guard answers with one JSON document or, where it takes longer, with a stream of
    /// events that ends with it.
    async fn ask(&self, tool: &str, arguments: &Value) -> Result<Value, Box<dyn Error>> {
        let request = json!({
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {
                "name": tool,
                "arguments": arguments,
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": VERSION,
                    "io.modelcontextprotocol/clientCapabilities": {},
                    "io.modelcontextprotocol/clientInfo": {"name": "example", "version": "1"},
                    "progressToken": "wait",
                },
            },
        });
        let mut response = self
            .client
            .post(&self.endpoint)
            .bearer_auth(&self.key)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", VERSION)
            .header("mcp-method", "tools/call")
            .header("mcp-name", tool)
            .body(request.to_string())
            .send()
            .await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            // Signs of life and progress come as lines; the answer is the one that has our id.
            while let Some(end) = body.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = body.drain(..=end).collect();
                let Some(event) = line.trim_ascii().strip_prefix(b"data:") else {
                    continue;
                };
                if event.trim_ascii().is_empty() {
                    continue;
                }
                let message = json::parse(event)?;
                if let Some(progress) = message.pointer("/params/message") {
                    println!("{progress}");
                }
                if message.get("id").is_some() {
                    return answer(message);
                }
            }
        }
        answer(json::parse(&body)?)
    }
}

fn answer(mut message: Value) -> Result<Value, Box<dyn Error>> {
    match message.get_mut("result").map(Value::take) {
        Some(result) => Ok(result),
        None => Err(format!("the guard refused the request: {message}").into()),
    }
}

const VERSION: &str = "2026-07-28";
const REPEAT_AFTER: Duration = Duration::from_secs(2);
