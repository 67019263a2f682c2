//! The countersignature: asked, given, kept, proved without the guard, and worth nothing for anything else.

use countersign::audit::chain::{Chain, GENESIS};
use countersign::audit::checkpoint::{PublicKey, SignedHead, Signer};
use countersign::audit::entry::StoredEntry;
use countersign::audit::report::Report;
use countersign::audit::segment::Segment;
use countersign::audit::verify::{Sealed, verify_pruned};
use countersign::audit::witnesses::{Witness, Witnesses};
use countersign::guard::Doorway;
use countersign::model::id::BootId;
use countersign::model::json as strict;
use countersign::model::time::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::authenticator::Authenticator;
use super::console::{Browser, field};
use super::people::{enrol, name};
use super::world::{Answer, World, body, send};

/// A call whose approval must be signed.
pub(crate) async fn hold(world: &World, what: &str) -> String {
    let held = send(world.ask("shop/sign", &json!({"what": what}))).await;
    assert_eq!(held.status, 202, "{held:?}");
    held.text("approval_id")
}

/// A world in which alice's passkey counts.
pub(crate) async fn world() -> (World, Authenticator) {
    let world = World::new().await;
    let laptop = enrol(&world, "alice").await;
    world
        .guard
        .confirm_passkeys("test", &name("alice"))
        .await
        .unwrap();
    (world, laptop)
}

/// One decision as it is sent: on what is shown.
pub(crate) struct Sent {
    path: String,
    etag: String,
    body: Value,
}

impl Sent {
    pub(crate) async fn on(world: &World, approval: &str, uses: u32) -> Self {
        let path = format!("/v1/approvals/{approval}");
        let shown = send(world.operator(Method::GET, &path)).await;
        Self {
            etag: shown.headers["etag"].to_str().unwrap().to_owned(),
            body: json!({
                "decision": "approve",
                "uses": uses,
                "decision_id": format!("{approval}-{uses}"),
                "action_digest": shown.body["action_digest"],
            }),
            path: format!("{path}/decisions"),
        }
    }

    pub(crate) async fn send(
        &self,
        world: &World,
        token: &str,
        assertion: Option<&Value>,
    ) -> Answer {
        let mut decision = self.body.clone();
        if let Some(assertion) = assertion {
            decision["assertion"] = assertion.clone();
        }
        let request = world
            .request(world.operators, Method::POST, &self.path)
            .bearer_auth(token)
            .header("if-match", &self.etag);
        send(body(request, &decision)).await
    }

    /// What alice is asked to sign for it.
    async fn ask(&self, world: &World) -> Value {
        self.ask_of(world, &world.alice).await
    }

    /// What the person with that token is asked to sign for it.
    pub(crate) async fn ask_of(&self, world: &World, token: &str) -> Value {
        let asked = self.send(world, token, None).await;
        asked.is_problem(401, "user-unverified");
        assert_eq!(
            asked.headers["www-authenticate"],
            "Bearer realm=\"countersign\", error=\"insufficient_user_authentication\", \
             acr_values=\"phr\", max_age=0"
        );
        let page = asked.text("console");
        assert!(page.starts_with(&world.origin()), "{page}");
        asked.body["publicKey"].clone()
    }

    /// Signs and decides.
    pub(crate) async fn decide(&self, world: &World, laptop: &mut Authenticator) -> Answer {
        let signed = laptop.sign(&self.ask(world).await);
        self.send(world, &world.alice, Some(&signed)).await
    }
}

