//! The main job in one command: `countersign demo`, run as a person or a script would run it.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on fails, and waits by the machine's clock"
)]

use std::io::Read;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[test]
fn with_yes_every_question_is_approved_and_the_record_tells_of_exactly_what_ran() {
    let (output, counts) = summary(&["demo", "--yes", "--json"]);
    let expected = json!({
        // 1 file and 3 mails read, 1 inbox listed, 2 bills paid (one of them after its approval),
        // 5 looks at the ledger within the rate, 1 note sent after its approval.
        "permitted": 13,
        // The payment above its bound, and the tool that nobody declared.
        "paused": 2,
        // Both, by --yes.
        "approved": 2,
        // The mail's three instructions: a path outside the scope, a payment that no budget
        // allows, and a deletion that is forbidden. Nobody is asked about any of them.
        "denied": 3,
        // No tool of the demo asks for more than a key proves.
        "challenged": 0,
        // The sixth look at the ledger within a minute.
        "rate_limited": 1,
        // What was permitted, and nothing else.
        "executed": 13,
        "record_verified": true,
    });
    assert_counts(&counts, &expected);
    for told in [
        "paid 48.50 EUR to Northwind Hosting",
        "paid 240.00 EUR to Brightside Print",
        "DENIED",
        "RATE LIMITED",
        "APPROVED",
        "anchored through entry",
    ] {
        assert!(output.contains(told), "{told} is not told:\n{output}");
    }
    assert!(!output.contains("to Quick Settle Ltd as"), "{output}");
    assert!(!output.contains('\u{1b}'), "colours outside a terminal");
}

#[test]
fn with_no_every_question_is_refused_and_nothing_beyond_the_scope_runs() {
    let (output, counts) = summary(&["demo", "--no", "--json"]);
    let expected = json!({
        // As with --yes, without the two calls that only an approval lets run.
        "permitted": 11,
        "paused": 2,
        "approved": 0,
        // The mail's three instructions, and the two calls that a person refused.
        "denied": 5,
        "challenged": 0,
        "rate_limited": 1,
        "executed": 11,
        "record_verified": true,
    });
    assert_counts(&counts, &expected);
    assert!(output.contains("DENIED by approver"), "{output}");
    assert!(!output.contains("to Brightside Print as"), "{output}");
}

#[test]
fn without_a_terminal_and_without_an_answer_it_says_how_to_go_on() {
    let output = run(&["demo"]);
    assert_eq!(output.status.code(), Some(4));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("--yes") && told.contains("--no"), "{told}");
}

#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["demo", "--yes"])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The first words are said once everything is there.
    let mut byte = [0];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut byte)
        .unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let status = ended(&mut child);
    assert_ne!(status, None, "it goes on after an interrupt");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Runs the demo to a good end: what it told, and the object on its last line.
fn summary(words: &[&str]) -> (String, Value) {
    let output = run(words);
    let told = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}\n{errors}");
    let last = told.lines().last().unwrap();
    let counts = serde_json::from_str(last).unwrap();
    (told, counts)
}

fn assert_counts(counts: &Value, expected: &Value) {
    for (name, count) in expected.as_object().unwrap() {
        assert_eq!(&counts[name], count, "{name} in {counts}");
    }
    // Beside the decisions and outcomes: the guard, scopes, credentials, approvals and the session.
    let entries = counts["record_entries"].as_u64().unwrap();
    assert!(entries > 30, "{entries} entries");
    assert_eq!(
        counts.as_object().unwrap().len(),
        expected.as_object().unwrap().len() + 1
    );
}

fn run(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn ended(child: &mut std::process::Child) -> Option<std::process::ExitStatus> {
    let began = Instant::now();
    while began.elapsed() < LONGEST {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    None
}

const LONGEST: Duration = Duration::from_secs(30);
