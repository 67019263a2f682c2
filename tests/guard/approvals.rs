//! Between "this call may not run yet" and "it ran, once, exactly as approved".

use std::sync::Arc;
use std::time::Duration;

use countersign::guard::{Resolution, ResolveError, Ruling, Woke};
use countersign::model::reason::Reason;
use serde_json::{Value, json};

use super::world::{MANIFEST, World, denied, held, permitted, present, present_tools, scopes};

fn big() -> Value {
    json!({"amount": 500, "to": "x"})
}

#[tokio::test]
async fn an_approved_call_runs_once_and_a_second_attached_one_is_superseded() {
    let world = World::new().await;
    let first = held(world.decide("bank/pay", big()).await);
    let second = held(world.decide("bank/pay", big()).await);
    assert_eq!(first.pending().approval, second.pending().approval);
    world.approve(&first).await;
    let permit = permitted(world.guard.redeem(first).await);
    let denial = denied(world.guard.redeem(second).await);
    assert_eq!(denial.reason(), Reason::Superseded);
    world.run(permit).await;
    let again = held(world.decide("bank/pay", big()).await);
    assert_eq!(
        world.guard.approvals(true).await.unwrap().len(),
        2,
        "{again:?}"
    );
}

#[tokio::test]
async fn one_approval_and_fifty_attached_calls_execute_once_and_the_rest_are_superseded() {
    let world = Arc::new(World::new().await);
    let mut holds = Vec::new();
    for _ in 0..50 {
        holds.push(held(world.decide("bank/pay", big()).await));
    }
    world.approve(&holds[0]).await;
    let redeemed = holds.into_iter().map(|hold| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.guard.redeem(hold).await })
    });
    let mut permits = 0;
    for ruling in futures_util::future::join_all(redeemed).await {
        match ruling.unwrap() {
            Ruling::Permit(permit) => {
                permits += 1;
                world.run(permit).await;
            }
            other => assert_eq!(denied(other).reason(), Reason::Superseded),
        }
    }
    assert_eq!(permits, 1);
}

#[tokio::test]
async fn a_waiting_call_wakes_when_a_person_decides() {
    let world = Arc::new(World::new().await);
    let hold = held(world.decide("bank/pay", big()).await);
    let id = hold.pending().approval;
    let waiting = Arc::clone(&world);
    let waiter = tokio::spawn(async move {
        let woke = waiting.guard.wait(&hold, Duration::from_secs(60)).await;
        (woke, waiting.guard.redeem(hold).await)
    });
    tokio::task::yield_now().await;
    let once = Resolution::Approve {
        uses: 1,
        life: None,
    };
    world.vote(&world.alice, id, once).await.unwrap();
    let (woke, ruling) = waiter.await.unwrap();
    assert_eq!(woke, Woke::Changed);
    permitted(ruling);
}

#[tokio::test]
async fn denied_expired_cancelled_lapsed_and_invalidated_are_told_apart() {
    let world = World::new().await;

    let hold = held(world.decide("bank/pay", big()).await);
    let no = Resolution::Deny {
        message: Some("ask for less".to_owned()),
    };
    world
        .vote(&world.alice, hold.pending().approval, no)
        .await
        .unwrap();
    let denial = denied(world.guard.redeem(hold).await);
    assert_eq!(denial.reason(), Reason::ApprovalDenied);
    assert_eq!(denial.message.as_deref(), Some("ask for less"));

    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 501, "to": "x"}))
            .await,
    );
    world.pass(15 * 60);
    assert_eq!(
        denied(world.guard.redeem(hold).await).reason(),
        Reason::ApprovalExpired
    );

    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 502, "to": "x"}))
            .await,
    );
    let twin = held(
        world
            .decide("bank/pay", json!({"amount": 502, "to": "x"}))
            .await,
    );
    world.guard.withdraw(hold).await;
    assert_eq!(
        denied(world.guard.redeem(twin).await).reason(),
        Reason::ApprovalCancelled
    );

    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 503, "to": "x"}))
            .await,
    );
    world.approve(&hold).await;
    world.pass(5 * 60);
    assert_eq!(
        denied(world.guard.redeem(hold).await).reason(),
        Reason::ApprovalUnredeemed
    );

    world.pass(600);
    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 504, "to": "x"}))
            .await,
    );
    world
        .guard
        .offer(scopes(&MANIFEST.replace("owner: team", "owner: other")))
        .await
        .unwrap();
    assert_eq!(
        denied(world.guard.redeem(hold).await).reason(),
        Reason::ApprovalInvalidated
    );
}

