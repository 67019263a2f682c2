//! `audit`: what was changed is found, each with its place.

use std::path::Path;

use super::house::{House, text};

fn recorded() -> House {
    let house = House::new();
    for name in ["ann", "ben", "cat"] {
        house.ends(0, &["operators", "add", name, "--group", "operators"]);
    }
    house
}

fn change(path: &Path, sql: &str) {
    let record = rusqlite::Connection::open(path).unwrap();
    record.execute_batch(sql).unwrap();
}

#[test]
fn an_untouched_record_verifies_and_says_what_that_is_worth() {
    let house = recorded();
    let (out, _) = house.ends(0, &["audit", "verify"]);
    assert!(out.contains("internally consistent, not anchored"), "{out}");
    let (out, _) = house.ends(0, &["audit", "verify", "--anchors", "data/heads.jsonl"]);
    assert!(out.contains("anchored through"), "{out}");
    let report = house.json(&["audit", "verify"]);
    assert_eq!(report["ok"], true);
    assert!(report["entries"].as_u64().unwrap() >= 9, "{report}");
    let (out, _) = house.ends(0, &["audit", "tail", "-n", "2"]);
    assert_eq!(out.lines().count(), 2, "{out}");
}

#[test]
fn an_export_verifies_elsewhere_and_a_changed_line_does_not() {
    let house = recorded();
    let (export, _) = house.ends(0, &["audit", "export"]);
    house.write("export.jsonl", &export);
    let key = "data/keys/checkpoint.pub";
    house.ends(
        0,
        &["audit", "verify", "--file", "export.jsonl", "--key", key],
    );
    assert!(export.contains("\"ben\""));
    house.write("export.jsonl", &export.replace("\"ben\"", "\"bob\""));
    let (out, _) = house.ends(
        1,
        &["audit", "verify", "--file", "export.jsonl", "--key", key],
    );
    assert!(out.contains("entry "), "{out}");
    let cut: Vec<&str> = export
        .lines()
        .filter(|line| !line.contains("\"ben\""))
        .collect();
    house.write("export.jsonl", &(cut.join("\n") + "\n"));
    house.ends(
        1,
        &["audit", "verify", "--file", "export.jsonl", "--key", key],
    );
    house.write("export.jsonl", "{\"record\":");
    house.ends(2, &["audit", "verify", "--file", "export.jsonl"]);
}

#[test]
fn a_record_cut_together_with_its_heads_is_caught_by_the_anchor_alone() {
    let house = recorded();
    let older = std::fs::read(house.path("data/record.db")).unwrap();
    house.ends(0, &["operators", "add", "dan", "--group", "operators"]);
    house.ends(0, &["audit", "verify", "--anchors", "data/heads.jsonl"]);
    for leftover in ["data/record.db-wal", "data/record.db-shm"] {
        // Whether they are there depends on how the store was closed.
        let _ = std::fs::remove_file(house.path(leftover));
    }
    std::fs::write(house.path("data/record.db"), older).unwrap();
    house.ends(0, &["audit", "verify"]);
    let (out, _) = house.ends(1, &["audit", "verify", "--anchors", "data/heads.jsonl"]);
    assert!(out.contains("anchor"), "{out}");
}

#[test]
fn a_row_that_is_gone_is_named() {
    let house = recorded();
    change(
        &house.path("data/record.db"),
        "DELETE FROM entries WHERE seq = 5",
    );
    let report = house.run(&["audit", "verify", "--json"]);
    assert_eq!(report.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_str(&text(&report.stdout)).unwrap();
    assert!(
        report["findings"].to_string().contains("entry 5"),
        "{report}"
    );
}
