//! P8: calls that wait for a person, each in a task of its own, and all let go at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::guard::{Guard, Hold, Resolution, Ruling, Vote};
use countersign::model::arguments::Arguments;
use countersign::model::call::Principal;
use countersign::model::credential::Operator;
use countersign::model::id::{ApprovalId, SessionId};
use countersign::model::name::{GroupName, OperatorName};
use countersign::scopes::{Scopes, Source};
use tokio::task::JoinSet;

use super::figures::{Row, quantile};
use super::{ROUNDS, guarded, resident};

/// The rows.
pub(crate) async fn rows() -> Vec<Row> {
    let data = tempfile::tempdir().unwrap();
    let guard = guarded::start(data.path(), scopes()).await;
    guarded::present(&guard, "desk", "send").await;
    let groups = (0..=AGENTS / AGENTS_PER_GROUP)
        .map(|group| GroupName::parse(&format!("g{group}")).unwrap())
        .collect();
    let name = OperatorName::parse("olga").unwrap();
    let (operator, _) = guard.add_operator("load", name, groups).await.unwrap();
    let who = agents(&guard).await;
    let reader = guarded::identity(&guard, "reader").await;
    let before = others(&guard, &reader).await;

    let empty = resident(std::process::id());
    let mut waiting = JoinSet::new();
    let mut ids = Vec::new();
    for hold in held(&guard, who).await {
        ids.push(hold.pending().approval);
        waiting.spawn(wait(Arc::clone(&guard), hold));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
    let count = ids.len() as f64;
    let each = (resident(std::process::id()) - empty) / count;
    let during = others(&guard, &reader).await;

    let begun = Instant::now();
    let mut votes = JoinSet::new();
    for id in ids {
        votes.spawn(approve(Arc::clone(&guard), operator.clone(), id));
    }
    votes.join_all().await;
    waiting.join_all().await;
    let took = begun.elapsed().as_secs_f64();
    guard.stop().await.unwrap();
    let row = |measure: &str, unit, rounds: &[f64]| {
        Row::new(
            "P8",
            &format!("{count} held calls: {measure}"),
            unit,
            rounds,
        )
    };
    vec![
        row("resident memory of each", "KiB", &[each]).most(4.0),
        // Five seconds for a hundred thousand.
        row("all approved and resumed", "s", &[took]).most(5.0 * count / 100_000.0),
        row("p99 of other calls", "µs", &during)
            .beside("without holds", &during, &before)
            .most(2.0),
    ]
}

/// Each may have five calls that wait. Opening one looks through all that are open, so that ten thousand
/// take seconds and fifty thousand, the most that a guard's manifests allow, take minutes.
const AGENTS: usize = 2_000;
const HOLDS_EACH: usize = 5;
/// As many as fill the inbox of their group.
const AGENTS_PER_GROUP: usize = 10;

/// Calls beyond scope, all of them held.
async fn held(guard: &Arc<Guard>, who: Vec<(Principal, SessionId)>) -> Vec<Hold> {
    let mut asked = JoinSet::new();
    for who in who {
        let guard = Arc::clone(guard);
        asked.spawn(async move {
            let mut holds = Vec::new();
            for at in 0..HOLDS_EACH {
                let mut call = guarded::call(&guard, &who, "desk", "send");
                let arguments = format!(r#"{{"to":"customer {at}","amount":48.50}}"#);
                call.arguments = Arguments::parse(arguments.as_bytes()).unwrap();
                match guard.decide(call).await {
                    Ruling::Pause(hold) => holds.push(hold),
                    other => panic!("a call was not held: {other:?}"),
                }
            }
            holds
        });
    }
    asked.join_all().await.into_iter().flatten().collect()
}

/// Waits for a person, and then repeats the call, which runs.
async fn wait(guard: Arc<Guard>, hold: Hold) {
    guard.wait(&hold, Duration::from_secs(300)).await;
    let ruling = guard.redeem(hold).await;
    assert!(matches!(ruling, Ruling::Permit(_)), "{ruling:?}");
}

async fn approve(guard: Arc<Guard>, operator: Operator, id: ApprovalId) {
    let shown = guard.approval(id).await.unwrap().unwrap();
    let vote = Vote {
        answer: None,
        version: shown.version,
        digest: shown.digest,
        decision: Resolution::Approve {
            uses: 1,
            life: None,
        },
        client_id: id.to_string(),
    };
    guard.resolve(&operator, id, vote).await.unwrap();
}

fn scopes() -> Scopes {
    let mut sources: Vec<_> = (0..AGENTS)
        .map(|at| Source {
            name: format!("a{at}.yaml"),
            text: format!(
                "version: 1\nagent: a{at}\ncredentials: {{api_key: true}}\npause_covers: call\n\
                 tools: [{{tool: desk/send, privilege: send, arguments: {{properties: {{amount: {{type: number, maximum: 9}}}}, open: true}}}}]\n\
                 approval: {{default: {{any_of: [g{}]}}}}\n",
                at / AGENTS_PER_GROUP
            ),
        })
        .collect();
    sources.push(Source {
        name: "reader.yaml".to_owned(),
        text: "version: 1\nagent: reader\ncredentials: {api_key: true}\n\
               tools: [{tool: desk/send, privilege: read, arguments: {open: true}}]\n"
            .to_owned(),
    });
    Scopes::compile(&sources).unwrap_or_else(|faults| panic!("{faults}"))
}

/// Every agent with a session of its own.
async fn agents(guard: &Arc<Guard>) -> Vec<(Principal, SessionId)> {
    let mut joining = JoinSet::new();
    for at in 0..AGENTS {
        let guard = Arc::clone(guard);
        joining.spawn(async move { guarded::identity(&guard, &format!("a{at}")).await });
    }
    joining.join_all().await
}

/// The p99, in microseconds, of decisions about calls that need nobody; a figure for each round.
async fn others(guard: &Arc<Guard>, who: &(Principal, SessionId)) -> Vec<f64> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut took = Vec::new();
        for _ in 0..1_000 {
            let call = guarded::call(guard, who, "desk", "send");
            let begun = Instant::now();
            let ruling = guard.decide(call).await;
            took.push(begun.elapsed().as_secs_f64() * 1e6);
            assert!(matches!(ruling, Ruling::Permit(_)), "{ruling:?}");
        }
        rounds.push(quantile(&mut took, 0.99));
    }
    rounds
}
