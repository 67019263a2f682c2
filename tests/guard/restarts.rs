//! What a guard finds again after it stopped, however it stopped.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::ambient::{Ambient, Played};
use countersign::audit::checkpoint::Signer;
use countersign::model::arguments::Arguments;
use countersign::model::call::Mode;
use countersign::model::id::BootId;
use countersign::model::name::ServerName;
use countersign::model::outcome::Outcome;
use countersign::model::reason::Reason;
use countersign::model::target::Target;
use countersign::model::time::Timestamp;
use countersign::store::sqlite::Sqlite;
use serde_json::json;

use super::world::{MANIFEST, World, denied, held, permitted, scopes};

/// A guard's process over one directory; `lived` is how long earlier ones did.
async fn boot(directory: &Path, seed: u64, lived: Duration) -> (World, Arc<Played>) {
    boot_over(directory, seed, lived, MANIFEST).await
}

pub(crate) async fn boot_over(
    directory: &Path,
    seed: u64,
    lived: Duration,
    manifest: &str,
) -> (World, Arc<Played>) {
    let start = Timestamp::from_millis(1_760_000_000_000).after(lived);
    let (ambient, clock) = Ambient::played(seed, start);
    let signer = Signer::from_seed(&[7; 32]).unwrap();
    let boot = BootId::random(&ambient);
    let store = Sqlite::open(directory, signer, boot, ambient.clone(), false).unwrap();
    let world = World::on(Arc::new(store), ambient, Arc::clone(&clock), manifest).await;
    (world, clock)
}

#[tokio::test]
async fn a_hold_outlives_the_guard_and_the_repeated_call_runs_once() {
    let directory = tempfile::tempdir().unwrap();
    let big = json!({"amount": 500, "to": "x"});
    let (before, _) = boot(directory.path(), 1, Duration::ZERO).await;
    let hold = held(before.decide("bank/pay", big.clone()).await);
    let (id, session, principal) = (
        hold.pending().approval,
        before.session,
        before.principal.clone(),
    );
    before.guard.stop().await.unwrap();
    drop((hold, before));

    let (mut after, _) = boot(directory.path(), 2, Duration::from_secs(60)).await;
    (after.session, after.principal) = (session, principal);
    let again = held(after.decide("bank/pay", big.clone()).await);
    assert_eq!(again.pending().approval, id);
    after.approve(&again).await;
    after.run(permitted(after.guard.redeem(again).await)).await;
    held(after.decide("bank/pay", big).await);
}

#[tokio::test]
async fn a_call_in_flight_when_the_guard_died_is_unknown_and_keeps_its_budget() {
    let directory = tempfile::tempdir().unwrap();
    let (before, _) = boot(directory.path(), 1, Duration::ZERO).await;
    let pay = |n: u32| json!({"amount": 100, "to": format!("payee-{n}")});
    for n in 0..9 {
        before
            .run(permitted(before.decide("bank/pay", pay(n)).await))
            .await;
    }
    let permit = permitted(before.decide("bank/pay", pay(9)).await);
    let (_, receipt) = before.dispatch(permit).await.unwrap().into_parts();
    std::mem::forget(receipt);
    before.guard.stop().await.unwrap();
    drop(before);

    let (after, _) = boot(directory.path(), 2, Duration::from_secs(60)).await;
    let outcomes = after.entries("outcome").await;
    assert_eq!(outcomes.len(), 10);
    assert_eq!(outcomes.last().unwrap()["outcome"], "unknown");
    let denial = denied(
        after
            .decide("bank/pay", json!({"amount": 0.01, "to": "x"}))
            .await,
    );
    assert_eq!(denial.reason(), Reason::BudgetExhausted);
}

