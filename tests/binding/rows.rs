//! The rows: what happens to a held or approved call, and what must come of it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::edge::{Agent, Told};
use super::house::{House, changed_tools};

pub(crate) async fn the_same_call_resumes_and_runs_once<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    assert!(house.ledger("pay").is_empty(), "an approval alone ran it");
    agent.call("pay", &large()).await.ran();
    assert_eq!(house.ledger("pay"), [large()]);
    agent.call("pay", &large()).await.held();
    assert_ne!(house.open().await, call, "one approval was used twice");
    ends_with(house, 1).await;
}

pub(crate) async fn a_changed_argument_is_refused<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    let other = json!({"amount": 501});
    let swapped = agent.swap("pay", &large(), &other).await;
    house.approve(&call).await;
    for told in [
        swapped,
        agent.call("pay", &other).await,
        agent.call("pay", &json!({"amount": 500, "to": "x"})).await,
    ] {
        assert!(!matches!(told, Told::Ran(_)), "{told:?}");
    }
    assert!(house.ledger("pay").is_empty());
    assert_eq!(house.state(&call).await, "approved");
    agent.call("pay", &large()).await.ran();
    ends_with(house, 1).await;
}

pub(crate) async fn the_same_number_in_other_digits_is_refused<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    let spelt: Value = serde_json::from_str(r#"{"amount": 500.0}"#).unwrap();
    agent.call("pay", &spelt).await.held();
    assert_ne!(house.open().await, call);
    assert!(house.ledger("pay").is_empty());
    agent.call("pay", &large()).await.ran();
    ends_with(house, 1).await;
}

pub(crate) async fn another_tool_with_the_same_arguments_is_refused<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    agent.call("lend", &large()).await.held();
    assert!(house.ledger("lend").is_empty());
    agent.call("pay", &large()).await.ran();
    ends_with(house, 1).await;
}

pub(crate) async fn a_changed_tool_definition_is_refused<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    house.bank.present(changed_tools());
    house.look_again().await;
    assert_eq!(house.state(&call).await, "invalidated");
    let told = agent.call("pay", &large()).await;
    assert!(!matches!(told, Told::Ran(_)), "{told:?}");
    ends_with(house, 0).await;
}

pub(crate) async fn a_changed_manifest_is_refused<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    house.change_manifest().await;
    assert_eq!(house.state(&call).await, "invalidated");
    let told = agent.call("pay", &large()).await;
    assert!(!matches!(told, Told::Ran(_)), "{told:?}");
    ends_with(house, 0).await;
}

pub(crate) async fn an_approval_that_nobody_gave_in_time_is_refused<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.clock.pass(Duration::from_secs(15 * 60 + 1));
    agent
        .call("pay", &large())
        .await
        .refused("approval-expired");
    assert_eq!(house.state(&call).await, "expired");
    assert_eq!(house.decide(&house.alice, &call, "approve").await, 409);
    ends_with(house, 0).await;
}

pub(crate) async fn an_approval_that_was_not_used_in_time_is_refused<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    house.clock.pass(Duration::from_secs(5 * 60 + 1));
    // What goes on from the old call hears of its end; what comes anew asks a person anew.
    match agent.call("pay", &large()).await {
        Told::Held => assert_ne!(house.open().await, call),
        told => told.refused("approval-unredeemed"),
    }
    assert_eq!(house.state(&call).await, "unredeemed");
    ends_with(house, 0).await;
}

pub(crate) async fn another_agents_same_call_is_refused<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    let neighbour = A::connect(&house, &house.neighbour).await;
    neighbour.call("pay", &large()).await.held();
    assert!(house.ledger("pay").is_empty());
    agent.call("pay", &large()).await.ran();
    neighbour.call("pay", &large()).await.held();
    ends_with(house, 1).await;
}

pub(crate) async fn another_key_of_the_same_agent_is_refused<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    let other = A::connect(&house, &house.second).await;
    other.call("pay", &large()).await.held();
    assert!(house.ledger("pay").is_empty());
    agent.call("pay", &large()).await.ran();
    ends_with(house, 1).await;
}

