//! Operators stop agents, sessions and grants; time ends sessions.

use countersign::guard::Resolution;
use countersign::model::outcome::Outcome;
use countersign::model::reason::Reason;
use serde_json::json;

use super::world::{MANIFEST, World, denied, held, permitted, present, scopes};

#[tokio::test]
async fn a_held_call_of_a_revoked_session_never_runs() {
    let world = World::new().await;
    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    world.approve(&hold).await;
    let stopped = world
        .guard
        .revoke_session(&world.alice.name, world.session)
        .await
        .unwrap();
    assert_eq!(stopped.holds, 1);
    assert_eq!(
        denied(world.guard.redeem(hold).await).reason(),
        Reason::SessionRevoked
    );
    let denial = world
        .guard
        .session(&world.principal, None)
        .await
        .unwrap_err();
    assert_eq!(denial.reason(), Reason::SessionRevoked);
    world
        .guard
        .reinstate_session(&world.alice.name, world.session)
        .await
        .unwrap();
    world.guard.session(&world.principal, None).await.unwrap();
}

#[tokio::test]
async fn a_permit_minted_before_a_stop_is_not_used_after_it() {
    let world = World::new().await;
    let permit = permitted(world.decide("crm/note", json!({"text": "x"})).await);
    world
        .guard
        .pause_session(&world.alice.name, world.session)
        .await
        .unwrap();
    assert_eq!(
        world.dispatch(permit).await.unwrap_err().reason(),
        Reason::SessionPaused
    );
    world
        .guard
        .resume_session(&world.alice.name, world.session)
        .await
        .unwrap();
    permitted(world.decide("crm/note", json!({"text": "x"})).await);
}

#[tokio::test]
async fn a_paused_agent_waits_for_an_operator_and_a_revoked_one_for_a_new_key() {
    let world = World::new().await;
    let clerk = world.principal.agent.clone();
    world
        .guard
        .pause_agent(&world.alice.name, &clerk)
        .await
        .unwrap();
    assert_eq!(
        denied(world.decide("crm/find", json!({})).await).reason(),
        Reason::AgentPaused
    );
    world
        .guard
        .resume_agent(&world.alice.name, &clerk)
        .await
        .unwrap();
    permitted(world.decide("crm/find", json!({})).await);
    world
        .guard
        .revoke_agent(&world.alice.name, &clerk)
        .await
        .unwrap();
    assert_eq!(
        denied(world.decide("crm/find", json!({})).await).reason(),
        Reason::AgentRevoked
    );
    let (_, key) = world
        .guard
        .add_agent_key("test", &clerk, None)
        .await
        .unwrap();
    let principal = world.guard.principal(Some(&key)).await.unwrap();
    world.guard.session(&principal, None).await.unwrap();
}

#[tokio::test]
async fn a_revoked_key_stops_whoever_proved_it_before() {
    let world = World::new().await;
    let key = world.principal.credential;
    let permit = permitted(world.decide("crm/note", json!({"text": "x"})).await);
    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    world.approve(&hold).await;
    world.guard.revoke_agent_key("test", key).await.unwrap();
    let reasons = [
        world.dispatch(permit).await.unwrap_err().reason(),
        denied(world.guard.redeem(hold).await).reason(),
    ];
    assert_eq!(reasons, [Reason::SessionRevoked; 2]);
    let opened = world.guard.open_session(&world.principal, None).await;
    assert_eq!(opened.unwrap_err().reason(), Reason::CredentialRevoked);
    let again = world.guard.revoke_agent_key("test", key).await;
    assert!(again.is_err(), "nothing of it is left");
}

#[tokio::test]
async fn a_permit_is_not_used_once_its_grant_scopes_or_tool_are_others() {
    let world = World::new().await;
    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    let two = Resolution::Approve {
        uses: 2,
        life: None,
    };
    let id = hold.pending().approval;
    world.vote(&world.alice, id, two).await.unwrap();
    let permit = permitted(world.guard.redeem(hold).await);
    let grant = world.guard.grants().await.unwrap()[0].id;
    let alice = &world.alice.name;
    world.guard.revoke_grant(alice, grant).await.unwrap();
    let reason = world.dispatch(permit).await.unwrap_err().reason();
    assert_eq!(reason, Reason::Busy);

    let permit = permitted(world.decide("crm/note", json!({"text": "x"})).await);
    let other = scopes(&MANIFEST.replace("owner: team", "owner: other"));
    world.guard.offer(other).await.unwrap();
    let reason = world.dispatch(permit).await.unwrap_err().reason();
    assert_eq!(reason, Reason::Busy);

    let permit = permitted(world.decide("crm/note", json!({"text": "x"})).await);
    present(&world.guard, "crm", &["find"]).await;
    let reason = world.dispatch(permit).await.unwrap_err().reason();
    assert_eq!(reason, Reason::ToolChanged);
}

#[tokio::test]
async fn a_revoked_expired_or_unknown_key_proves_nobody_and_is_recorded() {
    let world = World::new().await;
    let clerk = world.principal.agent.clone();
    let (credential, key) = world
        .guard
        .add_agent_key("test", &clerk, None)
        .await
        .unwrap();
    world
        .guard
        .revoke_agent_key("test", credential.id)
        .await
        .unwrap();
    let reason = |result: Result<_, countersign::guard::Denial>| result.unwrap_err().reason();
    assert_eq!(
        reason(world.guard.principal(Some(&key)).await),
        Reason::CredentialRevoked
    );
    let life = std::time::Duration::from_secs(60);
    let (_, short) = world
        .guard
        .add_agent_key("test", &clerk, Some(life))
        .await
        .unwrap();
    world.pass(60);
    assert_eq!(
        reason(world.guard.principal(Some(&short)).await),
        Reason::CredentialExpired
    );
    assert_eq!(
        reason(world.guard.principal(Some("csk_x")).await),
        Reason::CredentialUnknown
    );
    assert_eq!(
        reason(world.guard.principal(None).await),
        Reason::CredentialMissing
    );
    assert_eq!(world.entries("refusal").await.len(), 4);
}

