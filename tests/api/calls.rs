//! `/v1/calls` as an agent meets it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::world::{World, body, send};

#[tokio::test]
async fn an_in_scope_call_runs_once_and_its_result_passes_untouched() {
    let world = World::new().await;
    let exact = r#"{"mode":"proxy","tool":"shop/find","arguments":{"what":"tea","n":1.10}}"#;
    let request = world.agent(Method::POST, "/v1/calls");
    let answer = send(
        request
            .header("content-type", "application/json")
            .body(exact),
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["state"], "completed");
    assert!(
        answer.text.contains(r#""sold":{"n":1.10,"what":"tea"}"#)
            || answer.text.contains(r#""sold":{"what":"tea","n":1.10}"#),
        "{}",
        answer.text
    );
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(world.shop.ran().len(), 1);
    let state = send(world.agent(
        Method::GET,
        &format!("/v1/calls/{}", answer.text("call_id")),
    ))
    .await;
    assert_eq!(state.body["state"], "completed");
}

#[tokio::test]
async fn an_error_of_the_upstream_passes_as_its_own() {
    let world = World::new().await;
    let answer = send(world.ask("shop/broken", &json!({}))).await;
    assert_eq!(
        (answer.status, &answer.body["state"]),
        (200, &json!("failed"))
    );
    assert_eq!(
        answer.body["error"],
        json!({"code": -32602, "message": "out of order", "data": {"shelf": 7}})
    );
}

#[tokio::test]
async fn a_call_beyond_its_scope_is_held_then_approved_and_runs_exactly_once() {
    let world = World::new().await;
    let large = json!({"amount": 1200});
    let held = send(world.ask("shop/order", &large)).await;
    assert_eq!(held.status, 202, "{held:?}");
    assert_eq!(held.body["state"], "held");
    assert!(held.headers.contains_key("retry-after"));
    assert_eq!(
        held.headers["location"],
        format!("/v1/calls/{}", held.text("call_id"))
    );
    assert!(held.text("agent_hint").contains("not executed"));
    assert_eq!(held.body["reasons"][0]["code"], "beyond-scope");

    let path = format!("/v1/calls/{}", held.text("call_id"));
    assert_eq!(
        send(world.agent(Method::GET, &path)).await.body["state"],
        "held"
    );
    assert_eq!(
        world.approve(&held.text("approval_id")).await.body["state"],
        "approved"
    );

    let looked = send(world.agent(Method::GET, &path)).await;
    assert_eq!(looked.body["state"], "approved");
    assert!(looked.body["redeem_by"].is_string());
    assert!(world.shop.ran().is_empty(), "looking at a call ran it");

    let ran = send(world.ask("shop/order", &large)).await;
    assert_eq!(
        (ran.status, &ran.body["state"]),
        (200, &json!("completed")),
        "{ran:?}"
    );
    assert_eq!(world.shop.ran(), std::slice::from_ref(&large));
    let again = send(world.ask("shop/order", &large)).await;
    assert_eq!(
        again.status, 202,
        "one approval ran the call twice: {again:?}"
    );
    assert_ne!(again.body["approval_id"], held.body["approval_id"]);
}

#[tokio::test]
async fn a_request_that_waits_is_answered_when_a_person_approves() {
    let world = Arc::new(World::new().await);
    let asking = {
        let request = world
            .ask("shop/order", &json!({"amount": 101}))
            .header("prefer", "wait=25");
        tokio::spawn(send(request))
    };
    let approval = open_approval(&world).await;
    world.approve(&approval).await;
    let answer = asking.await.unwrap();
    assert_eq!(
        (answer.status, &answer.body["state"]),
        (200, &json!("completed")),
        "{answer:?}"
    );
    assert_eq!(answer.headers["preference-applied"], "wait=25");
}

#[tokio::test]
async fn a_refused_call_hears_the_approvers_own_words() {
    let world = World::new().await;
    let held = send(world.ask("shop/order", &json!({"amount": 500}))).await;
    let deny = json!({"decision": "deny", "message": "ask for less"});
    let denied = world
        .decide(&world.alice, &held.text("approval_id"), deny)
        .await;
    assert_eq!(denied.body["state"], "denied");
    let answer = send(world.ask("shop/order", &json!({"amount": 500}))).await;
    answer.is_problem(403, "approval-denied");
    assert!(
        answer.text("message_to_agent").ends_with("ask for less"),
        "{answer:?}"
    );
    assert!(world.shop.ran().is_empty());
}

#[tokio::test]
async fn each_kind_of_refusal_has_its_own_status_and_code() {
    let world = World::new().await;
    for (tool, arguments, status, code) in [
        ("shop/unheard_of", json!({}), 403, "undeclared"),
        ("shop/delete_all", json!({}), 403, "forbidden"),
        ("shop/proved", json!({}), 401, "step-up-needed"),
        ("bank/pay", json!({}), 404, "unknown-target"),
    ] {
        send(world.ask(tool, &arguments))
            .await
            .is_problem(status, code);
    }
    assert_eq!(
        send(world.ask("shop/limited", &json!({}))).await.status,
        200
    );
    let limited = send(world.ask("shop/limited", &json!({}))).await;
    limited.is_problem(429, "rate-limited");
    assert!(
        limited.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 1
    );
}

#[tokio::test]
async fn a_step_up_is_asked_for_in_the_words_of_its_standard() {
    let world = World::new().await;
    let answer = send(world.ask("shop/proved", &json!({}))).await;
    let challenge = answer.headers["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.contains("insufficient_user_authentication"),
        "{challenge}"
    );
    assert_eq!(
        (&answer.body["required_level"], &answer.body["level"]),
        (&json!(3), &json!(1))
    );
}

#[tokio::test]
async fn a_bound_is_compared_in_exact_decimals_and_its_digits_reach_the_approver() {
    let world = World::new().await;
    let request = world.agent(Method::POST, "/v1/calls");
    let sent =
        r#"{"mode":"proxy","tool":"shop/order","arguments":{"amount":100.0000000000000000000001}}"#;
    let held = send(
        request
            .header("content-type", "application/json")
            .body(sent),
    )
    .await;
    assert_eq!(held.status, 202, "{held:?}");
    let path = format!("/v1/approvals/{}", held.text("approval_id"));
    let shown = send(world.operator(Method::GET, &path)).await;
    assert_eq!(
        shown.body["arguments_text"],
        r#"{"amount":100.0000000000000000000001}"#
    );
    assert!(
        shown
            .text("sentence")
            .contains("100.0000000000000000000001"),
        "{shown:?}"
    );
}

#[tokio::test]
async fn a_withdrawn_call_never_runs() {
    let world = World::new().await;
    let held = send(world.ask("shop/order", &json!({"amount": 300}))).await;
    let path = format!("/v1/calls/{}", held.text("call_id"));
    let gone = send(world.agent(Method::DELETE, &path)).await;
    assert_eq!(
        (gone.status, &gone.body["state"]),
        (200, &json!("cancelled"))
    );
    world
        .approve(&held.text("approval_id"))
        .await
        .is_problem(409, "already-decided");
    send(world.agent(Method::DELETE, &path)).await;
    assert_eq!(
        send(world.agent(Method::GET, &path)).await.body["state"],
        "cancelled"
    );
}

#[tokio::test]
async fn withdrawing_a_call_ends_the_request_that_waits_on_it() {
    let world = World::new().await;
    let held = send(
        world
            .ask("shop/order", &json!({"amount": 301}))
            .header("idempotency-key", "k"),
    )
    .await;
    let waiting = world
        .ask("shop/order", &json!({"amount": 301}))
        .header("idempotency-key", "k");
    let waiting = tokio::spawn(send(waiting.header("prefer", "wait=25")));
    // The wait has begun once nobody else can take the call; before that it is merely parked.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let path = format!("/v1/calls/{}", held.text("call_id"));
    assert_eq!(send(world.agent(Method::DELETE, &path)).await.status, 200);
    let answer = waiting.await.unwrap();
    assert!(matches!(answer.status, 410 | 409), "{answer:?}");
    assert!(world.shop.ran().is_empty());
}

#[tokio::test]
async fn an_authorized_call_carries_its_permit_and_its_outcome_is_a_claim() {
    let world = World::new().await;
    let answer = send(world.ask("shop/own", &json!({"count": 3}))).await;
    assert_eq!(
        (answer.status, &answer.body["state"]),
        (200, &json!("permitted")),
        "{answer:?}"
    );
    assert_eq!(answer.body["arguments"], json!({"count": 3}));
    assert!(answer.text("permit").starts_with("csp_"));
    assert!(
        world.shop.ran().is_empty(),
        "the guard ran what it only authorized"
    );

    let path = format!("/v1/calls/{}/outcome", answer.text("call_id"));
    let report = |outcome: &str| {
        body(
            world.agent(Method::POST, &path),
            &json!({"outcome": outcome}),
        )
    };
    send(report("not-sent"))
        .await
        .is_problem(400, "request-malformed");
    let claimed = send(report("done")).await;
    assert_eq!(
        (claimed.status, &claimed.body["standing"]),
        (200, &json!("claimed"))
    );
    send(report("failed"))
        .await
        .is_problem(409, "already-decided");
    let outcomes = world.entries("outcome").await;
    assert!(
        outcomes
            .iter()
            .any(|entry| entry.to_string().contains("claimed by the agent")),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_tool_is_called_only_in_its_declared_mode() {
    let world = World::new().await;
    let request = world.agent(Method::POST, "/v1/calls");
    let asked = json!({"mode": "authorize", "tool": "shop/find", "arguments": {"what": "tea"}});
    send(body(request, &asked))
        .await
        .is_problem(403, "mode-refused");
}

#[tokio::test]
async fn somebody_elses_call_is_simply_unknown() {
    let world = World::new().await;
    let held = send(world.ask("shop/order", &json!({"amount": 400}))).await;
    let path = format!("/v1/calls/{}", held.text("call_id"));
    for method in [Method::GET, Method::DELETE] {
        let request = world.request(world.agents, method, &path);
        send(request.bearer_auth(&world.neighbour))
            .await
            .is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_session_selects_only_for_the_credential_it_was_given_to() {
    let world = World::new().await;
    let opened = send(body(
        world.agent(Method::POST, "/v1/sessions"),
        &json!({"label": "march"}),
    ))
    .await;
    assert_eq!(
        (opened.status, &opened.body["label"]),
        (201, &json!("march"))
    );
    let asked = json!({"mode": "proxy", "tool": "shop/find", "arguments": {"what": "x"}, "session": opened.body["id"]});
    let ran = send(body(world.agent(Method::POST, "/v1/calls"), &asked)).await;
    assert_eq!(ran.status, 200, "{ran:?}");
    let foreign = world
        .request(world.agents, Method::POST, "/v1/calls")
        .bearer_auth(&world.neighbour);
    send(body(foreign, &asked))
        .await
        .is_problem(404, "session-unknown");

    let own = send(world.agent(Method::GET, "/v1/sessions")).await;
    assert_eq!(own.body["sessions"].as_array().unwrap().len(), 1, "{own:?}");
    let path = format!("/v1/sessions/{}", opened.text("id"));
    assert_eq!(send(world.agent(Method::DELETE, &path)).await.status, 204);
    let after = send(body(world.agent(Method::POST, "/v1/calls"), &asked)).await;
    assert!(
        after.status >= 400,
        "a closed session still selects: {after:?}"
    );
}

#[tokio::test]
async fn an_agents_own_words_are_shown_and_marked_unverified() {
    let world = World::new().await;
    let asked = json!({
        "mode": "proxy", "tool": "shop/order", "arguments": {"amount": 900},
        "context": {"task": "the owner said it is fine\u{202e}"},
    });
    let held = send(body(world.agent(Method::POST, "/v1/calls"), &asked)).await;
    assert_eq!(held.status, 202);
    let path = format!("/v1/approvals/{}", held.text("approval_id"));
    let shown = send(world.operator(Method::GET, &path)).await;
    assert_eq!(shown.body["claims"]["verified"], false);
    assert_eq!(shown.body["claims"]["by_the_agent"], asked["context"]);
}

/// The one approval that is open, once it is.
pub(crate) async fn open_approval(world: &World) -> String {
    for _ in 0..200 {
        let list = send(world.operator(Method::GET, "/v1/approvals")).await;
        if let Some(id) = list.body["approvals"][0]["id"].as_str() {
            return id.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no approval was opened");
}
