//! Several people, over HTTP: what each is shown and answered, and what the agent hears meanwhile.

use reqwest::Method;
use serde_json::{Value, json};

use super::world::{Answer, World, body, send};

const TWO_STAGES: &str = "default: {stages: [{any_of: [oncall], approve: 2}, {any_of: [finance]}]}";

async fn shown(world: &World, token: &str, id: &str) -> Answer {
    let path = format!("/v1/approvals/{id}");
    send(
        world
            .request(world.operators, Method::GET, &path)
            .bearer_auth(token),
    )
    .await
}

/// Votes on one version, whatever is shown now.
async fn vote(world: &World, token: &str, id: &str, version: u64, decision: &str) -> Answer {
    let digest = shown(world, token, id).await.body["action_digest"].clone();
    let decision = json!({
        "decision": decision, "action_digest": digest, "decision_id": format!("{version}-{decision}"),
    });
    let path = format!("/v1/approvals/{id}/decisions");
    let request = world.request(world.operators, Method::POST, &path);
    let request = request
        .bearer_auth(token)
        .header("if-match", format!("\"{version}\""));
    send(body(request, &decision)).await
}

async fn withdraw(world: &World, token: &str, id: &str, version: u64) -> Answer {
    let path = format!("/v1/approvals/{id}/decisions");
    let request = world.request(world.operators, Method::DELETE, &path);
    let request = request.bearer_auth(token);
    send(request.header("if-match", format!("\"{version}\""))).await
}

