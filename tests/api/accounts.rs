//! Signing in over an identity provider: the way there and back, what it gives and takes, and every way
//! that does not lead in.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign::ambient::Ambient;
use countersign::authn::oidc::Provider;
use countersign::limits::RIGHTS_READ_LONGEST;
use countersign::model::role::{Role, TokenScope};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::confirming::{action, ask, hold_write};
use super::console::{Browser, field, hold};
use super::idp::{Liar, RealProvider, spec};
use super::people::{enrol, name};
use super::world::{Answer, World, send};

const CALLBACK: &str = "/sign-in/account/callback";

/// A browser that keeps cookies and goes where a page leads it, at the console and at the provider.
struct Surfer<'a> {
    world: &'a World,
    cookies: BTreeMap<String, String>,
}

impl<'a> Surfer<'a> {
    fn new(world: &'a World) -> Self {
        Self {
            world,
            cookies: BTreeMap::new(),
        }
    }

    async fn go(&mut self, method: Method, address: &str, form: &[(&str, &str)]) -> Answer {
        let url = Url::parse(address).unwrap();
        let origin = url.origin().ascii_serialization();
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = self
            .world
            .browse(method.clone(), address)
            .header("cookie", cookies.join("; "));
        if method == Method::POST {
            let body: String = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(form)
                .finish();
            request = request
                .header("origin", origin)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body);
        }
        let answer = send(request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let text = cookie.to_str().unwrap();
            let (name, rest) = text.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match value.is_empty() {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let address = format!("{}{path}", self.world.origin());
        self.go(Method::POST, &address, form).await
    }

    async fn get(&mut self, path: &str) -> Answer {
        let address = format!("{}{path}", self.world.origin());
        self.go(Method::GET, &address, &[]).await
    }

    /// Signs in at the provider as that account, where it asks; the address that leads back.
    async fn prove(&mut self, leaving: &str, account: &str) -> String {
        let mut answer = self.go(Method::GET, leaving, &[]).await;
        let base = Url::parse(leaving).unwrap();
        for _ in 0..8 {
            assert!(
                matches!(answer.status, 302 | 303),
                "{answer:?} on the way from {leaving}"
            );
            let to = answer.headers["location"].to_str().unwrap();
            let to = base.join(to).unwrap();
            if to.as_str().starts_with(&self.world.origin()) {
                return to.to_string();
            }
            answer = match to.path().starts_with("/interaction/") {
                true => {
                    let form = [("account", account)];
                    self.go(Method::POST, to.as_str(), &form).await
                }
                false => self.go(Method::GET, to.as_str(), &[]).await,
            };
        }
        panic!("the provider leads around in circles");
    }

    /// The whole way.
    async fn sign_in(&mut self, account: &str) -> Answer {
        let begun = self.post("/sign-in/account", &[("back", "/me")]).await;
        self.finish(&begun, account).await
    }

    async fn finish(&mut self, begun: &Answer, account: &str) -> Answer {
        let back = self.prove(&led(begun), account).await;
        self.go(Method::GET, &back, &[]).await
    }

    fn browser(&self) -> Browser<'a> {
        Browser {
            world: self.world,
            cookie: format!("countersign={}", self.cookies["countersign"]),
        }
    }
}

/// Where a page leads by itself.
fn led(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    let refresh = answer.headers["refresh"].to_str().unwrap();
    refresh.strip_prefix("0; url=").unwrap().to_owned()
}

/// Whether a page signs nobody in, and says why.
#[track_caller]
fn refused(answer: &Answer, why: &str) {
    assert!(matches!(answer.status, 401 | 503), "{answer:?}");
    assert!(answer.text.contains("Nobody was signed in"), "{answer:?}");
    assert!(answer.text.contains(why), "{why}: {answer:?}");
    let cookies = answer.headers.get_all("set-cookie").iter();
    let mut visits = cookies.filter(|one| one.to_str().unwrap().starts_with("countersign="));
    assert!(visits.next().is_none(), "{answer:?}");
    assert!(!answer.headers.contains_key("refresh"), "{answer:?}");
}

