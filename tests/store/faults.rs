//! A store that fails: nothing is acknowledged, nothing acknowledged is lost, and it comes back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign::audit::segment::Segment;
use countersign::audit::verify::verify;
use countersign::model::digest::Digest;
use countersign::model::session::AgentState;
use countersign::store::sqlite::{FILE, Reader, Sqlite};
use countersign::store::{Ask, Change, SharedStore, Store, StoreError};
use rusqlite::Connection;
use tokio::task::JoinSet;

use crate::made::*;

/// Makes every entry fail where it is inserted.
const AT_INSERT: [&str; 2] = [
    "CREATE TRIGGER fault BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'full'); END;",
    "DROP TRIGGER fault;",
];

/// Makes every transaction fail at its very commit: the trigger leaves a foreign key unmet.
const AT_COMMIT: [&str; 2] = [
    "CREATE TABLE none_such (id INTEGER PRIMARY KEY);
     CREATE TABLE unmet (id REFERENCES none_such (id) DEFERRABLE INITIALLY DEFERRED);
     CREATE TRIGGER fault AFTER INSERT ON entries BEGIN INSERT INTO unmet VALUES (1); END;",
    "DROP TRIGGER fault; DROP TABLE unmet; DROP TABLE none_such;",
];

/// Makes every write fail, and reading the state again as well.
const UNREADABLE: [&str; 2] = [
    "ALTER TABLE sessions RENAME TO hidden;
     CREATE TRIGGER fault BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'gone'); END;",
    "DROP TRIGGER fault; ALTER TABLE hidden RENAME TO sessions;",
];

fn tamper(directory: &Path, sql: &str) {
    let db = Connection::open(directory.join(FILE)).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    db.execute_batch(sql).unwrap();
}

fn is_unavailable<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

/// The record is whole, and its entries are as many as were acknowledged.
fn whole(directory: &Path, acknowledged: usize) {
    let reader = Reader::open(&directory.join(FILE)).unwrap();
    reader.freeze().unwrap();
    let entries = reader.entries(1, usize::MAX).unwrap();
    assert_eq!(entries.len(), acknowledged);
    let heads = reader.heads().unwrap();
    let report = verify(
        entries.into_iter().map(Ok::<_, StoreError>),
        &heads,
        &[signer().public().clone()],
        None,
    )
    .unwrap();
    assert!(report.ok(), "{report}");
    assert_eq!(report.unsigned_tail, 0);
}

#[tokio::test]
async fn a_failed_commit_changes_nothing_and_the_next_one_succeeds() {
    for fault in [AT_INSERT, AT_COMMIT] {
        let directory = tempfile::tempdir().unwrap();
        let store = sqlite(directory.path());
        let session = session(&agent("a"));
        write(&store, vec![Change::OpenSession(session.clone())])
            .await
            .unwrap();
        let before = standing(&store, &session, key(1)).await.revision;
        let pause = || vec![Change::SetAgent(agent("a"), AgentState::Paused)];
        tamper(directory.path(), fault[0]);
        for _ in 0..3 {
            assert!(is_unavailable(&write(&store, pause()).await));
        }
        let standing = standing(&store, &session, key(1)).await;
        assert_eq!(standing.revision, before);
        assert_eq!(standing.agent, AgentState::Running);
        assert_eq!(store.head().await.unwrap().unwrap().head.count, 1);

        tamper(directory.path(), fault[1]);
        let recorded = write(&store, pause()).await.unwrap();
        assert_eq!(recorded.seq(), 2);
        whole(directory.path(), 2);
    }
}

#[tokio::test]
async fn a_pruning_that_fails_or_names_another_entry_takes_nothing_out() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    for _ in 0..4 {
        write(&store, Vec::new()).await.unwrap();
    }
    let entries = store.entries(1, 10).await.unwrap();
    let segment = Segment {
        first: 1,
        last: 3,
        previous: entries[0].previous,
        hash: entries[2].hash,
        digest: Digest::of(b"file"),
    };
    let prune = |segment: &Segment| write(&store, vec![Change::Prune(segment.clone())]);
    for fault in [AT_INSERT, AT_COMMIT] {
        tamper(directory.path(), fault[0]);
        assert!(is_unavailable(&prune(&segment).await));
        tamper(directory.path(), fault[1]);
        whole(directory.path(), 4);
    }
    let other = Segment {
        last: 2,
        ..segment.clone()
    };
    assert!(is_unavailable(&prune(&other).await));
    whole(directory.path(), 4);
    assert!(store.segments().await.unwrap().is_empty());

    prune(&segment).await.unwrap();
    assert_eq!(store.entries(1, 10).await.unwrap()[0], entries[3]);
    store.close().await.unwrap();
    drop(store);
    let again = sqlite(directory.path());
    assert_eq!(again.segments().await.unwrap(), [segment]);
    assert_eq!(write(&again, Vec::new()).await.unwrap().seq(), 6);
}

