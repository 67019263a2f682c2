//! What a manifest says an argument is: a destination, an object, a secret.

use std::path::Path;
use std::time::Duration;

use countersign::guard::Resolution;
use countersign::model::outcome::Outcome;
use countersign::model::reason::Reason;
use serde_json::{Value, json};

use super::restarts::boot_over;
use super::world::{World, denied, held, permitted};

const KINDS: &str = "
version: 1
agent: clerk
owner: team
credentials: {api_key: true, local: true}
tools:
  - tool: bank/pay
    privilege: money
    arguments:
      properties:
        amount: {type: number, maximum: 100}
        to: {items: {type: string, kind: destination}}
        order: {type: string, kind: object}
      optional: [memo]
  - tool: crm/note
    privilege: write
    arguments:
      properties:
        login: {properties: {user: {type: string}, password: {type: string, maxLength: 10, kind: secret}}}
  - tool: crm/find
    privilege: read
approval:
  default: {any_of: [oncall], approve: 1, decide_by: 15m, redeem_by: 5m}
pause_covers: call
";

const PASSWORD: &str = "correct horse battery staple";

fn pay(to: &[&str], order: &str, memo: &str) -> Value {
    json!({"amount": 90, "to": to, "order": order, "memo": memo})
}

fn big(to: &str, order: &str, memo: &str) -> Value {
    json!({"amount": 900, "to": [to], "order": order, "memo": memo})
}

fn login() -> Value {
    json!({"login": {"user": "ann", "password": PASSWORD}})
}

impl World {
    async fn loses(&self, arguments: Value) {
        let permit = permitted(self.decide("bank/pay", arguments).await);
        let (_, receipt) = self.dispatch(permit).await.unwrap().into_parts();
        self.guard.settle(receipt, Outcome::Unknown, None).await;
    }

    async fn refuses(&self, arguments: Value) {
        let hold = held(self.decide("bank/pay", arguments).await);
        self.says_no(hold.pending().approval).await;
        denied(self.guard.redeem(hold).await);
    }

    async fn says_no(&self, id: countersign::model::id::ApprovalId) {
        let no = Resolution::Deny { message: None };
        self.vote(&self.alice, id, no).await.unwrap();
    }

    /// The reasons why a payment waits.
    async fn waits(&self, arguments: Value) -> Vec<Reason> {
        let hold = held(self.decide("bank/pay", arguments).await);
        let reasons = &hold.pending().reasons;
        let reasons = reasons.iter().map(|cause| cause.reason).collect();
        self.guard.withdraw(hold).await;
        reasons
    }
}

#[tokio::test]
async fn an_unknown_outcome_blocks_its_destination_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let (before, _) = boot_over(directory.path(), 1, Duration::ZERO, KINDS).await;
    before.loses(pay(&["DE02 1203", "DE77"], "1", "rent")).await;
    before.guard.stop().await.unwrap();
    drop(before);

    let (world, _) = boot_over(directory.path(), 2, Duration::from_secs(60), KINDS).await;
    // One that it went to, written otherwise, for another order and among others.
    for to in [&["de021203"][..], &["FR1", "DE77"]] {
        let reasons = world.waits(pay(to, "2", "rent, once more")).await;
        assert_eq!(reasons, [Reason::EarlierUnknown], "{to:?}");
    }
    permitted(world.decide("bank/pay", pay(&["FR1"], "1", "rent")).await);
    // A call whose destination is not there to be compared waits too.
    let reasons = world.waits(json!({"amount": 1, "order": "1"})).await;
    assert!(reasons.contains(&Reason::EarlierUnknown), "{reasons:?}");
}

#[tokio::test]
async fn a_doubt_about_one_destination_is_cleared_up_alone() {
    let world = World::over(KINDS).await;
    for to in ["a", "b"] {
        world.loses(pay(&[to], "1", "x")).await;
    }
    let hold = held(world.decide("bank/pay", pay(&["a"], "1", "again")).await);
    assert_eq!(hold.pending().reasons.len(), 1);
    world.approve(&hold).await;
    world.run(permitted(world.guard.redeem(hold).await)).await;
    permitted(world.decide("bank/pay", pay(&["a"], "1", "third")).await);
    assert_eq!(
        world.waits(pay(&["b"], "1", "again")).await,
        [Reason::EarlierUnknown]
    );
    // For both of them a person is told of what is left, and no more.
    let hold = held(
        world
            .decide("bank/pay", pay(&["a", "b"], "1", "both"))
            .await,
    );
    assert_eq!(hold.pending().reasons.len(), 1);
}