async fn staffed(real: &RealProvider) -> World {
    let world = World::over(Provider::new(spec(&real.issuer)).unwrap()).await;
    real.leads_back_to(&format!("{}{CALLBACK}", world.origin()))
        .await;
    world
}

/// A person without groups or roles of the provider's, who holds a link.
async fn invite(world: &World, who: &str) -> String {
    let guard = &world.guard;
    let roles = [Role::Viewer].into();
    guard
        .add_person("test", name(who), Vec::new(), roles)
        .await
        .unwrap();
    guard.add_link("test", &name(who)).await.unwrap().1
}

/// Binds an account with a fresh link, over the provider.
async fn bind(world: &World, who: &str, account: &str) {
    let secret = invite(world, who).await;
    let mut surfer = Surfer::new(world);
    let begun = surfer.post("/enrol/account", &[("secret", &secret)]).await;
    let bound = surfer.finish(&begun, account).await;
    assert_eq!(led(&bound), "/sign-in");
}

async fn operator(world: &World, who: &str) -> countersign::model::credential::Operator {
    let all = world.guard.operators().await.unwrap();
    let found = all.into_iter().find(|one| one.name == name(who));
    found.unwrap()
}

#[tokio::test]
async fn an_account_is_bound_by_a_link_signs_in_and_has_the_rights_its_provider_gives() {
    let real = RealProvider::start().await;
    real.knows("u-1", &["fin", "everybody"]).await;
    let world = staffed(&real).await;
    let page = send(world.request(world.operators, Method::GET, "/sign-in")).await;
    assert!(page.text.contains("Sign in with your account at 127.0.0.1"));

    // Nobody is known by an account that nobody bound.
    let mut stranger = Surfer::new(&world);
    refused(
        &stranger.sign_in("u-1").await,
        "no operator has this account",
    );

    bind(&world, "dana", "u-1").await;
    let mut surfer = Surfer::new(&world);
    let arrived = surfer.sign_in("u-1").await;
    assert_eq!(led(&arrived), "/me");
    assert!(!surfer.cookies.contains_key("countersign-way"));
    let me = surfer.browser().get("/me").await;
    assert_eq!(me.status, 200, "{me:?}");
    assert!(me.text.contains("with an account"), "{}", me.text);
    assert!(me.text.contains("oncall") && me.text.contains("approver"));

    let dana = operator(&world, "dana").await;
    let groups: Vec<&str> = dana.groups.iter().map(|one| one.as_str()).collect();
    assert_eq!(groups, ["oncall"], "`everybody` is mapped onto nothing");
    assert_eq!(dana.roles, [Role::Viewer, Role::Approver].into());

    // What the provider takes is gone at the next look, and so is whoever has no role left.
    real.knows("u-1", &["sec"]).await;
    surfer.sign_in("u-1").await;
    let dana = operator(&world, "dana").await;
    assert!(dana.groups.is_empty());
    assert_eq!(dana.roles, [Role::Viewer, Role::Admin].into());

    let states: Vec<String> = world
        .entries("operator")
        .await
        .iter()
        .filter(|entry| entry["operator"] == "dana")
        .map(|entry| entry["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        states,
        [
            "added",
            "link-added",
            "account-added",
            "signed-in",
            "signed-in"
        ]
    );
}

#[tokio::test]
async fn one_account_is_one_person_and_a_new_one_ends_the_one_before() {
    let real = RealProvider::start().await;
    for account in ["u-1", "u-2"] {
        real.knows(account, &["fin"]).await;
    }
    let world = staffed(&real).await;
    bind(&world, "dana", "u-1").await;

    let secret = invite(&world, "erik").await;
    let mut surfer = Surfer::new(&world);
    let begun = surfer.post("/enrol/account", &[("secret", &secret)]).await;
    let bound = surfer.finish(&begun, "u-1").await;
    refused(&bound, "another operator");

    // The link is still good for the account that is his own.
    let mut surfer = Surfer::new(&world);
    let begun = surfer.post("/enrol/account", &[("secret", &secret)]).await;
    assert_eq!(led(&surfer.finish(&begun, "u-2").await), "/sign-in");
    let again = surfer.post("/enrol/account", &[("secret", &secret)]).await;
    assert_eq!(again.status, 401, "{again:?}");

    let (_, secret) = world.guard.add_link("test", &name("erik")).await.unwrap();
    real.knows("u-3", &["fin"]).await;
    let mut surfer = Surfer::new(&world);
    let begun = surfer.post("/enrol/account", &[("secret", &secret)]).await;
    assert_eq!(led(&surfer.finish(&begun, "u-3").await), "/sign-in");
    let mut earlier = Surfer::new(&world);
    refused(
        &earlier.sign_in("u-2").await,
        "no operator has this account",
    );
    assert_eq!(led(&Surfer::new(&world).sign_in("u-3").await), "/me");
}

#[tokio::test]
async fn a_removed_account_role_or_person_is_out_at_once() {
    let real = RealProvider::start().await;
    real.knows("u-1", &["fin"]).await;
    let world = staffed(&real).await;
    let guard = &world.guard;
    guard
        .add_person("test", name("dana"), Vec::new(), [Role::Approver].into())
        .await
        .unwrap();
    let (_, secret) = guard.add_link("test", &name("dana")).await.unwrap();
    let mut surfer = Surfer::new(&world);
    let begun = surfer.post("/enrol/account", &[("secret", &secret)]).await;
    assert_eq!(led(&surfer.finish(&begun, "u-1").await), "/sign-in");

    surfer.sign_in("u-1").await;
    real.knows("u-1", &[]).await;
    let mut later = Surfer::new(&world);
    refused(&later.sign_in("u-1").await, "no role here");
    assert!(operator(&world, "dana").await.roles.is_empty());
    // The visit that is open already is over.
    assert_eq!(surfer.browser().get("/me").await.status, 303);

    real.knows("u-1", &["fin"]).await;
    surfer.sign_in("u-1").await;
    assert_eq!(surfer.browser().get("/me").await.status, 200);
    guard.revoke_operator("test", &name("dana")).await.unwrap();
    assert_eq!(surfer.browser().get("/me").await.status, 303);
    refused(
        &Surfer::new(&world).sign_in("u-1").await,
        "no operator has this account",
    );
}

#[tokio::test]
async fn above_write_whoever_has_an_account_needs_a_passkey_too() {
    let real = RealProvider::start().await;
    real.knows("u-1", &["fin"]).await;
    let world = staffed(&real).await;
    bind(&world, "dana", "u-1").await;
    let mut surfer = Surfer::new(&world);
    surfer.sign_in("u-1").await;
    let browser = surfer.browser();
    let approval = hold(&world).await;
    let page = browser.get(&format!("/requests/{approval}")).await.text;
    let fields = ["seal", "version", "digest", "mark"].map(|one| (one, field(&page, one)));
    let mut form: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    form.extend([("decision", "approve"), ("uses", "1")]);
    let path = format!("/requests/{approval}/decision");
    let decided = browser.post(&path, &form).await;
    assert_eq!(decided.status, 401, "{decided:?}");
    assert!(
        decided.text.contains("signed with a passkey"),
        "{decided:?}"
    );
    let asked = browser.script(&path, &form).await;
    assert_eq!(asked.status, 401);

    let mut laptop = enrol(&world, "dana").await;
    world
        .guard
        .confirm_passkeys("alice", &name("dana"))
        .await
        .unwrap();
    let asked = browser.script(&path, &form).await;
    let signed = laptop.sign(&asked.body["publicKey"]).to_string();
    form.push(("assertion", &signed));
    let decided = browser.post(&path, &form).await;
    assert_eq!(decided.status, 303, "{decided:?}");
}

#[tokio::test]
async fn rights_that_were_not_read_lately_decide_nothing_until_they_are_read_again() {
    let real = RealProvider::start().await;
    real.knows("u-1", &["fin"]).await;
    real.knows("u-2", &["fin"]).await;
    let provider = Provider::new(spec(&real.issuer)).unwrap();
    let (world, clock) = World::played(Some(provider)).await;
    real.leads_back_to(&format!("{}{CALLBACK}", world.origin()))
        .await;
    bind(&world, "dana", "u-1").await;
    let scopes = [TokenScope::Decide].into();
    let life = Duration::from_secs(86_400);
    let made = world
        .guard
        .add_token("test", &name("dana"), scopes, life)
        .await;
    let token = made.unwrap().1;
    let mut surfer = Surfer::new(&world);
    surfer.sign_in("u-1").await;
    let browser = surfer.browser();

    clock.pass(RIGHTS_READ_LONGEST - Duration::from_secs(60));
    assert_eq!(browser.get("/me").await.status, 200);
    clock.pass(Duration::from_secs(61));
    let approval = hold(&world).await;
    let path = format!("/requests/{approval}");
    let page = browser.get(&path).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text.contains("Read my rights again"), "{}", page.text);
    assert!(!page.text.contains("Approve this call"));
    // Nor by another way: the rights are the person's, not the visit's.
    for decision in ["approve", "deny"] {
        let decided = world
            .decide(&token, &approval, json!({"decision": decision}))
            .await;
        decided.is_problem(401, "rights-unread");
    }

    // Without being asked anything, as long as the provider knows the browser.
    let seal = field(&page.text, "seal");
    let form = [("seal", seal.as_str()), ("back", path.as_str())];
    let begun = surfer.post("/me/account/read", &form).await;
    assert_eq!(asked(&led(&begun))["prompt"], "none");
    let read = surfer.finish(&begun, "nobody").await;
    assert_eq!(led(&read), path);
    let page = surfer.browser().get(&path).await;
    assert!(page.text.contains("Approve this call"), "{}", page.text);
    let denied = world
        .decide(&token, &approval, json!({"decision": "deny"}))
        .await;
    assert_eq!(denied.status, 200, "{denied:?}");

    // Where the provider does not know the browser, or knows somebody else, nothing was read.
    clock.pass(RIGHTS_READ_LONGEST - Duration::from_secs(300));
    let begun = surfer.post("/me/account/read", &form).await;
    let own = surfer.cookies.clone();
    let is_pass = |name: &String| name == "countersign" || name == "countersign-way";
    surfer.cookies.retain(|name, _| is_pass(name));
    let read = surfer.finish(&begun, "u-1").await;
    refused(&read, "sign in there again");
    surfer.cookies = own;
    bind(&world, "erik", "u-2").await;
    let mut other = Surfer::new(&world);
    other.sign_in("u-2").await;
    let visit = surfer.cookies["countersign"].clone();
    other.cookies.insert("countersign".to_owned(), visit);
    let begun = other.post("/me/account/read", &form).await;
    let read = other.finish(&begun, "u-2").await;
    refused(&read, "account of another operator");

    // Who left the group meanwhile is found out by it.
    real.knows("u-1", &["sec"]).await;
    let begun = surfer.post("/me/account/read", &form).await;
    assert_eq!(led(&surfer.finish(&begun, "nobody").await), path);
    assert!(operator(&world, "dana").await.groups.is_empty());
}

