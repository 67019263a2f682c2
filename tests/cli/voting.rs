//! Several people at the command: who voted, what is missing, and a vote taken back.

use serde_json::json;

use super::agent::ask;
use super::house::{House, MANIFEST};

const TWO: &str = "default: {any_of: [operators], approve: 2, decide_by: 15m, redeem_by: 5m}";

fn house() -> House {
    let house = House::new();
    let one = "default: {any_of: [operators], decide_by: 15m, redeem_by: 5m}";
    assert!(MANIFEST.contains(one));
    house.write("scopes/clerk.yaml", &MANIFEST.replace(one, TWO));
    house.operator();
    house
}

#[test]
fn two_people_approve_at_the_command_and_each_sees_what_the_other_did() {
    let house = house();
    let (out, _) = house.ends(1, &["doctor"]);
    assert!(out.contains("2 of operators must approve"), "{out}");
    let bob = [
        "operators",
        "add",
        "bob",
        "--group",
        "operators",
        "--token-file",
        "bob.token",
    ];
    house.ends(0, &bob);
    let key = house.key();
    let _serving = house.serve();
    let url = house.agents_url();
    let pay = json!({"mode": "proxy", "tool": "till/pay", "arguments": {"amount": 1200}});
    let (status, held) = ask(&url, &key, &pay);
    assert_eq!(
        (status, &held["approvals"]),
        (202, &json!("0 of 2")),
        "{held}"
    );
    let (id, code) = (
        held["approval_id"].as_str().unwrap(),
        held["code"].as_str().unwrap(),
    );

    let approve = ["approvals", "approve", id, "--code", code];
    let (out, _) = house.ends(0, &approve);
    assert!(out.starts_with(&format!("{id} held (1 of 2): ")), "{out}");
    let (_, err) = house.ends(1, &approve);
    assert!(err.contains("counts once"), "{err}");
    let (out, _) = house.ends(0, &["approvals", "withdraw", id]);
    assert!(out.starts_with(&format!("{id} held (0 of 2): ")), "{out}");
    house.ends(0, &approve);
    let (shown, _) = house.ends(0, &["approvals", "show", id]);
    assert!(shown.contains("1 of 2 approvals of operators"), "{shown}");
    assert!(shown.contains("approve by alice at "), "{shown}");

    let bobs = [
        "approvals",
        "--token-file",
        "bob.token",
        "approve",
        id,
        "--code",
        code,
    ];
    let (out, _) = house.ends(0, &bobs);
    assert!(out.starts_with(&format!("{id} approved: ")), "{out}");
    assert_eq!(ask(&url, &key, &pay).0, 200);
    let shown = house.json(&["approvals", "show", id]);
    assert_eq!(
        (&shown["votes"][0]["by"], &shown["votes"][1]["by"]),
        (&json!("alice"), &json!("bob"))
    );
    assert_eq!(house.executed().len(), 1);
}