#[tokio::test]
async fn a_changed_memo_after_a_denial_asks_nobody() {
    let world = World::over(KINDS).await;
    world.refuses(big("DE02", "17", "rent")).await;
    let open = world.guard.approvals(false).await.unwrap().len();
    for again in [
        big("DE02", "17", "rent, please"),
        big("de 02", " 17", "rent"),
        // Also one that would be in scope: a person has said no to what it is for.
        pay(&["DE02"], "17", "rent"),
    ] {
        let denial = denied(world.decide("bank/pay", again).await);
        assert_eq!(denial.reason(), Reason::ApprovalDenied);
        assert!(denial.cause.sentence.contains("same destination"));
    }
    assert_eq!(world.guard.approvals(false).await.unwrap().len(), open);
    // Another order to the same account, and the same order to another, are other matters.
    assert_eq!(world.waits(big("DE02", "18", "x")).await, [Reason::Beyond]);
    assert_eq!(world.waits(big("DE03", "17", "x")).await, [Reason::Beyond]);
    world.pass(31 * 60);
    let session = world.guard.session(&world.principal, None).await.unwrap();
    let late = world.call_in(session, "bank/pay", big("DE02", "17", "later"));
    held(world.guard.decide(late).await);
}

#[tokio::test]
async fn two_requests_for_the_same_may_be_decided_apart() {
    let world = World::over(KINDS).await;
    let first = held(world.decide("bank/pay", big("DE02", "17", "one")).await);
    let second = held(world.decide("bank/pay", big("DE02", "17", "two")).await);
    world.says_no(second.pending().approval).await;
    // The other is still before a person, who says yes.
    let first = held(world.guard.redeem(first).await);
    world.approve(&first).await;
    world.run(permitted(world.guard.redeem(first).await)).await;
    denied(world.guard.redeem(second).await);
}

#[tokio::test]
async fn a_secret_is_in_nothing_that_is_kept_or_shown_and_reaches_the_upstream_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (before, _) = boot_over(directory.path(), 1, Duration::ZERO, KINDS).await;
    let hold = held(before.decide("crm/note", login()).await);
    let (id, session, principal) = (
        hold.pending().approval,
        before.session,
        before.principal.clone(),
    );
    before.guard.stop().await.unwrap();
    drop((hold, before));
    no_file_holds(directory.path(), PASSWORD);

    // Nothing holds it but the agent, which says it again.
    let (mut world, _) = boot_over(directory.path(), 2, Duration::from_secs(60), KINDS).await;
    (world.session, world.principal) = (session, principal);
    let hold = held(world.decide("crm/note", login()).await);
    assert_eq!(hold.pending().approval, id);
    let shown = world.approve(&hold).await;
    let arguments = String::from_utf8(shown.arguments.to_vec()).unwrap();
    assert_eq!(
        arguments,
        r#"{"login":{"password":"[hidden: a text of 17 to 32 characters]","user":"ann"}}"#
    );
    assert!(shown.secrets.contains("/login/password"));
    let told = countersign::guard::sentence(&shown);
    assert!(!told.contains("horse"), "{told}");
    let permit = permitted(world.guard.redeem(hold).await);
    let (call, receipt) = world.dispatch(permit).await.unwrap().into_parts();
    assert_eq!(call.arguments.value(), &login());
    world.guard.settle(receipt, Outcome::Done, None).await;

    // The record says that it was there, verifies, and the same call has the same digest each time.
    let decisions = world.entries("decision").await;
    assert!(
        decisions
            .iter()
            .all(|one| one["secrets"] == json!(["/login/password"]))
    );
    let digests: Vec<_> = decisions.iter().map(|one| &one["action_digest"]).collect();
    assert!(digests.iter().all(|one| *one == digests[0]), "{digests:?}");
    for entry in world.guard.entries(1, 1_000).await.unwrap() {
        let Some(kept) = &entry.disclosure else {
            continue;
        };
        let body = countersign::model::json::parse(&entry.body).unwrap();
        let kept = std::str::from_utf8(kept).unwrap();
        let root = countersign::audit::disclosure::Disclosure::parse(kept)
            .unwrap()
            .root();
        assert_eq!(body["args_commitment"], root.to_string());
    }
    world.guard.stop().await.unwrap();
    drop(world);
    no_file_holds(directory.path(), PASSWORD);
}

#[tokio::test]
async fn another_secret_makes_no_other_call_of_one_that_was_refused() {
    let world = World::over(KINDS).await;
    let hold = held(world.decide("crm/note", login()).await);
    world.says_no(hold.pending().approval).await;
    denied(world.guard.redeem(hold).await);
    let other = json!({"login": {"user": "ann", "password": "correct horse battery stapler"}});
    let denial = denied(world.decide("crm/note", other).await);
    assert_eq!(denial.reason(), Reason::ApprovalDenied);
}

pub(crate) fn no_file_holds(directory: &Path, secret: &str) {
    let mut read = 0;
    for file in std::fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        read += bytes.len();
        let holds = bytes
            .windows(secret.len())
            .any(|one| one == secret.as_bytes());
        assert!(!holds, "{}", path.display());
    }
    assert!(read > 0);
}
