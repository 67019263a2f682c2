//! Break-glass from outside: one person alone, signed, for a reason; and the review that another closes.

use std::path::Path;
use std::process::{Command, Output};

use countersign::audit::entry::StoredEntry;
use countersign::audit::report::Report;
use countersign::audit::witnesses::{Witness, Witnesses};
use countersign::guard::{Doorway, Offered};
use countersign::model::role::{Role, TokenScope};
use countersign::store::sqlite::Reader;
use reqwest::Method;
use serde_json::{Value, json};

use super::authenticator::Authenticator;
use super::channels::tell;
use super::console::{Browser, field};
use super::countersigned::{bodies, verified};
use super::people::{enrol, name, person};
use super::receiver::Receiver;
use super::world::{Answer, World, body, forbidding_orders, send};

/// A world in which olga may break the glass, and nothing else but look and stop.
struct Emergency {
    world: World,
    olga: String,
    phone: Authenticator,
}

impl Emergency {
    async fn begin() -> Self {
        let world = World::deciding(
            "default: {stages: [{any_of: [oncall], approve: 2}, {any_of: [kitchen]}], decide_by: 15m, redeem_by: 5m}",
        )
        .await;
        world.hire("carol", "oncall").await;
        let olga = person(&world, "olga", &[Role::BreakGlass], &[TokenScope::Decide]).await;
        let phone = enrol(&world, "olga").await;
        let guard = &world.guard;
        guard.confirm_passkeys("test", &name("olga")).await.unwrap();
        Self { world, olga, phone }
    }

    /// An order of 500 that waits for three people.
    async fn hold(&self) -> String {
        let held = send(self.world.ask("shop/order", &json!({"amount": 500}))).await;
        assert_eq!(held.status, 202, "{held:?}");
        held.text("approval_id")
    }

    async fn order(&self) -> Answer {
        send(self.world.ask("shop/order", &json!({"amount": 500}))).await
    }

    /// Sends it, with more members, on what is shown now.
    async fn send(&self, token: &str, approval: &str, more: &Value) -> Answer {
        let path = format!("/v1/approvals/{approval}");
        let shown = send(self.world.operator(Method::GET, &path)).await;
        let mut glass = json!({
            "action_digest": shown.body["action_digest"],
            "reason": "the till burns",
        });
        for (name, value) in more.as_object().unwrap() {
            glass[name] = value.clone();
        }
        let request = self
            .world
            .request(
                self.world.operators,
                Method::POST,
                &format!("{path}/break-glass"),
            )
            .bearer_auth(token)
            .header("if-match", &shown.headers["etag"]);
        send(body(request, &glass)).await
    }

    /// Signs what is asked, and breaks the glass.
    async fn break_glass(&mut self, approval: &str, more: Value) -> Answer {
        let asked = self.send(&self.olga, approval, &more).await;
        asked.is_problem(401, "user-unverified");
        let mut signed = more;
        signed["assertion"] = self.phone.sign(&asked.body["publicKey"]);
        self.send(&self.olga, approval, &signed).await
    }

