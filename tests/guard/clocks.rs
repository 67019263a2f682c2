//! Clocks that part: whoever sets the wall clock stretches nothing, and empties no window.

use std::time::Duration;

use countersign::guard::{Resolution, ResolveError};
use countersign::model::approval::ApprovalState;
use countersign::model::arguments::Arguments;
use countersign::model::call::Mode;
use countersign::model::name::ServerName;
use countersign::model::reason::Reason;
use countersign::model::target::Target;
use serde_json::json;

use super::restarts::boot_over;
use super::world::{MANIFEST, World, denied, held, permitted, scopes};

const HOUR_MS: i64 = 3_600 * 1_000;

async fn spend_all(world: &World) {
    for n in 0..10 {
        let pay = json!({"amount": 100, "to": format!("payee-{n}")});
        world
            .run(permitted(world.decide("bank/pay", pay).await))
            .await;
    }
}

async fn pay_reason(world: &mut World) -> Reason {
    // The session may have run out meanwhile.
    world.session = world.guard.session(&world.principal, None).await.unwrap();
    let pay = json!({"amount": 0.01, "to": "x"});
    denied(world.decide("bank/pay", pay).await).reason()
}

#[tokio::test]
async fn a_clock_forward_and_back_lengthens_no_approval_and_resets_no_budget() {
    let mut world = World::over(&MANIFEST.replace("[nobody]", "[oncall]")).await;
    spend_all(&world).await;
    let start = world.guard.ambient().now();
    let mut before = None;
    for moved in [-30 * HOUR_MS, 30 * HOUR_MS, 25 * HOUR_MS, -25 * HOUR_MS] {
        let waits = held(world.decide("crm/unheard_of", json!({"n": moved})).await);
        world.clock.jump_ms(moved);
        let told = denied(world.guard.redeem(waits).await);
        assert_eq!(told.reason(), Reason::ApprovalInvalidated, "moved {moved}");
        assert_eq!(pay_reason(&mut world).await, Reason::BudgetExhausted);
        let moves = world.entries("guard").await;
        let noticed = moves.last().unwrap();
        assert_eq!(noticed["state"], "clock-moved");
        assert_eq!(noticed["moved_ms"], moved);
        assert_eq!(noticed["ended"], 1);
        assert_ne!(
            before,
            Some(moves.len()),
            "each move is an event of its own"
        );
        before = Some(moves.len());
        // The third reach within an hour would ask nobody.
        world.pass(3_600);
        world.session = world.guard.session(&world.principal, None).await.unwrap();
    }
    // The record follows the wall clock: four hours passed, and all moves together came to nothing.
    let now = world.guard.ambient().now();
    assert_eq!(now.since(start), Duration::from_secs(4 * 3_600));
    world.pass(19 * 3_600);
    assert_eq!(pay_reason(&mut world).await, Reason::BudgetExhausted);
    world.pass(3_600 + 1);
    world.session = world.guard.session(&world.principal, None).await.unwrap();
    let pay = json!({"amount": 100, "to": "x"});
    permitted(world.decide("bank/pay", pay).await);
}

#[tokio::test]
async fn what_was_approved_or_granted_before_the_clock_was_moved_runs_nothing() {
    for moved in [-HOUR_MS, HOUR_MS, -31_000, 31_000] {
        let world = World::over(&MANIFEST.replace("[nobody]", "[oncall]")).await;
        let big = json!({"amount": 500, "to": "x"});
        let approved = held(world.decide("bank/pay", big.clone()).await);
        world.approve(&approved).await;
        let used = held(world.decide("crm/unheard_of", json!({})).await);
        let thrice = Resolution::Approve {
            uses: 3,
            life: None,
        };
        let id = used.pending().approval;
        world.vote(&world.alice, id, thrice).await.unwrap();
        world.run(permitted(world.guard.redeem(used).await)).await;
        let early = permitted(world.decide("crm/note", json!({})).await);

        world.clock.jump_ms(moved);
        let late = world.dispatch(early).await.unwrap_err();
        assert_eq!(late.reason(), Reason::Busy, "moved {moved}");
        let told = denied(world.guard.redeem(approved).await);
        assert_eq!(told.reason(), Reason::ApprovalInvalidated);
        held(world.decide("crm/unheard_of", json!({})).await);
        let grants = world.guard.grants().await.unwrap();
        assert!(grants.iter().all(|grant| grant.revoked.is_some()));
        permitted(world.decide("crm/note", json!({})).await);
    }
}

#[tokio::test]
async fn a_vote_after_the_clock_was_moved_comes_too_late() {
    let world = World::new().await;
    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    let id = hold.pending().approval;
    world.clock.jump_ms(-HOUR_MS);
    let once = Resolution::Approve {
        uses: 1,
        life: None,
    };
    let late = world.vote(&world.alice, id, once).await.unwrap_err();
    let state = "invalidated";
    assert!(matches!(late, ResolveError::Decided { state: told, .. } if told == state));
}

