//! What operators stop, change and read.

use countersign::guard::Offered;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{World, body, changed_scopes, send, until};

#[tokio::test]
async fn a_paused_agent_waits_until_it_is_resumed() {
    let world = World::new().await;
    let paused = send(world.operator(Method::POST, "/v1/agents/clerk/pause")).await;
    assert_eq!(paused.status, 200, "{paused:?}");
    let find = || world.ask("shop/find", &json!({"what": "tea"}));
    send(find()).await.is_problem(403, "agent-paused");
    let agents = send(world.operator(Method::GET, "/v1/agents")).await;
    assert_eq!(agents.body["agents"][0]["state"], "paused");
    assert_eq!(
        send(world.operator(Method::POST, "/v1/agents/clerk/resume"))
            .await
            .status,
        204
    );
    assert_eq!(send(find()).await.status, 200);
}

#[tokio::test]
async fn a_revoked_agent_loses_its_holds_and_its_key() {
    let world = World::new().await;
    let held = send(world.ask("shop/order", &json!({"amount": 500}))).await;
    let stopped = send(world.operator(Method::POST, "/v1/agents/clerk/revoke")).await;
    assert_eq!(
        (stopped.status, &stopped.body["holds"]),
        (200, &json!(1)),
        "{stopped:?}"
    );
    let path = format!("/v1/approvals/{}", held.text("approval_id"));
    assert_eq!(
        send(world.operator(Method::GET, &path)).await.body["state"],
        "revoked"
    );
    assert_eq!(
        send(world.ask("shop/find", &json!({"what": "x"})))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_revoked_session_stays_over_until_it_is_reinstated() {
    let world = World::new().await;
    let find = || world.ask("shop/find", &json!({"what": "tea"}));
    send(find()).await;
    let sessions = send(world.operator(Method::GET, "/v1/sessions")).await;
    let id = sessions.body["sessions"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let deed = |verb: &str| world.operator(Method::POST, &format!("/v1/sessions/{id}/{verb}"));
    assert_eq!(send(deed("pause")).await.status, 204);
    send(find()).await.is_problem(403, "session-paused");
    assert_eq!(send(deed("resume")).await.status, 204);
    assert_eq!(send(find()).await.status, 200);
    assert_eq!(send(deed("revoke")).await.status, 200);
    send(find()).await.is_problem(403, "session-revoked");
    send(deed("revoke")).await.is_problem(404, "not-found");
    assert_eq!(send(deed("reinstate")).await.status, 204);
    assert_eq!(send(find()).await.status, 200);
}

#[tokio::test]
async fn a_revoked_grant_runs_nothing() {
    let world = World::new().await;
    let large = json!({"amount": 600});
    let held = send(world.ask("shop/order", &large)).await;
    world.approve(&held.text("approval_id")).await;
    let grants = send(world.operator(Method::GET, "/v1/grants")).await;
    let id = grants.body["grants"][0]["id"].as_str().unwrap().to_owned();
    let revoke = || world.operator(Method::POST, &format!("/v1/grants/{id}/revoke"));
    let stopped = send(revoke()).await;
    assert_eq!(
        (stopped.status, &stopped.body["running"]),
        (200, &json!([]))
    );
    send(revoke()).await.is_problem(404, "not-found");
    let answer = send(world.ask("shop/order", &large)).await;
    assert_ne!(answer.status, 200, "{answer:?}");
    assert!(world.shop.ran().is_empty());
}

#[tokio::test]
async fn revoking_a_grant_or_a_key_names_the_calls_that_were_already_on_their_way() {
    let world = World::new().await;
    let large = json!({"amount": 600});
    let held = send(world.ask("shop/order", &large)).await;
    world
        .decide(
            &world.alice,
            &held.text("approval_id"),
            json!({"decision": "approve", "uses": 2}),
        )
        .await;
    let busy = world.shop.counter.write().await;
    let running = tokio::spawn(send(world.ask("shop/order", &large)));
    let other = tokio::spawn(send(world.ask("shop/find", &json!({"what": "tea"}))));
    until(|| world.shop.ran().len() == 2).await;
    let decided = world.entries("decision").await;
    let call = |tool: &str| {
        let is_it = |one: &&Value| {
            one["decision"] == "permit" && one["target"]["name"].as_str() == Some(tool)
        };
        decided.iter().rfind(is_it).unwrap()["call"].clone()
    };
    let grants = send(world.operator(Method::GET, "/v1/grants")).await;
    let grant = grants.body["grants"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/grants/{grant}/revoke");
    let stopped = send(world.operator(Method::POST, &path)).await;
    assert_eq!(
        stopped.body["running"],
        json!([call("order")]),
        "{stopped:?}"
    );

    let keys = send(world.operator(Method::GET, "/v1/agents/clerk/keys")).await;
    let key = keys.body["keys"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/agents/clerk/keys/{key}");
    let stopped = send(world.operator(Method::DELETE, &path)).await;
    assert_eq!(
        (stopped.status, &stopped.body["sessions"]),
        (200, &json!(1))
    );
    let mut named: Vec<_> = stopped.body["running"].as_array().unwrap().clone();
    let mut calls = vec![call("order"), call("find")];
    for list in [&mut named, &mut calls] {
        list.sort_by_key(ToString::to_string);
    }
    assert_eq!(named, calls);
    drop(busy);
    running.await.unwrap();
    other.await.unwrap();
}

#[tokio::test]
async fn changed_scopes_are_in_force_once_an_operator_accepts_exactly_them() {
    let world = World::new().await;
    let Offered::Waiting(digest) = world.guard.offer(changed_scopes()).await.unwrap() else {
        panic!("the change was taken at once");
    };
    let shown = send(world.operator(Method::GET, "/v1/scopes")).await;
    assert_eq!(shown.body["offered"], digest.to_string());
    assert_eq!(shown.body["agents"][0]["agent"], "clerk");
    let accept = |digest: &str| {
        body(
            world.operator(Method::POST, "/v1/scopes/accept"),
            &json!({"digest": digest}),
        )
    };
    send(accept(&"0".repeat(64)))
        .await
        .is_problem(404, "not-found");
    send(accept("x")).await.is_problem(400, "request-malformed");
    assert_eq!(send(accept(&digest.to_string())).await.status, 204);
    let after = send(world.operator(Method::GET, "/v1/scopes")).await;
    assert_eq!(after.body["digest"], digest.to_string());
    assert_eq!(after.body["offered"], json!(null));
}

#[tokio::test]
async fn the_record_is_read_page_by_page() {
    let world = World::new().await;
    send(world.ask("shop/find", &json!({"what": "tea"}))).await;
    let page = send(world.operator(Method::GET, "/v1/audit/entries?from=2&most=2")).await;
    let entries = page.body["entries"].as_array().unwrap();
    assert_eq!((entries.len(), &entries[0]["seq"]), (2, &json!(2)));
    assert_eq!(entries[1]["previous"], entries[0]["hash"]);
    assert!(entries[0]["body_text"].as_str().unwrap().starts_with('{'));
    for query in ["from=x", "from=1&from=2", "page=3"] {
        let path = format!("/v1/audit/entries?{query}");
        send(world.operator(Method::GET, &path))
            .await
            .is_problem(400, "request-malformed");
    }
}

#[tokio::test]
async fn operators_are_listed_without_their_tokens() {
    let world = World::new().await;
    let list = send(world.operator(Method::GET, "/v1/operators")).await;
    let names: Vec<&str> = list.body["operators"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(names, ["alice", "bob"]);
    assert!(!list.text.contains("cso_"));
}

#[tokio::test]
async fn a_guard_that_stops_is_not_ready_and_takes_no_call() {
    let world = World::new().await;
    assert_eq!(
        send(world.request(world.agents, Method::GET, "/readyz"))
            .await
            .status,
        200
    );
    world.guard.stop().await.unwrap();
    for at in [world.agents, world.operators] {
        send(world.request(at, Method::GET, "/readyz"))
            .await
            .is_problem(503, "shutting-down");
    }
    let answer = send(world.ask("shop/find", &json!({"what": "tea"}))).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.headers.contains_key("retry-after"));
    assert!(world.shop.ran().is_empty());
}

#[tokio::test]
async fn pins_are_listed_compared_accepted_refused_and_locked() {
    let world = World::new().await;
    let pins = send(world.operator(Method::GET, "/v1/pins")).await;
    let find = pins.body["pins"]
        .as_array()
        .unwrap()
        .iter()
        .find(|pin| pin["name"] == "find")
        .unwrap()
        .clone();
    assert_eq!(
        (&find["standing"], &find["by"], &find["is_presented"]),
        (&json!("accepted"), &json!("introduction"), &json!(true))
    );
    let key = json!({
        "server": "shop", "kind": "tool", "name": "find", "digest": find["digest"],
    });
    let decide = |verb: &str, key: &Value| {
        let path = format!("/v1/pins/{verb}");
        send(body(world.operator(Method::POST, &path), key))
    };
    assert_eq!(decide("refuse", &key).await.status, 204);
    let ask = || send(world.ask("shop/find", &json!({"what": "tea"})));
    ask().await.is_problem(403, "tool-refused");
    assert_eq!(decide("accept", &key).await.status, 204);
    assert_eq!(ask().await.status, 200);
    let moves = world.entries("pin").await;
    assert_eq!(moves.last().unwrap()["by"], "alice");

    let diff = "/v1/pins/diff?server=shop&kind=tool&name=find";
    let diff = send(world.operator(Method::GET, diff)).await;
    assert_eq!(diff.body["members"], json!([]));
    assert_eq!(diff.body["accepted"]["definition"]["name"], "find");
    let lock = send(world.operator(Method::GET, "/v1/pins/lock?server=shop")).await;
    assert!(lock.text("text").contains(find["digest"].as_str().unwrap()));

    let mut other = key.clone();
    other["name"] = json!("seek");
    decide("accept", &other).await.is_problem(404, "not-found");
    for (member, value) in [
        ("kind", "toy"),
        ("digest", "00"),
        ("server", "A B"),
        ("x", "y"),
    ] {
        let mut wrong = key.clone();
        wrong[member] = json!(value);
        decide("accept", &wrong)
            .await
            .is_problem(400, "request-malformed");
    }
    for path in [
        "/v1/pins/diff?server=shop",
        "/v1/pins/lock",
        "/v1/pins/diff?kind=tool",
    ] {
        send(world.operator(Method::GET, path))
            .await
            .is_problem(400, "request-malformed");
    }
}

#[tokio::test]
async fn an_agent_is_shown_with_its_sessions_and_what_it_has_done_before() {
    let world = World::new().await;
    for _ in 0..2 {
        let found = send(world.ask("shop/find", &json!({"what": "tea"}))).await;
        assert_eq!(found.status, 200, "{found:?}");
    }
    send(world.ask("shop/order", &json!({"amount": 500}))).await;
    let shown = send(world.operator(Method::GET, "/v1/agents/clerk")).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    assert_eq!(shown.body["open_holds"], 1);
    assert_eq!(shown.body["sessions"].as_array().unwrap().len(), 1);
    let past = &shown.body["history"][0];
    assert_eq!(past["on_behalf_of"], Value::Null);
    assert_eq!(
        past["rungs"].as_array().unwrap().len(),
        1,
        "what waits has taught nothing: {past}"
    );
    assert_eq!(past["rungs"][0]["privilege"], "read");
    assert_eq!(past["servers"][0]["server"], "shop");
    assert_eq!(past["tools"][0]["tool"], "shop/find");
    assert_eq!(past["tools"][0]["calls"], 2);
    assert_eq!(past["recent_calls"], json!({"read": 2}));
    send(world.operator(Method::GET, "/v1/agents/nobody"))
        .await
        .is_problem(404, "not-found");
}
