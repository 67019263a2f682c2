//! `keys`: each purpose has one, it is changed with a guard and without, and nothing half is left behind.

use std::time::Duration;

use serde_json::json;

use super::agent::{call, try_call};
use super::house::House;

const WHOLE: [&str; 2] = ["--segments", "data/segments"];
const ANCHORS: [&str; 2] = ["--anchors", "data/heads.jsonl"];

/// The name of a key.
fn key(house: &House, purpose: &str) -> String {
    let listed = house.json(&["keys", "ls"]);
    let keys = listed["keys"].as_array().unwrap();
    let found = keys.iter().find(|one| one["purpose"] == purpose);
    found.unwrap()["key"].as_str().unwrap().to_owned()
}

fn verifies(house: &House, with: &[&str]) -> serde_json::Value {
    house.json(&[&["audit", "verify"][..], with].concat())
}

#[test]
fn a_changed_key_is_followed_by_a_verification_that_was_told_any_of_them() {
    let house = House::new();
    house.ends(3, &["keys", "ls"]);
    house.operator();
    std::fs::copy(
        house.path("data/keys/checkpoint.pub"),
        house.path("first.pub"),
    )
    .unwrap();
    let first = key(&house, "checkpoint");
    let rotated = house.json(&["keys", "rotate", "checkpoint"]);
    assert_eq!(rotated["key"], key(&house, "checkpoint"));
    assert_ne!(rotated["key"], first);

    let agent = house.key();
    let serving = house.serve();
    let url = house.agents_url();
    assert_eq!(call(&url, &agent, "till/look", json!({})).0, 200);
    let again = house.json(&["keys", "rotate", "checkpoint"]);
    assert_ne!(again["key"], rotated["key"]);
    assert_eq!(call(&url, &agent, "till/look", json!({})).0, 200);
    assert_eq!(serving.stop(), Some(0));

    let first = ["--key", "first.pub"];
    let report = verifies(&house, &[&first[..], &ANCHORS].concat());
    assert_eq!(
        (&report["key_changes"], &report["key_from"]),
        (&json!(2), &json!("told"))
    );
    assert_eq!(report["unsigned_tail"], 0);
    assert_eq!(verifies(&house, &ANCHORS)["key_from"], "beside the record");
    let (_, err) = house.ends(0, &["audit", "verify"]);
    assert!(err.contains("taken from beside the record"), "{err}");
    let newest = house.path("data/keys/checkpoint.pub");
    std::fs::rename(&newest, house.path("newest.pub")).unwrap();
    assert_eq!(verifies(&house, &ANCHORS)["key_from"], "the record itself");
    std::fs::rename(house.path("newest.pub"), &newest).unwrap();

    let read = |file: &str| std::fs::read_to_string(house.path(file)).unwrap();
    let both = read("first.pub") + &read("data/keys/checkpoint.pub");
    house.write("both.pub", &both);
    verifies(&house, &["--keys", "both.pub"]);
    house.ends(
        2,
        &[
            "audit",
            "verify",
            "--keys",
            "both.pub",
            "--key",
            "first.pub",
        ],
    );

    // The changes are sealed away, and still followed.
    let pruned = house.json(&["audit", "prune", "--before", "100000"]);
    assert!(pruned["count"].as_u64().unwrap() > 10, "{pruned}");
    assert_eq!(verifies(&house, &first)["key_changes"], 2);
    verifies(&house, &[&first[..], &WHOLE, &ANCHORS].concat());
    let (export, _) = house.ends(0, &["audit", "export"]);
    house.write("export.jsonl", &export);
    let file = ["audit", "verify", "--file", "export.jsonl"];
    house.ends(0, &[&file[..], &first].concat());
    house.ends(0, &file);
    let unrotated: Vec<_> = export
        .lines()
        .filter(|line| !line.starts_with("{\"rotation\""))
        .collect();
    house.write("export.jsonl", &(unrotated.join("\n") + "\n"));
    let (out, _) = house.ends(1, &[&file[..], &first].concat());
    assert!(out.contains("is known"), "{out}");
}