#[tokio::test]
async fn a_small_correction_of_the_clock_moves_nothing() {
    let world = World::new().await;
    let hold = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    let decide_by = hold.pending().decide_by;
    for millis in [-29_000, 58_000, -29_000, 30_000] {
        world.clock.jump_ms(millis);
        permitted(world.decide("crm/find", json!({})).await);
    }
    world.approve(&hold).await;
    world.run(permitted(world.guard.redeem(hold).await)).await;
    assert!(world.guard.ambient().now() < decide_by);
    let moved = world.entries("guard").await;
    assert!(moved.iter().all(|entry| entry["state"] != "clock-moved"));
    // What adds up is noticed, however small each step.
    world.clock.jump_ms(1);
    permitted(world.decide("crm/find", json!({})).await);
    let moved = world.entries("guard").await;
    assert_eq!(moved.last().unwrap()["moved_ms"], 30_001);
}

#[tokio::test]
async fn a_signed_permit_of_before_the_clock_was_moved_is_not_redeemed() {
    let world = World::over(&MANIFEST.replace(
        "  - tool: bank/pay\n",
        "  - tool: bank/pay\n    mode: authorize\n",
    ))
    .await;
    let bank = ServerName::parse("bank").unwrap();
    let (_, key) = world.guard.add_pep_key("test", &bank, None).await.unwrap();
    let pep = world.guard.pep(Some(&key)).await.unwrap();
    let mut call = world.call("bank/pay", json!({"amount": 60, "to": "x"}));
    call.mode = Mode::Authorize;
    let signed = permitted(world.guard.decide(call).await);
    let signed = world.guard.sign(signed).await.unwrap();
    world.clock.jump_ms(-HOUR_MS);
    let arguments = Arguments::parse(&signed.arguments).unwrap();
    let target = Target::tool(bank, "pay");
    let redeemed = world
        .guard
        .redeem_permit(&pep, &signed.token, &target, &arguments)
        .await;
    assert_eq!(redeemed.unwrap_err().reason(), Reason::PermitUsed);
    let outcomes = world.entries("outcome").await;
    assert_eq!(outcomes[0]["outcome"], "not-sent");
}

#[tokio::test]
async fn a_rate_that_is_used_up_stays_so_when_the_clock_is_moved() {
    for moved in [-HOUR_MS, HOUR_MS] {
        let world = World::new().await;
        for _ in 0..2 {
            permitted(world.decide("crm/slow", json!({})).await);
        }
        world.clock.jump_ms(moved);
        let told = denied(world.decide("crm/slow", json!({})).await);
        assert_eq!(told.reason(), Reason::RateLimited);
        assert!(told.retry_after.unwrap() <= Duration::from_secs(60));
        world.pass(60);
        permitted(world.decide("crm/slow", json!({})).await);
    }
}

#[tokio::test]
async fn a_clock_set_back_while_no_guard_ran_voids_what_was_open() {
    let directory = tempfile::tempdir().unwrap();
    let later = Duration::from_secs(600);
    let (before, _) = boot_over(directory.path(), 1, later, MANIFEST).await;
    let big = json!({"amount": 500, "to": "x"});
    let hold = held(before.decide("bank/pay", big).await);
    let id = hold.pending().approval;
    before.guard.offer(scopes(MANIFEST)).await.unwrap();
    before.guard.stop().await.unwrap();
    drop((hold, before));

    let (after, _) = boot_over(directory.path(), 2, Duration::ZERO, MANIFEST).await;
    let approval = after.guard.approval(id).await.unwrap().unwrap();
    assert!(matches!(approval.state, ApprovalState::Invalidated { .. }));
    let told = after.entries("guard").await;
    let told: Vec<_> = told
        .iter()
        .filter(|entry| entry["state"] == "clock-set-back")
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["moved_ms"], -600_000);
    after.guard.stop().await.unwrap();
    drop(after);

    // Once noticed it is over.
    let (third, _) = boot_over(directory.path(), 3, Duration::from_secs(60), MANIFEST).await;
    let told = third.entries("guard").await;
    let count = told.iter().filter(|one| one["state"] == "clock-set-back");
    assert_eq!(count.count(), 1);
}

#[tokio::test]
async fn a_grant_that_was_over_for_days_is_ended_too_and_keeps_no_guard_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = MANIFEST.replace("[nobody]", "[oncall]");
    let (first, _) = boot_over(directory.path(), 1, Duration::ZERO, &manifest).await;
    let used = held(first.decide("crm/unheard_of", json!({})).await);
    let thrice = Resolution::Approve {
        uses: 3,
        life: None,
    };
    let id = used.pending().approval;
    first.vote(&first.alice, id, thrice).await.unwrap();
    first.run(permitted(first.guard.redeem(used).await)).await;
    first.guard.stop().await.unwrap();
    drop(first);

    let days = |count: u64| Duration::from_secs(count * 24 * 3_600);
    let (second, _) = boot_over(directory.path(), 2, days(4), &manifest).await;
    let grants = second.guard.grants().await.unwrap();
    assert!(grants.iter().all(|grant| grant.revoked.is_none()));
    second.guard.stop().await.unwrap();
    drop(second);

    // Set back by a day while no guard ran: what has a use left is void, however long it was over.
    let (third, _) = boot_over(directory.path(), 3, days(3), &manifest).await;
    let grants = third.guard.grants().await.unwrap();
    assert_eq!(grants.len(), 1);
    assert!(grants[0].revoked.is_some());
}