#[tokio::test]
async fn a_clock_forward_and_back_over_restarts_resets_no_budget() {
    let directory = tempfile::tempdir().unwrap();
    let hours = |count: u64| Duration::from_secs(count * 3_600);
    let (first, _) = boot(directory.path(), 1, Duration::ZERO).await;
    for n in 0..10 {
        let pay = json!({"amount": 100, "to": format!("payee-{n}")});
        first
            .run(permitted(first.decide("bank/pay", pay).await))
            .await;
    }
    first.guard.stop().await.unwrap();
    drop(first);
    let (ahead, _) = boot(directory.path(), 2, hours(40)).await;
    ahead.guard.stop().await.unwrap();
    drop(ahead);
    let (back, _) = boot(directory.path(), 3, hours(1)).await;
    let pay = json!({"amount": 0.01, "to": "x"});
    let denial = denied(back.decide("bank/pay", pay).await);
    assert_eq!(denial.reason(), Reason::BudgetExhausted);
}

#[tokio::test]
async fn a_revocation_and_a_refusal_outlive_the_guard() {
    let directory = tempfile::tempdir().unwrap();
    let (before, _) = boot(directory.path(), 1, Duration::ZERO).await;
    let hold = held(
        before
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    let no = countersign::guard::Resolution::Deny { message: None };
    before
        .vote(&before.alice, hold.pending().approval, no)
        .await
        .unwrap();
    before
        .guard
        .revoke_session(&before.alice.name, before.session)
        .await
        .unwrap();
    let (session, principal) = (before.session, before.principal.clone());
    before.guard.stop().await.unwrap();
    drop((hold, before));

    let (mut after, _) = boot(directory.path(), 2, Duration::from_secs(60)).await;
    let denial = denied(
        after
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    assert_eq!(
        denial.reason(),
        Reason::ApprovalDenied,
        "in whatever session of the agent"
    );
    (after.session, after.principal) = (session, principal.clone());
    let denial = denied(after.decide("crm/find", json!({})).await);
    assert_eq!(denial.reason(), Reason::SessionRevoked);
    let denial = after.guard.session(&principal, None).await.unwrap_err();
    assert_eq!(denial.reason(), Reason::SessionRevoked);
}

#[tokio::test]
async fn a_redeemed_permit_is_reported_after_a_restart_and_an_unredeemed_one_was_never_sent() {
    let directory = tempfile::tempdir().unwrap();
    let (before, _) = boot(directory.path(), 1, Duration::ZERO).await;
    let bank = ServerName::parse("bank").unwrap();
    let (_, key) = before.guard.add_pep_key("test", &bank, None).await.unwrap();
    let pep = before.guard.pep(Some(&key)).await.unwrap();
    let manifest = MANIFEST.replace(
        "  - tool: bank/pay\n",
        "  - tool: bank/pay\n    mode: authorize\n",
    );
    before.guard.offer(scopes(&manifest)).await.unwrap();
    let mut signed = Vec::new();
    for amount in [600, 400] {
        let mut call = before.call("bank/pay", json!({"amount": amount / 10, "to": "x"}));
        call.mode = Mode::Authorize;
        let permit = permitted(before.guard.decide(call).await);
        signed.push(before.guard.sign(permit).await.unwrap());
    }
    let target = Target::tool(bank, "pay");
    let redeem = async |world: &World, at: usize| {
        let arguments = Arguments::parse(&signed[at].arguments).unwrap();
        let token = &signed[at].token;
        world
            .guard
            .redeem_permit(&pep, token, &target, &arguments)
            .await
    };
    redeem(&before, 0).await.unwrap();
    before.guard.stop().await.unwrap();
    drop(before);

    let (after, _) = boot(directory.path(), 2, Duration::from_secs(1)).await;
    let outcomes = after.entries("outcome").await;
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    assert_eq!(outcomes[0]["outcome"], "not-sent");
    assert_eq!(outcomes[0]["call"], signed[1].call.to_string());
    let used = redeem(&after, 1).await.unwrap_err();
    assert_eq!(used.reason(), Reason::PermitUsed);
    after
        .guard
        .report(&pep, signed[0].call, Outcome::Done, None)
        .await
        .unwrap();
}
