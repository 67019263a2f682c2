//! What the guard answers to a call, and what it writes down.

use std::time::Duration;

use countersign::guard::Ruling;
use countersign::model::outcome::Outcome;
use countersign::model::reason::Reason;
use serde_json::json;

use super::world::{World, denied, held, permitted};

#[tokio::test]
async fn a_call_inside_the_scope_runs_and_stands_in_the_record_with_its_outcome() {
    let world = World::new().await;
    let permit = permitted(world.decide("crm/find", json!({"name": "ada"})).await);
    let (seq, call) = (permit.seq(), permit.call().id.to_string());
    world.run(permit).await;
    let decisions = world.entries("decision").await;
    assert_eq!(decisions.len(), 1);
    assert_eq!(decisions[0]["decision"], "permit");
    assert_eq!(decisions[0]["call"], call);
    let outcomes = world.entries("outcome").await;
    assert_eq!(outcomes[0]["of"].to_string(), seq.to_string());
    assert_eq!(outcomes[0]["outcome"], "done");
}

#[tokio::test]
async fn what_no_rule_names_what_is_forbidden_and_what_does_not_exist_are_different_answers() {
    let world =
        World::over(&super::world::MANIFEST.replace("undeclared: pause", "undeclared: deny")).await;
    let reason = |ruling| denied(ruling).reason();
    assert_eq!(
        reason(world.decide("crm/unheard_of", json!({})).await),
        Reason::Undeclared
    );
    assert_eq!(
        reason(world.decide("crm/delete_all", json!({})).await),
        Reason::Forbidden
    );
    let gone = world.decide("nowhere/find", json!({})).await;
    assert_eq!(reason(gone), Reason::UnknownTarget);
}

#[tokio::test]
async fn who_waits_for_a_person_holds_no_room_for_a_judgement() {
    let world = World::new().await;
    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    let waiting = world.guard.wait(&hold, Duration::ZERO);
    assert!(size_of_val(&waiting) <= 1_024);
    drop(waiting);
    let judging = world.guard.redeem(hold);
    assert!(size_of_val(&judging) <= 64);
}

#[tokio::test]
async fn an_undeclared_tool_that_nobody_may_approve_is_refused_at_once() {
    let world = World::new().await;
    let denial = denied(world.decide("crm/unheard_of", json!({})).await);
    assert_eq!(denial.reason(), Reason::NoApprover);
}

#[tokio::test]
async fn a_used_up_rate_says_when_the_next_call_fits() {
    let world = World::new().await;
    for _ in 0..2 {
        world
            .run(permitted(world.decide("crm/slow", json!({})).await))
            .await;
    }
    let denial = denied(world.decide("crm/slow", json!({})).await);
    assert_eq!(denial.reason(), Reason::RateLimited);
    world.clock.pass(denial.retry_after.unwrap());
    permitted(world.decide("crm/slow", json!({})).await);
}

#[tokio::test]
async fn a_budget_is_never_overshot_by_calls_that_race() {
    let world = std::sync::Arc::new(World::new().await);
    let tries = (0..40).map(|n| {
        let world = std::sync::Arc::clone(&world);
        tokio::spawn(async move {
            let arguments = json!({"amount": 100, "to": format!("payee-{n}")});
            matches!(world.decide("bank/pay", arguments).await, Ruling::Permit(_))
        })
    });
    let permitted = futures_util::future::join_all(tries).await;
    assert_eq!(
        permitted
            .into_iter()
            .filter(|one| *one.as_ref().unwrap())
            .count(),
        10
    );
    let denial = denied(
        world
            .decide("bank/pay", json!({"amount": 0.01, "to": "x"}))
            .await,
    );
    assert_eq!(denial.reason(), Reason::BudgetExhausted);
}

#[tokio::test]
async fn only_a_call_that_never_reached_the_upstream_gives_its_budget_back() {
    let world = World::new().await;
    for (outcome, gives_back) in [
        (Outcome::NotSent, true),
        (Outcome::Failed, false),
        (Outcome::Unknown, false),
    ] {
        let before = room(&world).await;
        let permit = permitted(
            world
                .decide("bank/pay", json!({"amount": 1, "to": "x"}))
                .await,
        );
        let (_, receipt) = world.dispatch(permit).await.unwrap().into_parts();
        world.guard.settle(receipt, outcome, None).await;
        assert_eq!(room(&world).await == before, gives_back, "{outcome:?}");
    }
}

/// What still fits the budget, found by asking for too much and reading the refusal.
async fn room(world: &World) -> String {
    let denial = denied(
        world
            .decide("bank/pay", json!({"amount": 1001, "to": "x"}))
            .await,
    );
    // No wait would help, and the agent is told so.
    assert_eq!(denial.reason(), Reason::AboveBudget);
    assert_eq!(denial.retry_after, None);
    denial.cause.sentence
}

#[tokio::test]
async fn a_tool_above_the_sessions_level_is_challenged() {
    let world = World::new().await;
    match world.decide("crm/merge", json!({})).await {
        Ruling::Challenge(challenge) => {
            assert_eq!((challenge.required, challenge.level), (2, 1));
        }
        other => panic!("expected a challenge, got {other:?}"),
    }
    assert_eq!(world.entries("decision").await[0]["decision"], "challenge");
}

#[tokio::test]
async fn a_permit_dropped_unsettled_ends_as_unknown() {
    let world = World::new().await;
    let permit = permitted(world.decide("crm/note", json!({"text": "x"})).await);
    drop(world.dispatch(permit).await.unwrap());
    world.guard.stop().await.unwrap();
    assert_eq!(world.entries("outcome").await[0]["outcome"], "unknown");
}

#[tokio::test]
async fn a_permit_too_old_at_the_write_is_not_used() {
    let world = World::new().await;
    let permit = permitted(world.decide("crm/note", json!({"text": "x"})).await);
    world.pass(2);
    assert_eq!(
        world.dispatch(permit).await.unwrap_err().reason(),
        Reason::Busy
    );
    assert_eq!(world.entries("outcome").await[0]["outcome"], "not-sent");
}

#[tokio::test]
async fn a_guard_that_stops_takes_no_more_calls() {
    let world = World::new().await;
    world.guard.stop().await.unwrap();
    let denial = denied(world.decide("crm/find", json!({})).await);
    assert_eq!(denial.reason(), Reason::ShuttingDown);
}

#[tokio::test]
async fn a_payment_above_its_bound_waits_for_a_person_and_says_why() {
    let world = World::new().await;
    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    assert!(hold.pending().own);
    assert_eq!(hold.pending().code.len(), 6);
    assert_eq!(hold.pending().reasons[0].reason, Reason::Beyond);
    assert!(
        hold.pending().reasons[0].sentence.contains("/amount"),
        "{:?}",
        hold.pending().reasons
    );
}

#[tokio::test]
async fn a_tool_defined_more_than_once_is_no_tool() {
    let world = World::new().await;
    super::world::present(&world.guard, "crm", &["find", "find", "note", "find"]).await;
    let denial = denied(world.decide("crm/find", json!({})).await);
    assert_eq!(denial.reason(), Reason::UnknownTarget);
    permitted(world.decide("crm/note", json!({})).await);
}
