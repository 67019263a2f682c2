//! A scripted day that needs every kind of store operation, played again for each of them failing.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use countersign::guard::{Guard, Hold, Permit, Resolution, Ruling, Vote};
use countersign::model::call::Principal;
use countersign::model::id::SessionId;
use countersign::model::outcome::Outcome;
use serde_json::{Value, json};

use super::agents::{made, note};
use super::faulty::{Weather, When};
use super::invariants::{self, Broken, Looked};
use super::many::play_all;
use super::people::{self, Choice, Deed};
use super::stage::{Setting, Stage};

/// What became of a day.
pub(crate) struct Day {
    pub(crate) story: Vec<String>,
    pub(crate) broken: Option<Broken>,
    /// Store operations that were asked, and how many of them failed.
    pub(crate) asked: u64,
    pub(crate) failed: u64,
}

/// One agent's connection, as far as it came.
struct Link {
    principal: Principal,
    session: SessionId,
}

/// Plays the day with one operation failing, or none.
pub(crate) fn play(fails: Option<(u64, When)>) -> Day {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let stage = Rc::new(Stage::new(Setting {
            seed: 1,
            planted: None,
            on_disk: false,
            hesitates: false,
        }));
        if let Some((nth, when)) = fails {
            stage.set_weather(Weather::Nth(nth, when));
        }
        stage.ledger.borrow_mut().disturbed = true;
        let mut looked = Looked::default();
        let lived = live(&stage, &mut looked).await;
        let (asked, failed) = stage.asked();
        let broken = match lived {
            Ok(()) => rest(&stage, &mut looked).await.err(),
            Err(broken) => Some(broken),
        };
        Day {
            story: stage.story(),
            broken,
            asked,
            failed,
        }
    })
}

async fn live(stage: &Rc<Stage>, looked: &mut Looked) -> Result<(), Broken> {
    boot(stage).await;
    stage.hire().await;
    morning(stage).await;
    look(stage, looked)?;
    together(stage).await;
    look(stage, looked)?;
    changes(stage).await;
    look(stage, looked)?;
    stops(stage).await;
    look(stage, looked)?;
    stage.prune().await;
    look(stage, looked)?;
    stage.crash();
    boot(stage).await;
    look(stage, looked)?;
    ends(stage).await;
    look(stage, looked)?;
    stage.prune().await;
    look(stage, looked)?;
    stage.crash();
    boot(stage).await;
    look(stage, looked)
}

/// A last start without failures: one that failed before left what was on its way to this one.
async fn rest(stage: &Rc<Stage>, looked: &mut Looked) -> Result<(), Broken> {
    stage.set_weather(Weather::Fair);
    stage.crash();
    boot(stage).await;
    look(stage, looked)?;
    stage.settled()
}

async fn boot(stage: &Stage) {
    for _ in 0..2 {
        if stage.boot().await {
            return;
        }
    }
    panic!("one failure kept the guard from starting twice");
}

fn look(stage: &Stage, looked: &mut Looked) -> Result<(), Broken> {
    stage.read().map_err(|sentence| Broken {
        invariant: "invariant_the_chain_links",
        sentence,
    })?;
    invariants::check(&stage.record.borrow(), &stage.ledger.borrow(), looked)?;
    stage.whole()
}

/// Calls inside and beyond their scope, and people who decide.
async fn morning(stage: &Stage) {
    let Some(link) = connect(stage, "clerk").await else {
        return;
    };
    permitted(stage, &link, "crm/find", json!({}), 0).await;
    permitted(
        stage,
        &link,
        "bank/pay",
        json!({"amount": 40, "to": "x"}),
        40,
    )
    .await;
    decide(stage, &link, "crm/merge", json!({}), 0).await;
    decide(stage, &link, "crm/delete_all", json!({}), 0).await;
    // Two calls wait for one approval; one of them runs.
    let pay = json!({"amount": 150, "to": "x"});
    let first = held(decide(stage, &link, "bank/pay", pay.clone(), 150).await);
    let second = held(decide(stage, &link, "bank/pay", pay, 150).await);
    vote(stage, true, 1).await;
    redeem(stage, first).await;
    redeem(stage, second).await;
    // One is refused, and one that waits behind another goes on when that is withdrawn.
    let refused = held(
        decide(
            stage,
            &link,
            "bank/pay",
            json!({"amount": 180, "to": "y"}),
            180,
        )
        .await,
    );
    vote(stage, false, 1).await;
    redeem(stage, refused).await;
    let front = held(
        decide(
            stage,
            &link,
            "bank/pay",
            json!({"amount": 180, "to": "x"}),
            180,
        )
        .await,
    );
    let behind = held(decide(stage, &link, "crm/note", json!({"text": "x"}), 0).await);
    if let Some(front) = front {
        stage.guard().withdraw(front).await;
    }
    redeem(stage, behind).await;
}

