//! Whoever asks without end fills neither the record nor anybody's inbox.

use std::net::Ipv4Addr;

use countersign::guard::source::{self, Source};
use countersign::guard::{PinPolicy, Resolution, Ruling};
use countersign::limits::{INBOX_OPEN_COUNT, REFUSAL_SOURCES_COUNT};
use countersign::model::name::{AgentName, ServerName};
use countersign::model::outcome::Outcome;
use countersign::model::reason::Reason;
use countersign::model::target::Target;
use countersign::scopes::{Scopes, Source as Manifest};
use serde_json::json;

use super::world::{MANIFEST, World, denied, held, permitted};

async fn knock(world: &World, from: [u8; 4]) {
    let source = Source::of(Ipv4Addr::from(from).into());
    let knock = world.guard.principal(Some("csk_nobodys"));
    source::from(source, knock).await.unwrap_err();
}

#[tokio::test]
async fn refusals_of_a_minute_are_one_entry_that_says_how_many_came_from_where() {
    let world = World::new().await;
    knock(&world, [192, 0, 2, 1]).await;
    for _ in 0..100 {
        knock(&world, [192, 0, 2, 1]).await;
        knock(&world, [192, 0, 2, 2]).await;
    }
    let refusals = world.entries("refusal").await;
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!(refusals[0]["source"], "192.0.2.1");
    world.guard.stop().await.unwrap();
    let refusals = world.entries("refusal").await;
    assert_eq!(refusals.len(), 2, "{refusals:?}");
    assert_eq!(refusals[1]["count"], 200);
    let sources = json!({"192.0.2.1": 100, "192.0.2.2": 100});
    assert_eq!(refusals[1]["sources"], sources);
}

#[tokio::test]
async fn sources_beyond_those_that_are_told_apart_are_counted_all_the_same() {
    let world = World::new().await;
    for n in 0..=600_u16 {
        let [high, low] = n.to_be_bytes();
        knock(&world, [192, 0, high, low]).await;
    }
    world.guard.stop().await.unwrap();
    let refusals = world.entries("refusal").await;
    assert_eq!(refusals.len(), 2);
    assert_eq!(refusals[1]["count"], 600);
    let sources = refusals[1]["sources"].as_object().unwrap();
    assert_eq!(sources.len(), REFUSAL_SOURCES_COUNT);
}

#[tokio::test]
async fn a_revoked_key_that_knocks_is_counted_and_costs_its_agent_nothing_more() {
    let world = World::new().await;
    let agent = AgentName::parse("clerk").unwrap();
    let issued = world.guard.add_agent_key("test", &agent, None).await;
    let (credential, key) = issued.unwrap();
    world
        .guard
        .revoke_agent_key("test", credential.id)
        .await
        .unwrap();
    for _ in 0..50 {
        world.guard.principal(Some(&key)).await.unwrap_err();
    }
    let refusals = world.entries("refusal").await;
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0]["agent"], "clerk");
}

#[tokio::test]
async fn an_agent_that_fills_its_share_of_the_record_waits_while_people_still_decide() {
    let mut world = World::sharing(40_000).await;
    let waits = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    let also = held(
        world
            .decide("bank/pay", json!({"amount": 600, "to": "x"}))
            .await,
    );
    let fat = json!({"what": "x".repeat(4_000), "delete": 1});
    let mut full = None;
    for _ in 0..40 {
        match world.decide("crm/delete_all", fat.clone()).await {
            Ruling::Deny(denial) if denial.reason() == Reason::RecordShareUsed => {
                full = Some(denial);
                break;
            }
            ruling => assert_eq!(denied(ruling).reason(), Reason::Forbidden),
        }
    }
    let wait = full.unwrap().retry_after.unwrap();
    let before = world.guard.head().await.unwrap().unwrap().head.count;
    for _ in 0..200 {
        let told = denied(world.decide("crm/delete_all", fat.clone()).await);
        assert_eq!(told.reason(), Reason::RecordShareUsed);
        let told = denied(world.decide("crm/find", json!({})).await);
        assert_eq!(told.reason(), Reason::RecordShareUsed);
    }
    let after = world.guard.head().await.unwrap().unwrap().head.count;
    assert_eq!(after, before, "what is refused for that is only counted");

    // There is room for everything that people do.
    world.approve(&waits).await;
    let no = Resolution::Deny { message: None };
    let id = also.pending().approval;
    world.vote(&world.alice, id, no).await.unwrap();
    let agent = AgentName::parse("clerk").unwrap();
    world
        .guard
        .pause_agent(&world.alice.name, &agent)
        .await
        .unwrap();
    world
        .guard
        .resume_agent(&world.alice.name, &agent)
        .await
        .unwrap();
    let told = denied(world.guard.redeem(waits).await);
    assert_eq!(told.reason(), Reason::RecordShareUsed);

    world.clock.pass(wait + wait);
    world.session = world.guard.session(&world.principal, None).await.unwrap();
    permitted(world.decide("crm/find", json!({})).await);
    world.guard.stop().await.unwrap();
    let refusals = world.entries("refusal").await;
    let counted = refusals.iter().find(|one| one["count"].is_number());
    assert_eq!(counted.unwrap()["reason"], "record-share-used");
    assert_eq!(counted.unwrap()["count"], 401);
}

