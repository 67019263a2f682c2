//! `doctor`: what is wrong makes it fail, what is switched off is told.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::house::{House, MANIFEST};

/// The report, and whether the command ended well.
fn examined(house: &House) -> (Value, bool) {
    let output = house.run(&["doctor", "--json"]);
    let report = String::from_utf8(output.stdout).unwrap().parse().unwrap();
    (report, output.status.success())
}

fn says(report: &Value, kind: &str, words: &str) -> bool {
    let findings = report[kind].as_array().unwrap();
    findings
        .iter()
        .any(|finding| finding.as_str().unwrap().contains(words))
}

fn closed() -> House {
    let house = House::new();
    for name in ["scopes", "scopes/clerk.yaml", "countersign.yaml"] {
        let path = house.path(name);
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    house
}

#[test]
fn a_guard_in_order_is_told_what_is_switched_off_and_passes() {
    let house = closed();
    house.operator();
    house.key();
    let (report, is_well) = examined(&house);
    assert!(is_well, "{report}");
    assert_eq!(report["ok"], true);
    let isolation = report["isolation"].as_str().unwrap();
    assert!(["none", "uid"].contains(&isolation), "{report}");
    assert!(says(&report, "switched_off", "accept_local"), "{report}");
    assert!(says(&report, "switched_off", "pin: first_use"), "{report}");
    assert!(says(&report, "notes", "keep a copy elsewhere"), "{report}");
    let (out, _) = house.ends(0, &["doctor"]);
    assert!(out.starts_with("isolation:"), "{out}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let house = closed();
    house.key();
    let mode = |name: &str, mode: u32| {
        std::fs::set_permissions(house.path(name), PermissionsExt::from_mode(mode)).unwrap();
    };
    mode("data/keys/match", 0o644);
    mode("scopes/clerk.yaml", 0o666);
    std::fs::remove_file(house.path("data/heads.jsonl")).unwrap();
    house.write(
        "countersign.yaml",
        "version: 1\nreload: auto\nupstreams:\n  till: {command: [no-such-program-anywhere]}\n",
    );
    let (report, is_well) = examined(&house);
    assert!(!is_well && report["ok"] == false, "{report}");
    for words in [
        "keys/match",
        "scopes/clerk.yaml",
        "no-such-program-anywhere",
        "no operator belongs to operators",
        "not anchored",
    ] {
        assert!(says(&report, "wrong", words), "{words}: {report}");
    }
    assert!(says(&report, "switched_off", "reload: auto"), "{report}");
    house.ends(1, &["doctor"]);
}

#[test]
fn an_expired_key_and_a_manifest_without_approver_are_wrong() {
    let house = closed();
    house.operator();
    let approval = MANIFEST.split("approval:").next().unwrap();
    house.write("scopes/clerk.yaml", approval);
    house.ends(0, &["agents", "add", "clerk", "--for", "1h"]);
    let (report, _) = examined(&house);
    assert!(
        says(&report, "wrong", "nobody may approve `money`"),
        "{report}"
    );
    assert!(says(&report, "notes", "of clerk expires at"), "{report}");
    let record = rusqlite::Connection::open(house.path("data/record.db")).unwrap();
    record
        .execute_batch("UPDATE credentials SET expires = 1000")
        .unwrap();
    drop(record);
    let (report, _) = examined(&house);
    assert!(
        says(&report, "wrong", "every key of clerk has expired"),
        "{report}"
    );
}

#[test]
fn a_record_that_was_cut_below_its_anchor_is_wrong() {
    let house = closed();
    house.operator();
    std::fs::copy(house.path("data/record.db"), house.path("older.db")).unwrap();
    house.key();
    std::fs::copy(house.path("older.db"), house.path("data/record.db")).unwrap();
    let (report, is_well) = examined(&house);
    assert!(!is_well && says(&report, "wrong", "it was cut"), "{report}");
}
