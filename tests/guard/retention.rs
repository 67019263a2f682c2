//! Pruning as the guard does it: what depends on the past does not notice.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::audit::chain::GENESIS;
use countersign::audit::entry::StoredEntry;
use countersign::guard::{Keep, PruneError};
use countersign::model::json;
use countersign::model::reason::Reason;
use countersign::store::segments::{SegmentError, entries};
use serde_json::json;

use super::restarts::boot_over;
use super::world::{MANIFEST, World, denied, held, permitted};

/// Every entry from the first on: those of the segments, then those that are left.
async fn all(world: &World, directory: &Path) -> Vec<StoredEntry> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .map(|files| files.map(|file| file.unwrap().path()).collect())
        .unwrap_or_default();
    files.sort();
    let sealed = files
        .iter()
        .filter(|file| file.extension().unwrap() == "jsonl");
    let mut all: Vec<_> = sealed
        .flat_map(|file| entries(file).unwrap().map(Result::unwrap))
        .collect();
    all.extend(world.guard.entries(1, 100_000).await.unwrap());
    let mut hash = GENESIS;
    for (entry, seq) in all.iter().zip(1..) {
        assert_eq!((entry.seq, entry.previous), (seq, hash));
        hash = entry.hash;
    }
    all
}

async fn spend(world: &World, count: u32) {
    for n in 0..count {
        let pay = json!({"amount": 100, "to": format!("payee-{n}")});
        let permit = permitted(world.decide("bank/pay", pay).await);
        world.run(permit).await;
    }
}

#[tokio::test]
async fn budgets_refusals_and_what_waits_outlast_a_pruning_and_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let segments = directory.path().join("segments");
    let (world, _) = boot_over(directory.path(), 1, Duration::ZERO, MANIFEST).await;
    let big = |amount: u32| json!({"amount": amount, "to": "x"});
    let no = countersign::guard::Resolution::Deny { message: None };
    let refused = held(world.decide("bank/pay", big(700)).await);
    let id = refused.pending().approval;
    world.vote(&world.alice, id, no).await.unwrap();
    spend(&world, 2).await;
    world.pass(10);
    let before = all(&world, &segments).await.len() as u64;
    let everything = Keep::From(u64::MAX);
    let would = world.guard.prunable(everything).await.unwrap();
    let pruned = world.guard.prune("test", everything, &segments).await;
    let pruned = pruned.unwrap();
    assert_eq!((pruned.count, would.count), (before - 1, before - 1));
    assert_eq!(all(&world, &segments).await.len() as u64, before + 1);
    let left = world.guard.entries(1, 100).await.unwrap();
    assert_eq!(left.len(), 2);
    let seal = json::parse(&left[1].body).unwrap();
    assert_eq!(seal["state"], "pruned");
    assert_eq!(
        (&seal["first"], &seal["count"]),
        (&json!(1), &json!(before - 1))
    );
    assert_eq!(seal["hash"], left[0].previous.to_string());

    let told = denied(world.decide("bank/pay", big(850)).await);
    assert_eq!(told.reason(), Reason::BudgetExhausted);
    let told = denied(world.decide("bank/pay", big(700)).await);
    assert_eq!(told.reason(), Reason::ApprovalDenied);
    world.guard.stop().await.unwrap();
    drop((refused, world));
    let (world, _) = boot_over(directory.path(), 2, Duration::from_secs(60), MANIFEST).await;
    let told = denied(world.decide("bank/pay", big(850)).await);
    assert_eq!(told.reason(), Reason::BudgetExhausted);
    let told = denied(world.decide("bank/pay", big(700)).await);
    assert_eq!(told.reason(), Reason::ApprovalDenied);
    all(&world, &segments).await;
}

#[tokio::test]
async fn what_a_call_or_an_approval_under_way_was_recorded_by_is_not_pruned() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::new().await;
    spend(&world, 1).await;
    world.pass(10);
    let permit = permitted(world.decide("crm/note", json!({})).await);
    let place = permit.seq();
    let (_, receipt) = world.dispatch(permit).await.unwrap().into_parts();
    world.pass(10);
    spend(&world, 1).await;
    let everything = Keep::From(u64::MAX);
    let prune = || world.guard.prune("test", everything, directory.path());
    prune().await.unwrap();
    let left = world.guard.entries(1, 100).await.unwrap();
    assert_eq!(left[0].seq, place);
    let done = countersign::model::outcome::Outcome::Done;
    world.guard.settle(receipt, done, None).await;
    world.pass(10);
    let waits = held(
        world
            .decide("bank/pay", json!({"amount": 500, "to": "x"}))
            .await,
    );
    world.pass(10);
    held(world.decide("crm/note", json!({"n": 2})).await);
    prune().await.unwrap();
    let left = world.guard.entries(1, 100).await.unwrap();
    let opener = json::parse(&left[0].body).unwrap();
    assert_eq!(opener["approval"], waits.pending().approval.to_string());
    world.approve(&waits).await;
    world.run(permitted(world.guard.redeem(waits).await)).await;
    all(&world, directory.path()).await;
}

#[tokio::test]
async fn only_what_is_older_than_it_is_to_be_kept_goes() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::new().await;
    spend(&world, 1).await;
    let old = world.guard.head().await.unwrap().unwrap().head.count;
    world.pass(3_600);
    world.session = world.guard.session(&world.principal, None).await.unwrap();
    spend(&world, 2).await;
    let hour = Keep::For(Duration::from_secs(3_599));
    let pruned = world.guard.prune("test", hour, directory.path()).await;
    assert_eq!(pruned.unwrap().count, old);
    world.pass(7_200);
    let pruned = world.guard.prune("test", hour, directory.path()).await;
    let segments = pruned.unwrap().segments;
    assert_eq!(segments[0].first, old + 1, "each follows the one before");
    all(&world, directory.path()).await;
}

#[tokio::test]
async fn nothing_goes_whose_segment_cannot_be_written_or_is_another() {
    let directory = tempfile::tempdir().unwrap();
    let world = Arc::new(World::new().await);
    spend(&world, 3).await;
    let before = world.guard.entries(1, 1_000).await.unwrap();
    let to = directory.path().join("a-file");
    std::fs::write(&to, "").unwrap();
    let keep = Keep::From(5);
    let failed = world.guard.prune("test", keep, &to).await.unwrap_err();
    assert!(matches!(
        failed,
        PruneError::Segment(SegmentError::File(..))
    ));
    let taken = directory.path().join("000000000001-000000000004.jsonl");
    std::fs::write(&taken, "something else\n").unwrap();
    let failed = world.guard.prune("test", keep, directory.path()).await;
    let failed = failed.unwrap_err();
    assert!(matches!(
        failed,
        PruneError::Segment(SegmentError::Taken(_))
    ));
    assert_eq!(world.guard.entries(1, 1_000).await.unwrap(), before);
    assert_eq!(std::fs::read(&taken).unwrap(), b"something else\n");

    // What an earlier try wrote and did not come to record is taken up.
    std::fs::remove_file(&taken).unwrap();
    world
        .guard
        .prune("test", keep, directory.path())
        .await
        .unwrap();
    assert_eq!(world.guard.entries(1, 1).await.unwrap()[0].seq, 5);
}