/// A call that takes two people; one of them takes a vote back and gives it again.
async fn together(stage: &Stage) {
    let Some(link) = connect(stage, "porter").await else {
        return;
    };
    let pay = json!({"amount": 150, "to": "y"});
    let hold = held(decide(stage, &link, "bank/pay", pay, 150).await);
    vote_as(stage, 0, true, 2).await;
    take_back(stage, 0).await;
    for who in [0, 1] {
        vote_as(stage, who, true, 1).await;
    }
    redeem(stage, hold).await;
}

/// Scopes and tools that change under a call, and a grant of several uses that is revoked.
async fn changes(stage: &Rc<Stage>) {
    let Some(link) = connect(stage, "clerk").await else {
        return;
    };
    let reach = json!({"of": "x"});
    let hold = held(decide(stage, &link, "crm/unheard_of", reach.clone(), 0).await);
    vote(stage, true, 3).await;
    redeem(stage, hold).await;
    permitted(stage, &link, "crm/unheard_of", reach.clone(), 0).await;
    let last = permit(decide(stage, &link, "crm/unheard_of", reach, 0).await);
    operate(stage, Deed::RevokeGrant).await;
    run(stage, last).await;
    let early = permit(decide(stage, &link, "crm/note", json!({"text": "x"}), 0).await);
    let held_up = held(decide(stage, &link, "crm/unheard_of", json!({"of": "y"}), 0).await);
    people::reloads(Rc::clone(stage)).await;
    run(stage, early).await;
    redeem(stage, held_up).await;
    let early = permit(decide(stage, &link, "crm/note", json!({"text": "x"}), 0).await);
    people::presents(Rc::clone(stage), 1, 1).await;
    run(stage, early).await;
    // Time passes until nobody may decide any more.
    let late = held(
        decide(
            stage,
            &link,
            "bank/pay",
            json!({"amount": 180, "to": "x"}),
            180,
        )
        .await,
    );
    stage.pass(Duration::from_secs(16 * 60)).await;
    redeem(stage, late).await;
    breathe().await;
}

/// Pauses, and calls that meet them.
async fn stops(stage: &Stage) {
    for (stops, lifts) in [
        (Deed::PauseSession, Deed::ResumeSession),
        (Deed::PauseAgent, Deed::ResumeAgent),
    ] {
        let Some(link) = connect(stage, "clerk").await else {
            return;
        };
        let early = permit(decide(stage, &link, "crm/note", json!({"text": "x"}), 0).await);
        operate(stage, stops).await;
        run(stage, early).await;
        decide(stage, &link, "crm/find", json!({}), 0).await;
        operate(stage, lifts).await;
        permitted(stage, &link, "crm/find", json!({}), 0).await;
    }
    // This one is on its way when the guard dies.
    if let Some(link) = connect(stage, "clerk").await {
        let last = permit(decide(stage, &link, "crm/note", json!({"text": "y"}), 0).await);
        if let Some(permit) = last {
            let (id, seq, digest) = parts(&permit);
            if let Ok(dispatch) = stage.guard().dispatch(permit).await {
                stage.sent(&id, seq, digest);
                std::mem::forget(dispatch);
            }
        }
    }
}

/// Revocations, each with a call under way, and what brings agents back.
async fn ends(stage: &Stage) {
    for deed in [Deed::RevokeSession, Deed::RevokeKey, Deed::RevokeAgent] {
        if let Some(link) = connect(stage, "clerk").await {
            let early = permit(decide(stage, &link, "crm/note", json!({"text": "x"}), 0).await);
            let hold = held(decide(stage, &link, "crm/unheard_of", json!({"of": "y"}), 0).await);
            vote(stage, true, 2).await;
            operate(stage, deed).await;
            run(stage, early).await;
            redeem(stage, hold).await;
            decide(stage, &link, "crm/find", json!({}), 0).await;
        }
        operate(stage, Deed::Reinstate).await;
        stage.issue("clerk").await;
        if let Some(link) = connect(stage, "clerk").await {
            permitted(stage, &link, "crm/find", json!({}), 0).await;
        }
    }
}

/// Proves the agent's newest key and finds its session.
async fn connect(stage: &Stage, agent: &str) -> Option<Link> {
    let guard = stage.guard();
    let key = stage
        .keys
        .borrow()
        .iter()
        .rfind(|key| key.agent == agent)
        .cloned()?;
    let principal = guard.principal(Some(&key.secret)).await.ok()?;
    let session = guard.session(&principal, None).await.ok()?;
    // The deeds of people are on the newest session and key.
    stage.sessions.borrow_mut().push((key.agent, session));
    Some(Link { principal, session })
}

