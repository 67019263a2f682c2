//! What an agent has done before, and what is new: pauses with evidence, and who teaches what.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::guard::{Hold, Presented, Resolution, Ruling};
use countersign::model::arguments::Arguments;
use countersign::model::call::Mode;
use countersign::model::id::SessionId;
use countersign::model::name::{AgentName, GroupName, OperatorName, ServerName, UserName};
use countersign::model::outcome::Outcome;
use countersign::model::privilege::Privilege;
use countersign::model::reason::Reason;
use countersign::model::target::Target;
use serde_json::{Value, json};

use super::restarts::boot_over;
use super::world::{World, denied, held, permitted, scopes};

const MANIFEST: &str = "
version: 1
agent: clerk
credentials: {api_key: true}
session: {idle_timeout: 60d, max_age: 60d}
first_use: pause
escalation: pause
undeclared: pause
tools:
  - tool: crm/find
    privilege: read
  - tool: crm/note
    privilege: write
  - tool: bank/pay
    privilege: money
    first_seen: [/to]
  - tool: crm/merge
    privilege: write
    after: [crm/find]
  - tool: crm/slow
    privilege: read
    mode: authorize
approval:
  default: {any_of: [oncall], approve: 1, decide_by: 15m, redeem_by: 5m}
pause_covers: call
";

/// The same with nothing but first values asked about.
fn values_only() -> String {
    MANIFEST
        .replace("first_use: pause", "first_use: note")
        .replace("escalation: pause", "escalation: note")
}

fn sentences(hold: &Hold, reason: Reason) -> Vec<&str> {
    let causes = hold.pending().reasons.iter();
    causes
        .filter(|cause| cause.reason == reason)
        .map(|cause| cause.sentence.as_str())
        .collect()
}

fn to(payee: &str) -> Value {
    json!({"amount": 5, "to": payee})
}

impl World {
    /// Asks a person, who approves, and runs the call.
    async fn approved(&self, tool: &str, arguments: Value) {
        let hold = held(self.decide(tool, arguments).await);
        self.approve(&hold).await;
        self.run(permitted(self.guard.redeem(hold).await)).await;
    }

    async fn done(&self, tool: &str, arguments: Value) {
        self.run(permitted(self.decide(tool, arguments).await))
            .await;
    }

    async fn ended(&self, tool: &str, arguments: Value, outcome: Outcome) {
        let permit = permitted(self.decide(tool, arguments).await);
        let (_, receipt) = self.dispatch(permit).await.unwrap().into_parts();
        self.guard.settle(receipt, outcome, None).await;
    }

    async fn another_session(&self) -> SessionId {
        let opened = self.guard.open_session(&self.principal, None).await;
        opened.unwrap().id
    }
}

#[tokio::test]
async fn a_first_use_pauses_with_its_evidence_and_is_known_once_it_is_done() {
    let world = World::over(MANIFEST).await;
    let hold = held(world.decide("crm/find", json!({"name": "ada"})).await);
    assert_eq!(
        sentences(&hold, Reason::FirstUse),
        ["first `read` call of clerk; no call of clerk in 30 days"]
    );
    world.approve(&hold).await;
    world.run(permitted(world.guard.redeem(hold).await)).await;
    for _ in 0..6 {
        world.done("crm/find", json!({"name": "bob"})).await;
    }
    let hold = held(world.decide("bank/pay", to("DE89")).await);
    assert_eq!(
        sentences(&hold, Reason::FirstUse),
        ["first `money` call of clerk; 7 calls in 30 days, none above `read`"]
    );
    assert_eq!(
        sentences(&hold, Reason::Escalation),
        [
            "first `money` call of this session, which has used nothing above `read`; \
             7 calls in 30 days, none above `read`"
        ]
    );
    assert_eq!(
        sentences(&hold, Reason::FirstSeen),
        ["/to holds a value that clerk has never used in bank/pay; no value is known there"]
    );
    world.approve(&hold).await;
    world.run(permitted(world.guard.redeem(hold).await)).await;
    world.done("bank/pay", to("DE89")).await;
}

