//! Agents over pipes, from outside.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod guarded;

use std::time::Duration;

use countersign::mcp::downstream::stdio::serve;
use countersign::model::name::ServerName;
use guarded::server::Server;
use guarded::{Guarded, PERMIT_ALL, http};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};

/// An agent at the other end of two pipes.
struct Agent {
    input: DuplexStream,
    output: Lines<BufReader<DuplexStream>>,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Agent {
    async fn of(guarded: &Guarded) -> Self {
        let (input, theirs) = tokio::io::duplex(1 << 16);
        let (mine, output) = tokio::io::duplex(1 << 16);
        let principal = guarded
            .guard
            .local_principal(&guarded.agent())
            .await
            .unwrap();
        let edge = guarded.edge.clone();
        let server = ServerName::parse("crm").unwrap();
        let serving =
            tokio::spawn(async move { serve(&edge, principal, server, theirs, mine).await });
        Self {
            input,
            output: BufReader::new(output).lines(),
            serving,
        }
    }

    async fn say(&mut self, message: Value) {
        self.input
            .write_all(format!("{message}\n").as_bytes())
            .await
            .unwrap();
    }

    async fn hear(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(20), self.output.next_line());
        serde_json::from_str(&line.await.unwrap().unwrap().unwrap()).unwrap()
    }

