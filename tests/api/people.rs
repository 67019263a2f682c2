//! Who may look, decide, stop and manage; how a person gets a passkey, and what it opens.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::api::{Route, operators};
use countersign::guard::Doorway;
use countersign::model::name::{GroupName, OperatorName};
use countersign::model::role::{Role, TokenScope};
use reqwest::Method;
use serde_json::{Value, json};

use super::authenticator::Authenticator;
use super::console::{Browser, FORMS, PAGES, field, hold};
use super::credentials::example;
use super::world::{Answer, World, body, send};

pub(crate) fn name(text: &str) -> OperatorName {
    OperatorName::parse(text).unwrap()
}

/// A person of the group that may approve, with a token.
pub(crate) async fn person(
    world: &World,
    who: &str,
    roles: &[Role],
    scopes: &[TokenScope],
) -> String {
    let groups = vec![GroupName::parse("oncall").unwrap()];
    let roles: BTreeSet<Role> = roles.iter().copied().collect();
    let guard = &world.guard;
    guard
        .add_person("test", name(who), groups, roles)
        .await
        .unwrap();
    let scopes: BTreeSet<TokenScope> = scopes.iter().copied().collect();
    let life = Duration::from_secs(3_600);
    guard
        .add_token("test", &name(who), scopes, life)
        .await
        .unwrap()
        .1
}

/// Adds a passkey for somebody with a link, as their browser would.
pub(crate) async fn enrol(world: &World, who: &str) -> Authenticator {
    let (_, secret) = world.guard.add_link("test", &name(who)).await.unwrap();
    let mut authenticator = Authenticator::new(&world.origin());
    let added = answer_link(world, &secret, &mut authenticator).await;
    assert_eq!(added.status, 200, "{added:?}");
    authenticator
}

async fn answer_link(world: &World, secret: &str, authenticator: &mut Authenticator) -> Answer {
    let stranger = Browser::stranger(world);
    let asked = stranger.post("/enrol/begin", &[("secret", secret)]).await;
    if asked.status != 200 {
        return asked;
    }
    let made = authenticator.make(&asked.body["publicKey"]).to_string();
    let fields = [
        ("secret", secret),
        ("label", "laptop"),
        ("credential", &made),
    ];
    stranger.post("/enrol/finish", &fields).await
}

/// Signs in with a passkey.
async fn sign_in(world: &World, authenticator: &mut Authenticator) -> Answer {
    let stranger = Browser::stranger(world);
    let asked = stranger.post("/sign-in/passkey/begin", &[]).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let signed = authenticator.sign(&asked.body["publicKey"]).to_string();
    let fields = [("credential", signed.as_str()), ("back", "/me")];
    stranger.post("/sign-in/passkey/finish", &fields).await
}

fn browser<'a>(world: &'a World, entered: &Answer) -> Browser<'a> {
    assert_eq!(entered.status, 200, "{entered:?}");
    let cookie = entered.headers["set-cookie"].to_str().unwrap();
    Browser {
        world,
        cookie: cookie.split(';').next().unwrap().to_owned(),
    }
}

async fn call(world: &World, route: &Route, token: &str) -> Answer {
    let method: Method = route.method.parse().unwrap();
    let request = world.request(world.operators, method, &example(route));
    send(request.bearer_auth(token)).await
}

/// What a route asks for besides looking; each that changes something must be named here.
fn right(route: &Route) -> &'static str {
    match (route.method, route.path) {
        ("GET", _) => "look",
        (_, "/v1/approvals/{id}/decisions" | "/v1/confirmations") => "decide",
        (_, path) if path.starts_with("/v1/delegations") => "decide",
        ("POST", path) if path.ends_with("/break-glass") => "break",
        (_, path) if path.starts_with("/v1/reviews") => "review",
        (_, path) if path.ends_with("/pause") => "stop",
        ("POST", path) if path.ends_with("/revoke") => "stop",
        _ => "manage",
    }
}

