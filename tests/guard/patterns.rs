//! Grants for calls like an approved one: what they cover, what they never do, and how they end.

use std::sync::Arc;
use std::time::Duration;

use countersign::guard::{Doorway, Resolution, ResolveError, Ruling, Vote};
use countersign::limits::{GRANT_LIFE, PATTERN_USES_COUNT};
use countersign::model::approval::{Approval, ApprovalState};
use countersign::model::credential::Operator;
use countersign::model::grant::Grant;
use countersign::model::id::ApprovalId;
use countersign::model::name::{GroupName, OperatorName};
use countersign::model::passkey::{Assertion, Registration};
use countersign::model::reason::Reason;
use serde_json::{Value, json};

use super::authenticator::Authenticator;
use super::restarts::boot_over;
use super::world::{World, denied, held, permitted, present_tools, scopes};

const ORIGIN: &str = "http://localhost:7441";

const MANIFEST: &str = "
version: 1
agent: clerk
owner: team
credentials: {api_key: true, local: true}
session: {idle_timeout: 7d, max_age: 7d}
first_use: note
escalation: note
tools:
  - tool: bank/pay
    privilege: money
    arguments:
      properties:
        amount: {type: number, exclusiveMinimum: 0, maximum: 100}
        to: {enum: [home]}
        memo: {type: string}
        pin: {type: string, kind: secret}
      optional: [memo, pin]
    budget: {sum: /amount, limit: 1000, per: 24h}
    rate: {calls: 60, per: 1m, burst: 12}
  - tool: crm/note
    privilege: write
    first_seen: [/who]
    arguments: {properties: {who: {type: string}, text: {type: string}, more: {type: string}}, optional: [more]}
  - tool: crm/merge
    privilege: write
    assurance: 2
    arguments: {properties: {from: {enum: [a]}, to: {type: string}}}
forbid:
  - tool: bank/pay
    arguments: {properties: {amount: {const: 66}}}
undeclared: pause
pause_covers: call
approval:
  default: {any_of: [oncall], approve: 1, decide_by: 15m, redeem_by: 5m}
";

/// A world in which alice has a passkey that counts.
async fn world() -> (World, Authenticator) {
    settled(World::over(MANIFEST).await).await
}

async fn settled(world: World) -> (World, Authenticator) {
    world.guard.open_doorway(Doorway::parse(ORIGIN).unwrap());
    let laptop = enrol(&world, &world.alice).await;
    (world, laptop)
}

async fn enrol(world: &World, operator: &Operator) -> Authenticator {
    let (guard, name) = (&world.guard, &operator.name);
    let (_, secret) = guard.add_link("test", name).await.unwrap();
    let asked = guard.begin_enrolment(&secret).await.unwrap();
    let mut laptop = Authenticator::new(ORIGIN);
    let made = Registration::parse(&laptop.make(&asked.options)).unwrap();
    guard.add_passkey(&made, "", None).await.unwrap();
    guard.confirm_passkeys("test", name).await.unwrap();
    laptop
}

fn pattern(pins: &[&str], uses: u32) -> Resolution {
    Resolution::Pattern {
        pins: pins.iter().map(|pin| (*pin).to_owned()).collect(),
        uses,
        life: None,
    }
}

/// Decides as alice, who signs what she is asked to.
async fn decide(
    world: &World,
    laptop: &mut Authenticator,
    id: ApprovalId,
    decision: Resolution,
) -> Result<Approval, ResolveError> {
    decide_as(world, &world.alice, laptop, id, decision).await
}

