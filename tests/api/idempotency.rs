//! One idempotency key, one call.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::calls::open_approval;
use super::world::{World, body, send};

#[tokio::test]
async fn the_same_key_with_other_arguments_is_refused() {
    let world = World::new().await;
    let first = world.ask("shop/find", &json!({"what": "tea"}));
    assert_eq!(
        send(first.header("idempotency-key", "k1")).await.status,
        200
    );
    let other = world.ask("shop/find", &json!({"what": "gin"}));
    send(other.header("idempotency-key", "k1"))
        .await
        .is_problem(422, "idempotency-conflict");
    assert_eq!(world.shop.ran().len(), 1);
}

#[tokio::test]
async fn a_finished_result_is_given_once_more_and_never_runs_again() {
    let world = World::new().await;
    let ask = || {
        world
            .ask("shop/find", &json!({"what": "tea"}))
            .header("idempotency-key", "k1")
    };
    let first = send(ask()).await;
    let second = send(ask()).await;
    assert_eq!(first.text, second.text);
    send(ask()).await.is_problem(409, "superseded");
    assert_eq!(world.shop.ran().len(), 1);
}

#[tokio::test]
async fn a_repeat_while_the_call_runs_joins_it() {
    let world = Arc::new(World::new().await);
    let closed = world.shop.counter.write().await;
    let ask = |wait: &'static str| {
        let request = world.ask("shop/find", &json!({"what": "tea"}));
        send(
            request
                .header("idempotency-key", "k1")
                .header("prefer", wait),
        )
    };
    let first = tokio::spawn(ask("wait=20"));
    while world.shop.ran().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let joined = ask("wait=0").await;
    assert_eq!(
        (joined.status, &joined.body["state"]),
        (202, &json!("executing")),
        "{joined:?}"
    );
    let waiting = tokio::spawn(ask("wait=20"));
    drop(closed);
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(waiting.await.unwrap().body["state"], "completed");
    assert_eq!(world.shop.ran().len(), 1);
}

#[tokio::test]
async fn a_repeat_under_the_key_redeems_the_very_call_that_was_held() {
    let world = World::new().await;
    let ask = || {
        world
            .ask("shop/order", &json!({"amount": 250}))
            .header("idempotency-key", "k1")
    };
    let held = send(ask()).await;
    let same = send(ask()).await;
    assert_eq!(
        (same.status, &same.body["call_id"]),
        (202, &held.body["call_id"])
    );
    world.approve(&held.text("approval_id")).await;
    let ran = send(ask()).await;
    assert_eq!(
        (ran.status, &ran.body["call_id"]),
        (200, &held.body["call_id"]),
        "{ran:?}"
    );
    assert_eq!(world.shop.ran().len(), 1);
}

#[tokio::test]
async fn fifty_requests_for_one_call_under_one_key_run_it_once() {
    let world = Arc::new(World::new().await);
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let request = world.ask("shop/order", &json!({"amount": 260}));
            tokio::spawn(send(
                request
                    .header("idempotency-key", "k1")
                    .header("prefer", "wait=20"),
            ))
        })
        .collect();
    let approval = open_approval(&world).await;
    world.approve(&approval).await;
    let mut completed = 0;
    for answer in asking {
        let answer = answer.await.unwrap();
        if answer.status == 200 {
            completed += 1;
        } else {
            answer.is_problem(409, "superseded");
        }
    }
    assert!(completed >= 1);
    assert_eq!(world.shop.ran().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_not_kept_under_its_key() {
    let world = World::new().await;
    let ask = || {
        world
            .ask("shop/limited", &json!({}))
            .header("idempotency-key", "k2")
    };
    assert_eq!(
        send(world.ask("shop/limited", &json!({}))).await.status,
        200
    );
    send(ask()).await.is_problem(429, "rate-limited");
    send(ask()).await.is_problem(429, "rate-limited");
}

#[tokio::test]
async fn a_key_means_nothing_to_another_agent_or_mode() {
    let world = World::new().await;
    let first = world.ask("shop/find", &json!({"what": "tea"}));
    assert_eq!(
        send(first.header("idempotency-key", "k1")).await.status,
        200
    );
    let asked = json!({"mode": "proxy", "tool": "shop/find", "arguments": {"what": "gin"}});
    let other = world
        .request(world.agents, Method::POST, "/v1/calls")
        .bearer_auth(&world.neighbour);
    let other = send(body(other, &asked).header("idempotency-key", "k1")).await;
    assert_ne!(other.body["code"], "idempotency-conflict", "{other:?}");
    let own = world
        .ask("shop/own", &json!({"count": 1}))
        .header("idempotency-key", "k1");
    assert_eq!(send(own).await.status, 200);
}

#[tokio::test]
async fn a_call_whose_agent_hung_up_runs_only_when_it_is_asked_for_again() {
    let world = World::new().await;
    let ask = || {
        let request = world.ask("shop/order", &json!({"amount": 270}));
        request.header("idempotency-key", "k1")
    };
    let waiting = tokio::spawn(send(ask().header("prefer", "wait=25")));
    let approval = open_approval(&world).await;
    waiting.abort();
    assert!(waiting.await.is_err());
    // The connection is closed some moments after its task; the call is then in nobody's hands.
    let parked = async {
        loop {
            let again = send(ask()).await;
            if again.body["state"] == "held" {
                return again;
            }
            tokio::task::yield_now().await;
        }
    };
    let again = tokio::time::timeout(Duration::from_secs(10), parked).await;
    assert_eq!(again.unwrap().body["approval_id"], json!(approval));
    world.approve(&approval).await;
    assert!(world.shop.ran().is_empty(), "it ran while nobody asked");
    assert_eq!(send(ask()).await.status, 200);
    assert_eq!(world.shop.ran().len(), 1);
}
