//! Webhooks, verified by the library of Standard Webhooks and by libsodium.

use std::time::Duration;

use serde_json::Value;

use super::house::{text, until};
use super::receivers::{Receiver, SECRET};
use super::stage::{configure, deny, hold, house, recorded, restart};

fn body(message: &Value) -> Value {
    serde_json::from_str(message["body"].as_str().unwrap()).unwrap()
}

#[test]
fn a_message_carries_both_signatures_and_is_sent_once_across_a_restart() {
    let receiver = Receiver::of_webhooks();
    let house = house(&format!(
        "- {{name: ops, webhook: {{url: 'http://127.0.0.1:{}/hook', secret: {{file: secret}}, allow_private: true}}}}\n",
        receiver.port()
    ));
    house.write("secret", SECRET);
    let (key, _) = house.ends(0, &["notify", "key"]);
    assert!(key.starts_with("whpk_"), "{key}");
    receiver.write("key", &key);
    let agent = house.key();
    let serving = house.serve();
    let held = hold(&house, &agent, 1200);
    let message = receiver.receives(1).remove(0);
    for (what, holds) in [
        ("v1", true),
        ("v1a", true),
        ("other_v1", false),
        ("other_v1a", false),
    ] {
        assert_eq!(message[what], holds, "{what}: {message:#}");
    }
    let headers = &message["headers"];
    assert_eq!(headers["content-type"], "application/json");
    assert!(headers["webhook-id"].as_str().unwrap().starts_with("msg_"));
    let told = body(&message);
    assert_eq!(told["type"], "approval.waiting");
    let request = &told["data"]["requests"][0];
    assert_eq!(request["approval"], held["approval_id"]);
    assert_eq!(request["code"], held["code"]);
    assert_eq!(request["tier"], "critical");
    let link = format!(
        "https://guard.example/requests/{}",
        held["approval_id"].as_str().unwrap()
    );
    assert_eq!(request["url"], link);

    recorded(&house, "ops", "sent");
    let served = house.json(&["notify", "ls"]);
    assert_eq!(served["public_key"], key.trim());
    assert_eq!(served["channels"][0]["counts"]["sent"], 1);
    let serving = restart(&house, serving);
    deny(&house, &held);
    hold(&house, &agent, 1300);
    let messages = receiver.receives(2);
    let told = body(&messages[1]);
    assert_ne!(told["data"]["requests"][0]["approval"], held["approval_id"]);
    assert_eq!(messages.len(), 2);
    assert_eq!(serving.stop(), Some(0));
    house.ends(0, &["audit", "verify"]);
}

#[test]
fn a_test_says_what_the_receiver_answered_and_needs_no_guard() {
    let receiver = Receiver::of_webhooks();
    let house = house(&format!(
        "- {{name: ops, webhook: {{url: 'http://127.0.0.1:{}/hook', secret: {{file: secret}}, allow_private: true}}}}\n",
        receiver.port()
    ));
    let (_, err) = house.ends(2, &["notify", "test", "ops"]);
    assert!(
        err.contains("countersign.yaml:8:") && err.contains("secret"),
        "{err}"
    );
    house.write("secret", "hunter2");
    let (_, err) = house.ends(2, &["notify", "test", "ops"]);
    assert!(err.contains("whsec_") && !err.contains("hunter2"), "{err}");
    house.write("secret", SECRET);
    receiver.write("key", &house.ends(0, &["notify", "key"]).0);
    let (out, _) = house.ends(0, &["notify", "test", "ops"]);
    assert!(
        out.contains("ops: taken; the receiver said: HTTP 200 got it"),
        "{out}"
    );
    let message = receiver.receives(1).remove(0);
    assert_eq!(
        (&message["v1"], &message["v1a"]),
        (&true.into(), &true.into())
    );
    assert_eq!(body(&message)["type"], "approval.test");

    // A redirect is an answer, and nobody follows it.
    receiver.write("answers", "302\n500\n410\n");
    let (_, err) = house.ends(1, &["notify", "test", "ops"]);
    assert!(
        err.contains("HTTP status 302") && err.contains("got it"),
        "{err}"
    );
    let tested = house.run(&["notify", "test", "ops", "--json"]);
    assert_eq!(tested.status.code(), Some(1));
    let tested: Value = serde_json::from_str(&text(&tested.stdout)).unwrap();
    assert_eq!(tested["taken"], false);
    assert_eq!(
        tested["answer"],
        "the receiver answered with HTTP status 500"
    );
    let (_, err) = house.ends(1, &["notify", "test", "ops"]);
    assert!(err.contains("gone"), "{err}");
    assert_eq!(receiver.received().len(), 4);
    house.ends(3, &["notify", "test", "nobody"]);
}

