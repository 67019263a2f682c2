//! `/v1/approvals`: who may decide, on what was shown, once.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::world::{Answer, World, body, send};

async fn hold(world: &World, amount: u32) -> String {
    let held = send(world.ask("shop/order", &json!({"amount": amount}))).await;
    assert_eq!(held.status, 202, "{held:?}");
    held.text("approval_id")
}

#[tokio::test]
async fn an_approver_is_shown_all_that_is_needed_to_decide() {
    let world = World::new().await;
    let id = hold(&world, 700).await;
    let shown = send(world.operator(Method::GET, &format!("/v1/approvals/{id}"))).await;
    assert_eq!(shown.headers["etag"], "\"1\"", "{shown:?}");
    assert_eq!(
        shown.text("sentence"),
        "clerk wants to call shop/order (money) with amount 700"
    );
    for (name, value) in [
        ("state", json!("held")),
        ("agent", json!("clerk")),
        ("tool", json!("shop/order")),
        ("privilege", json!("money")),
        ("mode", json!("proxy")),
        ("arguments", json!({"amount": 700})),
        ("may_decide", json!(["oncall"])),
        ("eligible", json!(true)),
    ] {
        assert_eq!(shown.body[name], value, "{name}");
    }
    assert_eq!(shown.text("action_digest").len(), 64);
    assert!((4..=8).contains(&shown.text("code").len()));
    assert!(
        shown.body["reasons"][0]["sentence"]
            .as_str()
            .unwrap()
            .contains("amount"),
        "{shown:?}"
    );
    let other = world.request(world.operators, Method::GET, &format!("/v1/approvals/{id}"));
    assert_eq!(
        send(other.bearer_auth(&world.bob)).await.body["eligible"],
        false
    );
}

#[tokio::test]
async fn a_decision_counts_only_on_the_version_and_the_digest_that_were_shown() {
    let world = World::new().await;
    let id = hold(&world, 701).await;
    let shown = send(world.operator(Method::GET, &format!("/v1/approvals/{id}"))).await;
    let path = format!("/v1/approvals/{id}/decisions");
    let decision =
        |digest: &str| json!({"decision": "approve", "action_digest": digest, "decision_id": "d1"});
    let digest = shown.text("action_digest");

    let unversioned = body(world.operator(Method::POST, &path), &decision(&digest));
    send(unversioned).await.is_problem(400, "request-malformed");
    let any = body(
        world.operator(Method::POST, &path).header("if-match", "*"),
        &decision(&digest),
    );
    send(any).await.is_problem(400, "request-malformed");
    let stale = body(
        world
            .operator(Method::POST, &path)
            .header("if-match", "\"9\""),
        &decision(&digest),
    );
    let stale = send(stale).await;
    stale.is_problem(412, "stale-version");
    assert_eq!(stale.body["version"], 1);
    let other = decision(&"0".repeat(64));
    let other = body(
        world
            .operator(Method::POST, &path)
            .header("if-match", "\"1\""),
        &other,
    );
    send(other).await.is_problem(400, "request-malformed");
    let state = send(world.operator(Method::GET, &format!("/v1/approvals/{id}"))).await;
    assert_eq!(state.body["state"], "held");
}

#[tokio::test]
async fn only_a_member_of_the_groups_decides() {
    let world = World::new().await;
    let id = hold(&world, 702).await;
    let by_bob = world
        .decide(&world.bob, &id, json!({"decision": "approve"}))
        .await;
    by_bob.is_problem(403, "not-eligible");
}

#[tokio::test]
async fn a_repeated_decision_answers_as_the_first_and_another_comes_too_late() {
    let world = World::new().await;
    let id = hold(&world, 703).await;
    let shown = send(world.operator(Method::GET, &format!("/v1/approvals/{id}"))).await;
    let decide = |decision: &str, name: &str| {
        let decision = json!({
            "decision": decision, "action_digest": shown.body["action_digest"], "decision_id": name,
        });
        let request = world.operator(Method::POST, &format!("/v1/approvals/{id}/decisions"));
        send(body(
            request.header("if-match", &shown.headers["etag"]),
            &decision,
        ))
    };
    let first = decide("approve", "d1").await;
    assert_eq!(
        (first.status, &first.body["state"]),
        (200, &json!("approved"))
    );
    assert_eq!(first.body["decided"]["by"], "alice");
    assert_eq!(decide("approve", "d1").await.body["state"], "approved");
    let late = decide("deny", "d2").await;
    late.is_problem(409, "already-decided");
    assert_eq!(late.body["state"], "approved");
}

