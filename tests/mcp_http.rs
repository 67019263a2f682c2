//! Agents over streamable HTTP, from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod guarded;
#[path = "conformance/process.rs"]
#[expect(dead_code, reason = "these tests need only the fixture over HTTP")]
mod process;

use std::time::Duration;

use countersign::guard::Resolution;
use guarded::server::{Server, tool};
use guarded::wire::Wire;
use guarded::{Guarded, PERMIT_ALL, http};
use process::Fixture;
use serde_json::json;

/// Reads are in scope, payments need a person, deleting is forbidden, `secret` is hidden.
const SOME: &str = r#"
version: 1
agent: anybody
owner: tests
credentials: {api_key: true}
tools:
  - {tool: "crm/read", privilege: read}
  - {tool: "crm/ask", privilege: read}
  - {tool: "crm/phish", privilege: read}
  - {tool: "crm/lure", privilege: read}
  - {tool: "crm/visit", privilege: read}
  - {tool: "crm/errand", privilege: read}
  - {tool: "crm/imitate", privilege: read}
  - {tool: "crm/sleep", privilege: read}
  - {tool: "crm/secret", privilege: read, hide: true}
  - {tool: "crm/limited", privilege: read, rate: {calls: 1, per: 1h, burst: 1}}
  - {tool: "crm/pay", privilege: money, arguments: {properties: {amount: {type: number, maximum: 10}}}}
forbid:
  - {tool: "*/delete"}
resources: [{uri: "file:///docs/**", privilege: read}]
methods: {allow: [elicitation/create]}
undeclared: deny
client: {hold: HOLD, mrtr: auto}
pause_covers: call
approval: {default: {any_of: [operators], decide_by: DECIDE, redeem_by: 5m}}
"#;

const TOOLS: &[&str] = &[
    "read", "ask", "phish", "lure", "visit", "errand", "imitate", "sleep", "secret", "limited",
    "pay", "delete", "other",
];

fn manifest(hold: &str) -> String {
    SOME.replace("HOLD", hold).replace("DECIDE", "15m")
}

async fn start(manifest: &str) -> (Server, Guarded, Wire) {
    let server = Server::start(TOOLS).await;
    let guarded = Guarded::start(manifest, &[("crm", http(&server.url))], false).await;
    let wire = Wire::new(&guarded.url(Some("crm")), &guarded.key);
    (server, guarded, wire)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_the_upstream_closed_goes_on_when_the_agent_comes_back() {
    let fixture = Fixture::over_http();
    let guarded = Guarded::start(PERMIT_ALL, &[("fixture", http(&fixture.url))], false).await;
    let wire = Wire::new(&guarded.url(Some("fixture")), &guarded.key)
        .begin("2025-11-25")
        .await;
    let broken = wire.call("test_reconnection", json!({})).await;
    assert!(broken.messages().is_empty(), "{broken:?}");
    let wire = wire.with("last-event-id", &broken.event_id());
    assert_eq!(wire.get().await.text(), "Answered after the reconnection.");
}

#[tokio::test]
async fn what_the_upstream_received_is_byte_equal_to_what_the_digest_covers() {
    let (server, guarded, wire) = start(PERMIT_ALL).await;
    let wire = wire.begin("2025-11-25").await;
    let body = r#"{"id":1,"params":{"arguments":{"z":1.0,"a":{"b":9007199254740993,"a":"é\u0041\/"}, "n":1E+2},"name":"read"},"jsonrpc":"2.0","method":"tools/call"}"#;
    assert_eq!(wire.post(body).await.text(), "read done");
    let heard = server.calls().remove(0).body;
    let expected = r#""params":{"name":"read","arguments":{"a":{"a":"éA/","b":9007199254740993},"n":1e+2,"z":1.0}}"#;
    assert!(heard.contains(expected), "{heard}");
    assert_eq!(guarded.decisions().await, ["crm/read: permit"]);
}

#[tokio::test]
async fn an_unnamed_meta_key_or_params_member_never_reaches_an_upstream() {
    let (server, _guarded, wire) = start(&manifest("1s")).await;
    let wire = wire.begin("2025-11-25").await;
    let params = json!({
        "name": "read", "arguments": {}, "dryRun": true, "inputResponses": {"x": {}},
        "_meta": {"progressToken": 1, "vendor/x": 1, "traceparent": "00-1", "dev.countersign/decision": 1},
    });
    assert_eq!(wire.ask("tools/call", params).await.status, 200);
    let heard = server.calls().remove(0).message();
    let params = heard["params"].as_object().unwrap();
    assert_eq!(
        params.keys().collect::<Vec<_>>(),
        ["name", "arguments", "_meta"]
    );
    let meta = params["_meta"].as_object().unwrap();
    assert_eq!(
        meta.keys().collect::<Vec<_>>(),
        ["progressToken", "traceparent"]
    );
    // The same holds for requests that are no calls.
    let came = wire
        .ask(
            "resources/list",
            json!({"cursor": "c", "x": 1, "_meta": {"y": 1}}),
        )
        .await;
    assert_eq!(came.status, 200);
    let heard = server.heard("resources/list").remove(0).message();
    assert_eq!(heard["params"], json!({"cursor": "c", "_meta": {}}));
}

#[tokio::test]
async fn an_agents_credential_never_goes_upstream() {
    let (server, guarded, wire) = start(&manifest("1s")).await;
    wire.begin("2025-11-25").await.call("read", json!({})).await;
    let heard = server.calls().remove(0);
    assert!(!heard.headers.contains_key("authorization"));
    assert!(!format!("{heard:?}").contains(&guarded.key));
}

#[tokio::test]
async fn each_refusal_is_told_in_text_that_the_model_sees() {
    let (server, guarded, wire) = start(&manifest("1s")).await;
    let wire = wire.begin("2025-11-25").await;
    for (tool, arguments, begins) in [
        ("other", json!({}), "DENIED by policy: No rule"),
        ("delete", json!({}), "DENIED by policy: The scope forbids"),
    ] {
        let came = wire.call(tool, arguments).await;
        assert_eq!(came.status, 200);
        let answer = came.answer();
        assert_eq!(answer["result"]["isError"], true);
        assert!(came.text().starts_with(begins), "{}", came.text());
        assert!(came.text().contains("Not executed."), "{}", came.text());
        let decision = &answer["result"]["_meta"]["dev.countersign/decision"];
        assert_eq!(decision["outcome"], "denied");
        assert!(came.text().contains(decision["call"].as_str().unwrap()));
    }
    assert_eq!(wire.call("limited", json!({})).await.text(), "limited done");
    let limited = wire.call("limited", json!({})).await;
    assert!(
        limited.text().starts_with("RATE LIMITED"),
        "{}",
        limited.text()
    );
    let decision = &limited.answer()["result"]["_meta"]["dev.countersign/decision"];
    assert!(
        decision["retryAfterMs"].as_u64().unwrap() > 1_000_000,
        "{decision}"
    );
    assert_eq!(server.calls().len(), 1);
    let decisions = guarded.decisions().await;
    assert_eq!(
        decisions,
        [
            "crm/other: deny",
            "crm/delete: deny",
            "crm/limited: permit",
            "crm/limited: deny"
        ]
    );
}

#[tokio::test]
async fn a_hidden_tool_answers_as_one_that_does_not_exist() {
    let (_server, _guarded, wire) = start(&manifest("1s")).await;
    let wire = wire.begin("2025-11-25").await;
    let hidden = wire.call("secret", json!({})).await.answer();
    assert_eq!(hidden["error"]["code"], -32_602);
    assert_eq!(hidden["error"]["message"], "Unknown tool: secret");
    let listed = wire.ask("tools/list", json!({})).await.answer();
    let names: Vec<_> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "read", "ask", "phish", "lure", "visit", "errand", "imitate", "sleep", "limited", "pay"
        ]
    );
}