#[test]
fn a_receiver_that_is_gone_is_told_by_the_doctor_and_switched_on_by_an_operator() {
    let receiver = Receiver::of_webhooks();
    let house = house(&format!(
        "- {{name: ops, webhook: {{url: 'http://127.0.0.1:{}/hook', secret: {{file: secret}}, allow_private: true}}}}\n",
        receiver.port()
    ));
    house.write("secret", SECRET);
    let healthy = house.json(&["doctor"]);
    let off = healthy["switched_off"].to_string();
    assert!(off.contains("allow_private: channel ops"), "{off}");
    receiver.write("answers", "410\n");
    let agent = house.key();
    let serving = house.serve();
    let held = hold(&house, &agent, 1200);
    receiver.receives(1);
    recorded(&house, "ops", "disabled");
    let (out, _) = house.ends(1, &["doctor"]);
    assert!(out.contains("channel ops is switched off since"), "{out}");
    let (out, _) = house.ends(0, &["notify", "ls"]);
    assert!(out.contains("off since"), "{out}");
    let serving = restart(&house, serving);
    let (out, _) = house.ends(0, &["notify", "ls"]);
    assert!(out.contains("off since"), "{out}");

    house.ends(0, &["notify", "enable", "ops"]);
    let told = body(&receiver.receives(2)[1]);
    assert_eq!(told["data"]["requests"][0]["approval"], held["approval_id"]);
    house.ends(0, &["doctor"]);
    house.ends(3, &["notify", "enable", "nobody"]);
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn a_chat_gets_words_and_a_link_and_no_button() {
    let receiver = Receiver::of_webhooks();
    let house = house(
        "- {name: chat, webhook: {url: {file: address}, allow_private: true}, shape: slack}\n",
    );
    // The address of a chat is a secret itself.
    let address = format!("http://127.0.0.1:{}/services/T0/B0/secret", receiver.port());
    house.write("address", &address);
    receiver.write("key", &house.ends(0, &["notify", "key"]).0);
    let agent = house.key();
    let serving = house.serve();
    let held = hold(&house, &agent, 1200);
    let message = receiver.receives(1).remove(0);
    assert_eq!(message["path"], "/services/T0/B0/secret");
    assert_eq!(
        (&message["v1"], &message["v1a"]),
        (&false.into(), &true.into())
    );
    let told = body(&message);
    let id = held["approval_id"].as_str().unwrap();
    let sentence = "clerk wants to call till/pay (money) with amount 1200";
    let link = format!("https://guard.example/requests/{id}");
    assert_eq!(
        told["text"],
        format!("1 request waits for a decision (critical): {sentence} {link}")
    );
    let blocks = told["blocks"].as_array().unwrap();
    let kinds: Vec<&str> = blocks
        .iter()
        .map(|one| one["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["header", "section", "context", "section"]);
    assert_eq!(blocks[1]["text"]["type"], "plain_text");
    assert_eq!(blocks[1]["text"]["text"], sentence);
    let facts = blocks[2]["elements"][0]["text"].as_str().unwrap();
    let code = held["code"].as_str().unwrap();
    assert!(
        facts.starts_with(&format!(
            "critical · operators may decide · code {code} · until "
        )),
        "{facts}"
    );
    assert_eq!(
        blocks[3]["text"]["text"],
        format!("<{link}|Open the request>")
    );
    assert_eq!(serving.stop(), Some(0));
    let log = std::fs::read_to_string(house.path("serve.log")).unwrap();
    assert!(!log.contains("services/T0"), "{log}");
}

#[test]
fn what_nobody_decides_reaches_those_it_is_escalated_to() {
    let (ops, chief) = (Receiver::of_webhooks(), Receiver::of_webhooks());
    let house = house("  []\n");
    configure(
        &house,
        &format!(
            "- {{name: ops, webhook: {{url: 'http://127.0.0.1:{}/', secret: {{file: secret}}, allow_private: true}}, \
             tiers: [critical], groups: [operators], escalate: [{{before: 897s, to: chief}}]}}\n\
             - {{name: chief, webhook: {{url: 'http://127.0.0.1:{}/', secret: {{file: secret}}, allow_private: true}}, tiers: []}}\n",
            ops.port(),
            chief.port()
        ),
    );
    house.write("secret", SECRET);
    let agent = house.key();
    let serving = house.serve();
    let held = hold(&house, &agent, 1200);
    ops.receives(1);
    assert!(chief.received().is_empty());
    let told = body(&chief.receives(1)[0]);
    assert_eq!(told["type"], "approval.escalated");
    assert_eq!(told["data"]["requests"][0]["approval"], held["approval_id"]);
    until(Duration::from_secs(10), || {
        let served = house.json(&["notify", "ls"]);
        let sent = |at: usize| served["channels"][at]["counts"]["sent"].as_u64();
        (sent(0) == Some(1) && sent(1) == Some(1)).then_some(())
    });
    assert_eq!(ops.received().len(), 1);
    assert_eq!(serving.stop(), Some(0));
}