#[tokio::test]
async fn a_first_use_says_whether_the_server_or_only_the_tool_is_new() {
    let only_use = MANIFEST.replace("escalation: pause", "escalation: note");
    let world = World::over(&only_use.replace("first_seen: [/to]", "net: false")).await;
    world.approved("crm/note", json!({})).await;
    world.approved("crm/find", json!({})).await;
    let hold = held(world.decide("crm/merge", json!({})).await);
    assert_eq!(
        sentences(&hold, Reason::FirstUse),
        ["first call of clerk to crm/merge; 2 calls in 30 days, none above `write`"]
    );
    let lowered = only_use
        .replace("first_seen: [/to]", "net: false")
        .replace("privilege: money", "privilege: read");
    world.guard.offer(scopes(&lowered)).await.unwrap();
    let hold = held(world.decide("bank/pay", json!({})).await);
    assert_eq!(
        sentences(&hold, Reason::FirstUse),
        ["first call of clerk to the server bank; 2 calls in 30 days, none above `write`"]
    );
}

#[tokio::test]
async fn evidence_reaches_back_thirty_days_and_use_for_ever() {
    let world = World::over(MANIFEST).await;
    world.approved("crm/find", json!({})).await;
    world.pass(31 * 24 * 3_600);
    // The first operator's token has ended meanwhile.
    let (name, groups) = (
        OperatorName::parse("carol").unwrap(),
        vec![GroupName::parse("oncall").unwrap()],
    );
    world
        .guard
        .add_operator("test", name, groups)
        .await
        .unwrap();
    let hold = held(world.decide("crm/note", json!({})).await);
    assert_eq!(
        sentences(&hold, Reason::FirstUse),
        ["first `write` call of clerk; no call of clerk in 30 days"]
    );
    world.done("crm/find", json!({})).await;
    let hold = held(world.decide("crm/note", json!({"text": "x"})).await);
    assert!(
        sentences(&hold, Reason::FirstUse)[0].ends_with("1 call in 30 days, none above `read`")
    );
}

#[tokio::test]
async fn only_what_was_done_teaches() {
    let world = World::over(&values_only()).await;
    let payee = || to("DE89");
    let refused = held(world.decide("bank/pay", to("refused")).await);
    let no = Resolution::Deny { message: None };
    world
        .vote(&world.alice, refused.pending().approval, no)
        .await
        .unwrap();
    for outcome in [Outcome::Failed, Outcome::NotSent] {
        let hold = held(world.decide("bank/pay", payee()).await);
        world.approve(&hold).await;
        let permit = permitted(world.guard.redeem(hold).await);
        let (_, receipt) = world.dispatch(permit).await.unwrap().into_parts();
        world.guard.settle(receipt, outcome, None).await;
        held(
            world
                .decide("bank/pay", json!({"amount": 6, "to": "DE89"}))
                .await,
        );
        world.pass(16 * 60);
    }
    let history = world.guard.history(&world.principal.agent).await.unwrap();
    assert!(history.pasts.is_empty() && history.sessions.is_empty());

    let hold = held(world.decide("bank/pay", payee()).await);
    world.approve(&hold).await;
    let permit = permitted(world.guard.redeem(hold).await);
    drop(world.dispatch(permit).await.unwrap());
    world.guard.stop().await.unwrap();
    let history = world.guard.history(&world.principal.agent).await.unwrap();
    assert!(
        history.pasts.is_empty(),
        "an unknown outcome teaches nothing"
    );
}

#[tokio::test]
async fn an_undeclared_call_that_a_person_approved_teaches_nothing() {
    let world = World::over(MANIFEST).await;
    let hold = held(world.decide("crm/unheard_of", json!({})).await);
    let reasons: Vec<_> = hold
        .pending()
        .reasons
        .iter()
        .map(|one| one.reason)
        .collect();
    assert_eq!(reasons, [Reason::Undeclared]);
    world.approve(&hold).await;
    world.run(permitted(world.guard.redeem(hold).await)).await;
    let history = world.guard.history(&world.principal.agent).await.unwrap();
    assert!(history.pasts.is_empty() && history.sessions.is_empty());
    let hold = held(world.decide("bank/pay", to("DE89")).await);
    assert_eq!(sentences(&hold, Reason::Escalation).len(), 1);
}

