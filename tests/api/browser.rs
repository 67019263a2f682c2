//! The console in a real browser: every page without barriers, a page that hears of what others decide, and
//! a passkey from the link to the signature.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use countersign::audit::verify::verify;
use countersign::model::name::{GroupName, OperatorName};
use countersign::model::role::Role;
use serde_json::{Value, json};

use super::people::name;
use super::world::{World, describe, send};

/// The folder that `tests/browser/install` filled.
pub(crate) fn kit() -> PathBuf {
    let beside_the_build = || {
        let build = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
        build.unwrap().join("kit")
    };
    let kit = std::env::var_os("KIT").map_or_else(beside_the_build, PathBuf::from);
    let kit = kit.join("browser");
    assert!(
        kit.join("finished.json").is_file(),
        "nothing drives a browser in {}: run `tests/run` once, or `tests/browser/install`",
        kit.display()
    );
    kit
}

/// The steps of a walk, none of which met a fault or a barrier.
async fn walk(script: &str, words: &[&str]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/browser")
        .join(script);
    let walking = tokio::process::Command::new("node")
        .arg(script)
        .arg(kit())
        .args(words)
        .args(std::env::var_os("PICTURES"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let walked = tokio::time::timeout(Duration::from_secs(280), walking)
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8(walked.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&walked.stderr);
    let steps: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let faults: Vec<&Value> = steps
        .iter()
        .filter(|step| step.get("fault").is_some() || step.get("barrier").is_some())
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(
        steps.last(),
        Some(&json!({"done": true})),
        "{said}\n{complaint}"
    );
    steps
}

fn step<'a>(steps: &'a [Value], name: &str) -> &'a Value {
    steps.iter().find(|step| step.get(name).is_some()).unwrap()
}

/// Every page that the console's routes name is among those that were checked, wide and narrow.
#[track_caller]
fn are_all(checked: &[(&str, &str)], scheme: &str) {
    let routes = include_str!("../../src/console/mod.rs");
    let pages = routes.lines().filter_map(|line| {
        let rest = line.trim().strip_prefix(".route(\"")?;
        let (path, then) = rest.split_once("\", ")?;
        then.starts_with("get(").then_some(path)
    });
    let mut count = 0;
    for page in pages.filter(|path| !NO_PAGES.contains(path)) {
        let parts: Vec<&str> = page.split('/').collect();
        let is_it = |at: &str| {
            let at: Vec<&str> = at.split('/').collect();
            let same = |(part, at): (&&str, &&str)| part == at || part.starts_with('{');
            at.len() == parts.len() && parts.iter().zip(&at).all(same)
        };
        for size in ["wide", "narrow"] {
            let look = format!("{size} {scheme}");
            let seen = checked
                .iter()
                .any(|(name, at)| name.ends_with(&look) && is_it(at));
            assert!(seen, "{page} was not looked at {look}: {checked:?}");
        }
        count += 1;
    }
    assert!(count > 10, "no pages were found");
}

/// What is asked for by scripts and style sheets alone, or kept as a file.
const NO_PAGES: [&str; 4] = [
    "/feed",
    "/assets/{name}",
    "/requests/{id}/amendment.patch",
    "/decisions/export",
];

/// Some requests that wait, one that was decided, and a definition that changed.
async fn furnished() -> (World, String) {
    let world = World::new().await;
    for amount in [500, 700, 800] {
        let held = send(world.ask("shop/order", &json!({"amount": amount}))).await;
        assert_eq!(held.status, 202, "{held:?}");
    }
    describe(&world.guard, "find", Some("finds whatever is asked for")).await;
    let decided = send(world.ask("shop/order", &json!({"amount": 800}))).await;
    let decided = decided.text("approval_id");
    assert_eq!(world.approve(&decided).await.status, 200);
    (world, format!("/requests/{decided}"))
}

async fn every_page_is_without_barriers(scheme: &str) {
    let (world, decided) = furnished().await;
    let words = [&world.origin(), &world.alice, &decided, scheme];
    let steps = walk("rooms.mjs", &words).await;
    let checked: Vec<(&str, &str)> = steps
        .iter()
        .filter_map(|step| Some((step["checked"].as_str()?, step["at"].as_str()?)))
        .collect();
    are_all(&checked, scheme);
}

#[tokio::test]
async fn every_page_is_without_barriers_where_it_is_light_wide_and_narrow() {
    every_page_is_without_barriers("light").await;
}

#[tokio::test]
async fn every_page_is_without_barriers_where_it_is_dark_wide_and_narrow() {
    every_page_is_without_barriers("dark").await;
}

#[tokio::test]
async fn a_page_that_stands_open_hears_of_a_denial_and_the_agent_is_told_why() {
    let (world, _) = furnished().await;
    let steps = walk("walk.mjs", &[&world.origin(), &world.alice]).await;
    assert_eq!(
        step(&steps, "denied")["disabled"],
        true,
        "a stale page still decides"
    );

    // What the agent is told of the two.
    let mut told = Vec::new();
    for amount in [500, 700] {
        told.push(send(world.ask("shop/order", &json!({"amount": amount}))).await);
    }
    told.sort_by_key(|answer| answer.status);
    assert_eq!(told[0].status, 202, "{told:?}");
    told[1].is_problem(403, "approval-denied");
    assert!(told[1].text.contains("Not this month."), "{told:?}");
    assert!(world.shop.ran().is_empty());
}

