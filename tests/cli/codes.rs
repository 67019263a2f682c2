//! The comparison code at the command line: it goes beside an operator's credential, never in its place.

use serde_json::{Value, json};

use super::agent::call;
use super::house::{House, MANIFEST, Serving, text};

struct Held {
    house: House,
    key: String,
    id: String,
    code: String,
    /// An operator who may decide, whose token the commands do not find by themselves.
    alice: String,
    _serving: Serving,
}

impl Held {
    fn new() -> Self {
        Self::under(MANIFEST)
    }

    fn under(manifest: &str) -> Self {
        let house = House::new();
        house.write("scopes/clerk.yaml", manifest);
        let key = house.key();
        let alice = house.json(&["operators", "add", "alice", "--group", "operators"]);
        let serving = house.serve();
        let (status, held) = call(
            &house.agents_url(),
            &key,
            "till/pay",
            json!({"amount": 1200}),
        );
        assert_eq!(status, 202, "{held}");
        let member = |name: &str| held[name].as_str().unwrap().to_owned();
        Self {
            id: member("approval_id"),
            code: member("code"),
            alice: alice["token"].as_str().unwrap().to_owned(),
            house,
            key,
            _serving: serving,
        }
    }

    /// Runs a command of the approval with this token, and expects the exit code.
    fn run(&self, deed: &str, more: &[&str], token: Option<&str>, exit: i32) -> String {
        let words = [&["approvals", deed, &self.id], more].concat();
        let mut command = self.house.command(&words);
        if let Some(token) = token {
            command.env("COUNTERSIGN_TOKEN", token);
        }
        let output = command.output().unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        let ended = output.status.code();
        assert_eq!(ended, Some(exit), "{deed} {more:?} {token:?}: {out} {err}");
        out
    }

    fn state(&self) -> String {
        let shown = self.run("show", &["--json"], Some(&self.alice), 0);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown["state"].as_str().unwrap().to_owned()
    }
}

#[test]
fn the_code_alone_approves_nothing() {
    let held = Held::new();
    let with_code = ["--code", &held.code];
    // Without a credential somebody would have to be asked; another credential is none.
    held.run("approve", &with_code, None, 4);
    held.run("approve", &["--code", &held.code, "--no-input"], None, 4);
    for token in [held.code.as_str(), &held.key, "cso_", &held.id] {
        held.run("approve", &with_code, Some(token), 1);
    }
    held.house.write("token", &held.code);
    let kept = ["--code", &held.code, "--token-file", "token"];
    held.run("approve", &kept, None, 1);
    assert_eq!(held.state(), "held");
    assert!(held.house.executed().is_empty());

    // Nor does the credential alone, at the command line: the code is what was compared.
    let alice = Some(held.alice.as_str());
    held.run("approve", &[], alice, 4);
    held.run("approve", &["--code", ""], alice, 1);
    assert_eq!(held.state(), "held");
    held.run("approve", &with_code, alice, 0);
    assert_eq!(held.state(), "approved");
}

#[test]
fn what_must_be_signed_is_decided_in_the_console_and_the_command_says_where() {
    let signed = "default: {any_of: [operators], step_up: passkey, ";
    let held = Held::under(&MANIFEST.replace("default: {any_of: [operators], ", signed));
    let words = ["approvals", "approve", &held.id, "--code", &held.code];
    let mut command = held.house.command(&words);
    command.env("COUNTERSIGN_TOKEN", &held.alice);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let port = held
        .house
        .operators_url()
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    let page = format!("http://localhost:{port}/requests/{}", held.id);
    let said = text(&output.stderr);
    assert!(said.contains(&page), "{said}");
    assert_eq!(held.state(), "held");
}
