//! `serve`: agents over HTTP, operators at the command line, and a peaceful end.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::agent::call;
use super::house::{House, MANIFEST, text, until};

#[test]
fn a_call_beyond_its_scope_is_approved_at_the_command_line_and_runs_once() {
    let house = House::new();
    house.operator();
    let key = house.key();
    let serving = house.serve();
    let url = house.agents_url();
    let pay = || call(&url, &key, "till/pay", json!({"amount": 1200}));
    assert_eq!(call(&url, &key, "till/look", json!({})).0, 200);
    let (status, held) = pay();
    assert_eq!(status, 202, "{held}");
    let id = held["approval_id"].as_str().unwrap();

    let (out, _) = house.ends(0, &["approvals", "ls"]);
    assert!(
        out.contains(id) && out.contains("clerk wants to call till/pay (money) with amount 1200"),
        "{out}"
    );
    let (out, _) = house.ends(0, &["approvals", "show", id]);
    assert!(out.contains(r#"{"amount":1200}"#), "{out}");
    assert_eq!(house.json(&["approvals", "show", id])["state"], "held");

    let (_, err) = house.ends(4, &["approvals", "approve", id]);
    assert!(
        err.contains(&format!("countersign approvals approve {id} --code CODE")),
        "{err}"
    );
    house.ends(4, &["approvals", "approve", id, "--no-input"]);
    house.ends(1, &["approvals", "approve", id, "--code", "ZZZZZZ"]);
    assert_eq!(pay().1["state"], "held");

    let code = held["code"].as_str().unwrap();
    let approved = house.json(&["approvals", "approve", id, "--code", code]);
    assert_eq!(approved["state"], "approved");
    assert_eq!((pay().0, house.executed().len()), (200, 2));
    house.ends(1, &["approvals", "deny", id]);
    house.ends(3, &["approvals", "show", "ap_nothing"]);
    assert_eq!(house.json(&["grants", "ls"])["grants"][0]["state"], "used");
    assert_eq!(serving.stop(), Some(0));
    assert!(!house.path("data/guard.sock").exists());
    house.ends(0, &["audit", "verify"]);
}

#[test]
fn what_the_owner_of_the_directory_does_is_in_force_at_once() {
    let house = House::new();
    let serving = house.serve();
    let url = house.agents_url();
    let key = house.key();
    house.operator();
    assert_eq!(call(&url, &key, "till/look", json!({})).0, 200);
    let (_, err) = house.ends(1, &["serve"]);
    assert!(err.contains("another guard owns"), "{err}");
    assert_eq!(
        house.json(&["agents", "ls"])["agents"][0]["state"],
        "running"
    );
    house.ends(0, &["agents", "pause", "clerk"]);
    assert_eq!(
        call(&url, &key, "till/look", json!({})).1["code"],
        "agent-paused"
    );
    house.ends(0, &["agents", "resume", "clerk"]);
    let (shown, _) = house.ends(0, &["agents", "show", "clerk"]);
    for words in ["clerk", "running", "till/look", "PRIVILEGE"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let sessions = house.json(&["sessions", "ls"]);
    let session = sessions["sessions"][0]["id"].as_str().unwrap();
    house.ends(0, &["sessions", "revoke", session]);
    assert_eq!(
        call(&url, &key, "till/look", json!({})).1["code"],
        "session-revoked"
    );
    house.ends(0, &["sessions", "reinstate", session]);
    house.ends(0, &["agents", "revoke", "clerk"]);
    assert_eq!(call(&url, &key, "till/look", json!({})).0, 401);
    house.ends(0, &["operators", "rm", "alice"]);
    house.ends(1, &["agents", "ls"]);
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn changed_manifests_wait_until_an_operator_accepts_them() {
    let house = House::new();
    house.operator();
    let key = house.key();
    let serving = house.serve();
    let url = house.agents_url();
    let pay = || call(&url, &key, "till/pay", json!({"amount": 150})).0;
    assert_eq!(pay(), 202);
    house.write(
        "scopes/clerk.yaml",
        &MANIFEST.replace("maximum: 100", "maximum: 200"),
    );
    until(Duration::from_secs(20), || {
        let log = std::fs::read_to_string(house.path("serve.log")).unwrap();
        log.contains("countersign scopes accept").then_some(())
    });
    assert_eq!(pay(), 202);
    house.ends(0, &["scopes", "accept"]);
    assert_eq!(pay(), 200);
    house.ends(3, &["scopes", "accept"]);

    house.write("scopes/clerk.yaml", "version: 1\nagent: clerk\ntoolz: []\n");
    serving.signal(Signal::HUP);
    until(Duration::from_secs(20), || {
        let log = std::fs::read_to_string(house.path("serve.log")).unwrap();
        log.contains("the old scopes stay in force").then_some(())
    });
    assert_eq!(pay(), 200);
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn manifests_that_changed_while_nobody_served_are_not_in_force_unseen() {
    let house = House::new();
    house.operator();
    let key = house.key();
    assert_eq!(house.serve().stop(), Some(0));
    house.write(
        "scopes/clerk.yaml",
        &MANIFEST.replace("maximum: 100", "maximum: 200"),
    );
    let _serving = house.serve();
    let url = house.agents_url();
    let refused = call(&url, &key, "till/look", json!({}));
    assert_ne!(refused.0, 200, "{refused:?}");
    house.ends(0, &["scopes", "accept"]);
    assert_eq!(call(&url, &key, "till/look", json!({})).0, 200);
}

#[test]
fn an_approval_outlives_the_guard() {
    let house = House::new();
    house.operator();
    let key = house.key();
    let mut first = house.serve();
    let held = call(
        &house.agents_url(),
        &key,
        "till/pay",
        json!({"amount": 300}),
    )
    .1;
    let id = held["approval_id"].as_str().unwrap();
    first.signal(Signal::KILL);
    first.ended();
    std::fs::remove_file(house.path("data/guard.json")).unwrap();
    let _second = house.serve();
    let url = house.agents_url();
    assert_eq!(house.json(&["approvals", "show", id])["state"], "held");
    let code = held["code"].as_str().unwrap();
    house.ends(0, &["approvals", "approve", id, "--code", code]);
    let (status, ran) = call(&url, &key, "till/pay", json!({"amount": 300}));
    assert_eq!((status, house.executed().len()), (200, 1), "{ran}");
    house.ends(0, &["audit", "verify", "--anchors", "data/heads.jsonl"]);
}

#[test]
fn an_agents_text_cannot_play_the_terminal() {
    let house = House::new();
    house.operator();
    let key = house.key();
    let _serving = house.serve();
    let hostile = json!({"amount": 300, "\u{1b}[2Jx": "y"});
    let (status, refused) = call(&house.agents_url(), &key, "till/pay", hostile);
    assert_eq!(status, 400, "{refused}");
    let sly = json!({"amount": 300, "memo": "\u{1b}[31mok\u{202e}\u{200b}\n--\u{9b}2K"});
    let (_, held) = call(&house.agents_url(), &key, "till/pay", sly);
    let id = held["approval_id"].as_str().unwrap();
    for args in [
        &["approvals", "ls"][..],
        &["approvals", "show", id],
        &["audit", "tail"],
    ] {
        let (out, err) = house.ends(0, args);
        let shown = out.clone() + &err;
        let is_sly =
            |c: &char| *c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{200b}'));
        assert!(!shown.chars().any(|c| is_sly(&c)), "{args:?}: {shown:?}");
    }
}

#[test]
fn watching_tells_of_each_approval_as_it_moves() {
    use std::io::{BufRead, BufReader};
    let house = House::new();
    house.operator();
    let key = house.key();
    let _serving = house.serve();
    let mut watching = house
        .command(&["approvals", "watch", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let held = call(
        &house.agents_url(),
        &key,
        "till/pay",
        json!({"amount": 300}),
    )
    .1;
    let opened = next();
    assert_eq!(
        (&opened["id"], &opened["state"]),
        (&held["approval_id"], &json!("held"))
    );
    house.ends(
        0,
        &[
            "approvals",
            "deny",
            held["approval_id"].as_str().unwrap(),
            "--message",
            "no",
        ],
    );
    assert_eq!(next()["state"], "denied");
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[test]
fn a_configuration_with_faults_tells_them_all() {
    let house = House::new();
    house.write(
        "countersign.yaml",
        "version: 1\ndurabillity: all\nlisten: {agents: '0.0.0.0:1'}\nissuers: {idp: {}}\n",
    );
    let output = house.run(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let err = text(&output.stderr);
    for place in [
        "countersign.yaml:2:1",
        "countersign.yaml:3:",
        "countersign.yaml:4:11",
    ] {
        assert!(err.contains(place), "{place}\n{err}");
    }
    house.ends(2, &["serve", "--config", "nowhere.yaml"]);
}