#[tokio::test]
async fn a_viewer_can_change_nothing() {
    let world = World::new().await;
    let token = person(&world, "vera", &[Role::Viewer], &TokenScope::ALL).await;
    let count = |kind: &'static str| {
        let world = &world;
        async move { world.entries(kind).await.len() }
    };
    let before = (
        count("approval").await,
        count("agent").await,
        count("operator").await,
    );
    for route in operators::routes().iter().filter(|route| !route.open) {
        let answer = call(&world, route, &token).await;
        match route.method {
            "GET" => assert!(matches!(answer.status, 200 | 404), "{route:?}: {answer:?}"),
            _ => answer.is_problem(403, "role-missing"),
        }
    }
    let vera = Browser::enter(&world, &token).await;
    let seal = vera.seal().await;
    let own = ["/me/", "/sign-out"];
    for form in FORMS {
        if own.iter().any(|prefix| form.starts_with(prefix)) {
            continue;
        }
        let answer = vera.post(form, &[("seal", &seal)]).await;
        assert_eq!(answer.status, 403, "{form}: {answer:?}");
        assert!(
            answer.text.contains("does not give this right"),
            "{form}: {answer:?}"
        );
    }
    for page in PAGES {
        let shown = vera.get(page).await;
        assert!(matches!(shown.status, 200 | 404), "{page}: {shown:?}");
        let offered = [
            "/pause\"",
            "/revoke\"",
            "/accept\"",
            "/confirm\"",
            "/decision\"",
            "/withdraw\"",
            "/break-glass\"",
            "/close\"",
        ];
        for action in offered {
            assert!(!shown.text.contains(action), "{page} offers {action}");
        }
    }
    let after = (
        count("approval").await,
        count("agent").await,
        count("operator").await,
    );
    assert_eq!(after, before);
    let refusals = world.entries("refusal").await;
    assert!(
        refusals
            .iter()
            .any(|entry| entry["reason"] == "role-missing")
    );
}