#[tokio::test]
async fn what_an_agent_claims_of_its_call_teaches_nothing_and_its_enforcement_point_does() {
    let world = World::over(MANIFEST).await;
    let crm = ServerName::parse("crm").unwrap();
    let (_, key) = world.guard.add_pep_key("test", &crm, None).await.unwrap();
    let pep = world.guard.pep(Some(&key)).await.unwrap();
    let call = || {
        let mut call = world.call("crm/slow", json!({}));
        call.mode = Mode::Authorize;
        call
    };
    let hold = held(world.guard.decide(call()).await);
    world.approve(&hold).await;
    let permit = permitted(world.guard.redeem(hold).await);
    let signed = world.guard.sign(permit).await.unwrap();
    let clerk = world.principal.agent.clone();
    let done = world
        .guard
        .claim(&clerk, signed.call, Outcome::Done, None)
        .await;
    done.unwrap();
    let hold = held(world.guard.decide(call()).await);
    assert_eq!(sentences(&hold, Reason::FirstUse).len(), 1);

    world.approve(&hold).await;
    let permit = permitted(world.guard.redeem(hold).await);
    let signed = world.guard.sign(permit).await.unwrap();
    let target = Target::tool(crm, "slow");
    let arguments = Arguments::parse(b"{}").unwrap();
    world
        .guard
        .redeem_permit(&pep, &signed.token, &target, &arguments)
        .await
        .unwrap();
    let told = world.guard.report(&pep, signed.call, Outcome::Done, None);
    told.await.unwrap();
    permitted(world.guard.decide(call()).await);
}

#[tokio::test]
async fn a_value_is_asked_about_until_a_call_with_it_was_done() {
    let world = World::over(&values_only()).await;
    world.approved("bank/pay", to("DE89")).await;
    world
        .done("bank/pay", json!({"amount": 9, "to": "DE89"}))
        .await;
    let hold = held(world.decide("bank/pay", to("US13")).await);
    let sentence =
        "/to holds a value that clerk has never used in bank/pay; 1 other is known there";
    assert_eq!(sentences(&hold, Reason::FirstSeen), [sentence]);
    assert!(!hold.pending().reasons[0].sentence.contains("US13"));
    for other in [
        json!(["DE89"]),
        json!({"to": "DE89"}),
        json!(null),
        json!("de89"),
    ] {
        held(
            world
                .decide("bank/pay", json!({"amount": 5, "to": other}))
                .await,
        );
        world.pass(16 * 60);
    }
}

#[tokio::test]
async fn an_argument_that_is_missing_is_asked_about_every_time() {
    let world = World::over(&values_only()).await;
    for _ in 0..2 {
        let hold = held(world.decide("bank/pay", json!({"amount": 5})).await);
        let sentence = "/to is missing, so it cannot be compared with what was used before";
        assert_eq!(sentences(&hold, Reason::FirstSeen), [sentence]);
        world.approve(&hold).await;
        world.run(permitted(world.guard.redeem(hold).await)).await;
    }
}

#[tokio::test]
async fn each_session_climbs_anew() {
    let world = World::over(MANIFEST).await;
    world.approved("bank/pay", to("DE89")).await;
    world.done("bank/pay", to("DE89")).await;
    let fresh = world.another_session().await;
    let call = world.call_in(fresh, "bank/pay", to("DE89"));
    let hold = held(world.guard.decide(call).await);
    let reasons: Vec<_> = hold
        .pending()
        .reasons
        .iter()
        .map(|one| one.reason)
        .collect();
    assert_eq!(reasons, [Reason::Escalation]);
    assert_eq!(
        sentences(&hold, Reason::Escalation),
        [
            "first `money` call of this session, which has used nothing yet; \
             2 calls in 30 days, none above `money`"
        ]
    );
    // Writing is no step up, and the first session has lost nothing.
    world.approved("crm/note", json!({})).await;
    let call = world.call_in(fresh, "crm/note", json!({}));
    permitted(world.guard.decide(call).await);
    world.done("bank/pay", to("DE89")).await;
}

