//! What is done with the directory alone: init, operators, keys.

use super::house::{House, text};

#[test]
fn init_writes_a_configuration_that_works_and_overwrites_nothing() {
    let house = House::bare();
    let (out, _) = house.ends(0, &["init"]);
    assert!(out.contains("countersign serve"), "{out}");
    house.ends(0, &["scopes", "check"]);
    let before = std::fs::read_to_string(house.path("countersign.yaml")).unwrap();
    house.ends(1, &["init"]);
    assert_eq!(
        std::fs::read_to_string(house.path("countersign.yaml")).unwrap(),
        before
    );
    let elsewhere = house.json(&["init", "deep/er"]);
    assert!(house.path(elsewhere["config"].as_str().unwrap()).is_file());
}

#[test]
fn an_operators_token_is_shown_once_and_kept_only_hashed() {
    let house = House::new();
    let added = house.json(&[
        "operators",
        "add",
        "alice",
        "--group",
        "operators",
        "--group",
        "finance",
    ]);
    let token = added["token"].as_str().unwrap();
    assert!(token.starts_with("cso_"));
    assert_eq!(added["groups"], serde_json::json!(["operators", "finance"]));
    let (out, _) = house.ends(0, &["operators", "ls"]);
    assert!(out.contains("alice") && !out.contains(token), "{out}");
    let record = std::fs::read(house.path("data/record.db")).unwrap();
    assert!(
        !record
            .windows(token.len())
            .any(|window| window == token.as_bytes())
    );
}

#[test]
fn a_saved_token_is_for_its_owners_eyes_only() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    let (out, _) = house.ends(
        0,
        &[
            "operators",
            "add",
            "alice",
            "--group",
            "operators",
            "--save",
        ],
    );
    assert!(!out.contains("cso_"), "{out}");
    let kept = std::fs::metadata(house.path("data/operator.token")).unwrap();
    assert_eq!(kept.permissions().mode() & 0o777, 0o600);
}

#[test]
fn each_way_to_fail_has_its_exit_code() {
    let house = House::new();
    house.operator();
    house.ends(1, &["operators", "add", "alice", "--group", "operators"]);
    house.ends(2, &["operators", "add", "Alice", "--group", "operators"]);
    house.ends(2, &["operators", "add", "bob"]);
    house.ends(3, &["operators", "rm", "nobody"]);
    house.ends(0, &["operators", "rm", "alice"]);
    house.ends(3, &["operators", "rm", "alice"]);
    house.ends(2, &["agents", "add", "clerk", "--for", "91d"]);
    house.ends(2, &["agents", "add", "clerk", "--for", "soon"]);
    house.ends(2, &["no-such-command"]);
    // Nobody serves.
    house.ends(1, &["approvals", "ls"]);
    let elsewhere = House::bare();
    elsewhere.ends(3, &["audit", "verify", "--data", "."]);
}

#[test]
fn a_key_has_an_end() {
    let house = House::new();
    let key = house.json(&["agents", "add", "clerk", "--for", "1h"]);
    assert!(key["secret"].as_str().unwrap().starts_with("csk_"));
    assert!(key["expires"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    std::fs::create_dir(house.path("data")).unwrap();
    std::fs::set_permissions(house.path("data"), PermissionsExt::from_mode(0o777)).unwrap();
    let (_, err) = house.ends(1, &["agents", "add", "clerk"]);
    assert!(err.contains("nobody else may write"), "{err}");
}

#[test]
fn a_person_is_added_with_roles_a_link_and_tokens_for_a_purpose() {
    let house = House::new();
    let serving = house.serve();
    let added = house.json(&[
        "operators",
        "add",
        "vera",
        "--group",
        "finance",
        "--role",
        "viewer",
        "--no-token",
    ]);
    assert_eq!(added["roles"], serde_json::json!(["viewer"]));
    assert!(added.get("token").is_none(), "{added}");
    let link = added["link"].as_str().unwrap();
    let port = house.operators_url().rsplit(':').next().unwrap().to_owned();
    assert!(
        link.starts_with(&format!("http://localhost:{port}/enrol#csl_")),
        "{link}"
    );
    let (again, _) = house.ends(0, &["operators", "link", "vera"]);
    assert!(
        again.trim() != link && again.contains("/enrol#csl_"),
        "{again}"
    );

    let made = house.json(&[
        "operators",
        "tokens",
        "add",
        "vera",
        "--scope",
        "read",
        "--for",
        "1h",
    ]);
    let id = made["id"].as_str().unwrap();
    let token = made["token"].as_str().unwrap();
    let (listed, _) = house.ends(0, &["operators", "tokens", "ls"]);
    assert!(
        listed.contains(id) && listed.contains("link") && !listed.contains(token),
        "{listed}"
    );
    let read = |exit: i32| {
        let mut command = house.command(&["approvals", "ls"]);
        let output = command.env("COUNTERSIGN_TOKEN", token).output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{}", text(&output.stderr));
    };
    read(0);
    house.ends(0, &["operators", "tokens", "rm", id]);
    read(1);
    house.ends(3, &["operators", "tokens", "rm", id]);
    house.ends(
        2,
        &[
            "operators",
            "add",
            "x",
            "--group",
            "finance",
            "--role",
            "root",
        ],
    );
    house.ends(
        2,
        &[
            "operators",
            "tokens",
            "add",
            "vera",
            "--scope",
            "everything",
        ],
    );
    house.ends(
        2,
        &[
            "operators",
            "tokens",
            "add",
            "vera",
            "--scope",
            "read",
            "--for",
            "91d",
        ],
    );
    house.ends(3, &["operators", "confirm", "nobody"]);
    house.ends(0, &["operators", "confirm", "vera"]);
    assert_eq!(house.ends(0, &["operators", "export"]).0, "");
    drop(serving);
}

#[test]
fn a_link_needs_a_guard_that_serves() {
    let house = House::new();
    let added = house.json(&["operators", "add", "alice", "--group", "operators"]);
    assert!(
        added["token"].is_string() && added.get("link").is_none(),
        "{added}"
    );
    let (_, said) = house.ends(1, &["operators", "link", "alice"]);
    assert!(said.contains("countersign serve"), "{said}");
}
