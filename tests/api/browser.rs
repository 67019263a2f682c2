//! The console in a real browser: every page without barriers, the main flow by keyboard, a page that is stale.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::world::{World, send};

/// The folder that `tests/browser/install` filled.
fn kit() -> PathBuf {
    let beside_the_build = || {
        let build = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
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

#[tokio::test]
async fn a_person_walks_through_the_console_with_a_browser_and_a_keyboard() {
    let world = World::new().await;
    for amount in [500, 700] {
        let held = send(world.ask("shop/order", &json!({"amount": amount}))).await;
        assert_eq!(held.status, 202, "{held:?}");
    }
    let walk = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/walk.mjs");
    let walking = tokio::process::Command::new("node")
        .arg(walk)
        .arg(kit())
        .arg(format!("http://{}", world.operators))
        .arg(&world.alice)
        .args(std::env::var_os("PICTURES"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let walked = tokio::time::timeout(Duration::from_secs(200), walking)
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
    let checked = steps.iter().filter(|step| step.get("checked").is_some());
    assert_eq!(checked.count(), 32, "{said}");

    let step = |name: &str| steps.iter().find(|step| step.get(name).is_some()).unwrap();
    assert_eq!(
        step("approved")["early"],
        false,
        "a key acted on a page that had just changed"
    );
    assert_eq!(
        step("denied")["disabled"],
        true,
        "a stale page still decides"
    );

    // What the agent is told of the two.
    let mut told = Vec::new();
    for amount in [500, 700] {
        told.push(send(world.ask("shop/order", &json!({"amount": amount}))).await);
    }
    told.sort_by_key(|answer| answer.status);
    assert_eq!(told[0].status, 200, "{told:?}");
    told[1].is_problem(403, "approval-denied");
    assert!(told[1].text.contains("Not this month."), "{told:?}");
    assert_eq!(world.shop.ran().len(), 1);
}
