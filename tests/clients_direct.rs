//! The four real clients against the real servers without anything between them: what later tests compare with.

mod kit;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use futures_util::future::join_all;
use kit::{Agent, Answer, HttpServer, Ledger, Step};
use serde_json::json;
use tempfile::TempDir;

const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";

#[tokio::test]
async fn every_client_uses_server_everything_over_stdio() {
    join_all(Agent::ALL.map(async |agent| {
        let mut session = agent.over_stdio(&kit::server_everything());
        converse(&mut session).await;
        session.end().await;
    }))
    .await;
}

#[tokio::test]
async fn every_client_uses_server_everything_over_http_on_loopback() {
    let server = HttpServer::everything().await;
    assert!(
        server.url().starts_with("http://127.0.0.1:"),
        "{}",
        server.url()
    );
    join_all(Agent::ALL.map(async |agent| {
        let mut session = agent.over_http(server.url(), None);
        converse(&mut session).await;
        session.end().await;
    }))
    .await;
}

#[tokio::test]
async fn every_client_reads_and_writes_through_server_filesystem() {
    join_all(Agent::ALL.map(async |agent| {
        let folder = TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let mut session = agent.over_stdio(&kit::server_filesystem(&root));
        let file = root.join("letter.txt");
        let written = json!({"path": file, "content": "dear reader"});
        session.call("write_file", written).await.success();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "dear reader");
        let read = session.call("read_text_file", json!({"path": file})).await;
        assert_eq!(read.success(), "dear reader");
        let outside = session
            .call("read_text_file", json!({"path": "/etc/hostname"}))
            .await;
        assert!(outside.refusal().contains("denied"), "{outside:?}");
        session.end().await;
    }))
    .await;
}

#[tokio::test]
async fn every_client_remembers_through_server_memory() {
    join_all(Agent::ALL.map(async |agent| {
        let folder = TempDir::new().unwrap();
        let graph = folder.path().join("graph.jsonl");
        let mut session = agent.over_stdio(&kit::server_memory(&graph));
        let ada = json!({"name": "Ada", "entityType": "person", "observations": ["counts"]});
        session
            .call("create_entities", json!({"entities": [ada]}))
            .await
            .success();
        let found = session.call("search_nodes", json!({"query": "Ada"})).await;
        assert!(found.success().contains("counts"), "{found:?}");
        assert!(std::fs::read_to_string(&graph).unwrap().contains("Ada"));
        session.end().await;
    }))
    .await;
}

#[tokio::test]
async fn every_client_reads_a_log_through_mcp_server_git() {
    let folder = TempDir::new().unwrap();
    git(folder.path(), &["init", "--quiet"]);
    git(
        folder.path(),
        &[
            "commit",
            "--quiet",
            "--allow-empty",
            "--message",
            "the first step",
        ],
    );
    join_all(Agent::ALL.map(async |agent| {
        let mut session = agent.over_stdio(&kit::server_git(folder.path()));
        let log = session
            .call("git_log", json!({"repo_path": folder.path()}))
            .await;
        assert!(log.success().contains("the first step"), "{log:?}");
        session.end().await;
    }))
    .await;
}

#[tokio::test]
async fn clients_and_servers_meet_in_the_newest_era_that_both_speak() {
    let folder = TempDir::new().unwrap();
    let ledger = Ledger::within(folder.path());
    let over_http = ledger.http_server().await;
    join_all(Agent::ALL.map(async |agent| {
        let newest = if agent.is_modern() { MODERN } else { LEGACY };
        for (mut session, expected) in [
            (agent.over_stdio(&ledger.server()), newest),
            (agent.over_http(over_http.url(), None), newest),
            (agent.over_stdio(&kit::server_everything()), LEGACY),
        ] {
            let about = session.about().await;
            assert_eq!(about.protocol.as_deref(), Some(expected), "{about:?}");
            session.end().await;
        }
    }))
    .await;
}

#[tokio::test]
async fn the_ledger_counts_each_call_it_executed_and_keeps_its_credential() {
    let folder = TempDir::new().unwrap();
    let ledger = Ledger::within(folder.path());
    let server = ledger.http_server().await;
    join_all(Agent::ALL.map(async |agent| {
        let payment = |nonce: String| json!({"nonce": nonce, "amount": 12.5, "currency": "EUR", "recipient": "bob"});
        let mut session = agent.over_stdio(&ledger.server());
        let paid = session.call("pay", payment(format!("{agent:?} stdio"))).await;
        assert_eq!(paid.success(), "paid 12.5 EUR to bob");
        session.end().await;
        let mut session = agent.over_http(server.url(), Some("secret"));
        session.call("pay", payment(format!("{agent:?} http"))).await.success();
        let incomplete = session.call("pay", json!({"nonce": "incomplete"})).await;
        assert_eq!(incomplete.fault().code, Some(-32602), "{incomplete:?}");
        session.end().await;
    }))
    .await;
    for agent in Agent::ALL {
        assert_eq!(ledger.count_nonce("pay", &format!("{agent:?} stdio")), 1);
        assert_eq!(ledger.count_nonce("pay", &format!("{agent:?} http")), 1);
    }
    let entries = ledger.entries();
    let with_credential = entries.iter().filter(|entry| entry.authorization.is_some());
    assert!(
        with_credential
            .clone()
            .all(|entry| entry.authorization.as_deref() == Some("Bearer secret"))
    );
    assert_eq!((with_credential.count(), ledger.count("pay")), (4, 8));
}