pub(crate) async fn another_session_is_refused<A: Agent>() {
    let house = House::new().await;
    let sessions = [
        house.session(&house.clerk).await,
        house.session(&house.clerk).await,
    ];
    let agent = A::connect_in(&house, &house.clerk, &sessions[0]).await;
    agent.call("pay", &large()).await.held();
    let call = house.open().await;
    house.approve(&call).await;
    for other in [
        A::connect_in(&house, &house.clerk, &sessions[1]).await,
        A::connect(&house, &house.clerk).await,
    ] {
        other.call("pay", &large()).await.held();
    }
    assert!(house.ledger("pay").is_empty());
    // Nor does the session's name help whoever it was not given to.
    let thief = A::connect_in(&house, &house.second, &sessions[0]).await;
    thief.call("pay", &large()).await.refused("session-unknown");
    let lost = A::connect_in(&house, &house.clerk, "se_no_such").await;
    lost.call("pay", &large()).await.refused("session-unknown");
    agent.call("pay", &large()).await.ran();
    ends_with(house, 1).await;
}

pub(crate) async fn another_mode_is_refused<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    let (status, refused) = house.authorize("pay", &large()).await;
    assert_eq!((status, &refused["code"]), (403, &json!("mode-refused")));
    agent.call("pay", &large()).await.ran();

    assert_eq!(house.authorize("own", &large()).await.0, 202);
    house.approve(&house.open().await).await;
    agent.call("own", &large()).await.refused("mode-refused");
    assert!(house.ledger("own").is_empty());
    let (status, permitted) = house.authorize("own", &large()).await;
    assert_eq!((status, &permitted["state"]), (200, &json!("permitted")));
    let permit = &permitted["permit"];
    let small = json!({"amount": 499});
    assert_eq!(house.redeem(permit, "own", &small).await, 403);
    assert_eq!(house.redeem(permit, "own", &large()).await, 200);
    assert_eq!(house.redeem(permit, "own", &large()).await, 409);
    ends_with(house, 1).await;
}

pub(crate) async fn a_replay_is_refused<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    agent.call("pay", &large()).await.ran();
    for _ in 0..5 {
        agent.again().await;
    }
    assert_eq!(house.ledger("pay"), [large()]);
    assert_ne!(house.state(&call).await, "approved");
    ends_with(house, 1).await;
}

pub(crate) async fn the_same_call_many_times_at_once_runs_once<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    let second = A::connect(&house, &house.clerk).await;
    let (large, mut told) = (large(), Vec::new());
    for agents in [&agent, &second].map(|agent| (0..6).map(|_| agent.call("pay", &large))) {
        told.extend(agents);
    }
    let told = join_all(told).await;
    assert!(
        told.iter().any(|told| matches!(told, Told::Ran(_))),
        "{told:?}"
    );
    ends_with(house, 1).await;
}

pub(crate) async fn a_call_that_a_person_denied_stays_denied<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    assert_eq!(house.decide(&house.alice, &call, "deny").await, 200);
    for _ in 0..2 {
        agent.call("pay", &large()).await.refused("approval-denied");
    }
    assert_eq!(house.decide(&house.carol, &call, "approve").await, 409);
    agent.call("pay", &large()).await.refused("approval-denied");
    ends_with(house, 0).await;
}

pub(crate) async fn an_approval_after_a_disconnect_is_collected_by_the_re_attached_call<
    A: Agent,
>() {
    let house = House::patient().await;
    let agent = A::connect(&house, &house.clerk).await;
    agent.call_and_leave(&house, "pay", &large()).await;
    let call = house.open().await;
    house.approve(&call).await;
    assert!(house.ledger("pay").is_empty(), "it ran for nobody");
    let agent = A::connect(&house, &house.clerk).await;
    agent.call("pay", &large()).await.ran();
    assert!(house.waiting().await.is_empty(), "it asked a second time");
    ends_with(house, 1).await;
}

