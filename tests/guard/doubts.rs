//! Calls whose outcome nobody knows, and what may follow them.

use std::time::Duration;

use countersign::guard::Resolution;
use countersign::model::name::ServerName;
use countersign::model::outcome::Outcome;
use countersign::model::reason::Reason;
use countersign::model::target::Target;
use serde_json::{Value, json};

use super::restarts::boot_over;
use super::world::{MANIFEST, World, held, permitted};

fn pay(memo: &str) -> Value {
    json!({"amount": 90, "to": memo})
}

impl World {
    async fn ends(&self, tool: &str, arguments: Value, outcome: Outcome) {
        let permit = permitted(self.decide(tool, arguments).await);
        let (_, receipt) = self.dispatch(permit).await.unwrap().into_parts();
        self.guard.settle(receipt, outcome, None).await;
    }
}

#[tokio::test]
async fn an_unknown_outcome_blocks_a_changed_memo_retry() {
    let world = World::new().await;
    world.ends("bank/pay", pay("rent"), Outcome::Unknown).await;
    for memo in ["rent", "rent, once more"] {
        let hold = held(world.decide("bank/pay", pay(memo)).await);
        let reasons = &hold.pending().reasons;
        assert_eq!(reasons[0].reason, Reason::EarlierUnknown);
        assert!(reasons[0].sentence.contains("bank/pay"), "{reasons:?}");
        world.guard.withdraw(hold).await;
    }
    // Also in another session, with another key; another tool, and reading, go on.
    let agent = world.principal.agent.clone();
    let (_, key) = world
        .guard
        .add_agent_key("test", &agent, None)
        .await
        .unwrap();
    let other = world.guard.principal(Some(&key)).await.unwrap();
    let session = world.guard.session(&other, None).await.unwrap();
    let mut call = world.call_in(session, "bank/pay", pay("rent again"));
    call.principal = other;
    let hold = held(world.guard.decide(call).await);
    assert_eq!(hold.pending().reasons[0].reason, Reason::EarlierUnknown);
    world.guard.withdraw(hold).await;
    permitted(world.decide("crm/note", json!({})).await);
    permitted(world.decide("crm/find", json!({})).await);

    // A person who was told of it lets one call run; once that is known to have ended, so is the doubt.
    let hold = held(world.decide("bank/pay", pay("rent at last")).await);
    world.approve(&hold).await;
    world.run(permitted(world.guard.redeem(hold).await)).await;
    permitted(world.decide("bank/pay", pay("food")).await);
}

#[tokio::test]
async fn leave_given_before_an_outcome_was_lost_does_not_count_after_it() {
    let world = World::new().await;
    let big = json!({"amount": 300, "to": "x"});
    let hold = held(world.decide("bank/pay", big.clone()).await);
    let several = Resolution::Approve {
        uses: 3,
        life: None,
    };
    let first = hold.pending().approval;
    world
        .vote(&world.alice, first, several.clone())
        .await
        .unwrap();
    let permit = permitted(world.guard.redeem(hold).await);
    let (_, receipt) = world.dispatch(permit).await.unwrap().into_parts();
    drop(receipt);
    world
        .until_entry("outcome", |one| one["outcome"] == "unknown")
        .await;
    let hold = held(world.decide("bank/pay", big.clone()).await);
    assert_ne!(hold.pending().approval, first);
    assert!(
        hold.pending()
            .reasons
            .iter()
            .any(|cause| cause.reason == Reason::EarlierUnknown)
    );
    // One that was lost again is a doubt of its own.
    let second = hold.pending().approval;
    world.vote(&world.alice, second, several).await.unwrap();
    let permit = permitted(world.guard.redeem(hold).await);
    let (_, receipt) = world.dispatch(permit).await.unwrap().into_parts();
    world.pass(1);
    world.guard.settle(receipt, Outcome::Unknown, None).await;
    let hold = held(world.decide("bank/pay", big).await);
    assert!(![first, second].contains(&hold.pending().approval));
}

#[tokio::test]
async fn a_doubt_outlives_the_guard_and_an_operator_lifts_it() {
    let directory = tempfile::tempdir().unwrap();
    let (before, _) = boot_over(directory.path(), 1, Duration::ZERO, MANIFEST).await;
    let permit = permitted(before.decide("bank/pay", pay("rent")).await);
    let (_, receipt) = before.dispatch(permit).await.unwrap().into_parts();
    std::mem::forget(receipt);
    before.guard.stop().await.unwrap();
    drop(before);

    let (after, _) = boot_over(directory.path(), 2, Duration::from_secs(60), MANIFEST).await;
    let hold = held(after.decide("bank/pay", pay("rent!")).await);
    assert_eq!(hold.pending().reasons[0].reason, Reason::EarlierUnknown);
    after.guard.withdraw(hold).await;
    let target = Target::tool(ServerName::parse("bank").unwrap(), "pay");
    let (alice, agent) = (&after.alice.name, &after.principal.agent);
    let reopened = after.guard.reopen_tool(alice, agent, &target).await;
    reopened.unwrap();
    after
        .guard
        .reopen_tool(alice, agent, &target)
        .await
        .unwrap_err();
    permitted(after.decide("bank/pay", pay("food")).await);
}

#[tokio::test]
async fn what_provably_did_nothing_leaves_no_doubt() {
    let world = World::new().await;
    for outcome in [Outcome::NotSent, Outcome::Failed, Outcome::Done] {
        world.ends("bank/pay", pay("rent"), outcome).await;
    }
    world.ends("crm/find", json!({}), Outcome::Unknown).await;
    permitted(world.decide("bank/pay", pay("food")).await);
    permitted(world.decide("crm/find", json!({})).await);
}