/// The parts of the address that the guard sends somebody to.
fn asked(leaving: &str) -> BTreeMap<String, String> {
    let url = Url::parse(leaving).unwrap();
    url.query_pairs().into_owned().collect()
}

#[tokio::test]
async fn the_way_there_asks_for_everything_that_makes_the_way_back_safe() {
    let liar = Liar::start().await;
    let world = World::over(liar.provider()).await;
    let mut surfer = Surfer::new(&world);
    let begun = surfer
        .post("/sign-in/account", &[("back", "//evil.example")])
        .await;
    let cookie = begun.headers["set-cookie"].to_str().unwrap();
    for attribute in [
        "HttpOnly",
        "SameSite=Lax",
        "Path=/sign-in/account",
        "Max-Age=600",
    ] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let query = asked(&led(&begun));
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(
        query["redirect_uri"],
        format!("{}{CALLBACK}", world.origin())
    );
    assert_eq!(query["scope"], "openid groups");
    for word in ["state", "nonce", "code_challenge"] {
        assert_eq!(query[word].len(), 43, "{word}");
    }
    // Another site's form, and an address that is not the console's own, begin nothing.
    let elsewhere = send(
        world
            .browse(Method::POST, &format!("{}/sign-in/account", world.origin()))
            .header("origin", "https://evil.example")
            .header("content-type", "application/x-www-form-urlencoded"),
    )
    .await;
    assert_eq!(elsewhere.status, 403, "{elsewhere:?}");
    let stranger = Browser::stranger(&world);
    let other = stranger.post("/sign-in/account", &[]).await;
    assert!(!other.headers.contains_key("refresh"), "{other:?}");
    assert!(other.text.contains(&world.origin()), "{other:?}");
}

