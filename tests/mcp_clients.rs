//! The four real client libraries, with the guard between them and a server that counts its effects.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod guarded;
mod kit;

use std::time::Duration;

use guarded::{Guarded, http, stdio};
use kit::{Agent, Ledger, Step};
use serde_json::json;

/// Small payments are in scope; larger ones need a person; nothing else is.
const MANIFEST: &str = r#"
version: 1
agent: anybody
owner: tests
credentials: {api_key: true}
tools:
  - {tool: "ledger/balance", privilege: read}
  - tool: ledger/pay
    privilege: money
    arguments:
      properties:
        nonce: {type: string}
        amount: {type: number, maximum: 10}
        currency: {const: EUR}
        recipient: {type: string}
undeclared: deny
client: {hold: 2s, mrtr: auto}
pause_covers: call
approval: {default: {any_of: [operators]}}
"#;

fn payment(amount: u32, nonce: &str) -> serde_json::Value {
    json!({"amount": amount, "currency": "EUR", "recipient": "R. Smith", "nonce": nonce})
}

async fn drive(agent: Agent, over_http: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::within(folder.path());
    let behind = match over_http {
        true => Some(ledger.http_server().await),
        false => None,
    };
    let upstream = match &behind {
        Some(server) => http(server.url()),
        None => stdio(&ledger.server().words),
    };
    let guarded = Guarded::start(MANIFEST, &[("ledger", upstream)], false).await;
    let mut session = agent.over_http(&guarded.url(Some("ledger")), Some(&guarded.key));
    assert_eq!(session.list().await, ["pay", "balance"], "{agent:?}");

    let small = session.call("pay", payment(5, "small")).await;
    small.success();
    assert_eq!(ledger.count("pay"), 1);

    let outside = session.call("note", json!({"text": "x"})).await;
    assert!(
        outside.refusal().starts_with("DENIED by policy"),
        "{agent:?}: {outside:?}"
    );

    // A person decides when the client has long been told to come again.
    let step = Step::call("pay", payment(500, "large"))
        .repeated_while_pending()
        .pausing_for(Duration::from_secs(1));
    session.begin(&step).await;
    let approval = guarded.open_approval().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(ledger.count_nonce("pay", "large"), 0);
    guarded.approve(&approval).await;
    let large = session.finish(&step).await;
    large.success();
    assert_eq!(ledger.count_nonce("pay", "large"), 1, "{agent:?}");
    assert!(
        ledger
            .entries()
            .iter()
            .all(|entry| entry.authorization.is_none())
    );
    session.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_1_meets_the_guard() {
    drive(Agent::Ts1, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_2_meets_the_guard() {
    drive(Agent::Ts2, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_2_meets_the_guard() {
    drive(Agent::Py2, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_1_meets_the_guard() {
    drive(Agent::Py1, false).await;
}