async fn decide_as(
    world: &World,
    operator: &Operator,
    laptop: &mut Authenticator,
    id: ApprovalId,
    decision: Resolution,
) -> Result<Approval, ResolveError> {
    let shown = world.guard.approval(id).await.unwrap().unwrap();
    let mut vote = Vote {
        answer: None,
        version: shown.version,
        digest: shown.digest,
        decision,
        client_id: format!("{:?}", world.guard.ambient().random::<8>()),
    };
    match world.guard.resolve(operator, id, vote.clone()).await {
        Err(ResolveError::Unsigned(unsigned)) => {
            let signed = laptop.sign(&unsigned.options);
            vote.answer = Some(Assertion::parse(&signed).unwrap());
            world.guard.resolve(operator, id, vote).await
        }
        other => other,
    }
}

/// A pattern narrowed from a call, which ran.
async fn granted(
    world: &World,
    laptop: &mut Authenticator,
    (tool, arguments): (&str, Value),
    pins: &[&str],
    uses: u32,
) -> Grant {
    let hold = held(world.decide(tool, arguments).await);
    let id = hold.pending().approval;
    decide(world, laptop, id, pattern(pins, uses))
        .await
        .unwrap();
    let permit = permitted(world.guard.redeem(hold).await);
    world.run(permit).await;
    let grants = world.guard.grants().await.unwrap();
    grants.into_iter().find(|one| one.approval == id).unwrap()
}

fn pay(amount: u32, to: &str, memo: &str) -> (&'static str, Value) {
    (
        "bank/pay",
        json!({"amount": amount, "to": to, "memo": memo}),
    )
}

async fn ask(world: &World, (tool, arguments): (&str, Value)) -> Ruling {
    world.decide(tool, arguments).await
}

async fn runs(world: &World, call: (&str, Value)) {
    let permit = permitted(ask(world, call).await);
    world.run(permit).await;
}

#[tokio::test]
async fn a_call_that_keeps_the_pins_runs_without_a_person_and_any_other_waits() {
    let (world, mut laptop) = world().await;
    let grant = granted(&world, &mut laptop, pay(50, "x", "rent"), &["/to"], 5).await;
    runs(&world, pay(60, "x", "more")).await;
    runs(&world, ("bank/pay", json!({"amount": 60, "to": "x"}))).await;
    // At the pin, beyond a bound where it is free, and with what the scope does not name.
    for other in [
        pay(50, "y", "rent"),
        pay(500, "x", "rent"),
        ("bank/pay", json!({"amount": 50, "to": "x", "bcc": "y"})),
    ] {
        let waits = held(ask(&world, other).await);
        world.guard.withdraw(waits).await;
    }
    let uses: Vec<Value> = world
        .entries("decision")
        .await
        .into_iter()
        .filter(|one| one["grant"] == grant.id.to_string())
        .map(|one| json!([one["use"], one["reasons"][0]["code"], one["approval"]]))
        .collect();
    let approval = grant.approval.to_string();
    assert_eq!(
        uses,
        [
            json!([1, "granted", approval]),
            json!([2, "granted-alike", approval]),
            json!([3, "granted-alike", approval]),
        ]
    );
    let left = world.guard.grants().await.unwrap();
    assert_eq!((left[0].used, left[0].uses), (3, 5));
}

#[tokio::test]
async fn a_pattern_covers_nothing_that_the_approved_call_did_not_stop_for() {
    let (world, mut laptop) = world().await;
    granted(&world, &mut laptop, pay(50, "x", "rent"), &["/to"], 50).await;
    let forbidden = denied(ask(&world, pay(66, "x", "rent")).await);
    assert_eq!(forbidden.reason(), Reason::Forbidden);
    // What is in scope by itself uses no grant.
    runs(&world, pay(50, "home", "rent")).await;
    assert_eq!(world.guard.grants().await.unwrap()[0].used, 1);
    // Rates and budgets hold: 1,000 in all, 12 calls at once.
    for _ in 0..8 {
        runs(&world, pay(100, "x", "rent")).await;
    }
    runs(&world, pay(98, "x", "rent")).await;
    let spent = denied(ask(&world, pay(3, "x", "rent")).await);
    assert_eq!(spent.reason(), Reason::BudgetExhausted);
    runs(&world, pay(1, "x", "rent")).await;
    let fast = denied(ask(&world, pay(1, "x", "rent")).await);
    assert_eq!(fast.reason(), Reason::RateLimited);
}