#[tokio::test]
async fn every_route_asks_for_its_right_of_role_and_token_alike() {
    let world = World::new().await;
    let all = TokenScope::ALL;
    let both = [Role::Approver, Role::Admin];
    for (who, roles, scopes, rights) in [
        (
            "a",
            &[Role::Approver][..],
            &all[..],
            &["look", "decide", "stop", "review"][..],
        ),
        (
            "b",
            &[Role::Admin],
            &all,
            &["look", "stop", "manage", "review"],
        ),
        ("c", &[Role::BreakGlass], &all, &["look", "stop", "break"]),
        ("d", &both, &[TokenScope::Read], &["look"]),
        (
            "e",
            &both,
            &[TokenScope::Decide],
            &["look", "decide", "stop", "review"],
        ),
        (
            "f",
            &both,
            &[TokenScope::Admin],
            &["look", "stop", "manage", "review"],
        ),
    ] {
        let token = person(&world, who, roles, scopes).await;
        for route in operators::routes().iter().filter(|route| !route.open) {
            // What stops somebody stops them for whoever comes later.
            if route.path == "/v1/agents/{name}/revoke" && rights.contains(&"stop") {
                continue;
            }
            let answer = call(&world, route, &token).await;
            let lacks = answer.body["code"] == "role-missing";
            let may = rights.contains(&right(route));
            assert_eq!(lacks, !may, "{who} {route:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_revoked_or_expired_token_proves_nobody_and_ends_its_visits() {
    let world = World::new().await;
    let token = person(&world, "carol", &[Role::Approver], &[TokenScope::Read]).await;
    let carol = Browser::enter(&world, &token).await;
    let proofs = world.guard.proofs().await.unwrap();
    let own = proofs
        .iter()
        .find(|one| one.operator == name("carol"))
        .unwrap();
    world
        .guard
        .end_proof("test", None, &own.id())
        .await
        .unwrap();
    let request = world.request(world.operators, Method::GET, "/v1/operators");
    send(request.bearer_auth(&token))
        .await
        .is_problem(401, "credential-revoked");
    assert_eq!(carol.get("/me").await.status, 303, "the visit goes on");
    let short = Duration::from_millis(1);
    let scopes = BTreeSet::from([TokenScope::Read]);
    let who = name("carol");
    let made = world.guard.add_token("test", &who, scopes, short).await;
    let token = made.unwrap().1;
    tokio::time::sleep(short * 5).await;
    let request = world.request(world.operators, Method::GET, "/v1/operators");
    send(request.bearer_auth(&token))
        .await
        .is_problem(401, "credential-expired");
}

#[tokio::test]
async fn a_link_adds_one_passkey_and_the_passkey_signs_in() {
    let world = World::new().await;
    let (link, secret) = world.guard.add_link("test", &name("alice")).await.unwrap();
    assert!(link.expires.is_some());
    let record = std::fs::read(world.data.path().join("record.db")).unwrap();
    let is_kept = record
        .windows(secret.len())
        .any(|window| window == secret.as_bytes());
    assert!(!is_kept, "the link's secret is kept");
    let mut laptop = Authenticator::new(&world.origin());
    let added = answer_link(&world, &secret, &mut laptop).await;
    assert_eq!(
        (added.status, added.text("to").as_str()),
        (200, "/sign-in"),
        "{added:?}"
    );

    // The link is used up, also for somebody else's key.
    let mut other = Authenticator::new(&world.origin());
    let again = answer_link(&world, &secret, &mut other).await;
    assert_eq!(again.status, 401, "{again:?}");

    let entered = sign_in(&world, &mut laptop).await;
    assert_eq!(entered.text("to"), "/me");
    let alice = browser(&world, &entered);
    let page = alice.get("/me").await.text;
    assert!(
        page.contains("laptop") && page.contains("with a passkey"),
        "{page}"
    );
    let entries = world.entries("operator").await;
    let states: Vec<&str> = entries
        .iter()
        .filter_map(|one| one["state"].as_str())
        .collect();
    assert!(
        states.ends_with(&["link-added", "passkey-added", "signed-in"]),
        "{states:?}"
    );
    assert!(world.entries("refusal").await.iter().any(|one| {
        one["sentence"]
            .as_str()
            .unwrap()
            .contains("the link is not open")
    }));
}

#[tokio::test]
async fn a_later_link_voids_the_one_before() {
    let world = World::new().await;
    let (_, first) = world.guard.add_link("test", &name("alice")).await.unwrap();
    let (_, second) = world.guard.add_link("test", &name("alice")).await.unwrap();
    let mut laptop = Authenticator::new(&world.origin());
    assert_eq!(answer_link(&world, &first, &mut laptop).await.status, 401);
    assert_eq!(answer_link(&world, &second, &mut laptop).await.status, 200);
}

#[tokio::test]
async fn only_an_honest_answer_to_this_very_question_adds_a_passkey() {
    let world = World::new().await;
    let lies: [fn(&mut Authenticator); 5] = [
        |one| one.origin = "http://localhost:1".to_owned(),
        |one| one.origin = "https://evil.example".to_owned(),
        |one| one.host = "evil.example".to_owned(),
        |one| one.flags = 0x01,
        |one| one.flags = 0x04,
    ];
    for lie in lies {
        let (_, secret) = world.guard.add_link("test", &name("alice")).await.unwrap();
        let mut liar = Authenticator::new(&world.origin());
        lie(&mut liar);
        let refused = answer_link(&world, &secret, &mut liar).await;
        assert_eq!(refused.status, 403, "{refused:?}");
    }
    // A challenge that was asked for signing in makes no key.
    let stranger = Browser::stranger(&world);
    let asked = stranger.post("/sign-in/passkey/begin", &[]).await;
    let mut liar = Authenticator::new(&world.origin());
    let made = liar.make(&asked.body["publicKey"]).to_string();
    let refused = stranger
        .post("/enrol/finish", &[("credential", &made)])
        .await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let proofs = world.guard.proofs().await.unwrap();
    assert!(proofs.iter().all(|one| one.passkey().is_none()));
}

#[tokio::test]
async fn every_kind_of_key_that_is_asked_for_signs_in() {
    let world = World::new().await;
    let origin = world.origin();
    let kinds = [
        Authenticator::new(&origin),
        Authenticator::ed25519(&origin),
        Authenticator::rsa(&origin),
    ];
    for mut authenticator in kinds {
        let (_, secret) = world.guard.add_link("test", &name("alice")).await.unwrap();
        let added = answer_link(&world, &secret, &mut authenticator).await;
        assert_eq!(added.status, 200, "{added:?}");
        assert_eq!(sign_in(&world, &mut authenticator).await.status, 200);
    }
}

#[tokio::test]
async fn a_lie_a_replay_or_a_copy_signs_nobody_in() {
    let world = World::new().await;
    let mut laptop = enrol(&world, "alice").await;
    let lies: [fn(&mut Authenticator); 5] = [
        |one| one.origin = "http://localhost:1".to_owned(),
        |one| one.host = "evil.example".to_owned(),
        |one| one.flags = 0x01,
        |one| one.id = vec![7; 16],
        |one| one.user = Some("AAAA".to_owned()),
    ];
    let (origin, id, user) = (
        laptop.origin.clone(),
        laptop.id.clone(),
        laptop.user.clone(),
    );
    for lie in lies {
        lie(&mut laptop);
        let refused = sign_in(&world, &mut laptop).await;
        assert_eq!(refused.status, 403, "{refused:?}");
        assert!(!refused.headers.contains_key("set-cookie"));
        laptop = Authenticator {
            origin: origin.clone(),
            id: id.clone(),
            user: user.clone(),
            host: "localhost".to_owned(),
            flags: 0x05,
            ..laptop
        };
    }
    let stranger = Browser::stranger(&world);
    let asked = stranger.post("/sign-in/passkey/begin", &[]).await;
    let signed = laptop.sign(&asked.body["publicKey"]).to_string();
    let fields = [("credential", signed.as_str())];
    let finish = "/sign-in/passkey/finish";
    assert_eq!(stranger.post(finish, &fields).await.status, 200);
    assert_eq!(stranger.post(finish, &fields).await.status, 403, "replayed");
    laptop.counter -= 1;
    assert_eq!(
        sign_in(&world, &mut laptop).await.status,
        403,
        "it counted back"
    );
    assert_eq!(sign_in(&world, &mut laptop).await.status, 200);
    let refusals = world.entries("refusal").await;
    assert!(
        refusals
            .iter()
            .any(|one| one["reason"] == "passkey-refused")
    );
}

#[tokio::test]
async fn a_removed_passkey_and_a_removed_person_are_out_at_once() {
    let world = World::new().await;
    let mut laptop = enrol(&world, "alice").await;
    let alice = browser(&world, &sign_in(&world, &mut laptop).await);
    let elsewhere = browser(&world, &sign_in(&world, &mut laptop).await);
    let page = alice.get("/me").await.text;
    let seal = field(&page, "seal");
    let proofs = world.guard.proofs().await.unwrap();
    let key = proofs.iter().find(|one| one.passkey().is_some()).unwrap();
    let path = format!("/me/proofs/{}/end", key.id());

    // The token alone does not touch the passkey.
    let by_token = Browser::enter(&world, &world.alice).await;
    let refused = by_token
        .post(&path, &[("seal", &by_token.seal().await)])
        .await;
    assert_eq!(refused.status, 401, "{refused:?}");
    // Nor does another person.
    let bob = Browser::enter(&world, &world.bob).await;
    let refused = bob.post(&path, &[("seal", &bob.seal().await)]).await;
    assert_eq!(refused.status, 404, "{refused:?}");

    let removed = alice.post(&path, &[("seal", &seal)]).await;
    assert_eq!(removed.status, 303, "{removed:?}");
    for visit in [&alice, &elsewhere] {
        assert_eq!(visit.get("/me").await.status, 303);
    }
    assert_eq!(sign_in(&world, &mut laptop).await.status, 401);

    let mut phone = enrol(&world, "alice").await;
    let alice = browser(&world, &sign_in(&world, &mut phone).await);
    world
        .guard
        .revoke_operator("test", &name("alice"))
        .await
        .unwrap();
    for visit in [&alice, &by_token] {
        assert_eq!(visit.get("/me").await.status, 303);
    }
    assert_eq!(sign_in(&world, &mut phone).await.status, 401);
}

#[tokio::test]
async fn signing_in_again_ends_the_visit_before_and_everywhere_is_everywhere() {
    let world = World::new().await;
    let mut laptop = enrol(&world, "alice").await;
    let first = browser(&world, &sign_in(&world, &mut laptop).await);
    let asked = first.post("/sign-in/passkey/begin", &[]).await;
    let signed = laptop.sign(&asked.body["publicKey"]).to_string();
    let entered = first
        .post("/sign-in/passkey/finish", &[("credential", &signed)])
        .await;
    let second = browser(&world, &entered);
    assert_eq!(
        first.get("/me").await.status,
        303,
        "the old name still opens"
    );
    let third = browser(&world, &sign_in(&world, &mut laptop).await);
    let bob = Browser::enter(&world, &world.bob).await;
    let left = second
        .post("/me/sign-out", &[("seal", &second.seal().await)])
        .await;
    assert_eq!(left.status, 303, "{left:?}");
    assert_eq!(third.get("/me").await.status, 303);
    assert_eq!(bob.get("/me").await.status, 200);
}

#[tokio::test]
async fn a_person_adds_a_second_passkey_where_they_signed_in_with_the_first() {
    let world = World::new().await;
    let mut laptop = enrol(&world, "alice").await;
    let alice = browser(&world, &sign_in(&world, &mut laptop).await);
    let seal = alice.seal().await;
    let asked = alice.post("/me/passkeys/begin", &[("seal", &seal)]).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let known = &asked.body["publicKey"]["excludeCredentials"][0]["id"];
    assert_eq!(*known, laptop.name(), "it is not told what it has");
    let mut phone = Authenticator::new(&world.origin());
    let made = phone.make(&asked.body["publicKey"]).to_string();
    let fields = [
        ("seal", seal.as_str()),
        ("label", "phone"),
        ("credential", &made),
    ];
    // What alice was asked is no answer of bob's.
    let bob = Browser::enter(&world, &world.bob).await;
    let bobs = bob.seal().await;
    let stolen = [("seal", bobs.as_str()), ("credential", &made)];
    assert_eq!(bob.post("/me/passkeys/finish", &stolen).await.status, 403);
    assert_eq!(
        alice.post("/me/passkeys/finish", &fields).await.status,
        403,
        "taken once"
    );
    let asked = alice.post("/me/passkeys/begin", &[("seal", &seal)]).await;
    let made = phone.make(&asked.body["publicKey"]).to_string();
    let fields = [
        ("seal", seal.as_str()),
        ("label", "phone"),
        ("credential", &made),
    ];
    assert_eq!(alice.post("/me/passkeys/finish", &fields).await.status, 200);
    assert_eq!(sign_in(&world, &mut phone).await.status, 200);
    // With the token alone she could not have.
    let by_token = Browser::enter(&world, &world.alice).await;
    let refused = by_token
        .post("/me/passkeys/begin", &[("seal", &by_token.seal().await)])
        .await;
    assert_eq!(refused.status, 401, "{refused:?}");
}

#[tokio::test]
async fn a_guard_that_takes_no_tokens_is_entered_with_a_passkey_alone() {
    let world = World::new().await;
    let mut laptop = enrol(&world, "alice").await;
    let mut doorway = Doorway::parse(&world.origin()).unwrap();
    doorway.takes_tokens = false;
    world.guard.open_doorway(doorway);
    let stranger = Browser::stranger(&world);
    let refused = stranger.post("/sign-in", &[("token", &world.alice)]).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(!stranger.get("/sign-in").await.text.contains("Your token"));
    assert_eq!(sign_in(&world, &mut laptop).await.status, 200);
}

#[tokio::test]
async fn a_new_passkey_waits_for_a_day_or_for_another_admin() {
    let world = World::new().await;
    let mut laptop = enrol(&world, "alice").await;
    let approval = hold(&world).await;
    let path = format!("/v1/approvals/{approval}/decisions");
    let shown = send(world.operator(Method::GET, &format!("/v1/approvals/{approval}"))).await;
    let decision = json!({
        "decision": "approve", "decision_id": "1", "action_digest": shown.body["action_digest"],
    });
    let decide = |decision: Value| {
        let request = world.operator(Method::POST, &path);
        send(body(
            request.header("if-match", &shown.headers["etag"]),
            &decision,
        ))
    };
    decide(decision.clone())
        .await
        .is_problem(403, "authenticator-new");

    // Nobody vouches for themselves.
    let confirm = |token: &str| {
        let path = "/v1/operators/alice/confirm";
        let request = world.request(world.operators, Method::POST, path);
        send(request.bearer_auth(token))
    };
    confirm(&world.alice).await.is_problem(403, "not-eligible");
    let confirmed = confirm(&world.bob).await;
    assert_eq!(confirmed.body, json!({"name": "alice", "confirmed": 1}));

    let asked = decide(decision.clone()).await;
    asked.is_problem(401, "user-unverified");
    let mut signed = decision;
    signed["assertion"] = laptop.sign(&asked.body["publicKey"]);
    let decided = decide(signed).await;
    assert_eq!(decided.status, 200, "{decided:?}");
}
