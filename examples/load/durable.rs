//! P7: durable decisions, against a bare SQLite that commits records of the same size in groups.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::audit::entry::StoredEntry;
use countersign::guard::{Guard, Ruling};
use rusqlite::{Connection, params};
use tokio::sync::{mpsc, oneshot};

use super::figures::{Row, median};
use super::wire::Round;
use super::{ROUNDS, guarded};

/// The row.
pub(crate) async fn rows() -> Vec<Row> {
    let data = tempfile::tempdir().unwrap();
    let guard = guarded::start(data.path(), guarded::scopes(WRITES)).await;
    guarded::present(&guard, "desk", "note").await;
    let who = Arc::new(guarded::identity(&guard, "clerk").await);
    decide(Arc::clone(&guard), Arc::clone(&who)).await;
    let floor = Floor::open(&data.path().join("floor.db"), sizes(&guard).await);
    let (mut bare, mut decided) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let jobs = floor.clone();
        bare.push(rate(64, move || jobs.clone().commit()).await.rate);
        let (guard, who) = (Arc::clone(&guard), Arc::clone(&who));
        let ours = rate(64, move || decide(Arc::clone(&guard), Arc::clone(&who)));
        decided.push(ours.await.rate);
    }
    guard.stop().await.unwrap();
    vec![
        Row::new("P7", "synced decisions, 64 callers", "a second", &decided)
            .beside("bare SQLite", &decided, &bare)
            .least(0.6),
    ]
}

/// How long one of so many callers waits until bare SQLite has synced what a decision of the guard takes:
/// p50, in microseconds.
pub(crate) async fn commit(guard: &Arc<Guard>, callers: usize) -> f64 {
    let data = tempfile::tempdir().unwrap();
    let floor = Floor::open(&data.path().join("floor.db"), sizes(guard).await);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let jobs = floor.clone();
        rounds.push(rate(callers, move || jobs.clone().commit()).await.p50);
    }
    median(&rounds)
}

const WRITES: &str = "
version: 1
agent: clerk
credentials: {api_key: true}
tools: [{tool: desk/note, privilege: write, arguments: {open: true}}]
";

type Who = (
    countersign::model::call::Principal,
    countersign::model::id::SessionId,
);

async fn decide(guard: Arc<Guard>, who: Arc<Who>) {
    let ruling = guard
        .decide(guarded::call(&guard, &who, "desk", "note"))
        .await;
    assert!(matches!(ruling, Ruling::Permit(_)), "{ruling:?}");
}

/// How large the entry of a decision is, and what is kept beside it.
async fn sizes(guard: &Arc<Guard>) -> (usize, usize) {
    let entries = guard.entries(1, 1_000).await.unwrap();
    let disclosed =
        |entry: &StoredEntry| Some((entry.body.len(), entry.disclosure.as_ref()?.len()));
    entries.iter().find_map(disclosed).unwrap()
}

/// How long it takes for so many callers at once, and how often it gets done.
async fn rate<F: Future<Output = ()> + Send>(
    callers: usize,
    work: impl Fn() -> F + Clone + Send + 'static,
) -> Round {
    let (begun, span) = (Instant::now(), Duration::from_secs(1));
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let work = work.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                while begun.elapsed() < span {
                    let asked = Instant::now();
                    work().await;
                    took.push(asked.elapsed().as_secs_f64() * 1e6);
                }
                took
            })
        })
        .collect();
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await.unwrap());
    }
    Round::of(all, begun.elapsed())
}

/// One thread that writes what waits into a table, synced, and tells who waited.
#[derive(Clone)]
struct Floor(mpsc::Sender<oneshot::Sender<()>>);

impl Floor {
    fn open(path: &Path, (body, beside): (usize, usize)) -> Self {
        let mut db = Connection::open(path).unwrap();
        db.pragma_update(None, "journal_mode", "wal").unwrap();
        db.pragma_update(None, "synchronous", "full").unwrap();
        db.execute_batch(
            "CREATE TABLE entries (seq INTEGER PRIMARY KEY, previous BLOB, hash BLOB, body TEXT, disclosure TEXT)",
        )
        .unwrap();
        let (jobs, mut queue) = mpsc::channel::<oneshot::Sender<()>>(1_024);
        let (hash, body, beside) = ([7_u8; 32], "b".repeat(body), "d".repeat(beside));
        std::thread::spawn(move || {
            let mut batch = Vec::new();
            while let Some(job) = queue.blocking_recv() {
                batch.push(job);
                while let Ok(job) = queue.try_recv() {
                    batch.push(job);
                }
                let group = db.transaction().unwrap();
                let mut insert = group
                    .prepare_cached("INSERT INTO entries (previous, hash, body, disclosure) VALUES (?1, ?2, ?3, ?4)")
                    .unwrap();
                for _ in &batch {
                    insert.execute(params![hash, hash, body, beside]).unwrap();
                }
                drop(insert);
                group.commit().unwrap();
                for job in batch.drain(..) {
                    job.send(()).unwrap();
                }
            }
        });
        Self(jobs)
    }

    async fn commit(self) {
        let (done, committed) = oneshot::channel();
        self.0.send(done).await.unwrap();
        committed.await.unwrap();
    }
}