#[tokio::test]
async fn a_bound_that_only_other_values_cross_is_not_crossed_by_a_pattern() {
    let (world, mut laptop) = world().await;
    // The amount is pinned and beyond its bound, as it was; the destination is free, so it must be inside.
    granted(
        &world,
        &mut laptop,
        pay(500, "home", "rent"),
        &["/amount"],
        5,
    )
    .await;
    let waits = held(ask(&world, pay(500, "x", "rent")).await);
    world.guard.withdraw(waits).await;
    // Pinned is the value and not its size: 500.0 is another token.
    let other = ("bank/pay", json!({"amount": 500.0, "to": "home"}));
    assert_ne!(other.1["amount"].to_string(), "500");
    let waits = held(ask(&world, other).await);
    world.guard.withdraw(waits).await;
    runs(&world, ("bank/pay", json!({"amount": 500, "to": "home"}))).await;
}

#[tokio::test]
async fn a_value_nobody_has_seen_is_covered_where_it_is_pinned_alone_and_teaches_nothing() {
    let (world, mut laptop) = world().await;
    let note = |who: &str, text: &str| ("crm/note", json!({"who": who, "text": text}));
    granted(&world, &mut laptop, note("ann", "hello"), &["/who"], 9).await;
    runs(&world, note("ann", "again")).await;
    let waits = held(ask(&world, note("bob", "hello")).await);
    let id = waits.pending().approval;
    decide(&world, &mut laptop, id, pattern(&["/text"], 9))
        .await
        .unwrap();
    permitted(world.guard.redeem(waits).await);
    // The destination is free and new: a person is asked.
    let waits = held(ask(&world, note("carl", "hello")).await);
    world.guard.withdraw(waits).await;
    // Under a pattern nothing is learned, so once it is over the value is as new as before.
    world.pass(GRANT_LIFE.as_secs());
    let waits = held(ask(&world, note("ann", "again")).await);
    assert_eq!(waits.pending().reasons[0].reason, Reason::FirstSeen);
}

#[tokio::test]
async fn a_pattern_proves_nothing_for_the_session() {
    let (world, mut laptop) = world().await;
    let merge = |to: &str| ("crm/merge", json!({"from": "b", "to": to}));
    // The approved call itself is proved by the approval, others are not.
    granted(&world, &mut laptop, merge("x"), &["/from"], 9).await;
    assert!(matches!(
        ask(&world, merge("y")).await,
        Ruling::Challenge(_)
    ));
}

#[tokio::test]
async fn a_pattern_is_for_its_session_tool_and_manifest_alone() {
    let (world, mut laptop) = world().await;
    granted(&world, &mut laptop, pay(50, "x", "rent"), &["/to"], 50).await;
    let other = world.guard.open_session(&world.principal, None).await;
    let (tool, arguments) = pay(51, "x", "rent");
    let elsewhere = world.call_in(other.unwrap().id, tool, arguments);
    held(world.guard.decide(elsewhere).await);

    runs(&world, pay(52, "x", "rent")).await;
    let changed =
        json!({"name": "pay", "description": "now else", "inputSchema": {"type": "object"}});
    present_tools(&world.guard, "bank", vec![changed]).await;
    world.accept_presented().await;
    held(ask(&world, pay(53, "x", "rent")).await);

    let (world, mut laptop) = self::world().await;
    granted(&world, &mut laptop, pay(50, "x", "rent"), &["/to"], 50).await;
    let wider = MANIFEST.replace("burst: 12", "burst: 13");
    world.guard.offer(scopes(&wider)).await.unwrap();
    held(ask(&world, pay(54, "x", "rent")).await);
}

