//! `approvals amend`: what it prints is taken by `patch` and `git`, and then nobody is asked any more.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::agent::call;
use super::house::{House, until};

const MANIFEST: &str = "\
# The till of the front desk.
version: 1
agent: clerk
credentials: {api_key: true}
tools:
  # What is looked at.
  - tool: till/look
    privilege: read

  - tool: till/pay   # refunds
    privilege: money
    arguments:
      properties:
        amount: {type: number, exclusiveMinimum: 0, maximum: 100} # EUR
        to:
          pattern: '^DE'
      optional: [to]
forbid:
  - tool: \"*/burn\"
undeclared: pause
pause_covers: call
accept_local: true
approval:
  default: {any_of: [operators], decide_by: 15m, redeem_by: 5m}
";

/// Takes a patch with a program, in the house's directory.
fn take(house: &House, program: &str, args: &[&str]) {
    let patched = Command::new(program)
        .args(args)
        .current_dir(house.path(""))
        .stdin(Stdio::from(
            std::fs::File::open(house.path("wider.patch")).unwrap(),
        ))
        .output()
        .unwrap();
    assert!(patched.status.success(), "{program}: {patched:?}");
}

#[test]
fn patch_and_git_take_what_amend_prints_and_the_call_passes_once_it_is_accepted() {
    let house = House::new();
    house.write("scopes/clerk.yaml", MANIFEST);
    house.operator();
    let key = house.key();
    let _serving = house.serve();
    let ask = |amount: u32| {
        let arguments = json!({"amount": amount, "to": "FR76"});
        call(&house.agents_url(), &key, "till/pay", arguments)
    };
    let (status, held) = ask(150);
    assert_eq!(status, 202, "{held}");
    let id = held["approval_id"].as_str().unwrap();
    let (patch, said) = house.ends(0, &["approvals", "amend", id]);
    assert!(
        said.contains("1 of them would pass without a person"),
        "{said}"
    );
    house.ends(0, &["approvals", "amend", id, "--output", "wider.patch"]);
    let written = std::fs::read_to_string(house.path("wider.patch")).unwrap();
    assert_eq!(written, patch);
    // A file that is there is not written over.
    house.ends(2, &["approvals", "amend", id, "--output", "wider.patch"]);
    assert_eq!(
        house.json(&["approvals", "amend", id])["patch"],
        Value::String(patch)
    );

    take(&house, "git", &["apply", "--check", "wider.patch"]);
    take(&house, "patch", &["-p1", "--fuzz=0"]);
    let after = std::fs::read_to_string(house.path("scopes/clerk.yaml")).unwrap();
    let expected = MANIFEST
        .replace("maximum: 100}", "maximum: 150}")
        .replace("pattern: '^DE'", "anyOf: [{pattern: '^DE'}, {const: FR76}]");
    assert_eq!(after, expected);
    house.ends(0, &["scopes", "check"]);
    // The file alone changes nothing; an operator puts it into force.
    assert_eq!(ask(149).0, 202);
    until(Duration::from_secs(20), || {
        let accepted = house.run(&["scopes", "accept"]);
        accepted.status.success().then_some(())
    });
    let (status, answer) = ask(150);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(ask(151).0, 202);
}

#[test]
fn a_tool_that_no_rule_declares_gets_a_rule_of_its_own_and_a_forbid_stays() {
    let house = House::new();
    let look = "  # What is looked at.\n  - tool: till/look\n    privilege: read\n\n";
    assert!(MANIFEST.contains(look));
    house.write("scopes/clerk.yaml", &MANIFEST.replace(look, ""));
    house.operator();
    let key = house.key();
    let _serving = house.serve();
    let (status, held) = call(&house.agents_url(), &key, "till/look", json!({}));
    assert_eq!(status, 202, "{held}");
    let id = held["approval_id"].as_str().unwrap();
    house.ends(0, &["approvals", "amend", id, "--output", "wider.patch"]);
    take(&house, "git", &["apply", "wider.patch"]);
    let after = std::fs::read_to_string(house.path("scopes/clerk.yaml")).unwrap();
    assert!(
        after.contains("      optional: [to]\n  - tool: till/look\n    privilege: admin # "),
        "{after}"
    );
    assert!(after.contains("forbid:\n  - tool: \"*/burn\"\n"), "{after}");
    house.ends(0, &["scopes", "check"]);
}