#[tokio::test]
async fn other_methods_are_refused_with_codes_of_the_guards_own() {
    let (server, _guarded, wire) = start(&manifest("1s")).await;
    let wire = wire.begin("2025-11-25").await;
    let read = wire
        .ask("resources/read", json!({"uri": "file:///docs/a"}))
        .await
        .answer();
    assert_eq!(read["result"]["contents"][0]["text"], "read");
    let other = wire
        .ask("resources/read", json!({"uri": "file:///etc/passwd"}))
        .await
        .answer();
    assert_eq!(other["error"]["code"], -31_403);
    assert!(
        other["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("DENIED by policy")
    );
    for method in ["skills/run", "tasks/list", "completion/complete"] {
        let refused = wire.ask(method, json!({})).await.answer();
        let code = refused["error"]["code"].as_i64().unwrap();
        assert!([-32_601, -31_403].contains(&code), "{method}: {refused}");
        assert!(server.heard(method).is_empty());
    }
}

#[tokio::test]
async fn an_approved_call_runs_once_while_its_client_waits() {
    let (server, guarded, wire) = start(&manifest("30s")).await;
    let wire = wire.begin("2025-11-25").await;
    let params =
        json!({"name": "pay", "arguments": {"amount": 500}, "_meta": {"progressToken": "p"}});
    let (came, ()) = tokio::join!(wire.ask("tools/call", params), async {
        let approval = guarded.open_approval().await;
        assert!(server.calls().is_empty());
        guarded.approve(&approval).await;
    });
    assert_eq!(came.text(), "pay done");
    assert_eq!(server.calls().len(), 1);
    let messages = came.messages();
    assert_eq!(messages[0]["method"], "notifications/progress");
    assert_eq!(messages[0]["params"]["progressToken"], "p");
    let told = messages[0]["params"]["message"].as_str().unwrap();
    assert!(
        told.starts_with("waiting for human approval (ap_"),
        "{told}"
    );
    let decisions = guarded.decisions().await;
    let permits = decisions.iter().filter(|one| *one == "crm/pay: permit");
    assert_eq!(
        (permits.count(), decisions.last().unwrap().as_str()),
        (1, "crm/pay: permit")
    );
}

#[tokio::test]
async fn a_call_that_nobody_decided_in_time_is_pending_and_runs_when_it_is_repeated() {
    let (server, guarded, wire) = start(&manifest("1s")).await;
    let wire = wire.begin("2025-06-18").await;
    let pending = wire.call("pay", json!({"amount": 500})).await;
    let approval = guarded.open_approval().await;
    let text = pending.text();
    assert!(
        text.starts_with(&format!("APPROVAL PENDING ({})", approval.id)),
        "{text}"
    );
    assert!(
        text.contains(&approval.code) && text.contains("exactly the same arguments"),
        "{text}"
    );
    assert_eq!(pending.answer()["result"]["isError"], true);
    // The identical call waits on the same approval; another opens its own.
    wire.call("pay", json!({"amount": 500})).await;
    assert_eq!(guarded.guard.approvals(false).await.unwrap().len(), 1);
    guarded.approve(&approval).await;
    assert_eq!(
        wire.call("pay", json!({"amount": 500})).await.text(),
        "pay done"
    );
    assert_eq!(server.calls().len(), 1);
    let again = wire.call("pay", json!({"amount": 500})).await.text();
    assert!(again.starts_with("APPROVAL PENDING"), "{again}");
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn denied_and_expired_are_different_texts() {
    let short = SOME.replace("HOLD", "20s").replace("DECIDE", "2s");
    let (server, guarded, wire) = start(&short).await;
    let wire = wire.begin("2025-11-25").await;
    let (denied, ()) = tokio::join!(wire.call("pay", json!({"amount": 500})), async {
        let approval = guarded.open_approval().await;
        let message = Some("ask me tomorrow".to_owned());
        guarded
            .decide(&approval, Resolution::Deny { message })
            .await;
    });
    assert!(
        denied.text().starts_with("DENIED by approver"),
        "{}",
        denied.text()
    );
    assert!(
        denied.text().contains("ask me tomorrow"),
        "{}",
        denied.text()
    );
    let expired = wire.call("pay", json!({"amount": 600})).await;
    assert!(
        expired.text().starts_with("APPROVAL EXPIRED"),
        "{}",
        expired.text()
    );
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn a_modern_client_is_kept_waiting_in_rounds_and_the_call_runs_once() {
    let (server, guarded, wire) = start(&manifest("1s")).await;
    let meta = json!({"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}});
    let ask = |state: Option<String>| {
        let mut params = json!({"name": "pay", "arguments": {"amount": 500}, "_meta": meta});
        if let Some(state) = state {
            params["requestState"] = json!(state);
        }
        params
    };
    let first = wire.ask_modern("tools/call", ask(None)).await.answer();
    assert_eq!(first["result"]["resultType"], "input_required", "{first}");
    assert!(first["result"].get("inputRequests").is_none());
    let state = first["result"]["requestState"].as_str().unwrap().to_owned();
    let approval = guarded.open_approval().await;
    assert!(!state.contains(&approval.id.to_string()));
    let second = wire
        .ask_modern("tools/call", ask(Some(state.clone())))
        .await
        .answer();
    assert_eq!(second["result"]["resultType"], "input_required", "{second}");
    assert_eq!(guarded.guard.approvals(false).await.unwrap().len(), 1);
    // A state is for one call: with other arguments it is nobody's.
    let mut other = ask(Some(state.clone()));
    other["arguments"]["amount"] = json!(501);
    let other = wire.ask_modern("tools/call", other).await.answer();
    assert_eq!(other["error"]["code"], -32_602, "{other}");
    guarded.approve(&approval).await;
    let third = wire.ask_modern("tools/call", ask(Some(state))).await;
    assert_eq!(third.text(), "pay done");
    assert_eq!(server.calls().len(), 1);
    assert!(!server.calls()[0].body.contains("requestState"));
}

#[tokio::test]
async fn rounds_end_with_a_pending_result_before_clients_give_up() {
    let (_server, _guarded, wire) = start(&manifest("100ms")).await;
    let meta = json!({"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}});
    let mut params = json!({"name": "pay", "arguments": {"amount": 500}, "_meta": meta});
    let mut rounds = 0;
    let end = loop {
        let came = wire.ask_modern("tools/call", params.clone()).await;
        let answer = came.answer();
        if answer["result"]["resultType"] == "complete" {
            break came;
        }
        rounds += 1;
        params["requestState"] = answer["result"]["requestState"].clone();
    };
    assert_eq!(rounds, 9);
    assert!(end.text().starts_with("APPROVAL PENDING"), "{}", end.text());
}

#[tokio::test]
async fn a_client_that_knows_tasks_gets_one_and_its_first_question_after_the_approval_runs_it() {
    let (server, guarded, wire) = start(&manifest("1s")).await;
    let capabilities = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let meta = json!({"io.modelcontextprotocol/clientCapabilities": capabilities});
    let pay = |amount: u32| json!({"name": "pay", "arguments": {"amount": amount}, "_meta": meta});
    let created = wire.ask_modern("tools/call", pay(500)).await.answer();
    assert_eq!(created["result"]["resultType"], "task", "{created}");
    assert_eq!(created["result"]["status"], "working");
    let about = json!({"taskId": created["result"]["taskId"], "_meta": meta});
    let working = wire.ask_modern("tasks/get", about.clone()).await.answer();
    assert_eq!(working["result"]["status"], "working", "{working}");
    let approval = guarded.open_approval().await;
    guarded.approve(&approval).await;
    // Nothing runs while nobody asks.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(server.calls().is_empty());
    let done = wire.ask_modern("tasks/get", about.clone()).await.answer();
    assert_eq!(done["result"]["status"], "completed", "{done}");
    assert_eq!(done["result"]["result"]["content"][0]["text"], "pay done");
    let again = wire.ask_modern("tasks/get", about.clone()).await.answer();
    assert_eq!(again["result"]["result"], done["result"]["result"]);
    assert_eq!(server.calls().len(), 1);
    // Another principal does not know it.
    let (_, other) = guarded
        .guard
        .add_agent_key("test", &guarded.agent(), None)
        .await
        .unwrap();
    let other = Wire::new(&guarded.url(Some("crm")), &other);
    let unknown = other.ask_modern("tasks/get", about).await.answer();
    assert_eq!(unknown["error"]["code"], -32_602, "{unknown}");

    let refused = wire.ask_modern("tools/call", pay(600)).await.answer();
    let about = json!({"taskId": refused["result"]["taskId"], "_meta": meta});
    let approval = guarded.open_approval().await;
    guarded
        .decide(&approval, Resolution::Deny { message: None })
        .await;
    let denied = wire.ask_modern("tasks/get", about).await.answer();
    assert_eq!(denied["result"]["status"], "completed", "{denied}");
    let text = denied["result"]["result"]["content"][0]["text"]
        .as_str()
        .unwrap();
    assert!(text.starts_with("DENIED by approver"), "{text}");

    let withdrawn = wire.ask_modern("tools/call", pay(700)).await.answer();
    let about = json!({"taskId": withdrawn["result"]["taskId"], "_meta": meta});
    let ended = wire
        .ask_modern("tasks/cancel", about.clone())
        .await
        .answer();
    assert_eq!(ended["result"], json!({"resultType": "complete"}));
    let cancelled = wire.ask_modern("tasks/get", about).await.answer();
    assert_eq!(cancelled["result"]["status"], "cancelled", "{cancelled}");
    assert!(guarded.guard.approvals(false).await.unwrap().is_empty());
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstreams_question_reaches_the_agent_only_where_the_scope_says_so() {
    let fixture = Fixture::over_http();
    let upstreams = [("fixture", http(&fixture.url))];
    let guarded = Guarded::start(PERMIT_ALL, &upstreams, false).await;
    let wire = Wire::new(&guarded.url(Some("fixture")), &guarded.key);
    let wire = wire.begin("2025-11-25").await;
    let form = json!({"action": "accept", "content": {"username": "ada", "email": "a@b.example"}});
    let (question, answer) = wire.call_answering("test_elicitation", form).await;
    assert_eq!(question["method"], "elicitation/create");
    assert!(
        question["id"].as_str().unwrap().starts_with("guard-"),
        "{question}"
    );
    assert_eq!(question["params"]["message"], "[fixture] Who are you?");
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("accept") && text.contains("ada"), "{text}");
    // The answer is an argument like any other.
    assert_eq!(
        guarded.decisions().await,
        [
            "fixture/test_elicitation: permit",
            "fixture/elicitation/create: permit"
        ]
    );

    let closed = PERMIT_ALL.replace(r#"methods: {allow: ["*"]}"#, "methods: {allow: [ping]}");
    let guarded = Guarded::start(&closed, &upstreams, false).await;
    let wire = Wire::new(&guarded.url(Some("fixture")), &guarded.key);
    let wire = wire.begin("2025-11-25").await;
    let (question, answer) = wire.call_answering("test_elicitation", json!({})).await;
    assert!(question.is_null(), "{question}");
    let refused = answer["error"]["message"].as_str().unwrap();
    assert!(refused.contains("the scope does not pass"), "{refused}");
}

#[tokio::test]
async fn a_missing_proof_is_told_in_text_or_by_status_where_the_client_can_use_it() {
    let strict = manifest("1s").replace(
        r#"{tool: "crm/read", privilege: read}"#,
        r#"{tool: "crm/read", privilege: read, assurance: 2}"#,
    );
    let (server, _guarded, wire) = start(&strict).await;
    let wire = wire.begin("2025-11-25").await;
    let told = wire.call("read", json!({})).await;
    assert_eq!(told.status, 200);
    assert!(told.text().starts_with("STEP-UP NEEDED"), "{}", told.text());
    let (_, _guarded, wire) = start(&strict.replace("mrtr: auto", "mrtr: auto, oauth: true")).await;
    let wire = wire.begin("2025-11-25").await;
    let challenged = wire.call("read", json!({})).await;
    assert_eq!(challenged.status, 401, "{challenged:?}");
    let challenge = challenged.headers["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.contains("insufficient_user_authentication"),
        "{challenge}"
    );
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn a_revoked_agents_held_call_ends_and_nothing_reaches_the_upstream() {
    let (server, guarded, wire) = start(&manifest("30s")).await;
    let wire = wire.begin("2025-11-25").await;
    let (came, ()) = tokio::join!(wire.call("pay", json!({"amount": 500})), async {
        guarded.open_approval().await;
        guarded.revoke().await;
    });
    assert!(
        came.text().starts_with("SESSION REVOKED"),
        "{}",
        came.text()
    );
    assert!(server.calls().is_empty());
    assert_eq!(wire.call("read", json!({})).await.status, 401);
}

#[tokio::test]
async fn a_guard_that_stops_ends_its_streams_and_answers_what_it_holds() {
    let (server, guarded, wire) = start(&manifest("30s")).await;
    let wire = wire.begin("2025-11-25").await;
    let (came, standing, ()) = tokio::join!(
        wire.call("pay", json!({"amount": 500})),
        wire.get(),
        async {
            guarded.open_approval().await;
            guarded.guard.stop().await.unwrap();
        }
    );
    assert!(
        came.text().starts_with("GUARD UNAVAILABLE"),
        "{}",
        came.text()
    );
    assert_eq!(standing.status, 200);
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn a_client_that_left_never_runs_its_call() {
    let (server, guarded, wire) = start(&manifest("30s")).await;
    let params = json!({"name": "pay", "arguments": {"amount": 500}});
    wire.leave(params).await;
    let approval = guarded.open_approval().await;
    guarded.approve(&approval).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(server.calls().is_empty());
    // The grant stays for the identical call.
    let params = json!({"name": "pay", "arguments": {"amount": 500}});
    assert_eq!(
        wire.ask_modern("tools/call", params).await.text(),
        "pay done"
    );
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn an_upstreams_state_is_sealed_and_its_answers_are_held_to_what_was_asked() {
    let (server, _guarded, wire) = start(&manifest("1s")).await;
    let first = wire
        .ask_modern("tools/call", json!({"name": "ask", "arguments": {}}))
        .await
        .answer();
    let question = &first["result"]["inputRequests"]["color"]["params"];
    assert_eq!(question["message"], "[crm] Which color?");
    let state = first["result"]["requestState"].as_str().unwrap();
    assert!(!state.contains("own state"));
    let color = json!({"action": "accept", "content": {"color": "red"}});
    let params = json!({
        "name": "ask", "arguments": {}, "requestState": state,
        "inputResponses": {"color": color, "unasked": {"action": "accept"}},
    });
    let second = wire.ask_modern("tools/call", params.clone()).await;
    assert!(
        second.text().contains("the server's own state"),
        "{}",
        second.text()
    );
    assert!(second.text().contains("red") && !second.text().contains("unasked"));
    let replayed = wire.ask_modern("tools/call", params).await.answer();
    assert_eq!(replayed["error"]["code"], -32_602);
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn a_server_sends_people_to_listed_hosts_only_and_says_who_it_is() {
    let visit = json!({"name": "visit", "arguments": {}});
    let (_server, _guarded, wire) = start(&manifest("1s")).await;
    let refused = wire.ask_modern("tools/call", visit.clone()).await;
    assert!(
        refused.text().contains("DENIED by policy"),
        "{}",
        refused.text()
    );

    let listed = format!(
        "{}elicitation: {{hosts: [login.example]}}\n",
        manifest("1s")
    );
    let (_server, _guarded, wire) = start(&listed).await;
    let asked = wire.ask_modern("tools/call", visit).await.answer();
    let params = &asked["result"]["inputRequests"]["u"]["params"];
    assert_eq!(params["url"], "https://login.example/sign?x=1", "{asked}");
    let message = params["message"].as_str().unwrap();
    assert!(
        message.starts_with("[crm] [from the tool's server] APPROVAL"),
        "{message}"
    );
    assert!(
        params.get("more").is_none() && params["elicitationId"] != "theirs",
        "{params}"
    );
    // The host of another address is not listed with it.
    let lured = json!({"name": "lure", "arguments": {}});
    let lured = wire.ask_modern("tools/call", lured).await;
    assert!(
        lured.text().starts_with("DENIED by policy"),
        "{}",
        lured.text()
    );
}

/// `ask` stands above `read`.
fn asking(hold: &str, more: &str) -> String {
    let asks = r#"{tool: "crm/ask", privilege: read}"#;
    let rule = format!(r#"{{tool: "crm/ask", privilege: write{more}}}"#);
    manifest(hold).replace(asks, &rule)
}

/// The second round of `ask`: an answer to its question.
async fn second_round(wire: &Wire, meta: &serde_json::Value) -> serde_json::Value {
    let first = json!({"name": "ask", "arguments": {}, "_meta": meta});
    let first = wire.ask_modern("tools/call", first).await.answer();
    let color = json!({"action": "accept", "content": {"color": "red"}});
    json!({
        "name": "ask", "arguments": {}, "_meta": meta,
        "requestState": first["result"]["requestState"], "inputResponses": {"color": color},
    })
}

#[tokio::test]
async fn an_answer_that_goes_on_with_a_call_above_read_waits_for_a_person() {
    let (server, guarded, wire) = start(&asking("300ms", "")).await;
    let leg = second_round(&wire, &json!({})).await;
    let held = wire.ask_modern("tools/call", leg.clone()).await;
    assert!(
        held.text().starts_with("APPROVAL PENDING"),
        "{}",
        held.text()
    );
    let approval = guarded.open_approval().await;
    assert!(approval.reasons[0].1.contains("an answer"), "{approval:?}");
    assert!(String::from_utf8_lossy(&approval.extras).contains("red"));
    assert_eq!(server.calls().len(), 1);
    guarded.approve(&approval).await;
    // Exactly the same round, and no other answer in its place.
    let mut other = leg.clone();
    other["inputResponses"]["color"]["content"]["color"] = json!("blue");
    let other = wire.ask_modern("tools/call", other).await;
    assert!(
        other.text().starts_with("APPROVAL PENDING"),
        "{}",
        other.text()
    );
    let done = wire.ask_modern("tools/call", leg.clone()).await;
    assert!(
        done.text().contains("own state") && done.text().contains("red"),
        "{}",
        done.text()
    );
    let replayed = wire.ask_modern("tools/call", leg).await.answer();
    assert_eq!(replayed["error"]["code"], -32_602, "{replayed}");
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn a_client_that_comes_again_need_not_repeat_the_answer_that_waits() {
    let (server, guarded, wire) = start(&asking("300ms", "")).await;
    let meta = json!({"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}});
    let leg = second_round(&wire, &meta).await;
    let waits = wire.ask_modern("tools/call", leg).await.answer();
    assert_eq!(waits["result"]["resultType"], "input_required", "{waits}");
    let waiting = guarded.open_approval().await;
    guarded.approve(&waiting).await;
    let again = json!({
        "name": "ask", "arguments": {}, "_meta": meta,
        "requestState": waits["result"]["requestState"],
    });
    let done = wire.ask_modern("tools/call", again.clone()).await;
    assert!(
        done.text().contains("own state") && done.text().contains("red"),
        "{}",
        done.text()
    );
    let replayed = wire.ask_modern("tools/call", again).await;
    assert!(
        !replayed.text().contains("own state"),
        "{}",
        replayed.text()
    );
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn answers_pass_where_the_manifest_allows_them() {
    let (server, guarded, wire) = start(&asking("300ms", ", followups: allow")).await;
    let leg = second_round(&wire, &json!({})).await;
    let done = wire.ask_modern("tools/call", leg).await;
    assert!(done.text().contains("red"), "{}", done.text());
    assert!(guarded.guard.approvals(false).await.unwrap().is_empty());
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_server_of_the_older_revision_waits_for_a_person_while_the_server_does() {
    let fixture = Fixture::over_http();
    let upstreams = [("fixture", http(&fixture.url))];
    let writes = PERMIT_ALL.replace(
        "privilege: read}\nresources",
        "privilege: write}\nresources",
    );
    let approvers =
        "approval: {default: {any_of: [operators]}}\npause_covers: call\nclient: {hold: 5s}\n";
    let manifest = format!("{writes}{approvers}");
    let guarded = Guarded::start(&manifest, &upstreams, false).await;
    let wire = Wire::new(&guarded.url(Some("fixture")), &guarded.key);
    let wire = wire.begin("2025-11-25").await;
    let form = json!({"action": "accept", "content": {"username": "ada", "email": "a@b.example"}});
    let deciding = async {
        let waiting = guarded.open_approval().await;
        guarded.approve(&waiting).await;
    };
    let (asked, ()) = tokio::join!(
        wire.call_answering("test_elicitation", form.clone()),
        deciding
    );
    let text = asked.1["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("accept") && text.contains("ada"), "{text}");
    let allowed = manifest.replace("write}", "write, followups: allow}");
    let guarded = Guarded::start(&allowed, &upstreams, false).await;
    let wire = Wire::new(&guarded.url(Some("fixture")), &guarded.key);
    let wire = wire.begin("2025-11-25").await;
    let (_, answer) = wire.call_answering("test_elicitation", form).await;
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("ada"), "{text}");
}

#[tokio::test]
async fn an_upstream_cannot_emit_guard_meta_ids_or_urls() {
    let (_server, _guarded, wire) = start(&manifest("1s")).await;
    for lure in ["phish", "lure"] {
        let asked = wire
            .ask_modern("tools/call", json!({"name": lure, "arguments": {}}))
            .await;
        let text = asked.text();
        assert!(text.starts_with("DENIED by policy"), "{lure}: {text}");
    }
    let imitated = wire
        .ask_modern("tools/call", json!({"name": "imitate", "arguments": {}}))
        .await;
    assert!(
        imitated
            .text()
            .starts_with("[from the tool's server] APPROVAL"),
        "{}",
        imitated.text()
    );
    assert_eq!(imitated.answer()["result"]["_meta"], json!({"own": 1}));
}

#[tokio::test]
async fn headers_of_a_modern_request_must_repeat_its_body() {
    let (server, _guarded, wire) = start(&manifest("1s")).await;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": "read", "arguments": {}, "_meta": meta});
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let wire = wire
        .with("mcp-protocol-version", "2026-07-28")
        .with("mcp-method", "tools/call");
    let bare = wire.post(&body).await;
    assert_eq!(
        (bare.status, &bare.answer()["error"]["code"]),
        (400, &json!(-32_020))
    );
    let wire = wire.with("mcp-name", "pay");
    let other = wire.post(&body).await;
    assert_eq!(
        (other.status, &other.answer()["error"]["code"]),
        (400, &json!(-32_020))
    );
    let wire = wire.with("mcp-name", "read");
    assert_eq!(wire.post(&body).await.text(), "read done");
    let later = wire.with("mcp-protocol-version", "2030-01-01");
    let came = later.post(&body.replace("2026-07-28", "2030-01-01")).await;
    assert_eq!(
        (came.status, &came.answer()["error"]["code"]),
        (400, &json!(-32_022))
    );
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn nobody_comes_in_without_a_key_from_a_foreign_page_or_for_another_host() {
    let (server, guarded, wire) = start(&manifest("1s")).await;
    let url = guarded.url(Some("crm"));
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#;
    for wire in [
        Wire::new(&url, "csk_wrong"),
        Wire::new(&url, "x").without("authorization"),
    ] {
        let came = wire.post(body).await;
        assert_eq!(came.status, 401);
        assert_eq!(came.headers["www-authenticate"], "Bearer");
        assert_eq!(wire.get().await.status, 401);
        assert_eq!(wire.delete().await.status, 401);
    }
    let foreign = Wire::new(&url, &guarded.key).with("origin", "https://evil.example");
    assert_eq!(foreign.post(body).await.status, 403);
    assert_eq!(foreign.get().await.status, 403);
    let rebound = Wire::new(&url, &guarded.key).with("host", "evil.example");
    assert_eq!(rebound.post(body).await.status, 403);
    assert!(server.heard("initialize").is_empty());
    let unknown = Wire::new(&guarded.url(Some("nobody")), &guarded.key);
    assert_eq!(unknown.post(body).await.status, 404);
    drop(wire);
}

#[tokio::test]
async fn a_session_is_known_only_to_the_principal_that_began_it() {
    let (_server, guarded, wire) = start(&manifest("1s")).await;
    let wire = wire.begin("2025-11-25").await;
    let (_, other) = guarded
        .guard
        .add_agent_key("test", &guarded.agent(), None)
        .await
        .unwrap();
    let thief = wire.with("authorization", &format!("Bearer {other}"));
    assert_eq!(thief.call("read", json!({})).await.status, 404);
    assert_eq!(thief.get().await.status, 404);
    assert_eq!(thief.delete().await.status, 404);
    let wire = thief.with("authorization", &format!("Bearer {}", guarded.key));
    assert_eq!(wire.call("read", json!({})).await.text(), "read done");
    assert_eq!(wire.delete().await.status, 204);
    assert_eq!(wire.call("read", json!({})).await.status, 404);
}

#[tokio::test]
async fn malformed_messages_are_refused_with_a_reason_and_recorded() {
    let (server, guarded, wire) = start(&manifest("1s")).await;
    let wire = wire.begin("2025-11-25").await;
    for (body, code) in [
        ("{", -32_700),
        ("[]", -32_600),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","name":"pay"}}"#,
            -32_600,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"Name":"read"}}"#,
            -32_600,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":{"a":NaN}}}"#,
            -32_700,
        ),
    ] {
        let came = wire.post(body).await;
        assert_eq!(
            (came.status, &came.answer()["error"]["code"]),
            (400, &json!(code)),
            "{body}"
        );
    }
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"read","arguments":{}{}}}}}"#,
        r#"{"a":"#.repeat(80) + "1",
        "}".repeat(80)
    );
    assert_eq!(wire.post(&deep).await.status, 400);
    let large = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{}"}}"#,
        "x".repeat(5 << 20)
    );
    assert_eq!(wire.post(&large).await.status, 413);
    assert!(server.calls().is_empty());
    let entries = guarded.guard.entries(0, 1_000).await.unwrap();
    let refusals = entries
        .iter()
        .filter(|stored| String::from_utf8_lossy(&stored.body).contains("request-malformed"));
    assert_eq!(refusals.count(), 7);
}

#[tokio::test]
async fn the_joined_endpoint_names_each_tool_with_its_server() {
    let (one, two) = (Server::start(TOOLS).await, Server::start(TOOLS).await);
    let upstreams = [("crm", http(&one.url)), ("erp", http(&two.url))];
    let guarded = Guarded::start(&manifest("1s"), &upstreams, false).await;
    let wire = Wire::new(&guarded.url(None), &guarded.key);
    let modern = wire
        .ask_modern("tools/call", json!({"name": "crm__read", "arguments": {}}))
        .await;
    assert_eq!(modern.text(), "read done");
    let wire = wire.begin("2025-11-25").await;
    let listed = wire.ask("tools/list", json!({})).await.answer();
    let names = listed["result"]["tools"].as_array().unwrap();
    assert!(
        names
            .iter()
            .all(|tool| tool["name"].as_str().unwrap().starts_with("crm__")),
        "{names:?}"
    );
    assert_eq!(wire.call("crm__read", json!({})).await.text(), "read done");
    let other = wire.call("erp__read", json!({})).await.text();
    assert!(other.starts_with("DENIED by policy"), "{other}");
    for name in ["read", "crm__", "nobody__read", "__read", "crm_read"] {
        let unknown = wire.call(name, json!({})).await.answer();
        assert_eq!(unknown["error"]["code"], -32_602, "{name}: {unknown}");
    }
    assert_eq!((one.calls().len(), two.calls().len()), (2, 0));
}

#[tokio::test]
async fn a_tool_that_changed_is_judged_anew_and_one_that_went_is_unknown() {
    let (server, guarded, wire) = start(&manifest("1s")).await;
    let wire = wire.begin("2025-11-25").await;
    wire.call("pay", json!({"amount": 500})).await;
    let approval = guarded.open_approval().await;
    server.present(vec![tool("pay", "does something else now")]);
    // A tool the guard never listed makes it look again.
    let unknown = wire.call("brand_new", json!({})).await.answer();
    assert_eq!(unknown["result"]["isError"], true, "{unknown}");
    let after = guarded.guard.approval(approval.id).await.unwrap().unwrap();
    assert_ne!(
        format!("{:?}", after.state),
        format!("{:?}", approval.state)
    );
    let gone = wire.call("read", json!({})).await.answer();
    assert_eq!(gone["error"]["message"], "Unknown tool: read");
}

#[tokio::test]
async fn an_upstream_that_is_down_fails_that_call_only_and_is_recorded_as_not_sent() {
    let (_server, guarded, wire) = start(&manifest("1s")).await;
    let dead = Guarded::start(
        &manifest("1s"),
        &[("crm", http("http://127.0.0.1:9/mcp"))],
        false,
    )
    .await;
    let gone = Wire::new(&dead.url(Some("crm")), &dead.key);
    let came = gone
        .ask_modern("tools/call", json!({"name": "read", "arguments": {}}))
        .await;
    assert!(
        came.text().starts_with("UPSTREAM FAILED"),
        "{}",
        came.text()
    );
    assert_eq!(
        wire.begin("2025-11-25")
            .await
            .call("read", json!({}))
            .await
            .text(),
        "read done"
    );
    drop(guarded);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_of_itself_and_offers_is_shown_only_while_it_is_accepted() {
    let fixture = Fixture::over_http();
    let guarded = Guarded::start(PERMIT_ALL, &[("fixture", http(&fixture.url))], false).await;
    let fresh = || Wire::new(&guarded.url(Some("fixture")), &guarded.key);
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "wire", "version": "1"},
    });
    let told = fresh().ask("initialize", hello.clone()).await.answer();
    assert_eq!(
        told["result"]["instructions"],
        "Answers the conformance suite."
    );
    let wire = fresh().begin("2025-11-25").await;
    let lists = [
        ("prompts/list", "prompts"),
        ("resources/templates/list", "resourceTemplates"),
    ];
    let counts = async || {
        let mut counts = Vec::new();
        for (method, list) in lists {
            let listed = wire.ask(method, json!({})).await.answer();
            counts.push(listed["result"][list].as_array().unwrap().len());
        }
        counts
    };
    let before = counts().await;
    assert!(before.iter().all(|count| *count > 0), "{before:?}");
    let get = || wire.ask("prompts/get", json!({"name": "test_simple_prompt"}));
    assert!(get().await.answer().get("result").is_some());

    let olga = countersign::model::name::OperatorName::parse("olga").unwrap();
    for view in guarded.guard.pins() {
        use countersign::model::pin::PinKind::{Instructions, Prompt, Template};
        if matches!(view.pin.key.kind, Instructions | Prompt | Template) {
            guarded
                .guard
                .refuse_pin(&olga, &view.pin.key)
                .await
                .unwrap();
        }
    }
    assert_eq!(counts().await, [0, 0]);
    let refused = get().await.body;
    assert!(refused.contains("tool-refused"), "{refused}");
    let told = fresh().ask("initialize", hello).await.answer();
    assert!(told["result"].get("instructions").is_none(), "{told}");
    assert!(told["result"].get("serverInfo").is_some(), "{told}");
}