#[tokio::test]
async fn a_library_that_times_out_says_so_and_the_agent_repeats_the_call() {
    let folder = TempDir::new().unwrap();
    let ledger = Ledger::within(folder.path());
    join_all(Agent::ALL.map(async |agent| {
        let mut session = agent.over_stdio(&ledger.server());
        let slow = |nonce: &str| {
            let arguments = json!({"seconds": 20, "nonce": format!("{agent:?} {nonce}")});
            Step::call("slow", arguments).timing_out_after(Duration::from_secs(1))
        };
        let once = session.perform(slow("once")).await;
        assert_eq!(
            (once.fault().kind.as_str(), once.attempts),
            ("timeout", 1),
            "{once:?}"
        );
        let repeated = slow("repeated")
            .repeated_while_pending()
            .pausing_for(Duration::from_millis(500))
            .giving_up_after(Duration::from_secs(5));
        let repeated = session.perform(repeated).await;
        assert!((2..=4).contains(&repeated.attempts), "{repeated:?}");
        let nonce = format!("{agent:?} repeated");
        let attempts = repeated.attempts as usize;
        // What the server had not read when the agent gave up is executed when it reads it.
        let mut executed = 0;
        for _ in 0..100 {
            executed = ledger.count_nonce("slow", &nonce);
            if executed >= 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(
            (2..=attempts).contains(&executed),
            "{executed} executed of {repeated:?}"
        );
        session.end().await;
    }))
    .await;
}

#[tokio::test]
async fn an_agent_repeats_the_identical_call_while_it_is_told_that_approval_is_pending() {
    const PENDING: &str = "APPROVAL PENDING (ap_1). Call again in about 1 s.";
    join_all(Agent::ALL.map(async |agent| {
        let folder = TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let file = root.join("answer.txt");
        std::fs::write(&file, PENDING).unwrap();
        let mut session = agent.over_stdio(&kit::server_filesystem(&root));
        session.about().await;
        let read = Step::call("read_text_file", json!({"path": file}));
        let once = session.perform(read.clone()).await;
        assert_eq!((once.success(), once.attempts), (PENDING, 1), "{once:?}");
        let read = read.repeated_while_pending();
        let in_vain = read.clone().giving_up_after(Duration::from_secs(6));
        let in_vain = session.perform(in_vain).await;
        assert_eq!(in_vain.success(), PENDING);
        assert!(in_vain.attempts > 1, "{in_vain:?}");
        session.begin(&read).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        std::fs::write(&file, "granted").unwrap();
        assert_eq!(session.finish(&read).await.success(), "granted");
        session.end().await;
    }))
    .await;
}

#[tokio::test]
async fn an_agent_that_cannot_connect_says_so_and_goes_on() {
    join_all(Agent::ALL.map(async |agent| {
        let nobody = kit::Program::new(["false"]);
        let mut session = agent.over_stdio(&nobody);
        for _ in 0..2 {
            let answer = session.call("echo", json!({})).await;
            assert_eq!(answer.fault().kind, "connect", "{answer:?}");
        }
        session.end().await;
    }))
    .await;
}

/// What every client can do with `server-everything`.
async fn converse(session: &mut kit::Session) {
    let about = session.about().await;
    assert_eq!(
        about.server.as_deref(),
        Some("mcp-servers/everything"),
        "{about:?}"
    );
    let tools = session.list().await;
    assert!(tools.contains(&"echo".to_owned()), "{tools:?}");
    let echoed = session.call("echo", json!({"message": "hello"})).await;
    assert_eq!(echoed.success(), "Echo: hello");
    let weather = session
        .call("get-structured-content", json!({"location": "New York"}))
        .await;
    assert_eq!(
        weather.structured.get("conditions"),
        Some(&json!("Cloudy")),
        "{weather:?}"
    );
    let long = json!({"duration": 1, "steps": 4});
    let long = Step::call("trigger-long-running-operation", long);
    assert_eq!(session.perform(long.clone()).await.progress, 0);
    let watched = session.perform(long.with_progress()).await;
    assert!(watched.progress > 0, "{watched:?}");
    let unknown = session.call("no-such-tool", json!({})).await;
    assert!(unknown.refusal().contains("not found"), "{unknown:?}");
    let document = Step::resource("demo://resource/static/document/features.md");
    let document: Answer = session.perform(document).await;
    assert!(
        document.success().contains("Everything Server"),
        "{document:?}"
    );
    let prompt = session
        .perform(Step::prompt("simple-prompt", json!({})))
        .await;
    assert!(prompt.success().contains("simple prompt"), "{prompt:?}");
    let nothing = session.perform(Step::resource("demo://nothing")).await;
    assert_eq!(nothing.fault().kind, "rpc", "{nothing:?}");
}

fn git(repository: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .args([
            "-c",
            "user.name=tester",
            "-c",
            "user.email=tester@example.invalid",
        ])
        .args(arguments)
        .current_dir(repository)
        .status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "git {arguments:?}"
    );
}
