//! An exported record in other hands: it proves who approved what, and one changed byte is named.

use std::path::Path;
use std::process::Command;

use countersign::audit::checkpoint::Signer;
use countersign::audit::witnesses::Witness;
use countersign::model::name::OperatorName;
use serde_json::{Value, json};

use super::countersigned::{Sent, hold, known, world};
use super::people::enrol;

/// The program, in a directory in which there is no guard; its exit code and what it printed.
fn run(directory: &Path, words: &[&str]) -> (Option<i32>, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(words)
        .current_dir(directory)
        .env_clear()
        .output()
        .unwrap();
    (ran.status.code(), String::from_utf8(ran.stdout).unwrap())
}

fn verified(directory: &Path, export: &str) -> (Option<i32>, Value) {
    std::fs::write(directory.join("export.jsonl"), export).unwrap();
    let words = "audit verify --file export.jsonl --key key --operators passkeys --json";
    let (code, said) = run(directory, &words.split(' ').collect::<Vec<_>>());
    (code, serde_json::from_str(&said).unwrap())
}

/// The export with one byte of another value: the `at`th of what `around` finds within that entry.
fn flipped(export: &str, entry: &str, around: &str, at: usize) -> String {
    let line = export.find(entry).unwrap();
    let place = line + entry.find(around).unwrap() + at;
    let mut bytes = export.as_bytes().to_vec();
    bytes[place] ^= 1;
    let changed = String::from_utf8(bytes).unwrap();
    let differ = export.bytes().zip(changed.bytes());
    assert_eq!(differ.filter(|(one, other)| one != other).count(), 1);
    changed
}

#[tokio::test]
async fn an_export_proves_a_passkey_approval_and_one_flipped_byte_is_named() {
    let (world, mut laptop) = world().await;
    let approval = hold(&world, "this").await;
    let sent = Sent::on(&world, &approval, 1).await;
    assert_eq!(sent.decide(&world, &mut laptop).await.status, 200);
    enrol(&world, "bob").await;
    let known: Vec<String> = known(&world).await.iter().map(Witness::line).collect();
    let data = world.data.path().to_str().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let directory = elsewhere.path();
    let (code, export) = run(directory, &["audit", "export", "--data", data]);
    assert_eq!(code, Some(0), "{export}");
    drop(world);
    std::fs::write(directory.join("passkeys"), known.join("\n")).unwrap();
    let key = Signer::from_seed(&[7; 32]).unwrap().public().to_string();
    std::fs::write(directory.join("key"), key).unwrap();

    let (code, report) = verified(directory, &export);
    assert_eq!((code, &report["ok"]), (Some(0), &json!(true)), "{report}");
    assert_eq!(report["countersigned"], 1);
    assert_eq!(report["witnessed_by_itself"], false);
    assert_eq!(report["key_from"], "told");

    let line = |word: &str| export.lines().find(|line| line.contains(word)).unwrap();
    let signed = line("\"countersignature\":{");
    let asked = line("\"decision\":\"pause\"");
    let content = "its content is not what was hashed";
    let broken = "its countersignature does not hold";
    for (what, entry, around, at, named) in [
        (
            "arguments",
            asked,
            "\"value\":\"this\"",
            10,
            "the arguments beside it are not those it commits to",
        ),
        (
            "what they come to",
            asked,
            "\"args_commitment\":\"",
            19,
            "its action digest is not that of its action",
        ),
        ("decision", signed, "\"state\":\"approved\"", 9, broken),
        ("uses", signed, "\"uses\":1", 7, broken),
        ("approver", signed, "\"by\":\"alice\"", 6, broken),
        ("signature", signed, "\"signature\":\"", 20, broken),
    ] {
        let (code, report) = verified(directory, &flipped(&export, entry, around, at));
        assert_eq!(code, Some(1), "{what}: {report}");
        let seq = entry.split("\"seq\":").nth(1).unwrap();
        let place = format!("entry {}", seq.split(',').next().unwrap());
        let found: Vec<&str> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["place"] == place.as_str())
            .map(|finding| finding["what"].as_str().unwrap())
            .collect();
        assert!(
            found.iter().any(|said| said.starts_with(named)),
            "{what}: {report}"
        );
        // The arguments stand beside the entry, so that they can be taken away; the rest is in the chain.
        assert_eq!(
            found.contains(&content),
            what != "arguments",
            "{what}: {report}"
        );
    }

    // Another's passkey in the place of the approver's proves nothing.
    let theirs = OperatorName::parse("bob").unwrap();
    let others: Vec<&String> = known
        .iter()
        .filter(|one| one.contains(theirs.as_str()))
        .collect();
    std::fs::write(directory.join("passkeys"), others[0]).unwrap();
    let (code, report) = verified(directory, &export);
    assert_eq!(code, Some(1), "{report}");
    assert!(
        report
            .to_string()
            .contains("nobody is known to have its passkey"),
        "{report}"
    );
}