#[test]
fn every_purpose_has_a_key_of_its_own_and_the_one_that_finds_calls_is_kept_while_it_is_needed() {
    let house = House::new();
    house.operator();
    let agent = house.key();
    let listed = house.json(&["keys", "ls"]);
    assert_eq!(listed["keys"].as_array().unwrap().len(), 4);
    let (table, _) = house.ends(0, &["keys", "ls"]);
    assert!(table.contains("signs heads of the record"), "{table}");
    house.ends(2, &["keys", "rotate", "else"]);
    let before: Vec<_> = ["match", "permit", "code"]
        .map(|one| key(&house, one))
        .into();

    let serving = house.serve();
    let url = house.agents_url();
    let pay = || call(&url, &agent, "till/pay", json!({"amount": 1200}));
    let (status, waits) = pay();
    assert_eq!(status, 202, "{waits}");
    for purpose in ["permit", "code"] {
        house.json(&["keys", "rotate", purpose]);
    }
    let (_, err) = house.ends(1, &["keys", "rotate", "match"]);
    assert!(err.contains("stop the guard"), "{err}");
    assert_eq!(serving.stop(), Some(0));
    let (_, err) = house.ends(1, &["keys", "rotate", "match"]);
    assert!(err.contains("1 approvals are under way"), "{err}");

    // What waits keeps its code, and is found again.
    let serving = house.serve();
    let url = house.agents_url();
    let pay = || call(&url, &agent, "till/pay", json!({"amount": 1200}));
    let (id, code) = (&waits["approval_id"], &waits["code"]);
    house.json(&[
        "approvals",
        "approve",
        id.as_str().unwrap(),
        "--code",
        code.as_str().unwrap(),
    ]);
    assert_eq!(pay().0, 200);
    assert_eq!(serving.stop(), Some(0));
    house.json(&["keys", "rotate", "match"]);
    let after: Vec<_> = ["match", "permit", "code"]
        .map(|one| key(&house, one))
        .into();
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(before, after)| before != after)
    );
    let serving = house.serve();
    assert_eq!(
        call(&house.agents_url(), &agent, "till/look", json!({})).0,
        200
    );
    assert_eq!(serving.stop(), Some(0));
    house.ends(0, &["audit", "verify"]);
}

#[test]
fn a_guard_killed_while_it_changes_a_key_has_the_old_one_or_the_new_one() {
    let house = House::new();
    house.operator();
    let agent = house.key();
    std::fs::copy(
        house.path("data/keys/checkpoint.pub"),
        house.path("first.pub"),
    )
    .unwrap();
    let verify = [
        "audit",
        "verify",
        "--key",
        "first.pub",
        "--anchors",
        "data/heads.jsonl",
    ];
    let mut changed = 0;
    for round in 0..12_u64 {
        let before = key(&house, "checkpoint");
        let serving = round.is_multiple_of(2).then(|| house.serve());
        let mut asking = house
            .command(&["keys", "rotate", "checkpoint"])
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(2 + round * 3));
        match serving {
            Some(serving) => {
                serving.signal(rustix::process::Signal::KILL);
                drop(serving);
                // Once nobody answers it does it itself, or hears that the answer is gone.
                let _ = asking.kill();
            }
            None => asking.kill().unwrap(),
        }
        asking.wait().unwrap();
        // It says where a guard listens that is gone.
        let _ = std::fs::remove_file(house.path("data/guard.json"));
        // Whoever owns the directory next ends what was begun.
        let serving = house.serve();
        let answer = try_call(&house.agents_url(), &agent, "till/look", json!({}));
        assert_eq!(answer.unwrap().0, 200, "{round}");
        let leftovers: Vec<_> = std::fs::read_dir(house.path("data/keys"))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains('.') && name != "checkpoint.pub")
            .collect();
        assert!(leftovers.is_empty(), "{round}: {leftovers:?}");
        changed += u64::from(key(&house, "checkpoint") != before);
        assert_eq!(serving.stop(), Some(0));
        house.ends(0, &verify);
    }
    let report = verifies(&house, &["--key", "first.pub"]);
    assert_eq!(report["key_changes"], changed, "each change is one entry");
    house.json(&["keys", "rotate", "checkpoint"]);
    house.ends(0, &verify);
}
