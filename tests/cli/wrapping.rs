//! `wrap`: one owner, many bridges, and what happens when the owner goes.

use std::time::Duration;

use serde_json::json;

use super::agent::{Piped, call};
use super::house::{House, MANIFEST, until};

#[test]
fn an_agent_reaches_its_server_through_the_guard() {
    let house = House::new();
    let mut agent = Piped::greeted(&house);
    let listed = agent.ask("tools/list", &json!({}));
    let names: Vec<&str> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert_eq!(names, ["look", "pay"], "{listed}");
    assert_eq!(agent.call("look", &json!({})), "did look");
    assert_eq!(house.executed().len(), 1);
    assert_eq!(agent.end(), Some(0));
    let log = std::fs::read_to_string(house.path("wrap.log")).unwrap();
    assert!(
        log.contains("isolation:") && log.contains("operators: http://127.0.0.1:"),
        "{log}"
    );
    house.ends(0, &["audit", "verify"]);
}

#[test]
fn a_wrapped_agent_moves_no_money_unless_its_manifest_accepts_local_work() {
    let house = House::new();
    house.write(
        "scopes/clerk.yaml",
        &MANIFEST.replace("accept_local: true\n", ""),
    );
    let mut agent = Piped::greeted(&house);
    let told = agent.call("pay", &json!({"amount": 5}));
    assert!(told.starts_with("DENIED by policy"), "{told}");
    assert_eq!(agent.call("look", &json!({})), "did look");
    assert_eq!(agent.end(), Some(0));
    assert_eq!(house.executed().len(), 1);
    let (record, _) = house.ends(0, &["audit", "export"]);
    assert!(record.contains("local-refused"), "{record}");
    assert!(record.contains("isolation"), "{record}");
}

#[test]
fn two_wraps_and_one_serve_share_one_budget_one_inbox_and_one_chain() {
    let house = House::new();
    house.operator();
    let key = house.key();
    // The servers of the configuration and of the wraps are one and the same.
    let serving = house.serve();
    let mut one = Piped::greeted(&house);
    let mut two = Piped::greeted(&house);
    let amounts = [3201, 3202, 3203];
    let first = one.send(
        "tools/call",
        &json!({"name": "pay", "arguments": {"amount": amounts[0]}}),
    );
    let second = two.send(
        "tools/call",
        &json!({"name": "pay", "arguments": {"amount": amounts[1]}}),
    );
    assert_eq!(
        call(
            &house.agents_url(),
            &key,
            "till/pay",
            json!({"amount": amounts[2]})
        )
        .0,
        202
    );
    let open = until(Duration::from_secs(20), || {
        let list = house.json(&["approvals", "ls"])["approvals"]
            .as_array()
            .unwrap()
            .clone();
        (list.len() == 3).then_some(list)
    });
    for approval in &open {
        let (id, code) = (
            approval["id"].as_str().unwrap(),
            approval["code"].as_str().unwrap(),
        );
        house.ends(0, &["approvals", "approve", id, "--code", code]);
    }
    for (agent, id) in [(&mut one, first), (&mut two, second)] {
        let answer = agent.answer(id);
        assert_eq!(
            answer["result"]["content"][0]["text"], "did pay",
            "{answer}"
        );
    }
    assert_eq!(
        call(
            &house.agents_url(),
            &key,
            "till/pay",
            json!({"amount": amounts[2]})
        )
        .0,
        200
    );
    assert_eq!(house.executed().len(), 3);

    // 9606 of 10000 are spent; three more of 100 fit, one over each way in, and then none does.
    let small = json!({"amount": 100});
    let over_http = || call(&house.agents_url(), &key, "till/pay", small.clone()).0;
    assert_eq!(one.call("pay", &small), "did pay");
    assert_eq!(two.call("pay", &small), "did pay");
    assert_eq!(over_http(), 200);
    assert!(one.call("pay", &small).starts_with("RATE LIMITED"));
    assert!(two.call("pay", &small).starts_with("RATE LIMITED"));
    assert_eq!(over_http(), 429);
    assert_eq!(house.executed().len(), 6);
    assert_eq!((one.end(), two.end()), (Some(0), Some(0)));
    assert_eq!(serving.stop(), Some(0));
    house.ends(0, &["audit", "verify"]);
}

#[test]
fn when_the_owner_is_killed_a_bridge_takes_over_and_the_open_hold_is_still_there() {
    let house = House::new();
    house.operator();
    let mut owner = Piped::greeted(&house);
    let mut other = Piped::greeted(&house);
    assert_eq!(other.call("look", &json!({})), "did look");
    let asked = other.send(
        "tools/call",
        &json!({"name": "pay", "arguments": {"amount": 400}}),
    );
    let held = until(Duration::from_secs(20), || {
        let list = house.json(&["approvals", "ls"]);
        list["approvals"].as_array().unwrap().first().cloned()
    });
    owner.child.kill().unwrap();
    owner.child.wait().unwrap();

    let told = other.answer(asked);
    let text = told["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("OUTCOME UNKNOWN"), "{told}");
    assert_eq!(
        other.call("look", &json!({})),
        "did look",
        "the connection did not go on"
    );

    let id = held["id"].as_str().unwrap();
    assert_eq!(house.json(&["approvals", "show", id])["state"], "held");
    house.ends(
        0,
        &[
            "approvals",
            "approve",
            id,
            "--code",
            held["code"].as_str().unwrap(),
        ],
    );
    assert_eq!(other.call("pay", &json!({"amount": 400})), "did pay");
    let paid = house
        .executed()
        .iter()
        .filter(|call| call["name"] == "pay")
        .count();
    assert_eq!(paid, 1);
    assert_eq!(other.end(), Some(0));
    house.ends(0, &["audit", "verify", "--anchors", "data/heads.jsonl"]);
}

#[test]
fn an_agent_that_the_manifest_does_not_accept_is_turned_away() {
    let house = House::new();
    house.write(
        "scopes/clerk.yaml",
        &super::house::MANIFEST.replace("local: true", "local: false"),
    );
    let mut agent = Piped::start(&house);
    let code = until(Duration::from_secs(20), || agent.child.try_wait().unwrap()).code();
    assert_eq!(code, Some(1));
    let log = std::fs::read_to_string(house.path("wrap.log")).unwrap();
    assert!(log.contains("credential-kind"), "{log}");
}

#[test]
fn another_server_cannot_take_a_name_that_is_in_use() {
    let house = House::new();
    let mut agent = Piped::greeted(&house);
    assert_eq!(agent.call("look", &json!({})), "did look");
    let (_, err) = house.ends(
        1,
        &["wrap", "--agent", "clerk", "--server", "till", "--", "cat"],
    );
    assert!(err.contains("another server is called till"), "{err}");
    assert_eq!(agent.end(), Some(0));
}

#[test]
fn a_peaceful_end_of_the_owner_hands_over_too() {
    let house = House::new();
    let owner = Piped::greeted(&house);
    let mut other = Piped::greeted(&house);
    assert_eq!(other.call("look", &json!({})), "did look");
    assert_eq!(owner.end(), Some(0));
    assert_eq!(other.call("look", &json!({})), "did look");
    assert_eq!(other.end(), Some(0));
}