#[tokio::test]
async fn a_decision_with_a_fault_decides_nothing() {
    let world = World::new().await;
    let id = hold(&world, 704).await;
    let digest = "0".repeat(64);
    for faulty in [
        json!({"action_digest": digest, "decision_id": "d"}),
        json!({"decision": "maybe", "action_digest": digest, "decision_id": "d"}),
        json!({"decision": "approve", "action_digest": "xyz", "decision_id": "d"}),
        json!({"decision": "approve", "action_digest": digest, "decision_id": ""}),
        json!({"decision": "approve", "action_digest": digest, "decision_id": "d", "uses": 0}),
        json!({"decision": "approve", "action_digest": digest, "decision_id": "d", "uses": 21}),
        json!({"decision": "approve", "action_digest": digest, "decision_id": "d", "life_seconds": 999_999}),
        json!({"decision": "approve", "action_digest": digest, "decision_id": "d", "message": "x"}),
        json!({"decision": "deny", "action_digest": digest, "decision_id": "d", "uses": 2}),
        json!({"decision": "approve", "action_digest": digest, "decision_id": "d", "by": "bob"}),
    ] {
        let request = world.operator(Method::POST, &format!("/v1/approvals/{id}/decisions"));
        let answer = send(body(request.header("if-match", "\"1\""), &faulty)).await;
        answer.is_problem(400, "request-malformed");
    }
    let state = send(world.operator(Method::GET, &format!("/v1/approvals/{id}"))).await;
    assert_eq!(state.body["state"], "held");
}

#[tokio::test]
async fn several_uses_run_several_times_and_no_more() {
    let world = World::new().await;
    let id = hold(&world, 705).await;
    let grant = json!({"decision": "approve", "uses": 2, "life_seconds": 600});
    assert_eq!(world.decide(&world.alice, &id, grant).await.status, 200);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(
            send(world.ask("shop/order", &json!({"amount": 705})))
                .await
                .status,
        );
    }
    assert_eq!(statuses, [200, 200, 202]);
    let grants = send(world.operator(Method::GET, "/v1/grants")).await;
    let grant = &grants.body["grants"][0];
    assert_eq!(
        (&grant["state"], &grant["used"]),
        (&json!("used"), &json!(2))
    );
}

#[tokio::test]
async fn a_list_that_is_watched_answers_when_it_changes() {
    let world = World::new().await;
    let empty = send(world.operator(Method::GET, "/v1/approvals")).await;
    assert_eq!(empty.body["approvals"], json!([]));
    let etag = empty.headers["etag"].clone();
    let unchanged = world
        .operator(Method::GET, "/v1/approvals")
        .header("if-none-match", &etag);
    assert_eq!(send(unchanged).await.status, 304);
    let watching = world
        .operator(Method::GET, "/v1/approvals")
        .header("if-none-match", &etag)
        .header("prefer", "wait=20");
    let watching = tokio::spawn(send(watching));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let id = hold(&world, 706).await;
    let seen: Answer = watching.await.unwrap();
    assert_eq!(seen.body["approvals"][0]["id"], json!(id));
    assert_ne!(seen.headers["etag"], etag);
}

#[tokio::test]
async fn what_ended_is_listed_only_when_all_is_asked_for() {
    let world = World::new().await;
    let id = hold(&world, 707).await;
    world
        .decide(&world.alice, &id, json!({"decision": "deny"}))
        .await;
    let open = send(world.operator(Method::GET, "/v1/approvals")).await;
    assert_eq!(open.body["approvals"], json!([]));
    let all = send(world.operator(Method::GET, "/v1/approvals?state=all")).await;
    let states: Vec<&Value> = all.body["approvals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["state"])
        .collect();
    assert_eq!(states, [&json!("denied")]);
    let odd = send(world.operator(Method::GET, "/v1/approvals?state=odd")).await;
    odd.is_problem(400, "request-malformed");
    let unknown = send(world.operator(Method::GET, "/v1/approvals?all=1")).await;
    unknown.is_problem(400, "request-malformed");
}