#[tokio::test]
async fn what_must_come_first_must_have_succeeded_in_the_same_session() {
    let manifest = values_only();
    let world = World::over(&manifest).await;
    let refused = |ruling| {
        let denial = denied(ruling);
        assert_eq!(denial.reason(), Reason::AfterUnmet);
        denial.cause.sentence
    };
    let sentence = refused(world.decide("crm/merge", json!({})).await);
    assert_eq!(
        sentence,
        "crm/merge comes only after crm/find, which has not succeeded in this session"
    );
    for outcome in [Outcome::Failed, Outcome::Unknown, Outcome::NotSent] {
        world.ended("crm/find", json!({}), outcome).await;
        refused(world.decide("crm/merge", json!({})).await);
    }
    let pending = permitted(world.decide("crm/find", json!({})).await);
    refused(world.decide("crm/merge", json!({})).await);
    world.run(pending).await;
    world.done("crm/merge", json!({})).await;
    let fresh = world.another_session().await;
    let call = world.call_in(fresh, "crm/merge", json!({}));
    refused(world.guard.decide(call).await);
}

#[tokio::test]
async fn history_of_one_user_never_permits_for_another() {
    let mut world = World::over(MANIFEST).await;
    let mut held_for = Vec::new();
    for user in [None, Some("ada"), Some("eve")] {
        world.principal.on_behalf_of = user.map(|user| UserName::parse(user).unwrap());
        world.session = world.guard.session(&world.principal, None).await.unwrap();
        let hold = held(world.decide("bank/pay", to("DE89")).await);
        for reason in [Reason::Escalation, Reason::FirstUse, Reason::FirstSeen] {
            assert_eq!(sentences(&hold, reason).len(), 1, "{user:?} {reason:?}");
        }
        let none = sentences(&hold, Reason::FirstUse)[0];
        assert!(none.contains("; no call of clerk"), "{none}");
        held_for.push(sentences(&hold, Reason::FirstUse)[0].to_owned());
        world.approve(&hold).await;
        world.run(permitted(world.guard.redeem(hold).await)).await;
        world.done("bank/pay", to("DE89")).await;
    }
    assert!(held_for[1].starts_with("first `money` call of clerk for ada;"));
    let history = world.guard.history(&world.principal.agent).await.unwrap();
    let users: Vec<_> = history
        .pasts
        .iter()
        .map(|past| past.on_behalf_of.as_ref().map(UserName::as_str))
        .collect();
    assert_eq!(users, [None, Some("ada"), Some("eve")]);
}

#[tokio::test]
async fn a_tool_that_is_defined_or_declared_anew_is_used_for_the_first_time() {
    let world = World::over(&MANIFEST.replace("first_seen: [/to]", "net: false")).await;
    world.approved("bank/pay", json!({})).await;
    world.done("bank/pay", json!({})).await;
    let presented = |identity: &str, said: &str| {
        let pay = json!({"name": "pay", "description": said, "inputSchema": {"type": "object"}});
        Presented::tools(identity.into(), vec![pay])
    };
    let bank = ServerName::parse("bank").unwrap();
    let redefined = presented("bank", "pays, and tells");
    world.guard.present(&bank, &redefined).await.unwrap();
    world.accept_presented().await;
    let hold = held(world.decide("bank/pay", json!({})).await);
    assert_eq!(
        sentences(&hold, Reason::FirstUse),
        [
            "first call of clerk to bank/pay as it is defined and declared now; \
             2 calls in 30 days, none above `money`"
        ]
    );
    world.approve(&hold).await;
    world.run(permitted(world.guard.redeem(hold).await)).await;
    world.done("bank/pay", json!({})).await;
    let elsewhere = presented("another program", "pays, and tells");
    world.guard.present(&bank, &elsewhere).await.unwrap();
    world.accept_presented().await;
    let hold = held(world.decide("bank/pay", json!({})).await);
    assert_eq!(sentences(&hold, Reason::FirstUse).len(), 1);

    world.approved("crm/find", json!({})).await;
    let raised = MANIFEST.replace(
        "crm/find\n    privilege: read",
        "crm/find\n    privilege: send",
    );
    world.guard.offer(scopes(&raised)).await.unwrap();
    let hold = held(world.decide("crm/find", json!({})).await);
    assert_eq!(sentences(&hold, Reason::FirstUse).len(), 1);
}

