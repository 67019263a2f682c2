//! What two readers could read differently is refused, with a code, and recorded.

use reqwest::Method;
use serde_json::json;

use super::world::{World, send};

#[tokio::test]
async fn a_body_with_a_fault_is_refused_recorded_and_runs_nothing() {
    let world = World::new().await;
    let deep = format!(
        r#"{{"mode":"proxy","tool":"shop/find","arguments":{{"what":{}1{}}}}}"#,
        "[".repeat(80),
        "]".repeat(80)
    );
    let call = |rest: &str| {
        format!(r#"{{"mode":"proxy","tool":"shop/find","arguments":{{"what":"x"}}{rest}}}"#)
    };
    let bodies = [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        r#"{"mode":"proxy","tool":"shop/find","arguments":{"what":"x"}} {}"#.to_owned(),
        call(r#","mode":"authorize""#),
        call(r#","Mode":"authorize""#),
        call(r#","extra":1"#),
        call(r#","session":7"#),
        call(r#","context":"text""#),
        r#"{"mode":"proxy","tool":"shop/find","arguments":{"what":"a","what":"b"}}"#.to_owned(),
        r#"{"mode":"proxy","tool":"shop/find","arguments":{"what":NaN}}"#.to_owned(),
        r#"{"mode":"proxy","tool":"shop/find","arguments":{"what":1e999}}"#.to_owned(),
        r#"{"mode":"proxy","tool":"shop/find","arguments":{"what":"\ud800"}}"#.to_owned(),
        r#"{"mode":"proxy","tool":"shop/find","arguments":[]}"#.to_owned(),
        r#"{"mode":"proxy","tool":"shop/find"}"#.to_owned(),
        r#"{"mode":"shadow","tool":"shop/find","arguments":{}}"#.to_owned(),
        r#"{"tool":"shop/find","arguments":{}}"#.to_owned(),
        r#"{"mode":"proxy","tool":"find","arguments":{}}"#.to_owned(),
        r#"{"mode":"proxy","tool":"SHOP/find","arguments":{}}"#.to_owned(),
        r#"{"mode":"proxy","tool":"shop/fi nd","arguments":{}}"#.to_owned(),
        r#"{"mode":"proxy","tool":"shop/ｆind","arguments":{}}"#.to_owned(),
        deep,
    ];
    let before = world.entries("refusal").await.len();
    for body in &bodies {
        let request = world.agent(Method::POST, "/v1/calls");
        let answer = send(
            request
                .header("content-type", "application/json")
                .body(body.clone()),
        )
        .await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        answer.is_problem(400, "request-malformed");
    }
    assert!(world.shop.ran().is_empty());
    let refusals = world.entries("refusal").await;
    assert_eq!(refusals.len() - before, bodies.len());
    assert!(
        refusals
            .iter()
            .rev()
            .take(bodies.len())
            .all(|entry| entry["agent"] == "clerk")
    );
}

#[tokio::test]
async fn a_body_of_another_type_or_size_is_refused() {
    let world = World::new().await;
    let body = r#"{"mode":"proxy","tool":"shop/find","arguments":{"what":"x"}}"#;
    let ask = || world.agent(Method::POST, "/v1/calls");
    send(ask().body(body))
        .await
        .is_problem(400, "request-malformed");
    for kind in [
        "text/plain",
        "application/jsonl",
        "application/json; charset=utf-16",
    ] {
        let answer = send(ask().header("content-type", kind).body(body)).await;
        answer.is_problem(400, "request-malformed");
    }
    let large = format!(
        r#"{{"mode":"proxy","tool":"shop/find","arguments":{{"what":"{}"}}}}"#,
        "x".repeat(5_000_000)
    );
    let answer = send(ask().header("content-type", "application/json").body(large)).await;
    answer.is_problem(413, "request-too-large");
    assert!(world.shop.ran().is_empty());
}

#[tokio::test]
async fn an_unclear_idempotency_key_is_refused() {
    let world = World::new().await;
    let ask = || world.ask("shop/find", &json!({"what": "x"}));
    let long = "x".repeat(256);
    for key in ["", "a b", long.as_str()] {
        send(ask().header("idempotency-key", key))
            .await
            .is_problem(400, "request-malformed");
    }
    let twice = ask()
        .header("idempotency-key", "a")
        .header("idempotency-key", "b");
    send(twice).await.is_problem(400, "request-malformed");
}

#[tokio::test]
async fn what_is_not_served_is_a_problem_too() {
    let world = World::new().await;
    send(world.agent(Method::GET, "/v1/nothing"))
        .await
        .is_problem(404, "not-found");
    send(world.agent(Method::PUT, "/v1/calls"))
        .await
        .is_problem(404, "not-found");
    send(world.agent(Method::GET, "/v1/calls/call_x"))
        .await
        .is_problem(404, "not-found");
    send(world.agent(Method::GET, "/v1/calls/%ff"))
        .await
        .is_problem(400, "request-malformed");
    let session = json!({"mode": "proxy", "tool": "shop/find", "arguments": {"what": "x"}, "session": "se_x"});
    let request = super::world::body(world.agent(Method::POST, "/v1/calls"), &session);
    send(request).await.is_problem(404, "session-unknown");
    send(world.operator(Method::GET, "/v1/approvals/ap_x"))
        .await
        .is_problem(404, "not-found");
    send(world.operator(Method::POST, "/v1/agents/nobody/pause"))
        .await
        .is_problem(404, "not-found");
}
