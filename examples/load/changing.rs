//! P10: a thousand other manifests, put into force while calls are decided.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::guard::{Guard, Ruling};
use countersign::model::call::Principal;
use countersign::model::id::SessionId;
use countersign::scopes::{Scopes, Source};
use tokio::sync::watch;

use super::figures::{Row, median};
use super::{ROUNDS, guarded, rules};

/// The rows.
pub(crate) async fn rows() -> Vec<Row> {
    let data = tempfile::tempdir().unwrap();
    let guard = guarded::start(data.path(), Scopes::compile(&many(0)).unwrap()).await;
    guarded::present(&guard, "s", "t0").await;
    let who = Arc::new(guarded::identity(&guard, "a0").await);
    let [mut took, mut quiet, mut meanwhile] = [const { Vec::new() }; 3];
    for round in 1..=ROUNDS {
        let begun = Instant::now();
        let calls = Calls::begin(&guard, &who);
        reload(&guard, round).await;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        meanwhile.push(calls.slowest().await);
        // As long again, with nothing else going on: what the machine itself does to a call.
        let calls = Calls::begin(&guard, &who);
        tokio::time::sleep(begun.elapsed()).await;
        quiet.push(calls.slowest().await);
    }
    guard.stop().await.unwrap();
    let slowest = format!(
        "the slowest decision meanwhile (without a reload: {:.2} ms)",
        median(&quiet)
    );
    vec![
        Row::new(
            "P10",
            "1,000 changed manifests compiled and in force",
            "ms",
            &took,
        )
        .most(1_000.0),
        Row::new("P10", &slowest, "ms", &meanwhile).most(5.0),
    ]
}

/// Compiles other manifests and puts them into force; they hold for the next call.
async fn reload(guard: &Arc<Guard>, round: usize) {
    let sources = many(round);
    let compiled = tokio::task::spawn_blocking(move || Scopes::compile(&sources));
    let scopes = compiled.await.unwrap().unwrap();
    let digest = scopes.digest();
    guard.offer(scopes).await.unwrap();
    assert_eq!(guard.scopes().digest(), digest);
}

fn many(round: usize) -> Vec<Source> {
    (0..1_000)
        .map(|at| Source {
            text: format!("{}# {round}\n", rules::manifest(&format!("a{at}"), 5).text),
            name: format!("a{at}.yaml"),
        })
        .collect()
}

/// Calls that are decided one after another until they are told to end.
struct Calls {
    end: watch::Sender<bool>,
    slowest: tokio::task::JoinHandle<f64>,
}

impl Calls {
    fn begin(guard: &Arc<Guard>, who: &Arc<(Principal, SessionId)>) -> Self {
        let (end, ended) = watch::channel(false);
        let (guard, who) = (Arc::clone(guard), Arc::clone(who));
        let slowest = tokio::spawn(async move {
            let mut slowest: f64 = 0.0;
            while !*ended.borrow() {
                let call = guarded::call(&guard, &who, "s", "t0");
                let begun = Instant::now();
                let ruling = guard.decide(call).await;
                slowest = slowest.max(begun.elapsed().as_secs_f64() * 1e3);
                assert!(matches!(ruling, Ruling::Permit(_)), "{ruling:?}");
                drop(ruling);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            slowest
        });
        Self { end, slowest }
    }

    async fn slowest(self) -> f64 {
        self.end.send(true).unwrap();
        self.slowest.await.unwrap()
    }
}
