//! What protects the guard, and the people it asks, from those who ask.

use countersign::guard::Resolution;
use countersign::model::name::{AgentName, ServerName};
use countersign::model::reason::Reason;
use countersign::model::target::Target;
use serde_json::json;

use super::world::{MANIFEST, World, denied, held, permitted};

/// Pays too much, and is refused by a person.
async fn refuse(world: &World, amount: u32) {
    let hold = held(
        world
            .decide("bank/pay", json!({"amount": amount, "to": "x"}))
            .await,
    );
    let no = Resolution::Deny { message: None };
    world
        .vote(&world.alice, hold.pending().approval, no)
        .await
        .unwrap();
}

#[tokio::test]
async fn three_refusals_of_a_tool_within_an_hour_close_it_until_an_operator_reopens_it() {
    let world = World::new().await;
    for amount in 201..204 {
        refuse(&world, amount).await;
        world.pass(60);
    }
    let pay = json!({"amount": 5, "to": "x"});
    let closed = denied(world.decide("bank/pay", pay.clone()).await);
    assert_eq!(closed.reason(), Reason::ToolClosed);
    permitted(world.decide("crm/find", json!({})).await);
    let states = world.entries("agent").await;
    assert!(states.iter().any(|entry| entry["state"] == "tool-closed"));

    let agent = AgentName::parse("clerk").unwrap();
    let target = Target::tool(ServerName::parse("bank").unwrap(), "pay");
    world.pass(2 * 3_600);
    let session = world.guard.session(&world.principal, None).await.unwrap();
    let call = world.call_in(session, "bank/pay", pay.clone());
    let still = denied(world.guard.decide(call).await);
    assert_eq!(still.reason(), Reason::ToolClosed);
    world
        .guard
        .reopen_tool(&world.alice.name, &agent, &target)
        .await
        .unwrap();
    let call = world.call_in(session, "bank/pay", pay);
    permitted(world.guard.decide(call).await);
    let again = world
        .guard
        .reopen_tool(&world.alice.name, &agent, &target)
        .await;
    assert!(again.is_err(), "it was open");
}

#[tokio::test]
async fn two_refusals_of_a_tool_close_nothing_and_neither_do_three_over_more_than_an_hour() {
    let mut world = World::new().await;
    for (amount, minutes) in [(201, 35), (202, 30), (203, 0)] {
        refuse(&world, amount).await;
        let pay = json!({"amount": 5, "to": "x"});
        permitted(world.decide("bank/pay", pay).await);
        world.pass(minutes * 60);
        // The session may have run out meanwhile.
        world.session = world.guard.session(&world.principal, None).await.unwrap();
    }
}

#[tokio::test]
async fn an_undeclared_reach_pauses_only_itself_and_the_third_within_an_hour_asks_nobody() {
    let world = World::over(&MANIFEST.replace("[nobody]", "[oncall]")).await;
    let reach = |n: u32| world.decide("crm/unheard_of", json!({"n": n}));
    for n in 0..2 {
        let hold = held(reach(n).await);
        assert!(hold.pending().own);
        permitted(world.decide("crm/note", json!({"n": n})).await);
    }
    assert_eq!(denied(reach(2).await).reason(), Reason::Undeclared);
    // The one that waits is still joined.
    held(reach(0).await);
    held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
}

#[tokio::test]
async fn too_many_requests_in_a_window_pause_the_session_until_an_operator_resumes_it() {
    let world = World::new().await;
    for amount in 201..211 {
        let call = json!({"amount": amount, "to": "x"});
        let hold = held(world.decide("bank/pay", call).await);
        world.guard.withdraw(hold).await;
    }
    let flood = world
        .decide("bank/pay", json!({"amount": 300, "to": "x"}))
        .await;
    assert_eq!(denied(flood).reason(), Reason::TooManyHolds);
    let read = || world.decide("crm/find", json!({}));
    assert_eq!(denied(read().await).reason(), Reason::SessionPaused);
    world
        .guard
        .resume_session(&world.alice.name, world.session)
        .await
        .unwrap();
    permitted(read().await);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_one_entry_and_a_count() {
    let world = World::new().await;
    for n in 0..1_000 {
        let key = format!("csk_{n}");
        world.guard.principal(Some(&key)).await.unwrap_err();
    }
    world.guard.principal(None).await.unwrap_err();
    let refusals = world.entries("refusal").await;
    assert_eq!(refusals.len(), 2, "{refusals:?}");
    world.guard.stop().await.unwrap();
    let refusals = world.entries("refusal").await;
    assert_eq!(refusals.len(), 3, "{refusals:?}");
    assert_eq!(refusals[2]["count"], 999);
    assert_eq!(refusals[2]["reason"], "credential-unknown");
}
