//! Many commits at once: nothing is used twice, nothing overshoots, and a sync is shared.

use std::sync::Arc;

use countersign::model::id::CallId;
use countersign::store::{Change, Commit, SharedStore, StoreError, Sync};
use tokio::task::JoinSet;

use crate::made::*;

async fn all_at_once(store: &SharedStore, commits: Vec<Commit>) -> Vec<Result<u64, StoreError>> {
    let mut running = JoinSet::new();
    for commit in commits {
        let store = Arc::clone(store);
        running.spawn(async move { store.commit(commit).await.map(|recorded| recorded.seq()) });
    }
    running.join_all().await
}

fn accepted(results: &[Result<u64, StoreError>]) -> usize {
    results
        .iter()
        .filter(|result| match result {
            Ok(_) => true,
            Err(StoreError::Moved) => false,
            Err(fault) => panic!("{fault}"),
        })
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_commits_never_use_a_grant_more_often_than_granted() {
    for (_, store, _directory) in stores() {
        let session = session(&agent("a"));
        let grant = grant(&approval(&session, key(1)), 20);
        write(&*store, vec![Change::AddGrant(grant.clone())])
            .await
            .unwrap();
        let commits = (0..64)
            .map(|_| change(vec![Change::UseGrant(grant.id, NOW)]))
            .collect();
        assert_eq!(accepted(&all_at_once(&store, commits).await), 20);
        assert_eq!(store.grants(1).await.unwrap()[0].used, 20);
        assert_eq!(store.entries(1, 100).await.unwrap().len(), 21);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_never_overshoot_however_many_spend_at_once() {
    for (_, store, _directory) in stores() {
        let session = session(&agent("a"));
        let ask = budget(&agent("a"), "EUR", 60);
        let commits = (0..200)
            .map(|at| {
                let amount = ["0.3", "1.7", "2.5"][at % 3];
                let call = CallId::random(&ambient());
                change(vec![Change::Spend(call, spend(&ask, amount, "100", NOW))])
            })
            .collect();
        let accepted = accepted(&all_at_once(&store, commits).await);
        assert!(accepted < 200);
        let standing = stands(&*store, &session, key(1), &[ask], NOW).await;
        // Whatever came last, the smallest amount no longer fitted, or just about.
        assert!(standing.spent[0] <= decimal("100"));
        assert!(standing.spent[0] > decimal("97"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_open_an_approval_for_one_call_one_succeeds() {
    for (_, store, _directory) in stores() {
        let session = session(&agent("a"));
        let commits = (0..50)
            .map(|_| {
                let approval = Box::new(approval(&session, key(1)));
                change(vec![Change::OpenApproval(approval)])
            })
            .collect();
        assert_eq!(accepted(&all_at_once(&store, commits).await), 1);
        assert_eq!(store.approvals(Some(NOW), 100).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_commit_disturbs_no_other_of_its_batch() {
    for (_, store, _directory) in stores() {
        let commits = (0..300)
            .map(|at| {
                let mut changes = vec![Change::Rate(format!("cell {at}"), at)];
                if at % 3 == 0 {
                    changes.push(Change::End(CallId::random(&ambient()), OUTCOME));
                }
                change(changes)
            })
            .collect();
        assert_eq!(accepted(&all_at_once(&store, commits).await), 200);
        assert_eq!(store.rate_cells().await.unwrap().len(), 200);
        assert_eq!(store.entries(1, 500).await.unwrap().len(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_decisions_share_transactions_and_syncs() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(sqlite(directory.path()));
    let shared: SharedStore = store.clone();
    let synced = |at: u64| Commit {
        sync: Sync::Synced,
        ..change(vec![Change::Rate("cell".into(), at)])
    };
    let results = all_at_once(&shared, (0..2_000).map(synced).collect()).await;
    assert_eq!(accepted(&results), 2_000);
    let written = store.written();
    assert_eq!(written.entries, 2_000);
    assert_eq!(written.synced, written.batches);
    assert!(written.batches < 1_000, "{written:?}");

    // Every caller has its own place, and together they are the record.
    let mut places: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    places.sort_unstable();
    assert_eq!(places, (1..=2_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_commit_is_synced_when_it_asks_or_when_all_are() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    write(&store, Vec::new()).await.unwrap();
    assert_eq!((store.written().batches, store.written().synced), (1, 0));
    let commit = Commit {
        sync: Sync::Synced,
        ..change(Vec::new())
    };
    countersign::store::Store::commit(&store, commit)
        .await
        .unwrap();
    write(&store, Vec::new()).await.unwrap();
    assert_eq!((store.written().batches, store.written().synced), (3, 1));

    let directory = tempfile::tempdir().unwrap();
    let ambient = ambient();
    let boot = countersign::model::id::BootId::random(&ambient);
    let all =
        countersign::store::sqlite::Sqlite::open(directory.path(), signer(), boot, ambient, true)
            .unwrap();
    write(&all, Vec::new()).await.unwrap();
    assert_eq!(all.written().synced, 1);
}

const OUTCOME: countersign::model::outcome::Outcome = countersign::model::outcome::Outcome::Done;