/// Vouches for a person's passkeys as soon as there are any, for as long as it is waited for.
async fn confirm(world: &World, who: OperatorName) -> Infallible {
    loop {
        world.guard.confirm_passkeys("test", &who).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_person_adds_a_passkey_signs_in_with_it_and_signs_an_approval_in_a_browser() {
    let world = World::new().await;
    for what in ["one", "other"] {
        let held = send(world.ask("shop/sign", &json!({"what": what}))).await;
        assert_eq!(held.status, 202, "{held:?}");
    }
    let petra = name("petra");
    let groups = vec![GroupName::parse("oncall").unwrap()];
    let roles = BTreeSet::from([Role::Approver]);
    let guard = &world.guard;
    guard
        .add_person("test", petra.clone(), groups, roles)
        .await
        .unwrap();
    let (_, secret) = guard.add_link("test", &petra).await.unwrap();
    let (address, link) = (world.origin(), format!("{}/enrol#{secret}", world.origin()));
    let words = [address.as_str(), &link];
    let steps = tokio::select! {
        steps = walk("passkey.mjs", &words) => steps,
        never = confirm(&world, petra) => match never {},
    };
    assert_eq!(step(&steps, "enrolled")["enrolled"], 1);
    assert_eq!(step(&steps, "enrolled")["resident"], true);
    let me = step(&steps, "me")["me"].as_str().unwrap();
    assert!(me.contains("petra") && me.contains("test key"), "{me}");
    let unverified = step(&steps, "unverified")["unverified"].as_str().unwrap();
    assert!(unverified.contains("held"), "{unverified}");

    // What was signed runs, what was not still waits, and the record proves it by itself.
    let mut told = Vec::new();
    for what in ["one", "other"] {
        let answer = send(world.ask("shop/sign", &json!({"what": what}))).await;
        told.push(answer.status);
    }
    told.sort_unstable();
    assert_eq!(told, [200, 202]);
    assert_eq!(world.shop.ran().len(), 1);
    let approvals = world.entries("approval").await;
    let signed = approvals
        .iter()
        .filter(|one| one.get("countersignature").is_some());
    assert_eq!(signed.count(), 1);
    let entries = world.guard.entries(1, 100_000).await.unwrap();
    let entries = entries.into_iter().map(Ok::<_, String>);
    let report = verify(entries, &[], &[], None).unwrap();
    assert_eq!(report.countersigned, 1, "{report}");
    let unsigned = |what: &str| what == "it has no signed head";
    assert!(
        report.findings.iter().all(|one| unsigned(&one.what)),
        "{report}"
    );
}

#[tokio::test]
async fn a_person_grants_calls_like_one_in_a_browser_and_the_agent_keeps_to_them() {
    let world = World::new().await;
    let order = |amount: u32, memo: &str| {
        let arguments = json!({"amount": amount, "memo": memo});
        send(world.ask("shop/order", &arguments))
    };
    for memo in ["one", "two"] {
        assert_eq!(order(50, memo).await.status, 200);
    }
    assert_eq!(order(500, "three").await.status, 202);
    let petra = name("petra");
    let groups = vec![GroupName::parse("oncall").unwrap()];
    let roles = BTreeSet::from([Role::Approver]);
    let guard = &world.guard;
    guard
        .add_person("test", petra.clone(), groups, roles)
        .await
        .unwrap();
    let (_, secret) = guard.add_link("test", &petra).await.unwrap();
    let (address, link) = (world.origin(), format!("{}/enrol#{secret}", world.origin()));
    let words = [address.as_str(), &link];
    let steps = tokio::select! {
        steps = walk("pattern.mjs", &words) => steps,
        never = confirm(&world, petra) => match never {},
    };
    let checked = steps.iter().filter(|step| step.get("checked").is_some());
    assert_eq!(checked.count(), 5, "{steps:#?}");
    assert_eq!(step(&steps, "offered")["offered"], 2);
    assert_eq!(
        step(&steps, "preview")["preview"],
        "would have matched 0 of the last 2 calls"
    );
    assert_eq!(step(&steps, "granted")["granted"], true);
    let grants = step(&steps, "grants")["grants"].as_str().unwrap();
    assert!(grants.contains("calls that keep /amount"), "{grants}");
    assert!(grants.contains("0 of 3"), "{grants}");

    // What the agent receives: the call, one like it, and not one that differs where it is pinned.
    for memo in ["three", "four"] {
        let done = order(500, memo).await;
        assert_eq!(
            (done.status, &done.body["state"]),
            (200, &json!("completed")),
            "{done:?}"
        );
    }
    let other = order(501, "four").await;
    assert_eq!(
        (other.status, &other.body["state"]),
        (202, &json!("held")),
        "{other:?}"
    );
    assert_eq!(order(500, "five").await.status, 200);
    // Used up.
    assert_eq!(order(500, "six").await.status, 202);
    assert_eq!(world.shop.ran().len(), 5);
}