#[tokio::test]
async fn a_signed_approval_lets_exactly_that_call_run() {
    let (world, mut laptop) = world().await;
    let approval = hold(&world, "this").await;
    let sent = Sent::on(&world, &approval, 1).await;
    let asked = sent.ask(&world).await;
    assert_eq!(asked["rpId"], "localhost");
    assert_eq!(asked["userVerification"], "required");
    assert_eq!(asked["allowCredentials"][0]["id"], laptop.name());
    let signed = laptop.sign(&asked);
    let decided = sent.send(&world, &world.alice, Some(&signed)).await;
    assert_eq!(
        (decided.status, &decided.body["state"]),
        (200, &json!("approved"))
    );
    // Sent again, it is the same decision.
    let again = sent.send(&world, &world.alice, Some(&signed)).await;
    assert_eq!(again.status, 200, "{again:?}");
    let done = send(world.ask("shop/sign", &json!({"what": "this"}))).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(world.shop.ran().len(), 1);
}

#[tokio::test]
async fn the_code_alone_approves_nothing() {
    let (world, _) = world().await;
    let held = send(world.ask("shop/sign", &json!({"what": "this"}))).await;
    let (approval, code) = (held.text("approval_id"), held.text("code"));
    let sent = Sent::on(&world, &approval, 1).await;
    // Whoever has it and nothing else, the agent too.
    for token in [&code, &world.clerk, &world.neighbour, &world.pep] {
        sent.send(&world, token, None)
            .await
            .is_problem(401, "credential-unknown");
    }
    // An operator without the group, and one whose passkey is asked for.
    sent.send(&world, &world.bob, None)
        .await
        .is_problem(403, "not-eligible");
    sent.send(&world, &world.alice, None)
        .await
        .is_problem(401, "user-unverified");
    // There is no member to put it into.
    let mut with_code = Sent::on(&world, &approval, 1).await;
    with_code.body["code"] = json!(code);
    with_code
        .send(&world, &world.alice, None)
        .await
        .is_problem(400, "request-malformed");
    assert!(world.guard.grants().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_rule_that_asks_for_a_passkey_is_met_by_no_token_and_a_no_needs_none() {
    let world = World::new().await;
    let approval = hold(&world, "this").await;
    let sent = Sent::on(&world, &approval, 1).await;
    let asked = sent.ask(&world).await;
    assert_eq!(asked["allowCredentials"], json!([]), "she has no passkey");
    let denied = world
        .decide(&world.alice, &approval, json!({"decision": "deny"}))
        .await;
    assert_eq!(denied.status, 200, "{denied:?}");
}

#[tokio::test]
async fn above_write_a_stolen_token_decides_nothing_for_whoever_ever_had_a_passkey() {
    let (world, _) = world().await;
    let held = send(world.ask("shop/order", &json!({"amount": 500}))).await;
    let approval = held.text("approval_id");
    let sent = Sent::on(&world, &approval, 1).await;
    sent.ask(&world).await;
    let proofs = world.guard.proofs().await.unwrap();
    let key = proofs.iter().find(|one| one.passkey().is_some()).unwrap();
    world
        .guard
        .end_proof("test", None, &key.id())
        .await
        .unwrap();
    sent.ask(&world).await;
    // What writes and no more is still decided with the token.
    let own = json!({"mode": "authorize", "tool": "shop/own", "arguments": {"count": 9}});
    let held = send(body(world.agent(Method::POST, "/v1/calls"), &own)).await;
    let approved = world.approve(&held.text("approval_id")).await;
    assert_eq!(approved.status, 200, "{approved:?}");
}

#[tokio::test]
async fn a_strict_guard_lets_nobody_approve_above_write_without_a_passkey() {
    let world = World::new().await;
    let mut doorway = Doorway::parse(&world.origin()).unwrap();
    doorway.is_strict = true;
    world.guard.open_doorway(doorway);
    let held = send(world.ask("shop/order", &json!({"amount": 500}))).await;
    let approval = held.text("approval_id");
    world
        .approve(&approval)
        .await
        .is_problem(401, "user-unverified");
    let own = json!({"mode": "authorize", "tool": "shop/own", "arguments": {"count": 9}});
    let held = send(body(world.agent(Method::POST, "/v1/calls"), &own)).await;
    assert_eq!(world.approve(&held.text("approval_id")).await.status, 200);
}

#[tokio::test]
async fn an_answer_counts_once_for_its_own_decision_person_and_passkey() {
    let (world, mut laptop) = world().await;
    let mut bobs = enrol(&world, "bob").await;
    let (one, other) = (hold(&world, "one").await, hold(&world, "other").await);
    let (one, other) = (
        Sent::on(&world, &one, 1).await,
        Sent::on(&world, &other, 1).await,
    );
    let refused = |answer: Answer| {
        answer.is_problem(403, "passkey-refused");
    };
    // For another approval; the answer is spent by it.
    let signed = laptop.sign(&one.ask(&world).await);
    refused(other.send(&world, &world.alice, Some(&signed)).await);
    refused(one.send(&world, &world.alice, Some(&signed)).await);
    // For more uses than were signed.
    let signed = laptop.sign(&one.ask(&world).await);
    let mut more = Sent {
        path: one.path.clone(),
        etag: one.etag.clone(),
        body: one.body.clone(),
    };
    more.body["uses"] = json!(5);
    refused(more.send(&world, &world.alice, Some(&signed)).await);
    // By somebody else's passkey.
    refused(
        one.send(
            &world,
            &world.alice,
            Some(&bobs.sign(&one.ask(&world).await)),
        )
        .await,
    );
    // On another page, for another host, by nobody in particular.
    let lies: [fn(&mut Authenticator); 3] = [
        |one| one.origin = "http://localhost:1".to_owned(),
        |one| one.host = "evil.example".to_owned(),
        |one| one.flags = 0x01,
    ];
    for lie in lies {
        let (origin, flags) = (laptop.origin.clone(), laptop.flags);
        lie(&mut laptop);
        refused(one.decide(&world, &mut laptop).await);
        (laptop.origin, laptop.flags) = (origin, flags);
        laptop.host = "localhost".to_owned();
    }
    // To a challenge that nobody asked.
    let made_up = laptop.sign(&json!({"challenge": "A".repeat(43)}));
    refused(one.send(&world, &world.alice, Some(&made_up)).await);
    assert!(world.guard.grants().await.unwrap().is_empty());
    assert_eq!(one.decide(&world, &mut laptop).await.status, 200);
}

#[tokio::test]
async fn a_person_signs_on_the_page_and_a_page_without_scripts_says_so() {
    let (world, mut laptop) = world().await;
    let approval = hold(&world, "this").await;
    let alice = Browser::enter(&world, &world.alice).await;
    let path = format!("/requests/{approval}");
    let page = alice.get(&path).await.text;
    assert!(page.contains("data-passkey"), "{page}");
    assert!(page.contains("You sign exactly this with your passkey."));
    let mut fields = vec![("decision", "approve".to_owned()), ("uses", "1".to_owned())];
    for name in ["seal", "version", "digest", "mark"] {
        fields.push((name, field(&page, name)));
    }
    let plain: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let post = format!("{path}/decision");
    let unscripted = alice.post(&post, &plain).await;
    assert_eq!(unscripted.status, 401);
    assert!(unscripted.text.contains("takes a browser with scripts"));
    let asked = alice.script(&post, &plain).await;
    assert_eq!(asked.status, 401, "{asked:?}");
    let signed = laptop.sign(&asked.body["publicKey"]).to_string();
    let mut whole = plain.clone();
    whole.push(("assertion", signed.as_str()));
    let decided = alice.post(&post, &whole).await;
    assert_eq!(decided.status, 303, "{decided:?}");
    assert!(alice.get(&path).await.text.contains("✓ approved"));
}

/// The record of one signed approval of several uses, and who signs.
async fn record() -> (Vec<StoredEntry>, Witnesses, Vec<Witness>) {
    let (world, mut laptop) = world().await;
    let approval = hold(&world, "this").await;
    let sent = Sent::on(&world, &approval, 3).await;
    assert_eq!(sent.decide(&world, &mut laptop).await.status, 200);
    let other = hold(&world, "other").await;
    let sent = Sent::on(&world, &other, 1).await;
    assert_eq!(sent.decide(&world, &mut laptop).await.status, 200);
    enrol(&world, "bob").await;
    let known = known(&world).await;
    let entries = world.guard.entries(1, 10_000).await.unwrap();
    (entries, witnesses(&known), known)
}

/// Whose passkeys the guard knows, as an auditor is given them.
pub(crate) async fn known(world: &World) -> Vec<Witness> {
    let proofs = world.guard.proofs().await.unwrap();
    proofs.iter().filter_map(Witness::of_proof).collect()
}

pub(crate) fn witnesses(known: &[Witness]) -> Witnesses {
    let lines: Vec<String> = known.iter().map(Witness::line).collect();
    Witnesses::parse(&lines.join("\n")).unwrap()
}

/// The record as whoever holds the guard's key would write it anew, with some bodies changed.
fn forged(
    entries: &[StoredEntry],
    change: impl Fn(&mut Value),
) -> (Vec<StoredEntry>, SignedHead, PublicKey) {
    let signer = Signer::from_seed(&[9; 32]).unwrap();
    let mut chain = Chain::begin();
    let forged: Vec<StoredEntry> = entries
        .iter()
        .map(|entry| {
            let mut body = strict::parse(&entry.body).unwrap();
            change(&mut body);
            chain.append(strict::canonical(&body), entry.disclosure.clone())
        })
        .collect();
    let boot = BootId::random(&countersign::ambient::Ambient::system());
    let head = signer.sign(&chain, Timestamp::from_millis(0), boot);
    (forged, head, signer.public().clone())
}

/// What entries say.
pub(crate) fn bodies(entries: &[StoredEntry]) -> Vec<Value> {
    let bodies = entries.iter();
    bodies
        .map(|entry| strict::parse(&entry.body).unwrap())
        .collect()
}

pub(crate) fn verified(
    entries: &[StoredEntry],
    witnesses: Option<&Witnesses>,
    change: impl Fn(&mut Value),
) -> Report {
    let (forged, head, key) = forged(entries, change);
    let entries = forged.into_iter().map(Ok::<_, String>);
    verify_pruned(Sealed::default(), entries, &[head], &[key], None, witnesses).unwrap()
}

/// The signed approvals of a record, the first of them first.
fn is_first(body: &Value) -> bool {
    body.get("countersignature").is_some() && body["uses"] == 3
}

#[tokio::test]
async fn an_assertion_moved_to_another_approval_scope_stage_or_person_fails_offline_verify() {
    let (entries, known, list) = record().await;
    for witnesses in [None, Some(&known)] {
        let report = verified(&entries, witnesses, |_| {});
        assert!(report.ok(), "{report}");
        assert_eq!(report.countersigned, 2);
        assert_eq!(report.witnessed_by_itself, witnesses.is_none(), "{report}");
    }
    let signed: Vec<Value> = entries
        .iter()
        .map(|entry| strict::parse(&entry.body).unwrap())
        .filter(|body| body.get("countersignature").is_some())
        .collect();
    let other = signed.iter().find(|body| !is_first(body)).unwrap().clone();
    let other = &other;
    type Change<'a> = (&'a str, Box<dyn Fn(&mut Value) + 'a>);
    let changes: Vec<Change<'_>> = vec![
        (
            "approval",
            Box::new(|body| body["approval"] = other["approval"].clone()),
        ),
        ("version", Box::new(|body| body["version"] = json!(2))),
        (
            "arguments digest",
            Box::new(|body| body["action_digest"] = other["action_digest"].clone()),
        ),
        ("decision", Box::new(|body| body["state"] = json!("denied"))),
        ("uses", Box::new(|body| body["uses"] = json!(20))),
        (
            "expiry",
            Box::new(|body| body["until"] = json!("2099-01-01T00:00:00Z")),
        ),
        ("pins", Box::new(|body| body["pins"] = json!(["/what"]))),
        (
            "stage",
            Box::new(|body| body["countersignature"]["stage"] = json!(2)),
        ),
        ("approver", Box::new(|body| body["by"] = json!("bob"))),
        (
            "previous",
            Box::new(|body| body["countersignature"]["previous"] = other["action_digest"].clone()),
        ),
        (
            "issued",
            Box::new(|body| body["countersignature"]["issued"] = json!("2020-01-01T00:00:00Z")),
        ),
        (
            "nonce",
            Box::new(|body| body["countersignature"]["nonce"] = json!("00".repeat(16))),
        ),
        (
            "passkey",
            Box::new(|body| body["countersignature"]["passkey"] = json!("AAAA")),
        ),
        (
            "signature",
            Box::new(|body| {
                body["countersignature"]["signature"] =
                    other["countersignature"]["signature"].clone()
            }),
        ),
        (
            "whole of it",
            Box::new(|body| body["countersignature"] = other["countersignature"].clone()),
        ),
        (
            "nothing left of it",
            Box::new(|body| {
                drop(
                    body.as_object_mut()
                        .unwrap()
                        .shift_remove("countersignature"),
                )
            }),
        ),
    ];
    for (what, change) in &changes {
        for witnesses in [None, Some(&known)] {
            let report = verified(&entries, witnesses, |body| {
                if is_first(body) {
                    change(body);
                }
            });
            assert!(!report.ok(), "{what}: {report}");
            let said = report.to_string();
            assert!(said.contains("countersignature"), "{what}: {said}");
        }
    }

    // The arguments under the digest that was signed.
    let report = verified(&entries, Some(&known), |body| {
        if body["decision"] == "pause" {
            body["args_commitment"] = json!("11".repeat(32));
        }
    });
    assert!(
        report
            .to_string()
            .contains("its action digest is not that of its action"),
        "{report}"
    );

    // The same answer once more, and by a passkey that had been taken away.
    let twice: Vec<StoredEntry> = entries.iter().chain(&entries).cloned().collect();
    let report = verified(&twice, Some(&known), |_| {});
    assert!(!report.ok(), "{report}");
    let mut removed = list.clone();
    removed[0].ended = Some(Timestamp::from_millis(0));
    let report = verified(&entries, Some(&witnesses(&removed)), |_| {});
    assert!(
        report.to_string().contains("had been removed before"),
        "{report}"
    );

    // A record whose passkeys stand in a sealed segment says that it cannot tell, unless it is told.
    let named = |entry: &&StoredEntry| entry.body.windows(13).any(|word| word == b"passkey-added");
    let last = entries.iter().find(named).unwrap();
    let sealed = [Segment {
        first: 1,
        last: last.seq,
        previous: GENESIS,
        hash: last.hash,
        digest: last.hash,
    }];
    for (witnesses, proved) in [(None, (0, 2)), (Some(&known), (2, 0))] {
        let segments = Sealed {
            segments: &sealed,
            are_read: false,
            rotations: &[],
        };
        let rest = entries.iter().skip_while(|entry| entry.seq <= last.seq);
        let rest = rest.cloned().map(Ok::<_, String>);
        let report = verify_pruned(segments, rest, &[], &[], None, witnesses).unwrap();
        assert_eq!(
            (report.countersigned, report.unwitnessed),
            proved,
            "{report}"
        );
        assert!(!report.to_string().contains("does not hold"), "{report}");
    }

    // By keys that others know and the record does not.
    let mut others = list;
    others[0].public = others[1].public.clone();
    let report = verified(&entries, Some(&witnesses(&others)), |_| {});
    assert!(
        report.to_string().contains("the signature does not hold"),
        "{report}"
    );
}