/// Claims that hold now, for that nonce.
fn claims(liar: &Liar, nonce: &str) -> Value {
    let now = Ambient::system().now().millis() / 1_000;
    json!({
        "iss": liar.issuer, "sub": "u-1", "aud": "guard", "nonce": nonce,
        "iat": now - 1, "exp": now + 60, "groups": ["fin"],
    })
}

fn header(liar: &Liar) -> Value {
    let mut header = liar.signer.header();
    header.as_object_mut().unwrap().remove("typ");
    header
}

fn identity(liar: &Liar, claims: &Value) -> Value {
    let token = liar
        .signer
        .token_of(&header(liar).to_string(), &claims.to_string());
    json!({"id_token": token, "access_token": "a", "token_type": "Bearer"})
}

/// Comes back with a code, after the provider was told what to give for it.
async fn come_back(
    world: &World,
    liar: &Liar,
    gives: impl FnOnce(&str) -> (u16, Value),
    more: &[(&str, &str)],
) -> Answer {
    let mut surfer = Surfer::new(world);
    let begun = surfer.post("/sign-in/account", &[]).await;
    let query = asked(&led(&begun));
    let (status, answer) = gives(&query["nonce"]);
    liar.gives(status, answer);
    let mut back = Url::parse(&format!("{}{CALLBACK}", world.origin())).unwrap();
    back.query_pairs_mut()
        .append_pair("state", &query["state"])
        .append_pair("code", "c")
        .extend_pairs(more);
    surfer.go(Method::GET, back.as_str(), &[]).await
}