#[tokio::test]
async fn two_first_uses_at_once_never_both_pass() {
    let world = Arc::new(World::over(MANIFEST).await);
    let tries = (0..20).map(|n| {
        let world = Arc::clone(&world);
        // Two calls, ten times each.
        tokio::spawn(async move { world.decide("crm/note", json!({"n": n % 2})).await })
    });
    let mut approvals = std::collections::BTreeSet::new();
    let mut holds = Vec::new();
    for ruling in futures_util::future::join_all(tries).await {
        let hold = held(ruling.unwrap());
        approvals.insert(hold.pending().approval);
        holds.push(hold);
    }
    assert_eq!(approvals.len(), 2, "identical calls share one approval");

    // Who waits when the tool becomes known has asked a person, and waits for that person.
    let first = holds.remove(0);
    let own = first.pending().approval;
    let other = holds.remove(
        holds
            .iter()
            .position(|hold| hold.pending().approval != own)
            .unwrap(),
    );
    world.approve(&first).await;
    world.run(permitted(world.guard.redeem(first).await)).await;
    let still = held(world.guard.redeem(other).await);
    assert_eq!(sentences(&still, Reason::FirstUse).len(), 1);
    let no = Resolution::Deny { message: None };
    world
        .vote(&world.alice, still.pending().approval, no)
        .await
        .unwrap();
    let denial = denied(world.guard.redeem(still).await);
    assert_eq!(denial.reason(), Reason::ApprovalDenied);
    world.done("crm/note", json!({"n": 2})).await;
}

#[tokio::test]
async fn a_grant_of_several_uses_is_used_up_before_history_permits() {
    let world = World::over(MANIFEST).await;
    let hold = held(world.decide("crm/note", json!({})).await);
    let twice = Resolution::Approve {
        uses: 2,
        life: None,
    };
    world
        .vote(&world.alice, hold.pending().approval, twice)
        .await
        .unwrap();
    world.run(permitted(world.guard.redeem(hold).await)).await;
    for reason in ["granted", "in-scope"] {
        world.done("crm/note", json!({})).await;
        let decisions = world.entries("decision").await;
        assert_eq!(decisions.last().unwrap()["reasons"][0]["code"], reason);
    }
}

#[tokio::test]
async fn what_is_only_noted_runs_and_stands_in_the_record() {
    let world = World::over(&values_only()).await;
    world.done("crm/note", json!({})).await;
    world.done("crm/note", json!({})).await;
    let decisions = world.entries("decision").await;
    assert_eq!(decisions[0]["notes"][0]["code"], "first-use");
    assert_eq!(
        decisions[0]["notes"][0]["sentence"],
        "first `write` call of clerk; no call of clerk in 30 days"
    );
    assert!(decisions[1].get("notes").is_none());
}

#[tokio::test]
async fn an_operator_sees_what_an_agent_has_done() {
    let world = World::over(&values_only()).await;
    for payee in ["DE89", "US13"] {
        world.approved("bank/pay", to(payee)).await;
    }
    world.done("crm/find", json!({})).await;
    world.pass(60);
    world.done("crm/find", json!({})).await;
    let history = world.guard.history(&world.principal.agent).await.unwrap();
    let past = &history.pasts[0];
    let rungs = past.rungs();
    assert_eq!(rungs[&Privilege::Money].calls, 2);
    let reads = rungs[&Privilege::Read];
    assert_eq!(
        (reads.calls, reads.last.since(reads.first)),
        (2, Duration::from_secs(60))
    );
    let servers: Vec<_> = past.servers().into_keys().map(ServerName::as_str).collect();
    assert_eq!(servers, ["bank", "crm"]);
    let (place, values, usage) = &past.places[0];
    assert_eq!((&*place.pointer, *values, usage.calls), ("/to", 2, 2));
    assert_eq!(past.recent[&Privilege::Read], 2);
    let climb = &history.sessions[0];
    assert_eq!(
        (climb.session, climb.highest),
        (world.session, Privilege::Money)
    );
    assert_eq!(climb.done.len(), 2);
    let nobody = AgentName::parse("nobody").unwrap();
    assert!(world.guard.history(&nobody).await.unwrap().pasts.is_empty());
}

