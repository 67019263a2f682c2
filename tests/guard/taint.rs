//! Foreign words in a session: noted before they are delivered, copied to the next session, taken away by
//! nobody.

use std::time::Duration;

use countersign::guard::Resolution;
use countersign::model::id::SessionId;
use countersign::model::name::ServerName;
use countersign::model::outcome::Outcome;
use countersign::model::reason::Reason;
use countersign::model::session::Session;
use countersign::model::taint::{Taint, TaintGrade};
use serde_json::json;

use super::restarts::boot_over;
use super::world::{World, denied, held, permitted, present};

const MANIFEST: &str = "
version: 1
agent: clerk
credentials: {api_key: true}
first_use: note
undeclared: pause
untrusted: [mail/*]
tools:
  - tool: mail/read
    privilege: read
  - tool: crm/find
    privilege: read
  - tool: crm/note
    privilege: write
  - tool: bank/pay
    privilege: money
    arguments: {properties: {amount: {type: number, maximum: 100}}}
approval:
  default: {any_of: [oncall], approve: 1, decide_by: 15m, redeem_by: 5m}
";

impl World {
    /// With a mail server beside the others.
    pub(crate) async fn with_mail(manifest: &str) -> Self {
        let world = Self::over(manifest).await;
        present(&world.guard, "mail", &["read"]).await;
        world
    }

    async fn of(&self, id: SessionId) -> Session {
        let sessions = self.guard.sessions().await.unwrap();
        sessions.into_iter().find(|one| one.id == id).unwrap()
    }

    pub(crate) async fn taint(&self) -> Option<Taint> {
        self.of(self.session).await.taint
    }

    async fn grade(&self) -> Option<TaintGrade> {
        self.taint().await.map(|taint| taint.grade)
    }
}

#[tokio::test]
async fn taint_precedes_the_first_byte_delivered() {
    let directory = tempfile::tempdir().unwrap();
    let (mut world, _) = boot_over(directory.path(), 1, Duration::ZERO, MANIFEST).await;
    present(&world.guard, "mail", &["read"]).await;
    assert_eq!(world.taint().await, None);
    world
        .run(permitted(world.decide("crm/find", json!({})).await))
        .await;
    assert_eq!(world.grade().await, Some(TaintGrade::Unvouched));

    // Permitted, and nothing sent yet: it is in the store, and another process would find it there.
    let permit = permitted(world.decide("mail/read", json!({})).await);
    let taint = world.taint().await.unwrap();
    assert_eq!(taint.grade, TaintGrade::Untrusted);
    assert_eq!(taint.source, "mail/read");
    let decision = world.entries("decision").await.pop().unwrap();
    assert_eq!(decision["taint"], "unvouched");
    assert_eq!(decision["taints"], "untrusted");
    let (_, receipt) = world.dispatch(permit).await.unwrap().into_parts();
    std::mem::forget(receipt);
    let (session, principal) = (world.session, world.principal.clone());
    world.guard.stop().await.unwrap();
    drop(world);

    (world, _) = boot_over(directory.path(), 2, Duration::from_secs(60), MANIFEST).await;
    (world.session, world.principal) = (session, principal);
    assert_eq!(world.taint().await, Some(taint));
    permitted(world.decide("crm/find", json!({})).await);
    let decision = world.entries("decision").await.pop().unwrap();
    assert_eq!(decision["taint"], "untrusted");
    assert!(decision.get("taints").is_none(), "{decision}");
}

#[tokio::test]
async fn a_refused_call_hears_nothing_and_an_undeclared_one_hears_the_worst() {
    let world = World::with_mail(MANIFEST).await;
    denied(world.decide("mail/unheard_of", json!({})).await);
    let hold = held(world.decide("crm/slow", json!({})).await);
    assert_eq!(world.taint().await, None);
    world.approve(&hold).await;
    permitted(world.guard.redeem(hold).await);
    let taint = world.taint().await.unwrap();
    assert_eq!(taint.grade, TaintGrade::Untrusted);
    assert_eq!(taint.source, "crm/slow");
}

#[tokio::test]
async fn what_a_server_says_outside_of_calls_taints_too() {
    let world = World::with_mail(MANIFEST).await;
    let server = |name: &str| ServerName::parse(name).unwrap();
    let named = world.guard.open_session(&world.principal, None).await;
    let named = named.unwrap().id;
    world
        .guard
        .hears(&world.principal, &server("crm"))
        .await
        .unwrap();
    assert_eq!(world.grade().await, Some(TaintGrade::Unvouched));
    for _ in 0..2 {
        let mail = server("mail");
        world.guard.hears(&world.principal, &mail).await.unwrap();
    }
    // Nobody can say which of them heard it.
    for id in [world.session, named] {
        let taint = world.of(id).await.taint.unwrap();
        assert_eq!(
            (taint.grade, taint.source.as_str()),
            (TaintGrade::Untrusted, "mail")
        );
    }
    let mut told = world.entries("session").await;
    told.retain(|entry| entry["state"] == "tainted" && entry["taint"] == "untrusted");
    assert_eq!(told.len(), 2);
}

#[tokio::test]
async fn an_agent_that_hears_before_it_has_a_session_gets_a_tainted_one() {
    let world = World::with_mail(MANIFEST).await;
    let agent = world.principal.agent.clone();
    let (_, key) = world
        .guard
        .add_agent_key("test", &agent, None)
        .await
        .unwrap();
    let fresh = world.guard.principal(Some(&key)).await.unwrap();
    let mail = ServerName::parse("mail").unwrap();
    world.guard.hears(&fresh, &mail).await.unwrap();
    let session = world.guard.session(&fresh, None).await.unwrap();
    assert!(world.of(session).await.is_tainted());
}

#[tokio::test]
async fn a_passkey_does_not_remove_taint() {
    let world = World::with_mail(MANIFEST).await;
    world
        .run(permitted(world.decide("mail/read", json!({})).await))
        .await;
    let taint = world.taint().await;
    assert!(taint.is_some());

    // Whatever proof a person gives, it reaches the guard as a decision on one call.
    let hold = held(world.decide("bank/pay", json!({"amount": 900})).await);
    let several = Resolution::Approve {
        uses: 2,
        life: None,
    };
    let id = hold.pending().approval;
    world.vote(&world.alice, id, several).await.unwrap();
    assert_eq!(world.taint().await, taint);
    world.run(permitted(world.guard.redeem(hold).await)).await;
    assert_eq!(world.taint().await, taint);
    let alice = &world.alice.name;
    world
        .guard
        .pause_session(alice, world.session)
        .await
        .unwrap();
    world
        .guard
        .resume_session(alice, world.session)
        .await
        .unwrap();
    world
        .guard
        .pause_agent(alice, &world.principal.agent)
        .await
        .unwrap();
    world
        .guard
        .resume_agent(alice, &world.principal.agent)
        .await
        .unwrap();
    world
        .run(permitted(world.decide("crm/note", json!({})).await))
        .await;
    assert_eq!(world.taint().await, taint);

    // Nor does ending the session and letting its principal open another.
    world
        .guard
        .revoke_session(alice, world.session)
        .await
        .unwrap();
    world
        .guard
        .reinstate_session(alice, world.session)
        .await
        .unwrap();
    let next = world.guard.session(&world.principal, None).await.unwrap();
    let copied = world.of(next).await.taint.unwrap();
    assert_eq!((copied.grade, copied.copied), (TaintGrade::Untrusted, true));
}

#[tokio::test]
async fn a_new_session_of_the_same_credential_is_never_kinder_than_the_worst_live_one() {
    let mut world = World::with_mail(MANIFEST).await;
    let first = world.session;
    world
        .run(permitted(world.decide("mail/read", json!({})).await))
        .await;
    let hold = held(world.decide("bank/pay", json!({"amount": 900})).await);

    // Its taint, its open pause: both hold in a session that is opened after them.
    world.session = world
        .guard
        .open_session(&world.principal, None)
        .await
        .unwrap()
        .id;
    let opened = world.of(world.session).await;
    assert!(opened.is_tainted() && opened.taint.unwrap().copied);
    let waits = held(world.decide("crm/note", json!({})).await);
    assert_eq!(waits.pending().approval, hold.pending().approval);
    assert!(!waits.pending().own);
    permitted(world.decide("crm/find", json!({})).await);
    let vote = Resolution::Deny { message: None };
    let id = hold.pending().approval;
    world.vote(&world.alice, id, vote).await.unwrap();
    permitted(world.decide("crm/note", json!({})).await);
    // What a person refused is refused in it too.
    let again = world.decide("bank/pay", json!({"amount": 900})).await;
    assert_eq!(denied(again).reason(), Reason::ApprovalDenied);

    // Another key of the same agent has heard nothing, and waits for nothing.
    let agent = world.principal.agent.clone();
    let (_, key) = world
        .guard
        .add_agent_key("test", &agent, None)
        .await
        .unwrap();
    let other = world.guard.principal(Some(&key)).await.unwrap();
    let other = world.guard.session(&other, None).await.unwrap();
    assert_eq!(world.of(other).await.taint, None);

    // While an operator pauses one, there is no other to go to.
    let alice = world.alice.name.clone();
    world.guard.pause_session(&alice, first).await.unwrap();
    let refused = world.guard.open_session(&world.principal, None).await;
    assert_eq!(refused.unwrap_err().reason(), Reason::SessionPaused);
}

#[tokio::test]
async fn a_copied_taint_ends_a_day_after_the_session_that_heard_the_words() {
    let world = World::with_mail(MANIFEST).await;
    world
        .run(permitted(world.decide("mail/read", json!({})).await))
        .await;
    world.pass(20 * 3_600);
    let second = world.guard.session(&world.principal, None).await.unwrap();
    assert!(world.of(second).await.is_tainted());
    world.pass(20 * 3_600);
    let third = world.guard.session(&world.principal, None).await.unwrap();
    assert_ne!(third, second);
    assert_eq!(
        world.of(third).await.taint,
        None,
        "no copy is copied for ever"
    );
}

#[tokio::test]
async fn what_a_tainted_session_does_teaches_nothing() {
    let asking = MANIFEST.replace("first_use: note", "first_use: pause");
    let mut world = World::with_mail(&asking).await;
    for tool in ["crm/find", "mail/read"] {
        let hold = held(world.decide(tool, json!({})).await);
        world.approve(&hold).await;
        world.run(permitted(world.guard.redeem(hold).await)).await;
        world
            .run(permitted(world.decide(tool, json!({})).await))
            .await;
    }
    // Approved by a person, done, and still new: what asked for it may not have been the agent.
    let hold = held(world.decide("crm/note", json!({})).await);
    world.approve(&hold).await;
    world.run(permitted(world.guard.redeem(hold).await)).await;
    let hold = held(world.decide("crm/note", json!({})).await);
    assert_eq!(hold.pending().reasons[0].reason, Reason::FirstUse);
    world.guard.withdraw(hold).await;
    let history = world.guard.history(&world.principal.agent).await.unwrap();
    let known = history.pasts[0].reaches.iter();
    let known: Vec<_> = known
        .map(|(reach, _, usage)| (reach.target.to_string(), usage.calls))
        .collect();
    assert_eq!(
        known,
        [("crm/find".to_owned(), 2), ("mail/read".to_owned(), 1)]
    );

    // Another key has an untainted session, and what is done there teaches.
    let agent = world.principal.agent.clone();
    let (_, key) = world
        .guard
        .add_agent_key("test", &agent, None)
        .await
        .unwrap();
    world.principal = world.guard.principal(Some(&key)).await.unwrap();
    world.session = world.guard.session(&world.principal, None).await.unwrap();
    let hold = held(world.decide("crm/note", json!({})).await);
    world.approve(&hold).await;
    world.run(permitted(world.guard.redeem(hold).await)).await;
    permitted(world.decide("crm/note", json!({})).await);
}

#[tokio::test]
async fn what_must_come_first_may_come_in_a_tainted_session() {
    let ordered = MANIFEST.replace(
        "  - tool: crm/note\n    privilege: write\n",
        "  - tool: crm/note\n    privilege: write\n    after: [crm/find]\n",
    );
    let world = World::with_mail(&ordered).await;
    world
        .run(permitted(world.decide("mail/read", json!({})).await))
        .await;
    let early = world.decide("crm/note", json!({})).await;
    assert_eq!(denied(early).reason(), Reason::AfterUnmet);
    world
        .run(permitted(world.decide("crm/find", json!({})).await))
        .await;
    permitted(world.decide("crm/note", json!({})).await);
}

#[tokio::test]
async fn a_call_judged_beside_the_tainting_one_is_judged_again() {
    let world = World::with_mail(MANIFEST).await;
    let calls = (0..8).map(|n| {
        let tool = if n == 3 { "mail/read" } else { "crm/note" };
        let (guard, call) = (world.guard.clone(), world.call(tool, json!({"n": n})));
        tokio::spawn(async move { guard.decide(call).await })
    });
    for ruling in calls.collect::<Vec<_>>() {
        permitted(ruling.await.unwrap());
    }
    let decisions = world.entries("decision").await;
    let at = |decision: &&serde_json::Value| decision["taints"] == "untrusted";
    let place = decisions.iter().position(|one| at(&one)).unwrap();
    for later in decisions.iter().skip(place + 1) {
        assert_eq!(later["taint"], "untrusted", "{later}");
    }
}

#[tokio::test]
async fn denied_failed_and_unknown_calls_teach_nothing() {
    let asking = MANIFEST.replace("first_use: note", "first_use: pause");
    let world = World::with_mail(&asking).await;
    for outcome in [Outcome::Failed, Outcome::Unknown, Outcome::NotSent] {
        let hold = held(world.decide("crm/find", json!({})).await);
        world.approve(&hold).await;
        let permit = permitted(world.guard.redeem(hold).await);
        let (_, receipt) = world.dispatch(permit).await.unwrap().into_parts();
        world.guard.settle(receipt, outcome, None).await;
    }
    let hold = held(world.decide("crm/find", json!({})).await);
    let vote = Resolution::Deny { message: None };
    let id = hold.pending().approval;
    world.vote(&world.alice, id, vote).await.unwrap();
    let history = world.guard.history(&world.principal.agent).await.unwrap();
    assert_eq!(history.pasts, []);
}