#[tokio::test]
async fn a_full_inbox_leaves_each_agent_its_share_and_no_agent_more() {
    let names: Vec<_> = (0..12).map(|n| format!("clerk-{n}")).collect();
    let mut manifests = vec![Manifest {
        name: "clerk.yaml".to_owned(),
        text: MANIFEST.to_owned(),
    }];
    manifests.extend(names.iter().map(|name| Manifest {
        name: format!("{name}.yaml"),
        text: MANIFEST.replace("agent: clerk", &format!("agent: {name}")),
    }));
    let scopes = Scopes::compile(&manifests).unwrap();
    let mut world = World::pinning(PinPolicy::FirstUse, scopes).await;
    let mut opened = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let agent = AgentName::parse(name).unwrap();
        let issued = world.guard.add_agent_key("test", &agent, None).await;
        world.principal = world
            .guard
            .principal(Some(&issued.unwrap().1))
            .await
            .unwrap();
        world.session = world.guard.session(&world.principal, None).await.unwrap();
        for n in 0..5 {
            let pay = json!({"amount": 500 + n, "to": "x"});
            match world.decide("bank/pay", pay).await {
                Ruling::Pause(hold) => opened.push((at, hold)),
                ruling => assert_eq!(denied(ruling).reason(), Reason::InboxFull),
            }
        }
    }
    let of = |agent: usize| opened.iter().filter(|(at, _)| *at == agent).count();
    // The first ten filled it; those that came after still have an equal share of it.
    assert_eq!((0..10).map(of).sum::<usize>(), INBOX_OPEN_COUNT);
    assert_eq!((of(10), of(11)), (4, 4));

    // Another group's inbox is another matter, and one that empties has room for anybody.
    let (_, hold) = opened.remove(0);
    world.guard.withdraw(hold).await;
    let last = world
        .decide("bank/pay", json!({"amount": 504, "to": "x"}))
        .await;
    assert_eq!(denied(last).reason(), Reason::InboxFull, "57 wait");
    for (_, hold) in opened.drain(..10) {
        world.guard.withdraw(hold).await;
    }
    held(
        world
            .decide("bank/pay", json!({"amount": 504, "to": "x"}))
            .await,
    );
    let denials = world.entries("decision").await;
    let crowded = denials
        .iter()
        .filter(|one| one["decision"] == "deny" && one["reasons"][0]["code"] == "inbox-full");
    assert_eq!(crowded.count(), 3);
}

#[tokio::test]
async fn a_tool_of_a_server_nobody_knows_is_refused_and_recorded_within_the_share() {
    let world = World::sharing(3_000).await;
    let mut recorded = 0;
    for _ in 0..100 {
        let mut call = world.call("crm/find", json!({}));
        call.target = Target::tool(ServerName::parse("nowhere").unwrap(), "find");
        match denied(world.guard.decide(call).await).reason() {
            Reason::UnknownTarget => recorded += 1,
            reason => assert_eq!(reason, Reason::RecordShareUsed),
        }
    }
    assert!((1..20).contains(&recorded), "{recorded} were recorded");
}

#[tokio::test]
async fn what_an_outcome_takes_counts_against_what_the_agent_begins_next_and_is_always_recorded() {
    let world = World::sharing(4_500).await;
    let one = permitted(world.decide("crm/find", json!({})).await);
    let two = permitted(world.decide("crm/find", json!({})).await);
    let long = Some("x".repeat(4_000));
    for permit in [one, two] {
        let (_, receipt) = world.dispatch(permit).await.unwrap().into_parts();
        world
            .guard
            .settle(receipt, Outcome::Failed, long.clone())
            .await;
        let told = denied(world.decide("crm/find", json!({})).await);
        assert_eq!(told.reason(), Reason::RecordShareUsed);
    }
    assert_eq!(world.entries("outcome").await.len(), 2);
}