    async fn ask(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.say(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await;
        self.hear().await
    }

    async fn begin(&mut self) {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let answer = self.ask(0, "initialize", params).await;
        assert_eq!(
            answer["result"]["capabilities"]["tools"]["listChanged"], true,
            "{answer}"
        );
        self.say(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
    }
}

const PAUSES: &str = r#"
version: 1
agent: anybody
owner: tests
credentials: {api_key: true, local: true}
tools:
  - {tool: "crm/read", privilege: read}
  - {tool: "crm/sleep", privilege: read}
undeclared: pause
client: {hold: 20s}
approval: {default: {any_of: [operators]}}
"#;

#[tokio::test]
async fn both_eras_are_answered_over_one_pipe() {
    let server = Server::start(&["read"]).await;
    let guarded = Guarded::start(PERMIT_ALL, &[("crm", http(&server.url))], false).await;
    let mut agent = Agent::of(&guarded).await;
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    let found = agent
        .ask(1, "server/discover", json!({"_meta": meta}))
        .await;
    assert_eq!(found["result"]["supportedVersions"][0], "2026-07-28");
    let call = json!({"name": "read", "arguments": {}, "_meta": meta});
    let modern = agent.ask(2, "tools/call", call).await;
    assert_eq!(modern["result"]["resultType"], "complete", "{modern}");
    // A client that finds no newer server goes on with the older era on the same pipe.
    agent.begin().await;
    let legacy = agent.ask(3, "tools/call", json!({"name": "read"})).await;
    assert!(legacy["result"].get("resultType").is_none(), "{legacy}");
    assert_eq!(legacy["result"]["content"][0]["text"], "read done");
    drop(agent.input);
    agent.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_call_is_held_with_progress_and_runs_when_it_is_approved() {
    let server = Server::start(&["read", "pay"]).await;
    let guarded = Guarded::start(PAUSES, &[("crm", http(&server.url))], false).await;
    let mut agent = Agent::of(&guarded).await;
    agent.begin().await;
    let params = json!({"name": "pay", "arguments": {}, "_meta": {"progressToken": 7}});
    let waiting = agent.ask(1, "tools/call", params).await;
    assert_eq!(waiting["method"], "notifications/progress", "{waiting}");
    assert_eq!(waiting["params"]["progressToken"], 7);
    // Another request is answered meanwhile.
    let listed = agent.ask(2, "tools/list", json!({})).await;
    assert_eq!(listed["id"], 2, "{listed}");
    let approval = guarded.open_approval().await;
    guarded.approve(&approval).await;
    let mut answer = agent.hear().await;
    while answer["method"] == "notifications/progress" {
        answer = agent.hear().await;
    }
    assert_eq!(answer["id"], 1);
    assert_eq!(answer["result"]["content"][0]["text"], "pay done");
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn a_withdrawn_call_is_not_answered_and_its_id_is_free_again() {
    let server = Server::start(&["read", "pay"]).await;
    let guarded = Guarded::start(PAUSES, &[("crm", http(&server.url))], false).await;
    let mut agent = Agent::of(&guarded).await;
    agent.begin().await;
    let params = json!({"name": "pay", "arguments": {}});
    agent
        .say(json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
        .await;
    let approval = guarded.open_approval().await;
    let again = agent.ask(1, "tools/call", json!({"name": "read"})).await;
    assert_eq!(again["error"]["code"], -32_600, "{again}");
    agent.say(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})).await;
    let mut read = agent.ask(2, "tools/call", json!({"name": "read"})).await;
    assert_eq!(read["id"], 2, "{read}");
    guarded.approve(&approval).await;
    read = agent.ask(1, "tools/call", json!({"name": "read"})).await;
    assert_eq!(read["result"]["content"][0]["text"], "read done", "{read}");
    assert!(
        server
            .calls()
            .iter()
            .all(|call| !call.body.contains("\"pay\""))
    );
}

#[tokio::test]
async fn a_guard_that_stops_answers_what_it_holds_and_ends_the_pipe() {
    let server = Server::start(&["pay"]).await;
    let guarded = Guarded::start(PAUSES, &[("crm", http(&server.url))], false).await;
    let mut agent = Agent::of(&guarded).await;
    agent.begin().await;
    let params = json!({"name": "pay", "arguments": {}});
    agent
        .say(json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
        .await;
    guarded.open_approval().await;
    guarded.guard.stop().await.unwrap();
    let answer = agent.hear().await;
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("GUARD UNAVAILABLE"), "{text}");
    agent.serving.await.unwrap().unwrap();
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn what_a_server_answers_outside_of_calls_is_noted_before_the_agent_hears_it() {
    let server = Server::start(&["read"]).await;
    let wary = format!("{PAUSES}untrusted: [crm/mail_*]\n");
    let guarded = Guarded::start(&wary, &[("crm", http(&server.url))], false).await;
    let mut agent = Agent::of(&guarded).await;
    agent.begin().await;
    let tools = agent.ask(1, "tools/list", json!({})).await;
    assert_eq!(tools["result"]["tools"][0]["name"], "read", "{tools}");
    // What was shown so far is pinned and accepted.
    assert_eq!(guarded.guard.sessions().await.unwrap(), []);
    let refused = agent.ask(2, "resources/list", json!({})).await;
    assert_eq!(refused["error"]["message"], "Method not found", "{refused}");
    let sessions = guarded.guard.sessions().await.unwrap();
    let taint = sessions[0].taint.as_ref().unwrap();
    assert_eq!(
        (
            sessions.len(),
            sessions[0].is_tainted(),
            taint.source.as_str()
        ),
        (1, true, "crm")
    );
}

#[tokio::test]
async fn garbage_is_refused_and_the_pipe_goes_on() {
    let server = Server::start(&["read"]).await;
    let guarded = Guarded::start(PAUSES, &[("crm", http(&server.url))], false).await;
    let mut agent = Agent::of(&guarded).await;
    agent.input.write_all(b"{\n").await.unwrap();
    assert_eq!(agent.hear().await["error"]["code"], -32_700);
    agent.input.write_all(b"[]\n\n").await.unwrap();
    assert_eq!(agent.hear().await["error"]["code"], -32_600);
    let early = agent.ask(9, "tools/call", json!({"name": "read"})).await;
    assert_eq!(early["error"]["code"], -32_600);
    agent.begin().await;
    let read = agent.ask(1, "tools/call", json!({"name": "read"})).await;
    assert_eq!(read["result"]["content"][0]["text"], "read done");
}

#[tokio::test]
async fn an_agent_that_goes_leaves_its_call_in_the_record_as_unknown() {
    let server = Server::start(&["sleep"]).await;
    let guarded = Guarded::start(PAUSES, &[("crm", http(&server.url))], false).await;
    let mut agent = Agent::of(&guarded).await;
    agent.begin().await;
    let params = json!({"name": "sleep", "arguments": {}});
    agent
        .say(json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
        .await;
    for _ in 0..400 {
        if !server.calls().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    drop(agent.input);
    agent.serving.await.unwrap().unwrap();
    for _ in 0..400 {
        let entries = guarded.guard.entries(0, 1_000).await.unwrap();
        let mut bodies = entries
            .iter()
            .map(|stored| String::from_utf8_lossy(&stored.body));
        if bodies.any(|body| body.contains(r#""outcome":"unknown""#)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the outcome was never recorded");
}

/// Asks its client for roots in every call, and answers with what it heard.
const ASKS_FOR_ROOTS: &str = r#"
import json, sys
def say(**message): print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    method, id = message.get("method"), message.get("id")
    if method == "initialize":
        about = {"name": "asks", "version": "1"}
        say(id=id, result={"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": about})
    elif method == "tools/list":
        say(id=id, result={"tools": [{"name": "read", "inputSchema": {"type": "object"}}]})
    elif method == "tools/call":
        say(id="roots", method="roots/list")
        heard = json.loads(sys.stdin.readline())
        said = json.dumps(heard.get("result", "refused"), sort_keys=True)
        say(id=id, result={"content": [{"type": "text", "text": said}]})
"#;

#[tokio::test]
async fn a_server_hears_the_roots_of_the_manifest_and_not_the_agents() {
    let words = ["python3", "-c", ASKS_FOR_ROOTS].map(str::to_owned);
    let roots = "roots: [\"file:///srv/work\"]\n";
    for (manifest, expected) in [
        (
            format!("{PERMIT_ALL}{roots}"),
            r#"{"roots": [{"uri": "file:///srv/work"}]}"#,
        ),
        (PAUSES.to_owned(), r#""refused""#),
    ] {
        let guarded = Guarded::start(&manifest, &[("crm", guarded::stdio(&words))], false).await;
        let mut agent = Agent::of(&guarded).await;
        agent.begin().await;
        let answer = agent.ask(1, "tools/call", json!({"name": "read"})).await;
        assert_eq!(answer["result"]["content"][0]["text"], expected, "{answer}");
    }
}
