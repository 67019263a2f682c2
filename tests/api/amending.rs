//! A change of the manifest, proposed from a request: read, proved, and never made in place.

use countersign::model::id::ApprovalId;
use reqwest::Method;
use serde_json::json;

use super::console::{Browser, hold};
use super::world::{World, send};

#[tokio::test]
async fn a_held_request_gives_a_patch_that_moves_the_one_bound_it_crossed() {
    let world = World::new().await;
    for amount in [40, 300, 700] {
        send(world.ask("shop/order", &json!({"amount": amount}))).await;
    }
    let approval = hold(&world).await;
    let head = world.guard.head().await.unwrap().unwrap();
    let path = format!("/v1/approvals/{approval}/amendment");
    let proposed = send(world.operator(Method::GET, &path)).await;
    assert_eq!(proposed.status, 200, "{proposed:?}");
    let patch = proposed.text("patch");
    let lines: Vec<&str> = patch
        .lines()
        .filter(|line| line.starts_with(['+', '-']))
        .collect();
    assert_eq!(
        lines,
        [
            "--- a/0.yaml",
            "+++ b/0.yaml",
            "-        amount: {type: number, exclusiveMinimum: 0, maximum: 100}",
            "+        amount: {type: number, exclusiveMinimum: 0, maximum: 500}",
        ]
    );
    assert_eq!(
        proposed.body["widens"],
        json!(["/amount: `maximum` becomes 500, was 100"])
    );
    assert!(
        proposed
            .text("sentence")
            .contains("the scope of clerk: /amount"),
        "{proposed:?}"
    );
    assert_eq!(proposed.body["file"], "0.yaml");
    assert_eq!(proposed.body["remains"], json!([]));
    assert_ne!(
        proposed.body["manifest_digest"],
        proposed.body["amended_digest"]
    );
    // 40 passed before, 700 waits as before; 300 and 500 would have passed.
    assert_eq!(
        proposed.body["replay"],
        json!({"calls": 4, "kept": 4, "changed": 2, "permitted": 2})
    );
    // Nothing came of it: no entry, no other scopes, and the call still waits.
    assert_eq!(world.guard.head().await.unwrap().unwrap(), head);
    assert!(world.guard.offered().is_none());
    let id = ApprovalId::parse(&approval).unwrap();
    assert_eq!(world.guard.approval(id).await.unwrap().unwrap().version, 1);
    assert_eq!(world.approve(&approval).await.status, 200);
    let decided = send(world.operator(Method::GET, &path)).await;
    assert_eq!(decided.body["patch"], patch, "{decided:?}");
}

#[tokio::test]
async fn what_no_small_change_answers_is_said_and_agents_ask_for_nothing() {
    let world = World::new().await;
    let secret = json!({"amount": 5, "pin": "4711", "memo": 5});
    let held = send(world.ask("shop/order", &secret)).await;
    let path = format!("/v1/approvals/{}/amendment", held.text("approval_id"));
    let refused = send(world.operator(Method::GET, &path)).await;
    refused.is_problem(422, "not-amendable");
    assert!(
        refused
            .text("detail")
            .contains("/memo is not of the type string"),
        "{refused:?}"
    );
    assert!(!refused.text.contains("4711"));
    let unknown = "/v1/approvals/ap_aaaaaaaaaaaaaaaaaaaaaaaaaa/amendment";
    send(world.operator(Method::GET, unknown))
        .await
        .is_problem(404, "not-found");
    let agent = world
        .request(world.operators, Method::GET, &path)
        .bearer_auth(&world.clerk);
    assert_eq!(send(agent).await.status, 401);
    let elsewhere = send(world.agent(Method::GET, &path)).await;
    assert_eq!(elsewhere.status, 404, "{elsewhere:?}");
    let posted = send(world.operator(Method::POST, &path)).await;
    assert_eq!(posted.status, 404, "{posted:?}");
}

#[tokio::test]
async fn the_console_shows_the_patch_and_gives_it_away_as_a_file() {
    let world = World::new().await;
    let approval = hold(&world).await;
    let alice = Browser::enter(&world, &world.alice).await;
    let request = alice.get(&format!("/requests/{approval}")).await;
    let link = format!("href=\"/requests/{approval}/amendment\"");
    assert!(request.text.contains(&link), "{}", request.text);
    let page = alice.get(&format!("/requests/{approval}/amendment")).await;
    assert_eq!(page.status, 200, "{page:?}");
    for shown in [
        "maximum: 500}",
        "becomes 500, was 100",
        "Take the patch along",
    ] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    let file = alice
        .get(&format!("/requests/{approval}/amendment.patch"))
        .await;
    assert_eq!(file.status, 200, "{file:?}");
    assert_eq!(
        file.headers["content-disposition"],
        format!("attachment; filename=\"{approval}.patch\"")
    );
    assert!(
        file.text.starts_with("--- a/0.yaml\n+++ b/0.yaml\n@@ "),
        "{file:?}"
    );
    // Whatever shows a request, nothing there lets more through at once.
    for page in [&request, &page] {
        assert!(
            !page.text.to_lowercase().contains("always"),
            "{}",
            page.text
        );
    }
    let held = send(world.ask("shop/sign", &json!({"what": 7}))).await;
    let other = held.text("approval_id");
    let page = alice.get(&format!("/requests/{other}/amendment")).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("There is no small change to propose"),
        "{}",
        page.text
    );
    let file = alice
        .get(&format!("/requests/{other}/amendment.patch"))
        .await;
    assert_eq!(file.status, 422, "{file:?}");
}
