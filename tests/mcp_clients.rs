//! The four real client libraries, with the guard between them and a server that counts its effects.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod guarded;
mod kit;

use std::time::Duration;

use countersign::guard::Resolution;
use futures_util::future::join_all;
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

/// Four clients, each with its library's own timeouts, none asking for progress: the TypeScript ones give
/// a request up after 60 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_approved_after_90_s_runs_once_with_every_client() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::within(folder.path());
    let manifest = MANIFEST.replace("hold: 2s", "hold: 45s");
    let upstream = stdio(&ledger.server().words);
    let guarded = Guarded::start(&manifest, &[("ledger", upstream)], false).await;
    let url = guarded.url(Some("ledger"));
    let pay = async |agent: Agent| {
        let mut session = agent.over_http(&url, Some(&guarded.key));
        let step = Step::call("pay", payment(500, &format!("{agent:?}"))).repeated_while_pending();
        let answer = session.perform(step).await;
        session.end().await;
        (agent, answer)
    };
    let approve = async {
        let held = guarded.open_approvals(Agent::ALL.len()).await;
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(ledger.count("pay"), 0);
        for approval in &held {
            guarded.approve(approval).await;
        }
    };
    let (answers, ()) = tokio::join!(join_all(Agent::ALL.map(pay)), approve);
    for (agent, answer) in answers {
        answer.success();
        assert!(answer.elapsed_ms >= 90_000, "{agent:?}: {answer:?}");
        assert_eq!(
            ledger.count_nonce("pay", &format!("{agent:?}")),
            1,
            "{agent:?}"
        );
    }
}

/// What a person refused and what nobody looked at are told apart.
#[tokio::test(flavor = "multi_thread")]
async fn denied_and_expired_are_different_texts_to_every_client() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::within(folder.path());
    let manifest = MANIFEST
        .replace("hold: 2s", "hold: 30s")
        .replace("any_of: [operators]", "any_of: [operators], decide_by: 20s");
    let upstream = stdio(&ledger.server().words);
    let guarded = Guarded::start(&manifest, &[("ledger", upstream)], false).await;
    let url = guarded.url(Some("ledger"));
    let pay = async |agent: Agent, nonce: String| {
        let mut session = agent.over_http(&url, Some(&guarded.key));
        let step = Step::call("pay", payment(500, &nonce)).repeated_while_pending();
        let answer = session.perform(step).await;
        session.end().await;
        answer.refusal().to_owned()
    };
    for agent in Agent::ALL {
        let (denied, ()) = tokio::join!(pay(agent, format!("{agent:?} denied")), async {
            let approval = guarded.open_approval().await;
            let message = Some("not today".to_owned());
            guarded
                .decide(&approval, Resolution::Deny { message })
                .await;
        });
        assert!(
            denied.starts_with("DENIED by approver"),
            "{agent:?}: {denied}"
        );
        assert!(denied.contains("not today"), "{agent:?}: {denied}");
    }
    let expired = Agent::ALL.map(async |agent| pay(agent, format!("{agent:?} expired")).await);
    for expired in join_all(expired).await {
        assert!(expired.starts_with("APPROVAL EXPIRED"), "{expired}");
    }
    assert_eq!(ledger.count("pay"), 0);
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
