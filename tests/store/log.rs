//! The log beside the file: it stays bounded whoever writes, and no commit copies it.

use std::path::Path;
use std::sync::Arc;

use countersign::audit::entry::EntryKind;
use countersign::audit::verify::verify;
use countersign::limits::{RECORD_LOG_COPIED_PAGES, RECORD_LOG_MOST_PAGES};
use countersign::store::sqlite::{FILE, Reader, Sqlite};
use countersign::store::{Commit, Store, StoreError, Sync};
use tokio::task::JoinSet;

use crate::made::*;

const PAGE_BYTES: u64 = 4_096;

fn log_bytes(directory: &Path) -> u64 {
    std::fs::metadata(directory.join(format!("{FILE}-wal")))
        .unwrap()
        .len()
}

/// Something to write that is large for an entry.
fn large() -> Commit {
    let mut entry = entry(EntryKind::Guard);
    entry
        .body
        .insert("filler".into(), "f".repeat(16 * 1_024).into());
    Commit {
        expects: None,
        entry,
        changes: Vec::new(),
        sync: Sync::Handed,
    }
}

/// Writes from several tasks at once until `done`, and gives how many entries that took and how long the
/// log became.
async fn load(store: &Arc<Sqlite>, directory: &Path, done: impl Fn(u64) -> bool) -> (u64, u64) {
    let (mut count, mut longest) = (0, 0);
    while !done(count) {
        let mut writing = JoinSet::new();
        for _ in 0..64 {
            let store = Arc::clone(store);
            writing.spawn(async move { store.commit(large()).await.unwrap().seq() });
        }
        count += writing.join_all().await.len() as u64;
        longest = longest.max(log_bytes(directory));
        assert!(count < 1_000_000, "the log was never copied");
    }
    (count, longest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_sustained_commits_the_log_stays_bounded_and_another_thread_copies_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(sqlite(directory.path()));
    let (count, longest) = load(&store, directory.path(), |_| store.written().copies >= 4).await;
    let written = store.written();
    assert_eq!(written.entries, count);
    // What a batch adds beyond the bound before anybody looks.
    let slack = 64 * 8;
    let most = (RECORD_LOG_MOST_PAGES + slack) * PAGE_BYTES;
    assert!(longest <= most, "{longest} bytes of log");
    assert!(longest < count * 16 * 1_024, "the log never began anew");

    store.close().await.unwrap();
    assert!(!directory.path().join(format!("{FILE}-wal")).exists());
    let reader = Reader::open(&directory.path().join(FILE)).unwrap();
    let entries = reader.entries(1, usize::MAX).unwrap();
    let report = verify(
        entries.into_iter().map(Ok::<_, StoreError>),
        &reader.heads().unwrap(),
        &[signer().public().clone()],
        None,
    )
    .unwrap();
    assert!(report.ok(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_stays_stops_nobody_and_sees_what_it_saw_and_the_log_is_bounded_again_after_it()
 {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(sqlite(directory.path()));
    store.commit(large()).await.unwrap();
    let reader = Reader::open(&directory.path().join(FILE)).unwrap();
    reader.freeze().unwrap();
    assert_eq!(reader.entries(1, usize::MAX).unwrap().len(), 1);

    let pages = RECORD_LOG_MOST_PAGES + RECORD_LOG_COPIED_PAGES;
    let (count, longest) = load(&store, directory.path(), |count| count * 4 > pages).await;
    assert!(longest > RECORD_LOG_MOST_PAGES * PAGE_BYTES);
    assert_eq!(reader.entries(1, usize::MAX).unwrap().len(), 1);
    drop(reader);

    let before = store.written().copies;
    load(&store, directory.path(), |_| {
        store.written().copies >= before + 3
    })
    .await;
    store.commit(large()).await.unwrap();
    // Cut back to its bound where it began anew.
    assert!(log_bytes(directory.path()) <= (RECORD_LOG_MOST_PAGES + 64 * 8) * PAGE_BYTES);
    let entries = store.entries(count + 1, 2).await.unwrap();
    assert_eq!(entries.len(), 2);
    store.close().await.unwrap();
}
