//! Two small agents: one over HTTP, one over the pipes of a `wrap`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use countersign::outbound;
use serde_json::{Value, json};

use super::house::{House, till};

/// Calls over HTTP and gives status and body.
pub(crate) fn call(url: &str, key: &str, tool: &str, arguments: Value) -> (u16, Value) {
    ask(
        url,
        key,
        &json!({"mode": "proxy", "tool": tool, "arguments": arguments}),
    )
}

/// Calls with all that it says and gives status and body.
pub(crate) fn ask(url: &str, key: &str, body: &Value) -> (u16, Value) {
    try_ask(url, key, body).unwrap()
}

/// Calls a guard that may be gone before it answers.
pub(crate) fn try_call(url: &str, key: &str, tool: &str, arguments: Value) -> Option<(u16, Value)> {
    let body = json!({"mode": "proxy", "tool": tool, "arguments": arguments});
    try_ask(url, key, &body)
}

fn try_ask(url: &str, key: &str, body: &Value) -> Option<(u16, Value)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let request = outbound::build(true)
            .unwrap()
            .post(format!("{url}/v1/calls"));
        let request = request
            .bearer_auth(key)
            .header("content-type", "application/json");
        let response = request.body(body.to_string()).send().await.ok()?;
        let status = response.status().as_u16();
        let text = response.text().await.ok()?;
        Some((status, serde_json::from_str(&text).ok()?))
    })
}

/// An agent behind a `wrap` of a till.
pub(crate) struct Piped {
    pub(crate) child: Child,
    input: ChildStdin,
    lines: Receiver<Value>,
    asked: u64,
}

impl Piped {
    /// Starts it; nothing is said yet.
    pub(crate) fn start(house: &House) -> Self {
        let till = till(&house.path("till.jsonl"));
        let mut words = vec!["wrap", "--agent", "clerk", "--server", "till", "--"];
        words.extend(till.iter().map(String::as_str));
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(house.path("wrap.log"));
        let mut child = house
            .command(&words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if tell.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self {
            input: child.stdin.take().unwrap(),
            child,
            lines,
            asked: 0,
        }
    }

    /// Starts it and shakes hands.
    pub(crate) fn greeted(house: &House) -> Self {
        let mut agent = Self::start(house);
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let answer = agent.ask("initialize", &hello);
        assert!(answer["result"]["serverInfo"].is_object(), "{answer}");
        agent.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        agent
    }

    /// Sends a request and gives its answer.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        self.answer(id)
    }

    /// Sends a request and gives its identifier.
    pub(crate) fn send(&mut self, method: &str, params: &Value) -> u64 {
        self.asked += 1;
        self.say(&json!({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params}));
        self.asked
    }

    /// The answer to a request.
    pub(crate) fn answer(&mut self, id: u64) -> Value {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60)).unwrap();
            if line["id"] == json!(id) && line.get("method").is_none() {
                return line;
            }
        }
    }

    /// Calls a tool and gives the text that a model would read.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> String {
        let answer = self.ask("tools/call", &json!({"name": tool, "arguments": arguments}));
        let text = answer["result"]["content"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Closes the pipe, as an agent that ends does, and gives the exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        drop(self.input);
        super::house::until(Duration::from_secs(30), || self.child.try_wait().unwrap()).code()
    }

    fn say(&mut self, message: &Value) {
        self.input
            .write_all(format!("{message}\n").as_bytes())
            .unwrap();
    }
}
