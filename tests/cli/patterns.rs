//! A grant for calls like one at the command: previewed there, and signed where a passkey can be.

use serde_json::json;

use super::agent::call;
use super::house::House;

#[test]
fn a_pattern_is_previewed_at_the_command_and_signed_on_the_page_it_names() {
    let house = House::new();
    house.operator();
    let key = house.key();
    let _serving = house.serve();
    let url = house.agents_url();
    assert_eq!(call(&url, &key, "till/pay", json!({"amount": 50})).0, 200);
    let (status, held) = call(&url, &key, "till/pay", json!({"amount": 1200}));
    assert_eq!(status, 202, "{held}");
    let (id, code) = (
        held["approval_id"].as_str().unwrap(),
        held["code"].as_str().unwrap(),
    );
    let approve = |pin: &str, more: &[&str], ends: i32| {
        let mut words = vec!["approvals", "approve", id, "--code", code, "--pin", pin];
        words.extend(more);
        house.ends(ends, &words).1
    };
    let err = approve("/amount", &["--uses", "10", "--for", "30m"], 4);
    assert!(err.contains("stays         /amount"), "{err}");
    assert!(
        err.contains("would have matched 0 of the last 1 calls"),
        "{err}"
    );
    let page = format!("/requests/{id}/pattern?pin=%2Famount&uses=10&minutes=30");
    assert!(err.contains(&page), "{err}");
    let err = approve("/recipient", &[], 1);
    assert!(err.contains("the call has nothing at"), "{err}");
    approve("/amount", &["--uses", "51"], 2);
    // Without a pin it is the exact call, of which there are fewer uses.
    let many = ["approvals", "approve", id, "--code", code, "--uses", "21"];
    house.ends(1, &many);
    let grants = house.json(&["grants", "ls"]);
    assert_eq!(grants["grants"], json!([]));
    house.ends(0, &["approvals", "approve", id, "--code", code]);
    let (out, _) = house.ends(0, &["grants", "ls"]);
    assert!(out.contains("everything"), "{out}");
    assert_eq!(house.executed().len(), 1);
}