#[tokio::test]
async fn a_pattern_ends_when_it_is_used_up_over_revoked_or_its_call_is_not_collected() {
    let (world, mut laptop) = world().await;
    granted(&world, &mut laptop, pay(50, "x", "rent"), &["/to"], 2).await;
    runs(&world, pay(51, "x", "rent")).await;
    let waits = held(ask(&world, pay(52, "x", "rent")).await);
    world.guard.withdraw(waits).await;

    let grant = granted(&world, &mut laptop, pay(50, "y", "rent"), &["/to"], 9).await;
    let guard = &world.guard;
    guard
        .revoke_grant(&world.alice.name, grant.id)
        .await
        .unwrap();
    let waits = held(ask(&world, pay(51, "y", "rent")).await);
    guard.withdraw(waits).await;

    granted(&world, &mut laptop, pay(50, "z", "rent"), &["/to"], 9).await;
    world.pass(GRANT_LIFE.as_secs() - 1);
    runs(&world, pay(51, "z", "rent")).await;
    world.pass(1);
    let waits = held(ask(&world, pay(52, "z", "rent")).await);
    guard.withdraw(waits).await;

    let left = held(ask(&world, pay(50, "w", "rent")).await);
    decide(
        &world,
        &mut laptop,
        left.pending().approval,
        pattern(&["/to"], 9),
    )
    .await
    .unwrap();
    runs(&world, pay(51, "w", "rent")).await;
    world.pass(5 * 60);
    let waits = held(ask(&world, pay(52, "w", "rent")).await);
    guard.withdraw(waits).await;
    assert_eq!(
        denied(guard.redeem(left).await).reason(),
        Reason::ApprovalUnredeemed
    );
}

#[tokio::test]
async fn a_call_that_a_person_is_asked_about_already_waits_for_that_person() {
    let (world, mut laptop) = world().await;
    let first = held(ask(&world, pay(50, "x", "rent")).await);
    let second = held(ask(&world, pay(51, "x", "rent")).await);
    decide(
        &world,
        &mut laptop,
        first.pending().approval,
        pattern(&["/to"], 9),
    )
    .await
    .unwrap();
    // Others of the pattern may run before the approved call is collected, and it can still be.
    runs(&world, pay(52, "x", "rent")).await;
    let still = held(world.guard.redeem(second).await);
    world.run(permitted(world.guard.redeem(first).await)).await;
    world.guard.withdraw(still).await;
}

#[tokio::test]
async fn a_pattern_waits_behind_the_open_requests_of_its_session() {
    let manifest = MANIFEST.replace("pause_covers: call", "pause_covers: session");
    let (world, mut laptop) = settled(World::over(&manifest).await).await;
    granted(&world, &mut laptop, pay(50, "x", "rent"), &["/to"], 9).await;
    let open = held(ask(&world, pay(50, "y", "rent")).await);
    let behind = held(ask(&world, pay(51, "x", "rent")).await);
    assert!(!behind.pending().own, "{behind:?}");
    world.guard.withdraw(open).await;
    permitted(world.guard.redeem(behind).await);
}

#[tokio::test]
async fn a_secret_is_pinned_by_what_commits_to_it() {
    let (world, mut laptop) = world().await;
    let pay = |amount: u32, pin: &str| {
        let arguments = json!({"amount": amount, "to": "x", "pin": pin});
        ("bank/pay", arguments)
    };
    let pins = ["/to", "/pin"];
    granted(&world, &mut laptop, pay(50, "4711-0815"), &pins, 9).await;
    runs(&world, pay(51, "4711-0815")).await;
    held(ask(&world, pay(51, "4711-0816")).await);
    for entry in world.guard.entries(1, 1_000).await.unwrap() {
        let text = String::from_utf8_lossy(&entry.body).into_owned();
        assert!(!text.contains("4711-0815"), "{text}");
    }
}