/// A world whose dana has the account `u-1` at a provider that lies.
async fn lied_to() -> (World, Liar) {
    let liar = Liar::start().await;
    let world = World::over(liar.provider()).await;
    let secret = invite(&world, "dana").await;
    let mut surfer = Surfer::new(&world);
    let begun = surfer.post("/enrol/account", &[("secret", &secret)]).await;
    let query = asked(&led(&begun));
    liar.gives(200, identity(&liar, &claims(&liar, &query["nonce"])));
    let back = format!("{CALLBACK}?state={}&code=c", query["state"]);
    assert_eq!(led(&surfer.get(&back).await), "/sign-in");
    (world, liar)
}

#[tokio::test]
async fn a_token_that_is_not_of_this_sign_in_signs_nobody_in() {
    let (world, liar) = lied_to().await;
    let honest = come_back(
        &world,
        &liar,
        |nonce| (200, identity(&liar, &claims(&liar, nonce))),
        &[],
    );
    assert_eq!(led(&honest.await), "/");
    let form = liar.asked().pop().unwrap();
    assert!(form.contains("code_verifier=") && form.contains("grant_type=authorization_code"));
    assert!(!form.contains("secret"), "it goes into the header: {form}");

    let other = super::issuer::Signer::new("one", "ES256");
    let now = Ambient::system().now().millis() / 1_000;
    let changed = |member: &'static str, value: Value| {
        let liar = &liar;
        move |nonce: &str| {
            let mut claims = claims(liar, nonce);
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(member),
                value => claims
                    .as_object_mut()
                    .unwrap()
                    .insert(member.to_owned(), value),
            };
            (200, identity(liar, &claims))
        }
    };
    for (member, value, why) in [
        ("nonce", json!("another"), "for another sign-in"),
        ("nonce", Value::Null, "for another sign-in"),
        ("aud", json!("other"), "for another program"),
        ("aud", json!(["guard", "other"]), "another program"),
        ("azp", json!("other"), "another program"),
        (
            "iss",
            json!("https://evil.example"),
            "names no configured issuer",
        ),
        ("exp", json!(now - 60), "expired"),
        ("iat", json!(now + 300), "not valid yet"),
        ("iat", Value::Null, "`iat` is missing"),
        ("sub", Value::Null, "`sub` is missing"),
        ("sub", json!("u-2"), "no operator has this account"),
        ("cnf", json!({}), "bound to a key"),
        ("groups", json!([7]), "a group is no text"),
    ] {
        let answer = come_back(&world, &liar, changed(member, value.clone()), &[]).await;
        refused(&answer, why);
    }
    let forged = come_back(
        &world,
        &liar,
        |nonce| {
            let claims = claims(&liar, nonce).to_string();
            let token = other.token_of(&header(&liar).to_string(), &claims);
            (200, json!({"id_token": token}))
        },
        &[],
    );
    refused(&forged.await, "signature does not verify");
    let access = come_back(
        &world,
        &liar,
        |nonce| {
            (
                200,
                json!({"id_token": liar.signer.token(&claims(&liar, nonce))}),
            )
        },
        &[],
    );
    refused(&access.await, "type is not the one");
    for (status, answer, why) in [
        (
            400,
            json!({"error": "invalid_grant"}),
            "did not take the code",
        ),
        (200, json!({"access_token": "a"}), "no identity token"),
        (502, json!({}), "could not be asked"),
    ] {
        let answer = come_back(&world, &liar, move |_| (status, answer), &[]).await;
        refused(&answer, why);
    }
    let refusals = world.entries("refusal").await;
    assert!(
        refusals
            .iter()
            .any(|entry| entry["reason"] == "account-refused")
    );
}