    async fn reviews(&self) -> Vec<Value> {
        let answer = send(self.world.operator(Method::GET, "/v1/reviews?state=all")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["reviews"].as_array().unwrap().clone()
    }

    async fn close(&self, token: &str, review: &str, verdict: &str) -> Answer {
        let path = format!("/v1/reviews/{review}/close");
        let request = self
            .world
            .request(self.world.operators, Method::POST, &path);
        let judged = json!({"verdict": verdict, "note": "looked at the till"});
        send(body(request.bearer_auth(token), &judged)).await
    }
}

fn id(review: &Value) -> &str {
    review["id"].as_str().unwrap()
}

#[tokio::test]
async fn one_person_lets_a_held_call_run_and_another_judges_it() {
    let mut emergency = Emergency::begin().await;
    let approval = emergency.hold().await;
    let broken = emergency.break_glass(&approval, json!({})).await;
    assert_eq!(
        (broken.status, &broken.body["state"]),
        (200, &json!("approved")),
        "{broken:?}"
    );
    assert_eq!(broken.body["votes"], json!([]), "it is nobody's vote");
    assert_eq!(broken.body["review"]["by"], "olga");
    assert_eq!(emergency.order().await.status, 200);
    assert_eq!(emergency.world.shop.ran().len(), 1);

    let reviews = emergency.reviews().await;
    let [review] = &reviews[..] else {
        panic!("{reviews:?}");
    };
    for (member, value) in [
        ("state", json!("open")),
        ("approval", json!(approval)),
        ("by", json!("olga")),
        ("reason", json!("the till burns")),
        ("may_close", json!(["oncall", "kitchen"])),
        ("eligible", json!(true)),
        ("closed", Value::Null),
    ] {
        assert_eq!(review[member], value, "{member}");
    }
    let alice = emergency.world.alice.clone();
    let closed = emergency.close(&alice, id(review), "justified").await;
    assert_eq!(closed.status, 200, "{closed:?}");
    let judged = &closed.body["review"];
    assert_eq!(judged["state"], "justified");
    assert_eq!(judged["closed"]["by"], "alice");
    assert_eq!(judged["closed"]["note"], "looked at the till");
    let again = emergency.close(&alice, id(review), "not-justified").await;
    again.is_problem(409, "already-decided");
    assert_eq!(again.body["by"], "alice");
    let open = send(emergency.world.operator(Method::GET, "/v1/reviews")).await;
    assert_eq!(open.body["reviews"], json!([]));

    let entries = emergency.world.entries("approval").await;
    let told = |state: &str| entries.iter().find(|one| one["state"] == state).unwrap();
    let broke = told("approved");
    assert_eq!(
        (&broke["by"], &broke["reason"]),
        (&json!("olga"), &json!("the till burns"))
    );
    assert_eq!(broke["review"], review["id"]);
    assert_eq!(broke["countersignature"]["grant"], "break-glass");
    assert_eq!(broke["countersignature"]["stage"], 0);
    let reviewed = told("reviewed");
    for (member, value) in [
        ("by", "alice"),
        ("broken_by", "olga"),
        ("verdict", "justified"),
        ("note", "looked at the till"),
    ] {
        assert_eq!(reviewed[member], value, "{member}");
    }
}

#[tokio::test]
async fn it_takes_the_role_a_passkey_a_reason_and_at_most_an_hour() {
    let mut emergency = Emergency::begin().await;
    let approval = emergency.hold().await;
    let world = &emergency.world;
    let reading = person(world, "rita", &[Role::BreakGlass], &[TokenScope::Read]).await;
    for token in [&world.alice, &world.bob, &reading] {
        let refused = emergency.send(token, &approval, &json!({})).await;
        refused.is_problem(403, "role-missing");
    }
    for token in [&world.clerk, &world.pep] {
        let refused = emergency.send(token, &approval, &json!({})).await;
        refused.is_problem(401, "credential-unknown");
    }
    // The role votes on nothing.
    let voted = world
        .decide(&emergency.olga, &approval, json!({"decision": "approve"}))
        .await;
    voted.is_problem(403, "role-missing");
    for bad in [
        json!({"reason": ""}),
        json!({"reason": "   "}),
        json!({"reason": "x".repeat(1_001)}),
        json!({"reason": null}),
        json!({"uses": 0}),
        json!({"uses": 21}),
        json!({"uses": 2, "life_seconds": 3_601}),
        json!({"life_seconds": 0}),
        json!({"decision": "approve"}),
        json!({"action_digest": "0".repeat(64)}),
        json!({"assertion": {"id": "x"}}),
    ] {
        let refused = emergency.send(&emergency.olga, &approval, &bad).await;
        refused.is_problem(400, "request-malformed");
    }
    assert!(world.guard.grants().await.unwrap().is_empty());
    let whole = json!({"uses": 3, "life_seconds": 3_600});
    let broken = emergency.break_glass(&approval, whole).await;
    assert_eq!(broken.status, 200, "{broken:?}");
    let grant = emergency.world.guard.grants().await.unwrap().remove(0);
    let now = emergency.world.guard.ambient().now();
    assert_eq!(grant.uses, 3);
    assert!(grant.until.since(now).as_secs() <= 3_600);
    let late = emergency.send(&emergency.olga, &approval, &json!({})).await;
    late.is_problem(409, "already-decided");
}

#[tokio::test]
async fn what_was_signed_for_a_glass_is_worth_nothing_for_a_vote_nor_the_other_way_round() {
    let mut emergency = Emergency::begin().await;
    let both = [Role::BreakGlass, Role::Approver];
    let both = person(&emergency.world, "both", &both, &[TokenScope::Decide]).await;
    let mut laptop = enrol(&emergency.world, "both").await;
    let guard = &emergency.world.guard;
    guard.confirm_passkeys("test", &name("both")).await.unwrap();
    let approval = emergency.hold().await;
    let nothing = json!({});
    let asked = emergency.send(&both, &approval, &nothing).await;
    let signed = laptop.sign(&asked.body["publicKey"]);
    let world = &emergency.world;
    let voted = world
        .decide(
            &both,
            &approval,
            json!({"decision": "approve", "assertion": signed}),
        )
        .await;
    voted.is_problem(403, "passkey-refused");
    let vote = json!({"decision": "approve"});
    let asked = world.decide(&both, &approval, vote).await;
    asked.is_problem(401, "user-unverified");
    let signed = laptop.sign(&asked.body["publicKey"]);
    let glass = json!({"assertion": signed});
    let broken = emergency.send(&both, &approval, &glass).await;
    broken.is_problem(403, "passkey-refused");
    // For another reason, and by somebody else's passkey.
    let asked = emergency.send(&both, &approval, &nothing).await;
    let signed = laptop.sign(&asked.body["publicKey"]);
    let other = json!({"assertion": signed, "reason": "another"});
    let broken = emergency.send(&both, &approval, &other).await;
    broken.is_problem(403, "passkey-refused");
    let asked = emergency.send(&both, &approval, &nothing).await;
    let signed = emergency.phone.sign(&asked.body["publicKey"]);
    let glass = json!({"assertion": signed});
    let broken = emergency.send(&both, &approval, &glass).await;
    broken.is_problem(403, "passkey-refused");
    assert!(emergency.world.guard.grants().await.unwrap().is_empty());
    assert!(emergency.reviews().await.is_empty());
}

#[tokio::test]
async fn whoever_broke_the_glass_and_their_deputy_close_nothing() {
    let mut emergency = Emergency::begin().await;
    // With every role there is, olga still does not judge herself.
    let all = person(&emergency.world, "all", &Role::ALL, &TokenScope::ALL).await;
    let mut laptop = enrol(&emergency.world, "all").await;
    let guard = &emergency.world.guard;
    guard.confirm_passkeys("test", &name("all")).await.unwrap();
    std::mem::swap(&mut emergency.phone, &mut laptop);
    let olga = std::mem::replace(&mut emergency.olga, all.clone());
    let approval = emergency.hold().await;
    let broken = emergency.break_glass(&approval, json!({})).await;
    assert_eq!(broken.status, 200, "{broken:?}");
    let reviews = emergency.reviews().await;
    let review = id(&reviews[0]);
    let own = emergency.close(&all, review, "justified").await;
    own.is_problem(403, "not-eligible");
    emergency
        .close(&olga, review, "justified")
        .await
        .is_problem(403, "role-missing");
    let world = &emergency.world;
    let viewer = person(world, "vera", &[Role::Viewer], &TokenScope::ALL).await;
    let stranger = person(world, "stan", &[Role::Approver], &TokenScope::ALL).await;
    emergency
        .close(&viewer, review, "justified")
        .await
        .is_problem(403, "role-missing");
    // A deputy stays one although the voice is taken back.
    let lend = json!({"deputy": "stan", "life_seconds": 600});
    let request = world.request(world.operators, Method::POST, "/v1/delegations");
    let lent = send(body(request.bearer_auth(&all), &lend)).await;
    assert_eq!(lent.status, 201, "{lent:?}");
    for _ in 0..2 {
        let deputy = emergency.close(&stranger, review, "justified").await;
        deputy.is_problem(403, "not-eligible");
        assert!(deputy.text("detail").contains("deputy"), "{deputy:?}");
        let request = world.request(world.operators, Method::DELETE, "/v1/delegations/stan");
        send(request.bearer_auth(&all)).await;
    }
    for bad in [
        json!({"verdict": "maybe", "note": "x"}),
        json!({"verdict": "justified"}),
        json!({"verdict": "justified", "note": " "}),
        json!({"verdict": "justified", "note": "x".repeat(1_001)}),
    ] {
        let path = format!("/v1/reviews/{review}/close");
        send(body(world.operator(Method::POST, &path), &bad))
            .await
            .is_problem(400, "request-malformed");
    }
    let missing = "rv_aaaaaaaaaaaaaaaaaaaaaaaaaa";
    emergency
        .close(&world.alice, missing, "justified")
        .await
        .is_problem(404, "not-found");
    assert_eq!(emergency.reviews().await[0]["state"], "open");
    // An admin of other groups may.
    let closed = emergency.close(&world.bob, review, "justified").await;
    assert_eq!(closed.status, 200, "{closed:?}");
}

#[tokio::test]
async fn what_is_not_justified_takes_back_what_is_left() {
    let mut emergency = Emergency::begin().await;
    let approval = emergency.hold().await;
    let broken = emergency.break_glass(&approval, json!({"uses": 3})).await;
    assert_eq!(broken.status, 200, "{broken:?}");
    assert_eq!(emergency.order().await.status, 200);
    let reviews = emergency.reviews().await;
    let alice = emergency.world.alice.clone();
    let closed = emergency
        .close(&alice, id(&reviews[0]), "not-justified")
        .await;
    assert_eq!(closed.status, 200, "{closed:?}");
    assert_eq!(closed.body["running"], json!([]));
    let grants = send(emergency.world.operator(Method::GET, "/v1/grants")).await;
    assert_eq!(grants.body["grants"][0]["state"], "revoked");
    let next = emergency.order().await;
    assert_eq!(next.status, 202, "it waits for people again: {next:?}");
    assert_eq!(emergency.world.shop.ran().len(), 1);

    // Before anything ran, the approval itself ends.
    let approval = next.text("approval_id");
    let broken = emergency.break_glass(&approval, json!({})).await;
    assert_eq!(broken.status, 200, "{broken:?}");
    let reviews = emergency.reviews().await;
    let closed = emergency
        .close(&alice, id(&reviews[0]), "not-justified")
        .await;
    assert_eq!(closed.status, 200, "{closed:?}");
    let path = format!("/v1/approvals/{approval}");
    let shown = send(emergency.world.operator(Method::GET, &path)).await;
    assert_eq!(shown.body["state"], "revoked");
    assert_eq!(emergency.world.shop.ran().len(), 1);
}

#[tokio::test]
async fn a_glass_crosses_no_forbid() {
    let mut emergency = Emergency::begin().await;
    let world = &emergency.world;
    send(world.ask("shop/delete_all", &json!({})))
        .await
        .is_problem(403, "forbidden");
    let approval = emergency.hold().await;
    let broken = emergency.break_glass(&approval, json!({"uses": 3})).await;
    assert_eq!(broken.status, 200, "{broken:?}");
    let guard = &emergency.world.guard;
    let Offered::Waiting(digest) = guard.offer(forbidding_orders()).await.unwrap() else {
        panic!("the change was taken at once");
    };
    let accept = json!({"digest": digest.to_string()});
    let request = emergency.world.operator(Method::POST, "/v1/scopes/accept");
    assert_eq!(send(body(request, &accept)).await.status, 204);
    let answer = emergency.order().await;
    answer.is_problem(403, "forbidden");
    assert!(emergency.world.shop.ran().is_empty());
}

/// The record of a glass that was broken and judged, and whose passkeys there are.
async fn record() -> (Vec<StoredEntry>, Witnesses) {
    let mut emergency = Emergency::begin().await;
    let approval = emergency.hold().await;
    let broken = emergency.break_glass(&approval, json!({"uses": 3})).await;
    assert_eq!(broken.status, 200, "{broken:?}");
    let reviews = emergency.reviews().await;
    let alice = emergency.world.alice.clone();
    emergency.close(&alice, id(&reviews[0]), "justified").await;
    let guard = &emergency.world.guard;
    let proofs = guard.proofs().await.unwrap();
    let lines: Vec<String> = proofs
        .iter()
        .filter_map(|proof| Some(Witness::of_proof(proof)?.line()))
        .collect();
    let known = Witnesses::parse(&lines.join("\n")).unwrap();
    (guard.entries(1, 10_000).await.unwrap(), known)
}

#[tokio::test]
async fn a_glass_is_proved_offline_and_whatever_of_it_is_changed_is_caught() {
    let (entries, known) = record().await;
    let whole = verified(&entries, Some(&known), |_| {});
    assert!(whole.ok(), "{whole}");
    assert_eq!(
        (whole.countersigned, whole.glasses, whole.unreviewed),
        (1, 1, 0),
        "{whole}"
    );
    assert!(whole.to_string().contains("by break-glass: 1"), "{whole}");
    let is_broken = |body: &Value| body.get("countersignature").is_some();
    let changed = |change: fn(&mut Value)| -> Report {
        verified(&entries, Some(&known), |body| {
            if is_broken(body) {
                change(body);
            }
        })
    };
    type Change = (&'static str, fn(&mut Value));
    let changes: [Change; 8] = [
        ("the reason", |body| body["reason"] = json!("no reason")),
        ("whoever did it", |body| body["by"] = json!("alice")),
        ("how often", |body| body["uses"] = json!(1)),
        ("until when", |body| {
            body["until"] = json!("2099-01-01T00:00:00Z");
        }),
        ("that it was alone", |body| {
            body["countersignature"]["grant"] = json!("exact");
        }),
        ("the stage", |body| {
            body["countersignature"]["stage"] = json!(1);
        }),
        ("that it was signed", |body| {
            body.as_object_mut()
                .unwrap()
                .shift_remove("countersignature");
        }),
        ("its review", |body| {
            body.as_object_mut().unwrap().shift_remove("review");
        }),
    ];
    for (what, change) in changes {
        let report = changed(change);
        assert!(!report.ok(), "{what}: {report}");
    }
    // Judged by whoever did it, and never judged.
    let report = verified(&entries, Some(&known), |body| {
        if body["state"] == "reviewed" {
            body["by"] = json!("olga");
        }
    });
    assert!(
        report
            .to_string()
            .contains("whoever broke the glass closed the review of it"),
        "{report}"
    );
    let last = bodies(&entries)
        .iter()
        .position(|body| body["state"] == "reviewed")
        .unwrap();
    let open = verified(&entries[..last], Some(&known), |_| {});
    assert!(open.ok(), "{open}");
    assert_eq!(open.unreviewed, 1, "{open}");
    assert!(open.to_string().contains("open reviews: 1"), "{open}");
}

#[tokio::test]
async fn the_console_offers_it_to_the_role_and_its_review_to_others() {
    let mut emergency = Emergency::begin().await;
    let approval = emergency.hold().await;
    let path = format!("/requests/{approval}");
    let world = &emergency.world;
    let alice = Browser::enter(world, &world.alice).await;
    let page = alice.get(&path).await.text;
    assert!(!page.contains("Break the glass"), "{page}");
    assert!(!alice.get("/").await.text.contains("/reviews"));
    let olga = Browser::enter(world, &emergency.olga).await;
    let page = olga.get(&path).await.text;
    assert!(page.contains("Break the glass…"), "{page}");
    let mut fields = vec![("reason", "fire <b>".to_owned()), ("uses", "2".to_owned())];
    for name in ["seal", "version", "digest"] {
        fields.push((name, field(&page, name)));
    }
    let plain: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let post = format!("{path}/break-glass");
    let unscripted = olga.post(&post, &plain).await;
    assert_eq!(unscripted.status, 401);
    assert!(unscripted.text.contains("takes a browser with scripts"));
    let asked = olga.script(&post, &plain).await;
    assert_eq!(asked.status, 401, "{asked:?}");
    let signed = emergency.phone.sign(&asked.body["publicKey"]).to_string();
    let mut whole = plain.clone();
    whole.push(("assertion", signed.as_str()));
    let decided = olga.post(&post, &whole).await;
    assert_eq!(decided.status, 303, "{decided:?}");

    let page = olga.get(&path).await.text;
    assert!(page.contains("You do not judge it"), "{page}");
    assert!(page.contains("fire &lt;b&gt;"), "{page}");
    for place in ["/", "/decisions"] {
        let page = alice.get(place).await.text;
        assert!(
            page.contains("1 review of break-glass is open"),
            "{place}: {page}"
        );
    }
    let list = alice.get("/reviews").await.text;
    for word in ["‖ open", "olga", "fire &lt;b&gt;", path.as_str()] {
        assert!(list.contains(word), "{word}: {list}");
    }
    let page = alice.get(&path).await.text;
    let review = page.split("/reviews/rv_").nth(1).unwrap();
    let review = format!("/reviews/rv_{}", review.split('"').next().unwrap());
    let seal = field(&page, "seal");
    let judged = [
        ("seal", seal.as_str()),
        ("verdict", "not-justified"),
        ("note", "no fire"),
    ];
    let closed = alice.post(&review, &judged).await;
    assert_eq!(closed.status, 303, "{closed:?}");
    assert_eq!(closed.headers["location"], path.as_str());
    let page = alice.get(&path).await.text;
    assert!(page.contains("✕ not justified"), "{page}");
    assert!(page.contains("no fire"), "{page}");
    assert!(!alice.get("/").await.text.contains("review of break-glass"));
}

#[tokio::test]
async fn people_are_told_at_once_that_a_review_is_open_and_only_once() {
    let mut emergency = Emergency::begin().await;
    let receiver = Receiver::begin().await;
    tell(&emergency.world, &receiver).await;
    let approval = emergency.hold().await;
    receiver.receives(1).await;
    let broken = emergency.break_glass(&approval, json!({})).await;
    assert_eq!(broken.status, 200, "{broken:?}");
    let messages = receiver.receives(2).await;
    let told = &messages[1].body;
    assert_eq!(told["type"], "approval.break-glass");
    assert_eq!(
        told["data"]["title"],
        "somebody broke the glass: 1 review is open (critical)"
    );
    let request = &told["data"]["requests"][0];
    assert_eq!(request["approval"], approval.as_str());
    assert!(!told.to_string().contains("the till burns"), "{told}");
    let entries = emergency.world.entries("notice").await;
    let about: Vec<&Value> = entries.iter().map(|one| &one["about"]).collect();
    assert!(about.len() <= 2, "{about:?}");
}

fn countersign(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(words)
        .env_remove("COUNTERSIGN_URL")
        .env_remove("COUNTERSIGN_TOKEN")
        .output()
        .unwrap()
}

async fn command(words: Vec<String>) -> (Option<i32>, String, String) {
    let ran = tokio::task::spawn_blocking(move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        countersign(&words)
    });
    let output = ran.await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_lists_and_closes_reviews_and_doctor_names_those_that_wait_for_long() {
    let mut emergency = Emergency::begin().await;
    let approval = emergency.hold().await;
    emergency.break_glass(&approval, json!({})).await;
    let data = emergency.world.data.path().to_owned();
    let as_of = |token: &str, words: &[&str]| {
        let file = data.join("token");
        std::fs::write(&file, token).unwrap();
        let url = format!("http://{}", emergency.world.operators);
        let mut all: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        all.extend(["--url".to_owned(), url, "--token-file".to_owned()]);
        all.push(file.to_str().unwrap().to_owned());
        command(all)
    };
    let alice = &emergency.world.alice;
    let (code, out, err) = as_of(alice, &["reviews", "ls", "--json"]).await;
    assert_eq!(code, Some(0), "{err}");
    let listed: Value = serde_json::from_str(&out).unwrap();
    let review = listed["reviews"][0]["id"].as_str().unwrap();
    let (_, table, _) = as_of(alice, &["reviews", "ls"]).await;
    assert!(table.contains(review) && table.contains("olga"), "{table}");

    for (days, named) in [(0, false), (2, true)] {
        let aged = aged(&data, days);
        let words = ["doctor", "--json", "--data", aged.path().to_str().unwrap()];
        let (_, out, err) = command(words.map(str::to_owned).into()).await;
        let says = out.contains(review) && out.contains("the till burns");
        assert_eq!(says, named, "{days}: {out} {err}");
    }

    let close = |verdict: &'static str| {
        [
            "reviews",
            "close",
            review,
            "--verdict",
            verdict,
            "--note",
            "seen",
        ]
    };
    let (code, _, err) = as_of(&emergency.olga, &close("justified")).await;
    assert_eq!(code, Some(1), "{err}");
    let (code, _, _) = as_of(alice, &close("perhaps")).await;
    assert_eq!(code, Some(2));
    let (code, out, err) = as_of(alice, &close("justified")).await;
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(out.trim(), format!("{review}: justified"));
    let (_, out, err) = as_of(alice, &["reviews", "ls"]).await;
    assert!(out.is_empty() && err.contains("No review is open"), "{out}");
    let (_, out, _) = as_of(alice, &["reviews", "ls", "--all"]).await;
    assert!(out.contains(review), "{out}");
}

/// A copy of the record whose reviews were opened so many days earlier.
fn aged(data: &Path, days: i64) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join("record.db");
    let record = Reader::open(&data.join("record.db")).unwrap();
    record.copy_to(&file).unwrap();
    let db = rusqlite::Connection::open(&file).unwrap();
    let millis = days * 24 * 3_600 * 1_000;
    db.execute("UPDATE reviews SET opened = opened - ?1", [millis])
        .unwrap();
    copy
}

#[tokio::test]
async fn without_a_console_nobody_breaks_the_glass() {
    let emergency = Emergency::begin().await;
    let approval = emergency.hold().await;
    let guard = &emergency.world.guard;
    guard.open_doorway(Doorway::parse("http://localhost:1").unwrap());
    let asked = emergency.send(&emergency.olga, &approval, &json!({})).await;
    asked.is_problem(401, "user-unverified");
    let mut phone = emergency.phone;
    let signed = json!({"assertion": phone.sign(&asked.body["publicKey"])});
    let world = &emergency.world;
    let path = format!("/v1/approvals/{approval}");
    let shown = send(world.operator(Method::GET, &path)).await;
    let mut glass = signed;
    glass["action_digest"] = shown.body["action_digest"].clone();
    glass["reason"] = json!("the till burns");
    let request = world
        .request(
            world.operators,
            Method::POST,
            &format!("{path}/break-glass"),
        )
        .bearer_auth(&emergency.olga)
        .header("if-match", &shown.headers["etag"]);
    send(body(request, &glass))
        .await
        .is_problem(403, "passkey-refused");
    assert!(world.guard.grants().await.unwrap().is_empty());
}
