//! MCP 2025-11-25 over two pipes.

use std::io;
use std::time::Duration;

use countersign::mcp::downstream::stdio::serve;
use countersign::model::name::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::edge::{Agent, Told};
use crate::house::{House, Last};

/// An agent at the other end of two pipes.
pub(crate) struct Stdio {
    ends: Mutex<Ends>,
    serving: JoinHandle<io::Result<()>>,
    last: Last,
}

struct Ends {
    input: DuplexStream,
    output: Lines<BufReader<DuplexStream>>,
}

impl Ends {
    async fn say(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, message: &Value) -> Value {
        self.say(message).await;
        loop {
            let line = tokio::time::timeout(Duration::from_secs(30), self.output.next_line());
            let line = line.await.unwrap().unwrap().unwrap();
            let answer: Value = serde_json::from_str(&line).unwrap();
            if answer["id"] == message["id"] && answer.get("method").is_none() {
                return answer;
            }
        }
    }
}

impl Stdio {
    async fn send(&self, message: Value) -> Told {
        let answer = self.ends.lock().await.ask(&message).await;
        self.last.keep(message);
        Told::of_rpc(&answer)
    }
}

impl Agent for Stdio {
    async fn connect(house: &House, key: &str) -> Self {
        let (input, theirs) = tokio::io::duplex(1 << 16);
        let (mine, output) = tokio::io::duplex(1 << 16);
        let principal = house.guard.principal(Some(key)).await.unwrap();
        let edge = house.edge.clone();
        let bank = ServerName::parse("bank").unwrap();
        let serving =
            tokio::spawn(async move { serve(&edge, principal, bank, theirs, mine).await });
        let mut ends = Ends {
            input,
            output: BufReader::new(output).lines(),
        };
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "binding", "version": "1"},
        });
        let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        assert!(ends.ask(&hello).await["result"].is_object());
        ends.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
        Self {
            ends: Mutex::new(ends),
            serving,
            last: Last::default(),
        }
    }

    async fn connect_in(_: &House, _: &str, _: &str) -> Self {
        panic!("a pipe has no way to name a session")
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
        let mut ends = self.ends.into_inner();
        ends.say(&message(tool, arguments)).await;
        house.open().await;
        drop(ends);
        // A pipe that broke while something was on its way to it ends with that fault.
        let _ = self.serving.await.unwrap();
    }
}

fn message(tool: &str, arguments: &Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": "call", "method": "tools/call", "params": params})
}
