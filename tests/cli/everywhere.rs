//! What holds of every command there is: the tree is read from the program's own help, so that a new
//! command that no row names fails here.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::agent::call;
use super::house::{House, text};

/// Commands whose results these tests do not look at, each with its reason.
const ELSEWHERE: [(&str, &str); 5] = [
    ("serve", "it only serves"),
    ("wrap", "its standard output is the agent's"),
    (
        "demo",
        "it tells a story; its last line is JSON, as its own tests hold",
    ),
    (
        "approvals watch",
        "it goes on until interrupted, as its own tests hold",
    ),
    ("operators tokens", "a head; its deeds have rows"),
];

/// The commands that ask a person, with what answers in their place.
const ASKING: [(&[&str], &str); 2] = [
    (&["demo"], "countersign demo --yes"),
    (&["approvals", "approve", "ID"], "--code CODE"),
];

/// Files that read standard input, each with its reason.
const READERS: [(&str, &str); 4] = [
    (
        "approvals/decide.rs",
        "asks for the code, and not under --no-input",
    ),
    ("demo/approver.rs", "asks y or n, and not under --no-input"),
    ("demo/tools/mod.rs", "is a server, and asks nobody"),
    ("wrap/bridge.rs", "passes the agent's words on"),
];

/// The names under `Commands:` of a command's help, without `help`.
fn below(house: &House, path: &[String]) -> Vec<String> {
    let mut words: Vec<&str> = path.iter().map(String::as_str).collect();
    words.push("--help");
    let (help, _) = house.ends(0, &words);
    for flag in ["--json", "--no-input"] {
        assert!(help.contains(flag), "{path:?} takes no {flag}");
    }
    let listed = help.split("Commands:\n").nth(1).unwrap_or_default();
    let names = listed.lines().take_while(|line| !line.is_empty());
    // What a name means may take a further line, which begins further in.
    let names = names.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}

/// Every command that does something.
fn leaves(house: &House) -> BTreeSet<String> {
    let (mut leaves, mut open) = (BTreeSet::new(), vec![Vec::new()]);
    while let Some(path) = open.pop() {
        let names = below(house, &path);
        if names.is_empty() {
            leaves.insert(path.join(" "));
        }
        open.extend(names.into_iter().map(|name| [&path[..], &[name]].concat()));
    }
    leaves
}

/// What ran: the words that name a command, and whether it must have had a result.
struct Rows<'a> {
    house: &'a House,
    run: Vec<String>,
}

impl Rows<'_> {
    /// Runs a command that has a result; everything on its standard output is JSON.
    #[track_caller]
    fn tells(&mut self, words: &[&str]) -> Value {
        let lines = self.runs(words);
        lines
            .last()
            .cloned()
            .unwrap_or_else(|| panic!("{words:?} told nothing"))
    }

    /// Runs a command that may have no result here.
    #[track_caller]
    fn runs(&mut self, words: &[&str]) -> Vec<Value> {
        self.run.push(words.join(" "));
        let output = self.house.run(&[words, &["--json", "--no-input"]].concat());
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_ne!(output.status.code(), Some(2), "{words:?}: {err}");
        let lines = out.lines().map(|line| {
            serde_json::from_str(line).unwrap_or_else(|_| panic!("{words:?}: {out}\n{err}"))
        });
        lines.collect()
    }
}

