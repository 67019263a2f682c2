//! Where nothing keeps the agent from the guard, what cannot be undone needs the manifest's word.

use countersign::model::isolation::Isolation;
use countersign::model::reason::Reason;
use serde_json::json;

use super::world::{MANIFEST, World, denied, held, permitted};

fn manifest(accepts: &str) -> String {
    // Undeclared tools stand at the top of the ladder.
    format!("{}{accepts}", MANIFEST.replace("[nobody]", "[oncall]"))
}

#[tokio::test]
async fn without_isolation_what_cannot_be_undone_is_refused_unless_the_manifest_accepts_it() {
    let world = World::kept(&manifest(""), Isolation::None).await;
    permitted(world.decide("crm/find", json!({})).await);
    permitted(world.decide("crm/note", json!({"text": "x"})).await);
    let pay = |amount: u32| world.decide("bank/pay", json!({"amount": amount, "to": "x"}));
    // Neither runs it, nor is a person asked.
    for ruling in [pay(5).await, pay(500).await] {
        assert_eq!(denied(ruling).reason(), Reason::LocalRefused);
    }
    let unheard = world.decide("crm/unheard_of", json!({})).await;
    assert_eq!(denied(unheard).reason(), Reason::LocalRefused);
    let forbidden = world.decide("crm/delete_all", json!({})).await;
    assert_eq!(denied(forbidden).reason(), Reason::Forbidden);
    assert!(world.guard.approvals(true).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_manifest_that_accepts_local_work_lets_a_person_decide() {
    let world = World::kept(&manifest("accept_local: true\n"), Isolation::None).await;
    let pay = |amount: u32| world.decide("bank/pay", json!({"amount": amount, "to": "x"}));
    permitted(pay(5).await);
    let hold = held(pay(500).await);
    world.approve(&hold).await;
    permitted(world.guard.redeem(hold).await);
    held(world.decide("crm/unheard_of", json!({})).await);
}

#[tokio::test]
async fn a_guard_that_is_kept_apart_needs_no_such_word() {
    for isolation in [Isolation::Uid, Isolation::Host] {
        let world = World::kept(&manifest(""), isolation).await;
        let pay = json!({"amount": 5, "to": "x"});
        permitted(world.decide("bank/pay", pay).await);
    }
}

#[tokio::test]
async fn every_entry_of_the_record_says_how_far_the_agent_was_kept_from_the_guard() {
    for isolation in Isolation::ALL {
        let world = World::kept(&manifest(""), isolation).await;
        let permit = permitted(world.decide("crm/note", json!({"text": "x"})).await);
        world.run(permit).await;
        drop(world.decide("nowhere/find", json!({})).await);
        let entries = world.guard.entries(1, 1_000).await.unwrap();
        assert!(entries.len() > 5);
        for entry in entries {
            let body = countersign::model::json::parse(&entry.body).unwrap();
            assert_eq!(body["isolation"], isolation.name(), "{body}");
        }
    }
}

#[tokio::test]
async fn without_isolation_nobody_is_asked_for_what_nobody_could_decide_apart_from_the_agent() {
    let send = "  - tool: crm/post\n    privilege: send\n    arguments: {properties: {to: {const: team}}}\n";
    let asking = |accepts: &str| manifest(accepts).replace("forbid:", &format!("{send}forbid:"));
    let call = |to: &str| json!({"to": to});

    let world = World::kept(&asking(""), Isolation::None).await;
    permitted(world.decide("crm/post", call("team")).await);
    let denial = denied(world.decide("crm/post", call("all")).await);
    assert_eq!(denial.reason(), Reason::LocalRefused);
    assert!(world.guard.approvals(true).await.unwrap().is_empty());

    let world = World::kept(&asking("accept_local: true\n"), Isolation::None).await;
    held(world.decide("crm/post", call("all")).await);
    let world = World::kept(&asking(""), Isolation::Uid).await;
    held(world.decide("crm/post", call("all")).await);
}