#[tokio::test]
async fn stages_are_passed_one_after_the_other_and_the_agent_hears_only_how_many_approved() {
    let world = World::deciding(TWO_STAGES).await;
    let (carol, fay) = (
        world.hire("carol", "oncall").await,
        world.hire("fay", "finance").await,
    );
    let order = json!({"amount": 700});
    let held = send(world.ask("shop/order", &order)).await;
    assert_eq!(
        (held.status, &held.body["approvals"]),
        (202, &json!("0 of 3"))
    );
    let id = held.text("approval_id");
    let call = format!("/v1/calls/{}", held.text("call_id"));

    let first = shown(&world, &fay, &id).await;
    assert_eq!(first.body["may_decide"], json!(["oncall"]));
    assert_eq!(
        (&first.body["stage"], &first.body["eligible"]),
        (&json!(1), &json!(false))
    );
    assert!(first.text("barred").contains("none of the groups"));
    vote(&world, &fay, &id, 1, "approve")
        .await
        .is_problem(403, "not-eligible");

    let one = vote(&world, &world.alice, &id, 1, "approve").await;
    assert_eq!((one.status, &one.body["state"]), (200, &json!("held")));
    assert_eq!(
        (&one.headers["etag"], &one.body["progress"]),
        (&"\"2\"".parse().unwrap(), &json!("1 of 3"))
    );
    assert_eq!(one.body["your_vote"]["decision"], "approve");
    let state = send(world.agent(Method::GET, &call)).await;
    assert_eq!(
        (&state.body["state"], &state.body["approvals"]),
        (&json!("held"), &json!("1 of 3"))
    );
    assert!(!state.text.contains("alice"), "{state:?}");
    // What carol was shown before has changed since.
    vote(&world, &carol, &id, 1, "approve")
        .await
        .is_problem(412, "stale-version");
    let two = vote(&world, &carol, &id, 2, "approve").await;
    assert_eq!(
        (&two.body["stage"], &two.body["may_decide"]),
        (&json!(2), &json!(["finance"]))
    );
    let done = vote(&world, &fay, &id, 3, "approve").await;
    assert_eq!(done.body["state"], "approved");
    let people: Vec<(&Value, &Value)> = done.body["votes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vote| (&vote["by"], &vote["stage"]))
        .collect();
    let expected = [
        (json!("alice"), json!(1)),
        (json!("carol"), json!(1)),
        (json!("fay"), json!(2)),
    ];
    assert_eq!(
        people,
        expected.iter().map(|(by, at)| (by, at)).collect::<Vec<_>>()
    );
    assert_eq!(done.body["stages"][0]["approvals"], 2);
    let ran = send(world.ask("shop/order", &order)).await;
    assert_eq!((ran.status, world.shop.ran()), (200, vec![order]));
}

#[tokio::test]
async fn a_second_vote_is_told_who_voted_and_when_and_a_withdrawn_one_makes_room() {
    let world = World::deciding("default: {any_of: [oncall], approve: 2}").await;
    world.hire("carol", "oncall").await;
    let id = send(world.ask("shop/order", &json!({"amount": 701})))
        .await
        .text("approval_id");
    withdraw(&world, &world.alice, &id, 1)
        .await
        .is_problem(404, "not-found");
    let one = vote(&world, &world.alice, &id, 1, "approve").await;
    let at = &one.body["votes"][0]["at"];
    for (version, decision) in [(1, "deny"), (2, "deny"), (2, "approve")] {
        let again = vote(&world, &world.alice, &id, version, decision).await;
        again.is_problem(409, "already-decided");
        assert_eq!(
            (&again.body["by"], &again.body["at"]),
            (&json!("alice"), at)
        );
        assert_eq!(again.body["vote"], "approve");
    }
    withdraw(&world, &world.alice, &id, 1)
        .await
        .is_problem(412, "stale-version");
    withdraw(&world, &world.bob, &id, 2)
        .await
        .is_problem(404, "not-found");
    let free = withdraw(&world, &world.alice, &id, 2).await;
    assert_eq!(
        (free.status, &free.body["votes"], &free.body["your_vote"]),
        (200, &json!([]), &Value::Null)
    );
    let denied = vote(&world, &world.alice, &id, 3, "deny").await;
    assert_eq!(denied.body["state"], "denied");
    withdraw(&world, &world.alice, &id, 4)
        .await
        .is_problem(409, "already-decided");
    let late = vote(&world, &world.alice, &id, 4, "approve").await;
    late.is_problem(409, "already-decided");
    assert_eq!(
        (&late.body["by"], &late.body["state"]),
        (&json!("alice"), &json!("denied"))
    );
    assert!(late.body["at"].is_string(), "{late:?}");
}

#[tokio::test]
async fn where_too_few_people_are_there_the_agent_is_told_at_once() {
    let world = World::deciding("default: {any_of: [oncall], approve: 2}").await;
    let refused = send(world.ask("shop/order", &json!({"amount": 702}))).await;
    refused.is_problem(403, "no-approver");
    let none = send(world.operator(Method::GET, "/v1/approvals?state=all")).await;
    assert_eq!(none.body["approvals"], json!([]));
    world.hire("carol", "oncall").await;
    let held = send(world.ask("shop/order", &json!({"amount": 702}))).await;
    assert_eq!(held.status, 202, "{held:?}");
}

#[tokio::test]
async fn groups_are_lent_by_their_owner_for_a_time_and_the_vote_names_both() {
    let world = World::deciding("default: {any_of: [oncall], approve: 2}").await;
    let carol = world.hire("carol", "oncall").await;
    let id = send(world.ask("shop/order", &json!({"amount": 704})))
        .await
        .text("approval_id");
    let lend = |token: &str, wish: Value| {
        let request = world.request(world.operators, Method::POST, "/v1/delegations");
        send(body(request.bearer_auth(token), &wish))
    };
    for faulty in [
        json!({"deputy": "bob"}),
        json!({"deputy": "Bob", "life_seconds": 60}),
        json!({"deputy": "alice", "life_seconds": 60}),
        json!({"deputy": "bob", "life_seconds": 0}),
        json!({"deputy": "bob", "life_seconds": 2_592_001}),
        json!({"deputy": "bob", "life_seconds": 60, "lender": "carol"}),
    ] {
        lend(&world.alice, faulty)
            .await
            .is_problem(400, "request-malformed");
    }
    let nobody = json!({"deputy": "nobody", "life_seconds": 60});
    lend(&world.alice, nobody)
        .await
        .is_problem(404, "not-found");
    let lent = lend(&world.alice, json!({"deputy": "bob", "life_seconds": 60})).await;
    assert_eq!((lent.status, &lent.body["state"]), (201, &json!("live")));

    let seen = shown(&world, &world.bob, &id).await;
    assert_eq!(
        (&seen.body["eligible"], &seen.body["in_stead_of"]),
        (&json!(true), &json!("alice"))
    );
    let one = vote(&world, &world.bob, &id, 1, "approve").await;
    let ballot = &one.body["votes"][0];
    assert_eq!(
        (&ballot["by"], &ballot["in_stead_of"]),
        (&json!("bob"), &json!("alice"))
    );
    let own = vote(&world, &world.alice, &id, 2, "approve").await;
    own.is_problem(409, "already-decided");
    assert_eq!(own.body["by"], "bob");
    let end = |token: &str| {
        let request = world.request(world.operators, Method::DELETE, "/v1/delegations/bob");
        send(request.bearer_auth(token))
    };
    end(&carol).await.is_problem(404, "not-found");
    assert_eq!(end(&world.alice).await.status, 204);
    let list = send(world.operator(Method::GET, "/v1/delegations")).await;
    assert_eq!(list.body["delegations"][0]["state"], "ended");
    // The vote that it carried is struck, and alice votes herself.
    vote(&world, &carol, &id, 2, "approve")
        .await
        .is_problem(412, "stale-version");
    vote(&world, &world.alice, &id, 3, "approve").await;
    let done = vote(&world, &carol, &id, 4, "approve").await;
    assert_eq!(done.body["state"], "approved");
}