#[tokio::test]
async fn an_idle_session_ends_and_the_next_request_opens_another() {
    let world = World::new().await;
    world.pass(16 * 60);
    assert_eq!(
        denied(world.decide("crm/find", json!({})).await).reason(),
        Reason::SessionExpired
    );
    let next = world.guard.session(&world.principal, None).await.unwrap();
    assert_ne!(next, world.session);
    permitted(
        world
            .guard
            .decide(world.call_in(next, "crm/find", json!({})))
            .await,
    );
}

#[tokio::test]
async fn somebody_elses_session_is_simply_unknown() {
    let world = World::new().await;
    let clerk = world.principal.agent.clone();
    let (_, key) = world
        .guard
        .add_agent_key("test", &clerk, None)
        .await
        .unwrap();
    let other = world.guard.principal(Some(&key)).await.unwrap();
    let denial = world
        .guard
        .session(&other, Some(world.session))
        .await
        .unwrap_err();
    assert_eq!(denial.reason(), Reason::SessionUnknown);
    let mut call = world.call("crm/find", json!({}));
    call.principal = other;
    assert_eq!(
        denied(world.guard.decide(call).await).reason(),
        Reason::SessionUnknown
    );
}

#[tokio::test]
async fn a_revoked_grant_lets_nothing_run() {
    let world = World::new().await;
    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    let two = Resolution::Approve {
        uses: 2,
        life: None,
    };
    world
        .vote(&world.alice, hold.pending().approval, two)
        .await
        .unwrap();
    world.run(permitted(world.guard.redeem(hold).await)).await;
    let grant = world.guard.grants().await.unwrap()[0].id;
    world
        .guard
        .revoke_grant(&world.alice.name, grant)
        .await
        .unwrap();
    held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
}

#[tokio::test]
async fn a_paused_session_is_escaped_by_no_wait_no_closing_and_no_other_session() {
    let world = World::new().await;
    let alice = &world.alice.name;
    world
        .guard
        .pause_session(alice, world.session)
        .await
        .unwrap();
    let escapes = async || {
        let asked = world.guard.session(&world.principal, None).await.unwrap();
        assert_eq!(asked, world.session);
        let ruling = world.decide("crm/find", json!({})).await;
        let opened = world.guard.open_session(&world.principal, None).await;
        let closed = world
            .guard
            .close_session(&world.principal, world.session)
            .await;
        [
            denied(ruling).reason(),
            opened.unwrap_err().reason(),
            closed.unwrap_err().reason(),
        ]
    };
    assert_eq!(escapes().await, [Reason::SessionPaused; 3]);
    // Neither the idle timeout nor the longest age of a session ends the pause.
    for hours in [1, 12, 100] {
        world.pass(hours * 3_600);
        assert_eq!(escapes().await, [Reason::SessionPaused; 3], "{hours} h");
    }
    let refusals = world.entries("refusal").await;
    assert!(refusals.iter().all(|one| one["reason"] == "session-paused"));

    // Resumed it is as old as it is, and the next request opens another.
    world
        .guard
        .resume_session(alice, world.session)
        .await
        .unwrap();
    let reason = denied(world.decide("crm/find", json!({})).await).reason();
    assert_eq!(reason, Reason::SessionExpired);
    let next = world.guard.session(&world.principal, None).await.unwrap();
    assert_ne!(next, world.session);
}

#[tokio::test]
async fn a_paused_session_of_a_name_leaves_no_room_for_a_default_one() {
    let world = World::new().await;
    let alice = &world.alice.name;
    let agent = &world.principal.agent;
    let (_, key) = world
        .guard
        .add_agent_key("test", agent, None)
        .await
        .unwrap();
    let other = world.guard.principal(Some(&key)).await.unwrap();
    let named = world.guard.open_session(&other, None).await.unwrap().id;
    world.guard.pause_session(alice, named).await.unwrap();
    let denial = world.guard.session(&other, None).await.unwrap_err();
    assert_eq!(denial.reason(), Reason::SessionPaused);
    assert!(denial.cause.sentence.contains(&named.to_string()));
    world.guard.resume_session(alice, named).await.unwrap();
    world.guard.session(&other, None).await.unwrap();
}

#[tokio::test]
async fn a_net_read_waits_while_the_session_is_paused() {
    let manifest = MANIFEST.replace(
        "  - tool: crm/slow\n    privilege: read\n",
        "  - tool: crm/slow\n    privilege: read\n    net: true\n",
    );
    let world = World::over(&manifest).await;
    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    permitted(world.decide("crm/find", json!({})).await);
    let waits = held(world.decide("crm/slow", json!({"url": "x"})).await);
    assert!(!waits.pending().own);
    assert_eq!(waits.pending().approval, hold.pending().approval);
    let decision = world.entries("decision").await.pop().unwrap();
    assert_eq!(decision["privilege"], "send");
    world.guard.withdraw(hold).await;
    let permit = permitted(world.guard.redeem(waits).await);

    // Nobody knowing what became of one, the next asks a person; a plain read would not.
    let (_, receipt) = world.dispatch(permit).await.unwrap().into_parts();
    world.guard.settle(receipt, Outcome::Unknown, None).await;
    let asked = held(world.decide("crm/slow", json!({"url": "y"})).await);
    assert_eq!(asked.pending().reasons[0].reason, Reason::EarlierUnknown);
    assert!(asked.pending().own);
}
