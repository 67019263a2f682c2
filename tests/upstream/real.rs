//! Links to real servers: the conformance fixture over HTTP in both eras, servers of the kit over pipes.

use countersign::mcp::dialect::{Era, meta};
use countersign::mcp::jsonrpc::Id;
use countersign::mcp::upstream::{Event, Incoming, Link, UpstreamSpec};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::fixture::Fixture;
use crate::{LONG, address, all, ask, kit, open, program, request};

async fn initialized(spec: &UpstreamSpec) -> (Link, mpsc::Receiver<Incoming>, Value) {
    let (link, incoming) = open(spec, Era::Legacy).await;
    let hello = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {"sampling": {}, "elicitation": {}},
        "clientInfo": {"name": "t", "version": "1"},
    });
    let result = ask(&link, "initialize", hello).await.unwrap().unwrap();
    link.notify("notifications/initialized", Map::new())
        .await
        .unwrap();
    (link, incoming, result)
}

fn modern(mut params: Value) -> Value {
    params["_meta"] = json!({
        meta::PROTOCOL_VERSION: "2026-07-28",
        meta::CLIENT_CAPABILITIES: {},
        meta::CLIENT_INFO: {"name": "t", "version": "1"},
        "progressToken": "p",
    });
    params
}

async fn call(link: &Link, name: &str, arguments: Value) -> Vec<Event> {
    let params = json!({"name": name, "arguments": arguments, "_meta": {"progressToken": 5}});
    all(link.send(request("tools/call", params)).await.unwrap()).await
}

fn result(events: &[Event]) -> &Value {
    match events.last() {
        Some(Event::Response {
            result: Ok(result), ..
        }) => result,
        other => panic!("no result: {other:?}"),
    }
}

#[tokio::test]
async fn the_fixture_is_spoken_to_in_the_legacy_era() {
    let fixture = Fixture::over_http();
    let (link, mut incoming, hello) = initialized(&address(&fixture.url)).await;
    assert_eq!(hello["protocolVersion"], "2025-11-25");
    let events = call(&link, "test_tool_with_progress", json!({})).await;
    let progress = events.iter().filter(|event| {
        matches!(event, Event::Notification(told) if told.params.get("progressToken") == Some(&json!(5)))
    });
    assert_eq!(progress.count(), 3, "{events:?}");
    let events = call(&link, "test_reconnection", json!({})).await;
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Resumable { .. }))
    );
    assert!(events.iter().any(|event| matches!(event, Event::Parted)));
    assert!(result(&events)["content"].is_array());
    call(&link, "test_tool_with_logging", json!({})).await;
    for _ in 0..3 {
        let told = tokio::time::timeout(LONG, incoming.recv()).await.unwrap();
        assert!(
            matches!(told, Some(Incoming::Notification(told)) if told.method == "notifications/message")
        );
    }
    let params = json!({"name": "test_sampling", "arguments": {"prompt": "hi"}});
    let mut exchange = link.send(request("tools/call", params)).await.unwrap();
    let mut was_asked = false;
    while let Some(event) = exchange.next().await {
        match event {
            Event::Request(asked) => {
                assert_eq!(asked.method, "sampling/createMessage");
                was_asked = true;
                let said = json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": "ho"}});
                link.respond(asked.id, Ok(said)).await.unwrap();
            }
            Event::Response { result, .. } => {
                assert!(result.unwrap().to_string().contains("ho"));
            }
            _ => {}
        }
    }
    assert!(was_asked);
    link.close().await;
}

#[tokio::test]
async fn the_fixture_is_spoken_to_in_the_modern_era() {
    let fixture = Fixture::over_http();
    let (link, _incoming) = open(&address(&fixture.url), Era::Modern).await;
    let found = ask(&link, "server/discover", modern(json!({})))
        .await
        .unwrap();
    assert!(found.unwrap()["supportedVersions"].is_array());
    let mut listen = request(
        "subscriptions/listen",
        modern(json!({"notifications": {"toolsListChanged": true}})),
    );
    listen.known_as = Id::from_value(&json!(77));
    let mut listening = link.send(listen).await.unwrap();
    for expected in [
        "notifications/subscriptions/acknowledged",
        "notifications/tools/list_changed",
    ] {
        let told = match listening.next().await {
            Some(Event::Notification(told)) => told,
            other => panic!("{other:?}"),
        };
        assert_eq!(told.method, expected);
        assert_eq!(told.params["_meta"][meta::SUBSCRIPTION_ID], json!(77));
        if expected.ends_with("acknowledged") {
            let params = modern(json!({"name": "test_trigger_tool_change", "arguments": {}}));
            ask(&link, "tools/call", params).await.unwrap().unwrap();
        }
    }
    let events = all(link.send(request("ping", modern(json!({})))).await.unwrap()).await;
    assert!(
        matches!(&events[..], [Event::Response { status: Some(404), result: Err(error) }] if error.code == -32_601),
        "{events:?}"
    );
}

fn of_kit(program: &kit::Program) -> UpstreamSpec {
    let (command, args) = program.words.split_first().unwrap();
    crate::program(
        command,
        &args.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

#[tokio::test]
async fn servers_of_the_kit_are_spoken_to_over_pipes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("note.txt"), "seven").unwrap();
    let path = folder.path().canonicalize().unwrap().join("note.txt");
    let (files, _incoming, _) = initialized(&of_kit(&kit::server_filesystem(folder.path()))).await;
    let events = call(&files, "read_text_file", json!({"path": path})).await;
    assert!(result(&events).to_string().contains("seven"));
    files.close().await;

    let (everything, _incoming, _) = initialized(&of_kit(&kit::server_everything())).await;
    let events = call(&everything, "echo", json!({"message": "9007199254740993"})).await;
    assert!(result(&events).to_string().contains("9007199254740993"));
    let events = call(
        &everything,
        "trigger-long-running-operation",
        json!({"duration": 1, "steps": 3}),
    )
    .await;
    let progress = events.iter().filter(|event| {
        matches!(event, Event::Notification(told) if told.params.get("progressToken") == Some(&json!(5)))
    });
    assert_eq!(progress.count(), 3, "{events:?}");
    everything.close().await;
}

#[tokio::test]
async fn a_server_of_the_kit_speaks_the_modern_era_over_pipes() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = kit::Ledger::within(folder.path());
    let (link, _incoming) = open(&of_kit(&ledger.server()), Era::Modern).await;
    ask(&link, "server/discover", modern(json!({})))
        .await
        .unwrap()
        .unwrap();
    let params = modern(json!({"name": "echo", "arguments": {"text": "x"}}));
    let answer = ask(&link, "tools/call", params).await.unwrap();
    assert!(answer.unwrap()["content"].is_array());
    assert_eq!(ledger.count("echo"), 1);
    link.close().await;
}

#[tokio::test]
async fn a_child_that_never_answers_is_left_in_bounded_time() {
    let (link, _incoming) = open(&program("sleep", &["600"]), Era::Legacy).await;
    tokio::time::timeout(LONG, link.close()).await.unwrap();
}