#[tokio::test]
async fn a_store_that_cannot_be_read_answers_nothing_until_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    let session = session(&agent("a"));
    write(&store, vec![Change::OpenSession(session.clone())])
        .await
        .unwrap();
    tamper(directory.path(), UNREADABLE[0]);
    // Nobody has noticed yet; the first commit does.
    assert!(is_unavailable(&write(&store, Vec::new()).await));
    let target = target("send");
    let ask = Ask {
        agent: &session.principal.agent,
        session: session.id,
        target: &target,
        arguments: b"{}",
        aims: &countersign::model::aim::Aims::default(),
        key: key(1),
        budgets: &[],
        lesson: None,
        after: &std::collections::BTreeSet::new(),
        now: NOW,
    };
    assert!(is_unavailable(&store.standing(&ask).await));
    assert!(is_unavailable(&store.sessions(1).await));
    assert!(is_unavailable(&write(&store, Vec::new()).await));

    // A reader alone brings it back.
    tamper(directory.path(), UNREADABLE[1]);
    assert!(store.standing(&ask).await.unwrap().session.is_some());
    write(&store, Vec::new()).await.unwrap();
    whole(directory.path(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_record_is_lost_while_the_disk_fails_and_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let store: SharedStore = Arc::new(sqlite(directory.path()));
    let stop = Arc::new(AtomicBool::new(false));
    let mut running = JoinSet::new();
    for _ in 0..8 {
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        running.spawn(async move {
            let mut acknowledged = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                match store.commit(change(Vec::new())).await {
                    Ok(recorded) => acknowledged.push(recorded.seq()),
                    Err(StoreError::Unavailable(_)) => {}
                    Err(StoreError::Moved) => panic!("nothing moved"),
                }
            }
            acknowledged
        });
    }
    let mut acknowledged = Vec::new();
    for fault in [AT_INSERT, AT_COMMIT, UNREADABLE, AT_INSERT] {
        let at = |sql: &'static str| {
            let path = directory.path().to_owned();
            tokio::task::spawn_blocking(move || tamper(&path, sql))
        };
        at(fault[0]).await.unwrap();
        assert!(is_unavailable(&write(&*store, Vec::new()).await));
        at(fault[1]).await.unwrap();
        acknowledged.push(write(&*store, Vec::new()).await.unwrap().seq());
    }
    stop.store(true, Ordering::Relaxed);
    acknowledged.extend(running.join_all().await.into_iter().flatten());
    acknowledged.sort_unstable();
    assert_eq!(
        acknowledged,
        (1..=acknowledged.len() as u64).collect::<Vec<_>>()
    );
    whole(directory.path(), acknowledged.len());
}

#[tokio::test]
async fn a_second_writer_cannot_fork_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (sqlite(directory.path()), sqlite(directory.path()));
    write(&one, vec![Change::Setting("by".into(), "one".into())])
        .await
        .unwrap();
    // It still believes the record to be empty; afterwards it knows better.
    let change = || vec![Change::Rate("by other".into(), 1)];
    assert!(is_unavailable(&write(&other, change()).await));
    assert_eq!(write(&other, change()).await.unwrap().seq(), 2);
    assert_eq!(other.setting("by").await.unwrap().as_deref(), Some("one"));
    whole(directory.path(), 2);
}

#[tokio::test]
async fn a_record_that_does_not_fit_its_head_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    for _ in 0..3 {
        write(&store, Vec::new()).await.unwrap();
    }
    store.close().await.unwrap();
    tamper(directory.path(), "DELETE FROM entries WHERE seq = 3;");
    let ambient = ambient();
    let boot = countersign::model::id::BootId::random(&ambient);
    let refused = Sqlite::open(directory.path(), signer(), boot, ambient, false).err();
    assert_eq!(
        refused.unwrap().to_string(),
        "the record ends at entry 2, but its newest head counts 3: verify it"
    );
    tamper(directory.path(), "PRAGMA user_version = 99;");
    assert!(Reader::open(&directory.path().join(FILE)).is_err());
}