#[tokio::test]
async fn an_answer_of_another_browser_issuer_or_time_signs_nobody_in() {
    let (world, liar) = lied_to().await;
    let answer = |nonce: &str| (200, identity(&liar, &claims(&liar, nonce)));
    let foreign = come_back(&world, &liar, answer, &[("iss", "https://evil.example")]);
    refused(&foreign.await, "not of the configured provider");
    let twice = come_back(&world, &liar, answer, &[("state", "x")]);
    refused(&twice.await, "not begun in this browser");
    let denied = come_back(&world, &liar, answer, &[("error", "access_denied")]);
    refused(&denied.await, "the provider signed nobody in");

    let mut surfer = Surfer::new(&world);
    let begun = surfer.post("/sign-in/account", &[]).await;
    let query = asked(&led(&begun));
    let (status, said) = answer(&query["nonce"]);
    liar.gives(status, said);
    let back = format!("{CALLBACK}?state={}&code=c", query["state"]);
    // Somebody who was sent the address of another's way back is not signed in as them.
    let mut victim = Surfer::new(&world);
    refused(&victim.get(&back).await, "not begun in this browser");
    refused(&surfer.get(&back).await, "not begun in this browser");

    // The answer to a way that was ended is not taken again.
    let begun = surfer.post("/sign-in/account", &[]).await;
    let query = asked(&led(&begun));
    let (status, said) = answer(&query["nonce"]);
    liar.gives(status, said);
    let back = format!("{CALLBACK}?state={}&code=c", query["state"]);
    let pass = surfer.cookies["countersign-way"].clone();
    assert_eq!(led(&surfer.get(&back).await), "/");
    surfer.cookies.insert("countersign-way".to_owned(), pass);
    refused(&surfer.get(&back).await, "was answered already");
    for query in ["", "?code=c", "?state=x&code=c"] {
        refused(
            &surfer.get(&format!("{CALLBACK}{query}")).await,
            "not begun",
        );
    }
}