#[tokio::test]
async fn history_outlives_the_guard() {
    let directory = tempfile::tempdir().unwrap();
    let (before, _) = boot_over(directory.path(), 1, Duration::ZERO, MANIFEST).await;
    before.approved("crm/find", json!({})).await;
    before.approved("bank/pay", to("DE89")).await;
    let hold = held(before.decide("crm/note", json!({})).await);
    before.approve(&hold).await;
    let permit = permitted(before.guard.redeem(hold).await);
    let (_, receipt) = before.dispatch(permit).await.unwrap().into_parts();
    std::mem::forget(receipt);
    let (session, principal) = (before.session, before.principal.clone());
    let history = before.guard.history(&principal.agent).await.unwrap();
    before.guard.stop().await.unwrap();
    drop(before);

    let (mut after, _) = boot_over(directory.path(), 2, Duration::from_secs(60), MANIFEST).await;
    (after.session, after.principal) = (session, principal);
    let found = after.guard.history(&after.principal.agent).await.unwrap();
    assert_eq!(found, history);
    after
        .done("bank/pay", json!({"amount": 7, "to": "DE89"}))
        .await;
    let hold = held(after.decide("bank/pay", to("US13")).await);
    assert_eq!(sentences(&hold, Reason::FirstSeen).len(), 1);
    // In flight when the guard died: unknown, and so no lesson.
    let hold = held(after.decide("crm/note", json!({})).await);
    assert_eq!(sentences(&hold, Reason::FirstUse).len(), 1);
    let ruling = after.decide("crm/merge", json!({})).await;
    assert!(
        matches!(ruling, Ruling::Pause(_)),
        "what came first is known"
    );
}

#[tokio::test]
async fn a_day_of_first_reaches_is_answered_as_the_golden_table_says() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/matrix");
    let read = |name: &str| std::fs::read_to_string(home.join(name)).unwrap();
    let mut world = World::over(&read("history.yaml")).await;
    let nobody = world.principal.clone();
    let mut ada = nobody.clone();
    ada.on_behalf_of = Some(UserName::parse("ada").unwrap());
    let sessions = [
        ("first", nobody.clone(), world.session),
        ("second", nobody, world.another_session().await),
        (
            "ada",
            ada.clone(),
            world.guard.session(&ada, None).await.unwrap(),
        ),
    ];
    let mut table = String::from(
        "What history makes of a day under history.yaml, call after call.\n\
         The sessions first and second are one agent's own; in the session ada it acts for a user.\n",
    );
    let calls = read("history.calls");
    for line in calls.lines().filter(|line| !line.starts_with('#')) {
        let (call, end) = line.split_once(" => ").unwrap();
        let mut words = call.splitn(3, ' ');
        let name = words.next().unwrap();
        let (_, principal, session) = sessions.iter().find(|one| one.0 == name).unwrap();
        (world.principal, world.session) = (principal.clone(), *session);
        let tool = words.next().unwrap();
        let arguments: Value = serde_json::from_str(words.next().unwrap()).unwrap();
        // Beyond the window in which a tenth request of an agent would be too many.
        world.pass(61);
        let told = live_through(&world, tool, arguments, end).await;
        write!(table, "\n{call}\n{told}").unwrap();
    }
    let golden = home.join("history.golden");
    if std::env::var_os("COUNTERSIGN_WRITE_GOLDEN").is_some() {
        std::fs::write(&golden, &table).unwrap();
    }
    assert!(
        table == read("history.golden"),
        "history decides otherwise than tests/matrix/history.golden says; if that is meant, run again \
         with COUNTERSIGN_WRITE_GOLDEN=1 and review the change:\n{table}"
    );
}

/// What the guard says to a call, and to its end.
async fn live_through(world: &World, tool: &str, arguments: Value, end: &str) -> String {
    let mut told = String::new();
    let mut ruling = world.decide(tool, arguments).await;
    if let Ruling::Pause(hold) = ruling {
        for cause in &hold.pending().reasons {
            writeln!(
                told,
                "    pause {}: {}",
                cause.reason.code(),
                cause.sentence
            )
            .unwrap();
        }
        if !end.starts_with("approved") {
            world.guard.withdraw(hold).await;
            return told;
        }
        world.approve(&hold).await;
        ruling = world.guard.redeem(hold).await;
    }
    match ruling {
        Ruling::Permit(permit) => {
            let outcome = match end.ends_with("done") {
                true => Outcome::Done,
                false => Outcome::Failed,
            };
            let (_, receipt) = world.dispatch(permit).await.unwrap().into_parts();
            world.guard.settle(receipt, outcome, None).await;
            writeln!(told, "    {end}").unwrap();
        }
        other => {
            let cause = denied(other).cause;
            writeln!(told, "    deny {}: {}", cause.reason.code(), cause.sentence).unwrap();
        }
    }
    told
}
