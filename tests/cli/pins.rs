//! `pin`: what a server presents is looked at, accepted, refused and locked at the command line.

use std::path::Path;

use serde_json::{Value, json};

use super::agent::call;
use super::house::{House, MANIFEST};

/// A till of the house's own, whose program the test may change, behind a guard that accepts nothing by
/// itself.
fn strict() -> House {
    let house = House::bare();
    let till = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/till.py");
    house.write("till.py", &std::fs::read_to_string(till).unwrap());
    let command = json!(["python3", house.path("till.py"), house.path("till.jsonl")]);
    house.write(
        "countersign.yaml",
        &format!(
            "version: 1\nlisten: {{agents: '127.0.0.1:0', operators: '127.0.0.1:0'}}\n\
             upstreams:\n  till: {{command: {command}}}\n"
        ),
    );
    house.write("scopes/clerk.yaml", MANIFEST);
    house
}

fn look(house: &House, key: &str) -> (u16, Value) {
    call(&house.agents_url(), key, "till/look", json!({}))
}

fn pin(house: &House, kind: &str, name: &str) -> Value {
    let pins = house.json(&["pin", "ls", "till"]);
    let mut pins = pins["pins"].as_array().unwrap().iter();
    let found = pins.find(|pin| pin["kind"] == kind && pin["name"] == name);
    found.unwrap().clone()
}

fn digest(house: &House, kind: &str, name: &str) -> String {
    let pin = pin(house, kind, name);
    pin["digest"].as_str().unwrap()[..16].to_owned()
}

#[test]
fn a_server_is_accepted_and_what_it_changes_is_shown_refused_and_accepted() {
    let house = strict();
    house.operator();
    let key = house.key();
    let serving = house.serve();
    let (status, held) = look(&house, &key);
    assert_eq!(
        (status, &held["reasons"][0]["code"]),
        (202, &json!("tool-unaccepted")),
        "{held}"
    );
    let (out, _) = house.ends(0, &["pin", "ls"]);
    assert!(out.contains("unaccepted"), "{out}");
    house.ends(2, &["pin", "accept"]);
    house.ends(2, &["pin", "accept", "abc"]);
    house.ends(3, &["pin", "accept", "00000000"]);
    house.ends(0, &["pin", "accept", "--server", "till"]);
    house.ends(3, &["pin", "accept", "--server", "till"]);
    assert_eq!(look(&house, &key).0, 200);
    let (out, _) = house.ends(0, &["pin", "diff", "till"]);
    assert!(
        out.contains("everything that it presents is accepted"),
        "{out}"
    );
    assert_eq!(serving.stop(), Some(0));

    let program = std::fs::read_to_string(house.path("till.py")).unwrap();
    let changed = program.replace(
        r#""name": "look","#,
        r#""name": "look", "description": "look\u200b and \u202etell","#,
    );
    assert_ne!(program, changed);
    house.write("till.py", &changed);
    let serving = house.serve();
    let (status, held) = look(&house, &key);
    assert_eq!(
        (status, &held["reasons"][0]["code"]),
        (202, &json!("tool-changed")),
        "{held}"
    );
    let (out, _) = house.ends(0, &["pin", "diff", "till"]);
    assert!(
        out.contains("    + look\\u{200b} and \\u{202e}tell"),
        "{out}"
    );
    assert!(
        out.contains("till server ") && out.contains("  script\n"),
        "{out}"
    );
    assert!(!out.contains('\u{200b}') && !out.contains('\u{202e}'));
    house.ends(3, &["pin", "diff", "till", "nothing"]);

    let tool = digest(&house, "tool", "look");
    house.ends(0, &["pin", "refuse", &tool]);
    let (status, refused) = look(&house, &key);
    assert_eq!((status, &refused["code"]), (403, &json!("tool-refused")));
    let server = digest(&house, "server", "");
    house.ends(0, &["pin", "accept", &tool, &server]);
    assert_eq!(pin(&house, "tool", "look")["by"], "operator alice");
    assert_eq!(look(&house, &key).0, 200);
    let pins = house.json(&["pin", "ls", "till", "--all"]);
    let superseded = pins["pins"].as_array().unwrap().iter();
    let superseded = superseded.filter(|pin| pin["state"] == "superseded");
    assert_eq!(superseded.count(), 2);
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn a_lock_that_was_reviewed_accepts_on_a_guard_that_never_saw_the_server() {
    let house = strict();
    house.operator();
    let key = house.key();
    let serving = house.serve();
    look(&house, &key);
    house.ends(0, &["pin", "accept", "--server", "till"]);
    let (printed, _) = house.ends(0, &["pin", "lock", "till", "--print"]);
    house.ends(0, &["pin", "lock", "till"]);
    let text = std::fs::read_to_string(house.path("scopes/till.lock")).unwrap();
    assert_eq!(text, printed);
    assert_eq!(serving.stop(), Some(0));

    std::fs::remove_dir_all(house.path("data")).unwrap();
    house.ends(0, &["scopes", "check"]);
    house.operator();
    let key = house.key();
    let serving = house.serve();
    assert_eq!(look(&house, &key).0, 200);
    assert_eq!(pin(&house, "tool", "look")["by"], "lock");
    assert_eq!(serving.stop(), Some(0));

    house.write("scopes/till.lock", &text.replace("\"look\"", "\"peek\""));
    let (_, err) = house.ends(2, &["scopes", "check"]);
    assert!(err.contains("scopes/till.lock:"), "{err}");
    house.ends(2, &["serve"]);
}