#[tokio::test]
async fn what_the_provider_says_beside_the_token_must_be_of_the_same_person() {
    let (world, liar) = lied_to().await;
    let quiet = |nonce: &str| {
        let mut claims = claims(&liar, nonce);
        claims.as_object_mut().unwrap().remove("groups");
        (200, identity(&liar, &claims))
    };
    liar.says(json!({"sub": "u-9", "groups": ["fin", "sec"]}));
    refused(
        &come_back(&world, &liar, quiet, &[]).await,
        "speaks of somebody else",
    );
    liar.says(json!({"sub": "u-1", "groups": ["sec"]}));
    assert_eq!(led(&come_back(&world, &liar, quiet, &[]).await), "/");
    assert!(operator(&world, "dana").await.roles.contains(&Role::Admin));
}

#[tokio::test]
async fn a_provider_that_is_away_or_publishes_nonsense_signs_nobody_in() {
    let liar = Liar::start().await;
    liar.publishes(json!({"issuer": "https://other.example"}));
    let world = World::over(liar.provider()).await;
    let mut surfer = Surfer::new(&world);
    let begun = surfer.post("/sign-in/account", &[]).await;
    assert_eq!(begun.status, 503, "{begun:?}");
    assert!(!begun.headers.contains_key("refresh"));
    let refusals = world.entries("refusal").await;
    assert!(
        refusals
            .iter()
            .any(|entry| entry["reason"] == "issuer-unavailable")
    );
}

#[tokio::test]
async fn whoever_has_an_account_alone_confirms_a_token_after_proving_themselves_anew() {
    let (world, liar) = lied_to().await;
    let scopes = [TokenScope::Decide].into();
    let life = Duration::from_secs(3_600);
    let made = world
        .guard
        .add_token("test", &name("dana"), scopes, life)
        .await;
    let token = made.unwrap().1;
    let mut surfer = Surfer::new(&world);
    let entered = come(&mut surfer, &liar, "/sign-in/account", &[], &json!({})).await;
    assert_eq!(led(&entered), "/");
    let approval = hold_write(&world, 7).await;
    let approve = json!({"decision": "approve"});
    let refused_at = world.decide(&token, &approval, approve.clone()).await;
    refused_at.is_problem(401, "token-unconfirmed");

    ask(&world, &token).await;
    let browser = surfer.browser();
    let page = browser.get("/confirm").await.text;
    assert!(
        page.contains("Prove yourself at your identity provider first"),
        "{page}"
    );
    let path = action(&page);
    let seal = browser.seal().await;
    let form = [("seal", seal.as_str())];
    let early = browser.post(&path, &form).await;
    assert_eq!(early.status, 403, "{early:?}");

    // A provider that let them through by an old sign-in has proved nothing.
    let now = Ambient::system().now().millis() / 1_000;
    for more in [json!({}), json!({"auth_time": now - 400})] {
        let proved = come(&mut surfer, &liar, "/me/account/prove", &form, &more).await;
        refused(&proved, "signed in just now");
    }
    let more = json!({"auth_time": now});
    let proved = come(&mut surfer, &liar, "/me/account/prove", &form, &more).await;
    assert_eq!(led(&proved), "/confirm");
    assert_eq!(browser.post(&path, &form).await.status, 303);
    let decided = world.decide(&token, &approval, approve).await;
    assert_eq!(decided.status, 200, "{decided:?}");
}

/// Goes to the provider from a form, and comes back with claims that hold and these.
async fn come(
    surfer: &mut Surfer<'_>,
    liar: &Liar,
    from: &str,
    form: &[(&str, &str)],
    more: &Value,
) -> Answer {
    let begun = surfer.post(from, form).await;
    let query = asked(&led(&begun));
    if from.ends_with("/prove") {
        assert_eq!(
            (query["prompt"].as_str(), query["max_age"].as_str()),
            ("login", "0")
        );
    }
    let mut claims = claims(liar, &query["nonce"]);
    let members = claims.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    liar.gives(200, identity(liar, &claims));
    surfer
        .get(&format!("{CALLBACK}?state={}&code=c", query["state"]))
        .await
}