#[tokio::test]
async fn a_grant_of_many_uses_is_never_used_more_often_by_calls_at_once() {
    let manifest = MANIFEST.replace("burst: 12", "burst: 100");
    let (world, mut laptop) = settled(World::over(&manifest).await).await;
    granted(&world, &mut laptop, pay(1, "x", "first"), &["/to"], 8).await;
    let world = Arc::new(world);
    let calls = (0..30).map(|n| {
        let world = Arc::clone(&world);
        let (tool, arguments) = pay(1, "x", &format!("call {n}"));
        tokio::spawn(async move { world.decide(tool, arguments).await })
    });
    let mut permits = 0;
    for ruling in futures_util::future::join_all(calls).await {
        permits += usize::from(matches!(ruling.unwrap(), Ruling::Permit(_)));
    }
    assert_eq!(permits, 7);
    assert_eq!(world.guard.grants().await.unwrap()[0].used, 8);
}

#[tokio::test]
async fn a_pattern_and_its_uses_outlive_the_guard() {
    let directory = tempfile::tempdir().unwrap();
    let before = boot_over(directory.path(), 1, Duration::ZERO, MANIFEST)
        .await
        .0;
    let (before, mut laptop) = settled(before).await;
    granted(&before, &mut laptop, pay(50, "x", "rent"), &["/to"], 3).await;
    runs(&before, pay(51, "x", "rent")).await;
    let (session, principal) = (before.session, before.principal.clone());
    before.guard.stop().await.unwrap();
    drop(before);

    let lived = Duration::from_secs(60);
    let mut after = boot_over(directory.path(), 2, lived, MANIFEST).await.0;
    (after.session, after.principal) = (session, principal);
    let grant = after.guard.grants().await.unwrap().remove(0);
    let pins: Vec<&str> = grant
        .pattern
        .iter()
        .flat_map(|one| one.pins.iter())
        .collect();
    assert_eq!((pins, grant.used), (vec!["/to"], 2));
    runs(&after, pay(52, "x", "rent")).await;
    held(ask(&after, pay(53, "x", "rent")).await);
}

#[tokio::test]
async fn a_request_that_waits_can_be_narrowed_after_the_guard_began_anew() {
    let directory = tempfile::tempdir().unwrap();
    let before = boot_over(directory.path(), 1, Duration::ZERO, MANIFEST)
        .await
        .0;
    let call = json!({"amount": 50, "to": "x", "pin": "4711-0815"});
    let hold = held(before.decide("bank/pay", call.clone()).await);
    let id = hold.pending().approval;
    let (session, principal) = (before.session, before.principal.clone());
    before.guard.stop().await.unwrap();
    drop((hold, before));

    let lived = Duration::from_secs(60);
    let mut after = boot_over(directory.path(), 2, lived, MANIFEST).await.0;
    (after.session, after.principal) = (session, principal);
    let (after, mut laptop) = settled(after).await;
    decide(&after, &mut laptop, id, pattern(&["/pin", "/to"], 3))
        .await
        .unwrap();
    runs(&after, ("bank/pay", call)).await;
    let like = json!({"amount": 51, "to": "x", "pin": "4711-0815"});
    runs(&after, ("bank/pay", like)).await;
    let other = json!({"amount": 51, "to": "x", "pin": "4711-0816"});
    held(after.decide("bank/pay", other).await);
}

