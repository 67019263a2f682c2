//! Taking old entries out of the record, copying it, and putting a copy back.

use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::agent::call;
use super::house::{House, text};

fn recorded() -> House {
    let house = House::new();
    for name in ["ann", "ben", "cat", "dan"] {
        house.ends(0, &["operators", "add", name, "--group", "operators"]);
    }
    house
}

/// The one segment that is there.
fn segment(house: &House) -> PathBuf {
    let files = std::fs::read_dir(house.path("data/segments")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

/// What a verification finds wrong.
fn findings(house: &House, args: &[&str]) -> String {
    let output = house.run(&[&["audit", "verify", "--json"], args].concat());
    let report: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    assert_eq!(output.status.code(), Some(1), "{report}");
    report["findings"].to_string()
}

const WHOLE: [&str; 2] = ["--segments", "data/segments"];
const ANCHORS: [&str; 2] = ["--anchors", "data/heads.jsonl"];

#[test]
fn a_pruned_record_verifies_from_its_boundary_and_with_its_segments_from_its_first_entry() {
    let house = recorded();
    let before = house.json(&["audit", "verify"])["entries"]
        .as_u64()
        .unwrap();
    let dry = house.json(&["audit", "prune", "--before", "6", "--dry-run"]);
    assert_eq!(dry["count"], 5);
    assert!(!house.path("data/segments").exists(), "it was only asked");
    let pruned = house.json(&["audit", "prune", "--before", "6"]);
    assert_eq!((&pruned["first"], &pruned["count"]), (&json!(1), &json!(5)));
    let again = house.json(&["audit", "prune", "--before", "6"]);
    assert_eq!(again["count"], 0);
    house.ends(2, &["audit", "prune"]);

    let (out, _) = house.ends(0, &["audit", "verify"]);
    assert!(
        out.contains("5 more in sealed segments that were not read"),
        "{out}"
    );
    let report = house.json(&["audit", "verify"]);
    assert_eq!(report["sealed"], 5);
    let left = report["entries"].as_u64().unwrap();
    let all = house.json(&[&["audit", "verify"][..], &WHOLE, &ANCHORS].concat());
    assert_eq!(all["sealed"], 0);
    assert_eq!(all["entries"], left + 5);
    assert!(all["entries"].as_u64().unwrap() > before);
    assert!(all["anchored_through"].is_u64(), "{all}");

    // An export says as much as the record.
    let (export, _) = house.ends(0, &["audit", "export"]);
    house.write("export.jsonl", &export);
    let file = ["audit", "verify", "--file", "export.jsonl"];
    house.ends(0, &file);
    house.ends(0, &[&file[..], &WHOLE].concat());
    let unsealed: Vec<_> = export
        .lines()
        .filter(|line| !line.starts_with("{\"segment\""))
        .collect();
    house.write("export.jsonl", &(unsealed.join("\n") + "\n"));
    let (out, _) = house.ends(1, &file);
    assert!(out.contains("entries 1 to 5: missing"), "{out}");
}

#[test]
fn a_segment_that_is_changed_lost_or_broken_off_is_named() {
    let house = recorded();
    house.ends(0, &["audit", "prune", "--before", "6"]);
    let path = segment(&house);
    let sealed = std::fs::read_to_string(&path).unwrap();
    let named = "segment of entries 1 to 5";
    std::fs::write(&path, sealed.replace("\"ann\"", "\"eve\"")).unwrap();
    let found = findings(&house, &WHOLE);
    assert!(found.contains(named), "{found}");
    assert!(
        found.contains("its content is not what was hashed"),
        "{found}"
    );

    let lines: Vec<_> = sealed.lines().collect();
    std::fs::write(&path, lines[..3].join("\n")).unwrap();
    let found = findings(&house, &WHOLE);
    assert!(
        found.contains(named) && found.contains("entries 3 to 5"),
        "{found}"
    );

    std::fs::remove_file(&path).unwrap();
    let found = findings(&house, &WHOLE);
    assert!(
        found.contains(named) && found.contains("entries 1 to 5"),
        "{found}"
    );
    house.ends(0, &["audit", "verify"]);
}

#[test]
fn a_boundary_that_was_moved_is_named() {
    let house = recorded();
    house.ends(0, &["audit", "prune", "--before", "4"]);
    let record = rusqlite::Connection::open(house.path("data/record.db")).unwrap();
    // Somebody takes two entries more, and says that they were sealed.
    record
        .execute_batch(
            "UPDATE segments SET last = 5, hash = (SELECT hash FROM entries WHERE seq = 5);
             DELETE FROM entries WHERE seq <= 5",
        )
        .unwrap();
    drop(record);
    let found = findings(&house, &[]);
    assert!(found.contains("segment of entries 1 to 5"), "{found}");
    assert!(
        found.contains("no entry of the record says that it was sealed so"),
        "{found}"
    );
}

#[test]
fn a_running_guard_prunes_and_what_is_still_needed_stays() {
    let house = House::new();
    house.operator();
    let key = house.key();
    let serving = house.serve();
    let url = house.agents_url();
    for _ in 0..20 {
        assert_eq!(call(&url, &key, "till/look", json!({})).0, 200);
    }
    let pay = || call(&url, &key, "till/pay", json!({"amount": 1200}));
    let (status, waits) = pay();
    assert_eq!(status, 202, "{waits}");
    for _ in 0..5 {
        // These wait for it; all that is later than it stays.
        call(&url, &key, "till/look", json!({}));
    }
    let pruned = house.json(&["audit", "prune", "--before", "1000000"]);
    assert!(pruned["count"].as_u64().unwrap() > 40, "{pruned}");
    let (left, _) = house.ends(0, &["audit", "export"]);
    assert!(
        left.contains(waits["approval_id"].as_str().unwrap()),
        "{left}"
    );
    let id = waits["approval_id"].as_str().unwrap();
    let code = waits["code"].as_str().unwrap();
    house.json(&["approvals", "approve", id, "--code", code]);
    assert_eq!(pay().0, 200);
    assert_eq!(serving.stop(), Some(0));
    house.ends(0, &["audit", "verify"]);
    house.ends(0, &[&["audit", "verify"][..], &WHOLE, &ANCHORS].concat());

    // Another process begins where this one ended, and prunes what has ended since.
    let serving = house.serve();
    let pruned = house.json(&["audit", "prune", "--before", "1000000"]);
    assert!(pruned["count"].as_u64().unwrap() > 0, "{pruned}");
    let kept = house.json(&["audit", "prune", "--keep", "400d"]);
    assert_eq!(kept["count"], 0);
    assert_eq!(serving.stop(), Some(0));
    house.ends(0, &["audit", "verify"]);
    house.ends(0, &[&["audit", "verify"][..], &WHOLE, &ANCHORS].concat());
}

#[test]
fn a_backup_of_a_running_guard_is_restored_and_an_older_one_is_noticed() {
    let house = House::new();
    house.operator();
    let key = house.key();
    let serving = house.serve();
    let url = house.agents_url();
    assert_eq!(call(&url, &key, "till/pay", json!({"amount": 50})).0, 200);
    let older = house.json(&["audit", "backup", "older.db"]);
    for _ in 0..5 {
        assert_eq!(call(&url, &key, "till/pay", json!({"amount": 50})).0, 200);
    }
    house.ends(0, &["audit", "backup", "newer.db"]);
    let (_, err) = house.ends(1, &["audit", "backup", "newer.db"]);
    assert!(err.contains("newer.db cannot be made"), "{err}");
    assert_eq!(serving.stop(), Some(0));

    // The directory is lost; what is left are the copies, the keys and the anchor.
    std::fs::rename(house.path("data"), house.path("lost")).unwrap();
    let restore = |copy: &str| {
        let _ = std::fs::remove_dir_all(house.path("data"));
        for directory in ["data", "data/keys"] {
            let mut private = std::fs::DirBuilder::new();
            private.mode(0o700).create(house.path(directory)).unwrap();
        }
        for file in std::fs::read_dir(house.path("lost/keys")).unwrap() {
            let file = file.unwrap();
            let place = house.path("data/keys").join(file.file_name());
            std::fs::copy(file.path(), place).unwrap();
        }
        std::fs::copy(house.path(copy), house.path("data/record.db")).unwrap();
    };
    let anchors = ["audit", "verify", "--anchors", "lost/heads.jsonl"];
    restore("older.db");
    let report = house.json(&["audit", "verify"]);
    assert_eq!(report["entries"], older["entries"]);
    let (out, _) = house.ends(1, &anchors);
    assert!(out.contains("an anchor counts them"), "{out}");

    restore("newer.db");
    house.ends(0, &["audit", "verify"]);
    let serving = house.serve();
    let (status, answer) = call(&house.agents_url(), &key, "till/pay", json!({"amount": 50}));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(serving.stop(), Some(0));
    house.ends(0, &["audit", "verify"]);
}

#[test]
fn a_prune_killed_at_any_moment_loses_nothing_and_can_be_repeated() {
    let house = recorded();
    let mut taken = 0;
    let mut rounds = 0_u64;
    // From before the command has begun to after it has ended, in steps shorter than a sync.
    for delay in (0..40).map(|step| Duration::from_millis(step * 2)) {
        rounds += 1;
        let name = format!("more{rounds}");
        house.ends(0, &["operators", "add", &name, "--group", "operators"]);
        let whole = house.json(&[&["audit", "verify"][..], &WHOLE].concat());
        let serving = rounds.is_multiple_of(2).then(|| house.serve());
        let mut asking = house
            .command(&["audit", "prune", "--before", "1000000"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(delay);
        if let Some(serving) = serving {
            serving.signal(rustix::process::Signal::KILL);
            drop(serving);
            let _ = std::fs::remove_file(house.path("data/guard.json"));
        }
        let _ = asking.kill();
        asking.wait().unwrap();
        // Nothing is written before this look, so it sees what the dead one left.
        let left = house.json(&[&["audit", "verify"][..], &WHOLE, &ANCHORS].concat());
        let (before, after) = (whole["entries"].as_u64(), left["entries"].as_u64());
        assert!(after >= before, "{delay:?}: {whole} {left}");
        let sealed = house.json(&["audit", "verify"])["sealed"].as_u64().unwrap();
        taken += u64::from(sealed > 0);
        let (text, _) = house.ends(0, &["audit", "export"]);
        assert!(text.contains("\"record\""), "{delay:?}");
    }
    assert!(taken > 0, "no prune came as far as taking something out");
    house.json(&["audit", "prune", "--before", "1000000"]);
    let again = house.json(&["audit", "prune", "--before", "2"]);
    assert_eq!(again["count"], 0);
    let all = house.json(&[&["audit", "verify"][..], &WHOLE, &ANCHORS].concat());
    assert!(all["entries"].as_u64().unwrap() > rounds);
    for file in std::fs::read_dir(house.path("data/segments")).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(path.extension().unwrap(), "jsonl", "{path:?}");
    }
}