async fn decide(stage: &Stage, link: &Link, tool: &str, arguments: Value, amount: u64) -> Ruling {
    let call = made(
        stage,
        &link.principal,
        link.session,
        tool,
        &arguments,
        amount,
    );
    let id = call.id.to_string();
    let ruling = stage.guard().decide(call).await;
    note(stage, &id, &ruling);
    ruling
}

async fn permitted(stage: &Stage, link: &Link, tool: &str, arguments: Value, amount: u64) {
    let ruling = decide(stage, link, tool, arguments, amount).await;
    run(stage, permit(ruling)).await;
}

async fn redeem(stage: &Stage, hold: Option<Hold>) {
    let Some(hold) = hold else { return };
    let id = hold.call().id.to_string();
    let ruling = stage.guard().redeem(hold).await;
    note(stage, &id, &ruling);
    run(stage, permit(ruling)).await;
}

async fn run(stage: &Stage, permit: Option<Permit>) {
    let Some(permit) = permit else { return };
    let guard: Arc<Guard> = stage.guard();
    let (id, seq, digest) = parts(&permit);
    let Ok(dispatch) = guard.dispatch(permit).await else {
        return stage.tell(format_args!("{id} is not sent"));
    };
    stage.sent(&id, seq, digest);
    let (_, receipt) = dispatch.into_parts();
    let outcome = Outcome::Done;
    stage.ledger.borrow_mut().settled.insert(id, outcome.name());
    guard.settle(receipt, outcome, None).await;
}

/// The first operator decides the newest of what waits.
async fn vote(stage: &Stage, approves: bool, uses: u32) {
    vote_as(stage, 0, approves, uses).await;
}

/// One operator votes on the newest of what waits.
async fn vote_as(stage: &Stage, who: usize, approves: bool, uses: u32) {
    let guard = stage.guard();
    let operator = stage.operators.borrow().get(who).cloned();
    let (Some(operator), Ok(open)) = (operator, guard.approvals(false).await) else {
        return;
    };
    let Some(shown) = open.first() else { return };
    let vote = Vote {
        answer: None,
        version: shown.version,
        digest: shown.digest,
        decision: match approves {
            true => Resolution::Approve { uses, life: None },
            false => Resolution::Deny { message: None },
        },
        client_id: format!("{} {}", shown.id, shown.version),
    };
    // Somebody who hears of a failure decides again.
    for _ in 0..2 {
        people::votes(stage, &guard, &operator, shown.id, &vote).await;
    }
}

/// One operator takes their vote on the newest of what waits back.
async fn take_back(stage: &Stage, who: usize) {
    let guard = stage.guard();
    let operator = stage.operators.borrow().get(who).cloned();
    let (Some(operator), Ok(open)) = (operator, guard.approvals(false).await) else {
        return;
    };
    if let Some(shown) = open.first() {
        people::takes_back(stage, &guard, &operator, shown.id).await;
    }
}

/// The first operator does something to the newest of its kind, again where the store failed.
async fn operate(stage: &Stage, deed: Deed) {
    let operator = stage.operators.borrow().first().cloned();
    let Some(operator) = operator else { return };
    for _ in 0..2 {
        if people::does(stage, &operator, deed, Choice::Newest)
            .await
            .is_ok()
        {
            return;
        }
    }
}

/// Lets the guard's own tasks go on.
async fn breathe() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn parts(permit: &Permit) -> (String, u64, String) {
    (
        permit.call().id.to_string(),
        permit.seq(),
        permit.digest().to_string(),
    )
}

fn permit(ruling: Ruling) -> Option<Permit> {
    match ruling {
        Ruling::Permit(permit) => Some(permit),
        Ruling::Pause(_) | Ruling::Challenge(_) | Ruling::Deny(_) => None,
    }
}

fn held(ruling: Ruling) -> Option<Hold> {
    match ruling {
        Ruling::Pause(hold) => Some(hold),
        Ruling::Permit(_) | Ruling::Challenge(_) | Ruling::Deny(_) => None,
    }
}

#[test]
fn every_store_operation_failed_at_the_nth_time_ends_in_a_denial_or_a_whole_record() {
    let fair = play(None);
    let story = fair.story.join("\n");
    assert!(fair.broken.is_none(), "{:?}\n{story}", fair.broken);
    assert!(fair.asked > 300, "a day of {} operations", fair.asked);
    let broken = play_all(1..=fair.asked * 2, 1, |at| {
        let when = if at % 2 == 0 {
            When::Before
        } else {
            When::After
        };
        let day = play(Some((at.div_ceil(2), when)));
        assert_eq!(day.failed, 1, "operation {at} was not asked");
        Some((when, day.broken?, day.story.join("\n")))
    });
    if let Some((at, (when, broken, story))) = broken.first() {
        panic!(
            "{story}\noperation {} failing {when:?}: {broken:?}",
            at.div_ceil(2)
        );
    }
}
