//! P9: from nothing to the first decision, over a long record.

use std::sync::Arc;
use std::time::Instant;

use countersign::guard::{Guard, Refusal, Ruling};
use countersign::model::name::AgentName;
use countersign::model::reason::Reason;
use countersign::scopes::Scopes;

use super::figures::Row;
use super::{ROUNDS, guarded, rules};

/// The row.
pub(crate) async fn rows() -> Vec<Row> {
    let data = tempfile::tempdir().unwrap();
    let source = rules::manifest("clerk", 1_000);
    let compile = || Scopes::compile(std::slice::from_ref(&source)).unwrap();
    let guard = guarded::start(data.path(), compile()).await;
    guarded::present(&guard, "s", "t500").await;
    let who = guarded::identity(&guard, "clerk").await;
    let agent = who.0.agent.clone();
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| tokio::spawn(fill(Arc::clone(&guard), agent.clone())))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let last = guard.entries(1_000_000, 1).await.unwrap();
    assert_eq!(last.len(), 1, "the record is too short");
    guard.stop().await.unwrap();
    drop(guard);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let guard = guarded::start(data.path(), compile()).await;
        guarded::present(&guard, "s", "t500").await;
        let ruling = guard.decide(guarded::call(&guard, &who, "s", "t500")).await;
        rounds.push(begun.elapsed().as_secs_f64() * 1e3);
        assert!(matches!(ruling, Ruling::Permit(_)), "{ruling:?}");
        drop(ruling);
        guard.stop().await.unwrap();
    }
    let measure = "cold start to first decision, 1,000 rules, 1,000,000 records";
    vec![Row::new("P9", measure, "ms", &rounds).most(500.0)]
}

const WRITERS: usize = 500;
const EACH: usize = 2_000;

/// The shortest entries there are: how many there are counts, not what they say. Those of a known agent
/// are recorded one by one.
async fn fill(guard: Arc<Guard>, agent: AgentName) {
    for at in 0..EACH {
        let refusal = Refusal {
            reason: Reason::Malformed,
            agent: Some(agent.clone()),
            edge: "load",
            sentence: format!("request {at} could not be read"),
        };
        guard.refuse(refusal).await;
    }
}