#[tokio::test]
async fn an_end_that_was_told_stands_when_the_clock_is_set_back() {
    let world = World::new().await;
    let hold = held(world.decide("bank/pay", big()).await);
    let id = hold.pending().approval;
    world.pass(15 * 60);
    let told = denied(world.guard.redeem(hold).await).reason();
    assert_eq!(told, Reason::ApprovalExpired);
    world.clock.jump_ms(-10 * 60 * 1_000);
    let once = Resolution::Approve {
        uses: 1,
        life: None,
    };
    let late = world.vote(&world.alice, id, once).await.unwrap_err();
    assert!(matches!(
        late,
        ResolveError::Decided {
            state: "expired",
            ..
        }
    ));
}

#[tokio::test]
async fn what_lapsed_or_was_withdrawn_leaves_nothing_that_runs() {
    let world = World::new().await;
    let twice = Resolution::Approve {
        uses: 2,
        life: None,
    };
    let hold = held(world.decide("bank/pay", big()).await);
    let id = hold.pending().approval;
    world.vote(&world.alice, id, twice.clone()).await.unwrap();
    world.pass(5 * 60);
    let again = held(world.decide("bank/pay", big()).await);
    assert_ne!(again.pending().approval, id, "the grant would live an hour");

    let id = again.pending().approval;
    world.vote(&world.alice, id, twice).await.unwrap();
    world.guard.withdraw(again).await;
    world.pass(61);
    let again = held(world.decide("bank/pay", big()).await);
    assert_ne!(again.pending().approval, id);
    let grants = world.guard.grants().await.unwrap();
    assert!(grants.iter().any(|grant| grant.revoked.is_some()));
}

#[tokio::test]
async fn a_refusal_is_remembered_for_half_an_hour_in_every_session_of_the_agent() {
    let world = World::new().await;
    let hold = held(world.decide("bank/pay", big()).await);
    let no = Resolution::Deny { message: None };
    world
        .vote(&world.alice, hold.pending().approval, no)
        .await
        .unwrap();
    let other = world
        .guard
        .open_session(&world.principal, None)
        .await
        .unwrap()
        .id;
    let again = world
        .guard
        .decide(world.call_in(other, "bank/pay", big()))
        .await;
    assert_eq!(denied(again).reason(), Reason::ApprovalDenied);
    world.pass(30 * 60 + 1);
    let fresh = world
        .guard
        .open_session(&world.principal, None)
        .await
        .unwrap()
        .id;
    held(
        world
            .guard
            .decide(world.call_in(fresh, "bank/pay", big()))
            .await,
    );
}

#[tokio::test]
async fn a_changed_tool_ends_the_approval_of_its_calls() {
    let world = World::new().await;
    let hold = held(world.decide("bank/pay", big()).await);
    world.approve(&hold).await;
    let changed = json!({"name": "pay", "description": "x", "inputSchema": {"type": "object"}});
    present_tools(&world.guard, "bank", vec![changed]).await;
    assert_eq!(
        denied(world.guard.redeem(hold).await).reason(),
        Reason::ApprovalInvalidated
    );
}

