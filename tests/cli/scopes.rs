//! `scopes check` and `scopes explain`.

use serde_json::json;

use super::house::{House, MANIFEST};

#[test]
fn every_fault_of_every_manifest_is_told_with_its_place_and_fix() {
    let house = House::new();
    house.write(
        "scopes/one.yaml",
        "version: 1\nagent: one\ntoolz: []\nundeclared: maybe\n",
    );
    house.write(
        "scopes/two.yaml",
        "version: 1\nagent: clerk\nextends: base\n",
    );
    house.write("scopes/two.test.yaml", "not: a manifest\n");
    let (_, err) = house.ends(2, &["scopes", "check"]);
    for place in ["one.yaml:3:1", "one.yaml:4:13", "two.yaml:3:1"] {
        assert!(err.contains(place), "{place}\n{err}");
    }
    assert!(err.contains("did you mean `tools`?"), "{err}");
    assert!(err.contains("not yet supported"), "{err}");
    assert!(!err.contains("two.test.yaml"), "{err}");
    let (out, _) = house.ends(2, &["scopes", "check", "scopes", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(report["faults"].as_array().unwrap().len() >= 3, "{report}");
    house.ends(2, &["serve"]);
    house.ends(2, &["scopes", "check", "nowhere"]);
}

#[test]
fn a_clean_directory_has_a_digest_that_comments_do_not_move() {
    let house = House::new();
    let before = house.json(&["scopes", "check"]);
    assert_eq!(before["agents"], json!(["clerk"]));
    house.write("scopes/clerk.yaml", &format!("# reviewed\n{MANIFEST}"));
    assert_eq!(house.json(&["scopes", "check"])["digest"], before["digest"]);
}

#[test]
fn explain_names_the_rules_and_the_answer() {
    let house = House::new();
    let call = |amount: &str| {
        format!(r#"{{"agent":"clerk","tool":"till/pay","arguments":{{"amount":{amount}}}}}"#)
    };
    house.write("call.json", &call("100.0000000000000000000001"));
    let beyond = house.json(&["scopes", "explain", "call.json"]);
    assert_eq!(
        (&beyond["decision"], &beyond["privilege"]),
        (&json!("pause"), &json!("money"))
    );
    assert!(
        beyond["trace"].to_string().contains("clerk.yaml:"),
        "{beyond}"
    );
    house.write("call.json", &call("100"));
    assert_eq!(
        house.json(&["scopes", "explain", "call.json"])["decision"],
        "permit"
    );
    let (out, _) = house.ends(0, &["scopes", "explain", "call.json"]);
    assert!(out.contains("permit"), "{out}");
    house.write(
        "scopes/clerk.yaml",
        &MANIFEST.replace("amount: {", "amount: {kind: object, "),
    );
    let (out, _) = house.ends(0, &["scopes", "explain", "call.json"]);
    assert!(out.contains("/amount is of kind object"), "{out}");
    house.write(
        "call.json",
        r#"{"agent":"clerk","tool":"till/pay","arguments":{},"arguments":{}}"#,
    );
    house.ends(2, &["scopes", "explain", "call.json"]);
    house.write("call.json", r#"{"agent":"stranger","tool":"till/pay"}"#);
    house.ends(3, &["scopes", "explain", "call.json"]);
}