#[test]
fn every_command_tells_its_result_as_json_where_it_is_asked_to() {
    let house = House::new();
    house.operator();
    let key = house.key();
    let _serving = house.serve();
    let hold = |amount: u32| {
        let held = call(
            &house.agents_url(),
            &key,
            "till/pay",
            json!({"amount": amount}),
        )
        .1;
        let said = |name: &str| held[name].as_str().unwrap().to_owned();
        (said("approval_id"), said("code"))
    };
    house.write(
        "call.json",
        r#"{"agent":"clerk","tool":"till/pay","arguments":{"amount":500}}"#,
    );
    let mut rows = Rows {
        house: &house,
        run: Vec::new(),
    };
    rows.tells(&["init", "other"]);
    rows.tells(&["scopes", "check", "scopes"]);
    rows.tells(&["scopes", "explain", "call.json"]);
    rows.runs(&["scopes", "accept"]);
    rows.tells(&["doctor"]);

    let (denied, _) = hold(300);
    rows.tells(&["approvals", "ls"]);
    rows.tells(&["approvals", "show", &denied]);
    rows.tells(&["approvals", "amend", &denied]);
    rows.runs(&["approvals", "withdraw", &denied]);
    rows.tells(&["approvals", "reauth", "--no-wait"]);
    rows.tells(&["approvals", "deny", &denied]);
    let (approved, code) = hold(400);
    rows.tells(&[
        "approvals",
        "approve",
        &approved,
        "--code",
        &code,
        "--uses",
        "3",
    ]);
    let grants = rows.tells(&["grants", "ls"]);
    rows.tells(&[
        "grants",
        "revoke",
        grants["grants"][0]["id"].as_str().unwrap(),
    ]);
    rows.tells(&["reviews", "ls"]);
    let review = "rv_00000000000000000000000000";
    rows.runs(&[
        "reviews",
        "close",
        review,
        "--verdict",
        "justified",
        "--note",
        "x",
    ]);

    rows.tells(&[
        "operators",
        "add",
        "bob",
        "--group",
        "kitchen",
        "--no-token",
    ]);
    rows.tells(&["operators", "ls"]);
    rows.tells(&["operators", "link", "bob"]);
    rows.tells(&["operators", "confirm", "bob"]);
    rows.runs(&["operators", "export"]);
    rows.tells(&["operators", "tokens", "add", "bob", "--scope", "read"]);
    rows.tells(&["operators", "tokens", "ls"]);
    rows.runs(&["operators", "tokens", "rm", "0000000000000000"]);
    rows.tells(&["delegations", "add", "bob", "--for", "7d"]);
    rows.tells(&["delegations", "ls"]);
    rows.tells(&["delegations", "end", "bob"]);
    rows.tells(&["operators", "rm", "bob"]);

    rows.tells(&["pin", "ls"]);
    rows.runs(&["pin", "diff", "till"]);
    rows.runs(&["pin", "accept", "--server", "till"]);
    rows.runs(&["pin", "refuse", "--server", "till"]);
    rows.tells(&["pin", "lock", "till", "scopes"]);
    rows.tells(&["notify", "ls"]);
    rows.runs(&["notify", "test", "ops"]);
    rows.runs(&["notify", "enable", "ops"]);
    rows.tells(&["notify", "key"]);
    rows.tells(&["keys", "ls"]);
    rows.tells(&["keys", "rotate", "code"]);
    rows.tells(&["peps", "add", "till"]);
    rows.tells(&["peps", "ls"]);
    rows.runs(&["peps", "rm", "cr_00000000000000000000000000"]);

    let sessions = rows.tells(&["sessions", "ls"]);
    let session = sessions["sessions"][0]["id"].as_str().unwrap();
    for deed in ["pause", "resume", "revoke", "reinstate"] {
        rows.tells(&["sessions", deed, session]);
    }
    rows.tells(&["agents", "add", "clerk"]);
    rows.tells(&["agents", "ls"]);
    rows.tells(&["agents", "show", "clerk"]);
    rows.tells(&["agents", "pause", "clerk"]);
    rows.tells(&["agents", "resume", "clerk"]);
    rows.runs(&["agents", "reopen", "clerk", "till/pay"]);
    let none = "cr_00000000000000000000000000";
    rows.runs(&["agents", "revoke-key", "clerk", none]);
    rows.runs(&["agents", "readmit", "clerk", none]);
    rows.tells(&["agents", "revoke", "clerk"]);

    rows.tells(&["audit", "verify"]);
    rows.tells(&["audit", "tail"]);
    rows.tells(&["audit", "export"]);
    rows.tells(&["audit", "backup", "copy.db"]);
    rows.runs(&["audit", "prune", "--keep", "400d", "--dry-run"]);

    let mut missing = leaves(&house);
    let rows = rows.run;
    let is_run = |leaf: &String| {
        rows.iter()
            .any(|row| row == leaf || row.starts_with(&format!("{leaf} ")))
    };
    missing.retain(|leaf| !is_run(leaf));
    missing.retain(|leaf| !ELSEWHERE.iter().any(|(name, _)| name == leaf));
    assert!(
        missing.is_empty(),
        "nothing holds that these print JSON: {missing:?}"
    );
}

#[test]
fn whatever_would_ask_a_person_ends_with_4_and_the_command_to_run() {
    let house = House::new();
    house.operator();
    let key = house.key();
    let _serving = house.serve();
    let held = call(
        &house.agents_url(),
        &key,
        "till/pay",
        json!({"amount": 300}),
    )
    .1;
    let id = held["approval_id"].as_str().unwrap();
    for (words, answer) in ASKING {
        let words: Vec<&str> = words
            .iter()
            .map(|word| if *word == "ID" { id } else { word })
            .collect();
        let (out, err) = house.ends(4, &[&words[..], &["--no-input"]].concat());
        assert!(out.is_empty(), "{words:?}: {out}");
        assert!(
            err.contains("countersign ") && err.contains(answer),
            "{words:?}: {err}"
        );
    }
    // A token that nobody made is asked for too.
    std::fs::remove_file(house.path("data/operator.token")).unwrap();
    let (_, err) = house.ends(4, &["approvals", "ls", "--no-input"]);
    assert!(err.contains("countersign operators add"), "{err}");
}

#[test]
fn nothing_reads_from_a_person_but_what_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    let (mut open, mut readers) = (vec![root.clone()], BTreeSet::new());
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if std::fs::read_to_string(&path).unwrap().contains("stdin()") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                readers.insert(name.to_owned());
            }
        }
    }
    readers.retain(|name| !READERS.iter().any(|(known, _)| known == name));
    assert!(
        readers.is_empty(),
        "a command that asks must end with 4 under --no-input, and have a row: {readers:?}"
    );
}