#[tokio::test]
async fn of_several_votes_the_narrowest_is_granted() {
    let manifest = MANIFEST.replace("approve: 1", "approve: 2");
    let (world, mut laptop) = settled(World::over(&manifest).await).await;
    let group = GroupName::parse("oncall").unwrap();
    let name = OperatorName::parse("carol").unwrap();
    let added = world.guard.add_operator("test", name, vec![group]).await;
    let carol = added.unwrap().0;
    let mut hers = enrol(&world, &carol).await;
    let exact = Resolution::Approve {
        uses: 20,
        life: None,
    };
    let cases = [
        (exact, Vec::new()),
        (pattern(&["/memo"], 30), vec!["/memo", "/to"]),
        (pattern(&["/to"], 30), vec!["/to"]),
    ];
    for (n, (second, kept)) in cases.into_iter().enumerate() {
        let hold = held(ask(&world, pay(50, "x", &format!("case {n}"))).await);
        let id = hold.pending().approval;
        let voted = decide_as(&world, &carol, &mut hers, id, second).await;
        assert!(voted.unwrap().state == ApprovalState::Held);
        decide(&world, &mut laptop, id, pattern(&["/to"], 9))
            .await
            .unwrap();
        let grant = world.guard.grants().await.unwrap().remove(0);
        assert_eq!((grant.approval, grant.uses), (id, 9));
        let pins: Vec<&str> = grant
            .pattern
            .iter()
            .flat_map(|one| one.pins.iter())
            .collect();
        assert_eq!(pins, kept);
    }
}

#[tokio::test]
async fn a_vote_for_a_pattern_outlives_the_guard() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = MANIFEST.replace("approve: 1", "approve: 2");
    let before = boot_over(directory.path(), 1, Duration::ZERO, &manifest).await;
    let (before, mut laptop) = settled(before.0).await;
    let group = GroupName::parse("oncall").unwrap();
    let name = OperatorName::parse("carol").unwrap();
    let added = before.guard.add_operator("test", name, vec![group]).await;
    let carol = added.unwrap().0;
    let mut hers = enrol(&before, &carol).await;
    let hold = held(ask(&before, pay(50, "x", "rent")).await);
    let id = hold.pending().approval;
    decide_as(&before, &carol, &mut hers, id, pattern(&["/memo"], 7))
        .await
        .unwrap();
    before.guard.stop().await.unwrap();
    drop((hold, before));

    let lived = Duration::from_secs(60);
    let after = boot_over(directory.path(), 2, lived, &manifest).await.0;
    after.guard.open_doorway(Doorway::parse(ORIGIN).unwrap());
    decide(&after, &mut laptop, id, pattern(&["/to"], 9))
        .await
        .unwrap();
    let grant = after.guard.grants().await.unwrap().remove(0);
    let pins: Vec<&str> = grant
        .pattern
        .iter()
        .flat_map(|one| one.pins.iter())
        .collect();
    assert_eq!((pins, grant.uses), (vec!["/memo", "/to"], 7));
}

#[tokio::test]
async fn what_is_no_pattern_of_the_call_is_not_granted() {
    let (world, mut laptop) = world().await;
    let id = held(ask(&world, pay(50, "x", "rent")).await)
        .pending()
        .approval;
    let long = GRANT_LIFE + Duration::from_secs(1);
    let to = || vec!["/to".to_owned()];
    for (pins, uses, life) in [
        (Vec::new(), 1, None),
        (vec!["/bcc".to_owned()], 1, None),
        (vec![String::new()], 1, None),
        (vec!["to".to_owned()], 1, None),
        (to(), 0, None),
        (to(), PATTERN_USES_COUNT + 1, None),
        (to(), 1, Some(long)),
        (to(), 1, Some(Duration::ZERO)),
    ] {
        let wrong = Resolution::Pattern { pins, uses, life };
        let refused = decide(&world, &mut laptop, id, wrong.clone()).await;
        assert!(
            matches!(refused, Err(ResolveError::BadGrant(_))),
            "{wrong:?}: {refused:?}"
        );
    }
    // Nothing bounds a tool that nobody declared.
    let undeclared = ("crm/post", json!({"to": "x"}));
    let id = held(ask(&world, undeclared).await).pending().approval;
    let refused = decide(&world, &mut laptop, id, pattern(&["/to"], 1)).await;
    assert!(
        matches!(refused, Err(ResolveError::BadGrant(_))),
        "{refused:?}"
    );
    assert!(world.guard.grants().await.unwrap().is_empty());
}