pub(crate) async fn a_restart_between_hold_and_approval_loses_nothing<A: Agent>() {
    let (mut house, agent, call) = held::<A>().await;
    drop(agent);
    house.restart().await;
    assert_eq!(house.open().await, call);
    let agent = A::connect(&house, &house.clerk).await;
    agent.call("pay", &large()).await.held();
    assert_eq!(house.open().await, call, "it asked a second time");
    house.approve(&call).await;
    agent.call("pay", &large()).await.ran();
    agent.call("pay", &large()).await.held();
    ends_with(house, 1).await;
}

pub(crate) async fn a_restart_between_approval_and_use_loses_nothing<A: Agent>() {
    let (mut house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    house.restart().await;
    assert_eq!(house.state(&call).await, "approved");
    drop(agent);
    let agent = A::connect(&house, &house.clerk).await;
    let other = json!({"amount": 501});
    agent.call("pay", &other).await.held();
    agent.call("pay", &large()).await.ran();
    house.restart().await;
    let agent = A::connect(&house, &house.clerk).await;
    agent.call("pay", &large()).await.held();
    ends_with(house, 1).await;
}

pub(crate) async fn of_two_approvers_at_once_one_decides<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    let (one, other) = tokio::join!(
        house.decide(&house.alice, &call, "approve"),
        house.decide(&house.carol, &call, "approve"),
    );
    let mut statuses = [one, other];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    agent.call("pay", &large()).await.ran();
    agent.call("pay", &large()).await.held();
    ends_with(house, 1).await;
}

pub(crate) async fn a_held_call_of_a_revoked_session_never_runs<A: Agent>() {
    let house = House::patient().await;
    let agent = A::connect(&house, &house.clerk).await;
    let large = large();
    let (mut told, revoked) = tokio::join!(agent.call("pay", &large), async {
        house.open().await;
        house.revoke_sessions().await
    });
    if told == Told::Held {
        // A client that was answered before it could know asks again.
        told = agent.call("pay", &large).await;
    }
    told.refused("session-revoked");
    never_runs::<A>(house, &revoked).await;
}

pub(crate) async fn an_approved_call_of_a_revoked_session_never_runs<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    let revoked = house.revoke_sessions().await;
    agent.call("pay", &large()).await.refused("session-revoked");
    assert_eq!(house.state(&call).await, "revoked");
    never_runs::<A>(house, &revoked).await;
}

pub(crate) async fn an_approved_call_of_a_revoked_key_never_runs<A: Agent>() {
    let (house, agent, call) = held::<A>().await;
    house.approve(&call).await;
    house.revoke_keys().await;
    let told = agent.call("pay", &large()).await;
    assert!(matches!(told, Told::Refused(_)), "{told:?}");
    assert_eq!(house.state(&call).await, "revoked");
    ends_with(house, 0).await;
}

/// Not even when the agent is let in again: what it was once granted is gone.
async fn never_runs<A: Agent>(house: House, revoked: &[String]) {
    assert!(house.ledger("pay").is_empty());
    house.reinstate(revoked).await;
    let agent = A::connect(&house, &house.clerk).await;
    if house.hold() < Duration::from_secs(1) {
        agent.call("pay", &large()).await.held();
    } else {
        agent.call_and_leave(&house, "pay", &large()).await;
    }
    ends_with(house, 0).await;
}

/// A house with an agent whose payment is held, and the approval that it waits for.
async fn held<A: Agent>() -> (House, A, String) {
    let house = House::new().await;
    let agent = A::connect(&house, &house.clerk).await;
    agent.call("pay", &large()).await.held();
    let approval = house.open().await;
    assert!(house.ledger("pay").is_empty());
    (house, agent, approval)
}

/// So many payments reached the bank, each whole and unchanged, and the record verifies.
async fn ends_with(house: House, payments: usize) {
    let ledger = house.ledger("pay");
    assert_eq!(ledger, vec![large(); payments]);
    house.verify().await;
}

/// More than the manifest lets anybody pay without asking.
fn large() -> Value {
    json!({"amount": 500})
}