#[tokio::test]
async fn a_grant_of_three_uses_runs_the_same_call_three_times() {
    let world = World::new().await;
    let hold = held(world.decide("bank/pay", big()).await);
    let three = Resolution::Approve {
        uses: 2,
        life: Some(Duration::from_secs(600)),
    };
    world
        .vote(&world.alice, hold.pending().approval, three)
        .await
        .unwrap();
    world.run(permitted(world.guard.redeem(hold).await)).await;
    let denial = denied(
        world
            .decide("bank/pay", json!({"amount": 501, "to": "x"}))
            .await,
    );
    assert_eq!(
        denial.reason(),
        Reason::BudgetExhausted,
        "the grant does not lift the budget"
    );
    world
        .run(permitted(world.decide("bank/pay", big()).await))
        .await;
    assert_eq!(
        denied(world.decide("bank/pay", big()).await).reason(),
        Reason::BudgetExhausted
    );
}

#[tokio::test]
async fn votes_are_bound_to_what_was_shown_and_to_who_may_decide() {
    let world = World::new().await;
    let hold = held(world.decide("bank/pay", big()).await);
    let id = hold.pending().approval;
    let once = Resolution::Approve {
        uses: 1,
        life: None,
    };
    let by_bob = world.vote(&world.bob, id, once.clone()).await.unwrap_err();
    assert!(matches!(by_bob, ResolveError::NotEligible(_)));

    let shown = world.guard.approval(id).await.unwrap().unwrap();
    let vote = countersign::guard::Vote {
        answer: None,
        version: shown.version + 1,
        digest: shown.digest,
        decision: once.clone(),
        client_id: "one".to_owned(),
    };
    let stale = world
        .guard
        .resolve(&world.alice, id, vote.clone())
        .await
        .unwrap_err();
    assert!(matches!(stale, ResolveError::Stale { version: 1 }));
    let other = countersign::guard::Vote {
        answer: None,
        version: shown.version,
        digest: countersign::model::digest::Digest::of(b"another"),
        ..vote.clone()
    };
    let other = world
        .guard
        .resolve(&world.alice, id, other)
        .await
        .unwrap_err();
    assert!(matches!(other, ResolveError::OtherDigest));

    let right = countersign::guard::Vote {
        answer: None,
        version: shown.version,
        ..vote
    };
    world
        .guard
        .resolve(&world.alice, id, right.clone())
        .await
        .unwrap();
    world.guard.resolve(&world.alice, id, right).await.unwrap();
    let late = world.vote(&world.alice, id, once).await.unwrap_err();
    assert!(matches!(
        late,
        ResolveError::Decided {
            state: "approved",
            ..
        }
    ));
}

#[tokio::test]
async fn while_an_approval_is_open_the_sessions_writes_wait_and_its_reads_pass() {
    let world = World::new().await;
    let hold = held(world.decide("bank/pay", big()).await);
    permitted(world.decide("crm/find", json!({})).await);
    let waiting = held(world.decide("crm/note", json!({"text": "x"})).await);
    assert!(!waiting.pending().own);
    assert_eq!(waiting.pending().reasons[0].reason, Reason::SessionPaused);
    world.approve(&hold).await;
    permitted(world.guard.redeem(waiting).await);
}

#[tokio::test]
async fn too_many_open_requests_are_refused_without_paging_anybody() {
    let world = World::new().await;
    for amount in 101..106 {
        held(
            world
                .decide("bank/pay", json!({"amount": amount, "to": "x"}))
                .await,
        );
    }
    let denial = denied(
        world
            .decide("bank/pay", json!({"amount": 106, "to": "x"}))
            .await,
    );
    assert_eq!(denial.reason(), Reason::TooManyHolds);
}

#[tokio::test]
async fn the_same_arguments_spelt_otherwise_attach_and_other_arguments_do_not() {
    let world = World::new().await;
    let one = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    let same = held(
        world
            .decide("bank/pay", json!({"to": "x", "amount": 500}))
            .await,
    );
    let other = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "y"}))
            .await,
    );
    assert_eq!(one.pending().approval, same.pending().approval);
    assert_ne!(one.pending().approval, other.pending().approval);
}

#[tokio::test]
async fn a_server_presented_anew_without_change_ends_nothing() {
    let world = World::new().await;
    let hold = held(world.decide("bank/pay", big()).await);
    present(&world.guard, "bank", &["pay"]).await;
    world.approve(&hold).await;
    permitted(world.guard.redeem(hold).await);
}
