//! The console from outside, as a browser would use it, and as nobody should.

use std::time::Duration;

use countersign::audit::checkpoint::Signer;
use countersign::audit::line::Line;
use countersign::audit::verify::verify;
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::json;

use super::world::{Answer, World, read, send};

/// Every page, with names of the right form.
pub(crate) const PAGES: [&str; 17] = [
    "/",
    "/requests/ap_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "/requests/ap_aaaaaaaaaaaaaaaaaaaaaaaaaa/amendment",
    "/requests/ap_aaaaaaaaaaaaaaaaaaaaaaaaaa/pattern",
    "/agents",
    "/sessions/se_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "/grants",
    "/decisions?q=agent:clerk",
    "/decisions/export?q=agent:clerk",
    "/reviews",
    "/scopes",
    "/tools",
    "/tools/diff?server=shop&kind=tool&name=find",
    "/channels",
    "/people",
    "/me",
    "/confirm",
];

/// Everything that takes a form of a signed-in person.
pub(crate) const FORMS: [&str; 22] = [
    "/requests/ap_aaaaaaaaaaaaaaaaaaaaaaaaaa/decision",
    "/requests/ap_aaaaaaaaaaaaaaaaaaaaaaaaaa/withdraw",
    "/requests/ap_aaaaaaaaaaaaaaaaaaaaaaaaaa/break-glass",
    "/reviews/rv_aaaaaaaaaaaaaaaaaaaaaaaaaa/close",
    "/agents/clerk/pause",
    "/agents/clerk/revoke",
    "/sessions/se_aaaaaaaaaaaaaaaaaaaaaaaaaa/revoke",
    "/grants/gr_aaaaaaaaaaaaaaaaaaaaaaaaaa/revoke",
    "/scopes/accept",
    "/tools/accept",
    "/tools/refuse",
    "/channels/ops/enable",
    "/people/bob/confirm",
    "/people/bob/sign-out",
    "/confirm/0000000000000000",
    "/me/account/read",
    "/me/account/prove",
    "/me/passkeys/begin",
    "/me/passkeys/finish",
    "/me/proofs/0000000000000000/end",
    "/me/sign-out",
    "/sign-out",
];

/// A browser at the console, as far as these tests need one.
pub(crate) struct Browser<'a> {
    pub(crate) world: &'a World,
    pub(crate) cookie: String,
}

impl<'a> Browser<'a> {
    /// Signs in with a token.
    pub(crate) async fn enter(world: &'a World, token: &str) -> Self {
        let mut browser = Self {
            world,
            cookie: String::new(),
        };
        let entered = browser
            .post("/sign-in", &[("token", token), ("back", "/agents")])
            .await;
        assert_eq!(entered.status, 303, "{entered:?}");
        assert_eq!(entered.headers["location"], "/agents");
        let cookie = entered.headers["set-cookie"].to_str().unwrap();
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        browser.cookie = cookie.split(';').next().unwrap().to_owned();
        browser
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.world
            .request(self.world.operators, method, path)
            .header("cookie", &self.cookie)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// Somebody who is not signed in.
    pub(crate) fn stranger(world: &'a World) -> Self {
        Self {
            world,
            cookie: String::new(),
        }
    }

    /// Posts a form as a page of the console would.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = format!("http://{}", self.world.operators);
        let request = self.request(Method::POST, path).header("origin", origin);
        send(with_form(request, fields)).await
    }

    /// Posts a form as a script of the console would.
    pub(crate) async fn script(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = format!("http://{}", self.world.operators);
        let request = self.request(Method::POST, path).header("origin", origin);
        let request = request.header("accept", "application/json");
        send(with_form(request, fields)).await
    }

    /// The secret that the forms of this visit carry.
    pub(crate) async fn seal(&self) -> String {
        field(&self.get("/agents").await.text, "seal")
    }
}

fn with_form(request: reqwest::RequestBuilder, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let body: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}

/// The value of the first field of that name on a page.
pub(crate) fn field(page: &str, name: &str) -> String {
    let named = format!("name=\"{name}\" value=\"");
    let rest = &page[page.find(&named).unwrap() + named.len()..];
    rest[..rest.find('"').unwrap()].to_owned()
}

/// A call that waits for a person.
pub(crate) async fn hold(world: &World) -> String {
    let held = send(world.ask("shop/order", &json!({"amount": 500}))).await;
    assert_eq!(held.status, 202, "{held:?}");
    held.text("approval_id")
}

/// The fields of a decision as the request's page offers them.
fn decision<'a>(page: &'a str, names: &mut Vec<(&'a str, String)>) {
    for name in ["seal", "version", "digest", "mark"] {
        names.push((name, field(page, name)));
    }
}

#[tokio::test]
async fn a_page_shows_nothing_to_whoever_is_not_signed_in() {
    let world = World::new().await;
    for path in PAGES {
        let answer = send(world.request(world.operators, Method::GET, path)).await;
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        let to = answer.headers["location"].to_str().unwrap();
        assert!(to.starts_with("/sign-in?back=%2F"), "{path}: {to}");
    }
    for bearer in [&world.clerk, &world.pep, &world.alice] {
        let request = world.request(world.operators, Method::GET, "/agents");
        let answer = send(request.bearer_auth(bearer)).await;
        assert_eq!(answer.status, 303, "a bearer key opens a page");
    }
    let feed = send(world.request(world.operators, Method::GET, "/feed")).await;
    assert_eq!(feed.status, 401);
}

#[tokio::test]
async fn only_an_operators_token_signs_in_and_a_failure_is_recorded() {
    let world = World::new().await;
    let nobody = Browser {
        world: &world,
        cookie: String::new(),
    };
    for secret in [&world.clerk, &world.pep, &"cso_wrong".to_owned()] {
        let answer = nobody.post("/sign-in", &[("token", secret)]).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    let refusals = world.entries("refusal").await;
    assert!(
        refusals
            .iter()
            .any(|entry| entry["reason"] == "credential-unknown" && entry["edge"] == "operators")
    );
}

#[tokio::test]
async fn every_page_is_covered_against_frames_scripts_and_caches() {
    let world = World::new().await;
    let alice = Browser::enter(&world, &world.alice).await;
    for path in PAGES.into_iter().chain([
        "/sign-in",
        "/enrol",
        "/assets/console.css",
        "/assets/passkey.js",
    ]) {
        let answer = alice.get(path).await;
        assert!(matches!(answer.status, 200 | 404), "{path}: {answer:?}");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        for word in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(word), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        for inline in ["<style", " style=", " onclick=", "javascript:"] {
            assert!(!answer.text.contains(inline), "{path} has {inline}");
        }
    }
}

#[tokio::test]
async fn a_form_of_another_site_or_without_the_seal_changes_nothing() {
    let world = World::new().await;
    let alice = Browser::enter(&world, &world.alice).await;
    let seal = alice.seal().await;
    let own = format!("http://{}", world.operators);
    let before = world.guard.entries(1, 10_000).await.unwrap().len();
    for path in FORMS {
        for (origin, seal) in [
            (None, seal.as_str()),
            (Some("null"), seal.as_str()),
            (Some("http://evil.example"), seal.as_str()),
            (Some(own.as_str()), ""),
            (Some(own.as_str()), "guessed"),
        ] {
            let mut request = alice.request(Method::POST, path);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let answer = send(with_form(request, &[("seal", seal)])).await;
            assert_eq!(answer.status, 403, "{path} from {origin:?}: {answer:?}");
        }
        let unsigned = world
            .request(world.operators, Method::POST, path)
            .header("origin", &own);
        let answer = send(with_form(unsigned, &[("seal", &seal)])).await;
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
    }
    let after = world.guard.entries(1, 10_000).await.unwrap().len();
    assert_eq!(after, before, "something was recorded");
    assert_eq!(alice.get("/agents").await.status, 200, "the visit goes on");
}

#[tokio::test]
async fn no_page_changes_anything_when_it_is_read() {
    let world = World::new().await;
    let approval = hold(&world).await;
    let alice = Browser::enter(&world, &world.alice).await;
    let before = world.guard.entries(1, 10_000).await.unwrap().len();
    let request = format!("/requests/{approval}");
    for path in PAGES.into_iter().chain([request.as_str()]) {
        alice.get(path).await;
    }
    for path in FORMS {
        let answer = alice.get(path).await;
        assert!(matches!(answer.status, 404 | 405), "{path}: {answer:?}");
    }
    assert_eq!(world.guard.entries(1, 10_000).await.unwrap().len(), before);
}

#[tokio::test]
async fn a_person_approves_on_the_page_and_the_agent_gets_its_result() {
    let world = World::new().await;
    let approval = hold(&world).await;
    let alice = Browser::enter(&world, &world.alice).await;
    let inbox = alice.get("/").await;
    assert!(inbox.text.contains(&approval), "{}", inbox.text);
    assert!(inbox.text.contains("(1) Inbox"));
    let path = format!("/requests/{approval}");
    let page = alice.get(&path).await.text;
    assert!(page.contains("clerk wants to call shop/order (money) with amount 500"));
    assert!(page.contains("critical") && !page.contains("Also waiting"));
    send(world.ask("shop/sign", &json!({"what": "else"}))).await;
    let crowded = alice.get(&path).await.text;
    assert!(crowded.contains("1 more call of this agent:"), "{crowded}");

    let mut fields = vec![("decision", "approve".to_owned()), ("uses", "1".to_owned())];
    decision(&page, &mut fields);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let decided = alice.post(&format!("{path}/decision"), &fields).await;
    assert_eq!(decided.status, 303, "{decided:?}");
    assert_eq!(decided.headers["location"], path.as_str());

    let done = send(world.ask("shop/order", &json!({"amount": 500}))).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(world.shop.ran(), [json!({"amount": 500})]);
    assert!(alice.get(&path).await.text.contains("it ended: done"));

    // Sent again, as by a double click, it is the same decision; another one is too late.
    let again = alice.post(&format!("{path}/decision"), &fields).await;
    assert_eq!(again.status, 303, "{again:?}");
    let mut other = fields.clone();
    other.retain(|(name, _)| *name != "mark");
    other.push(("mark", "another"));
    let late = alice.post(&format!("{path}/decision"), &other).await;
    assert_eq!(late.status, 409, "{late:?}");
    assert!(late.text.contains("had ended before your decision came"));
}

#[tokio::test]
async fn a_person_denies_with_a_word_and_the_agent_reads_it() {
    let world = World::new().await;
    let approval = hold(&world).await;
    let alice = Browser::enter(&world, &world.alice).await;
    let path = format!("/requests/{approval}");
    let page = alice.get(&path).await.text;
    let mut fields = vec![
        ("decision", "deny".to_owned()),
        ("message", "Ask Dana first.".to_owned()),
    ];
    decision(&page, &mut fields);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let denied = alice.post(&format!("{path}/decision"), &fields).await;
    assert_eq!(denied.status, 303, "{denied:?}");
    let told = send(world.ask("shop/order", &json!({"amount": 500}))).await;
    told.is_problem(403, "approval-denied");
    assert!(told.text.contains("Ask Dana first."), "{told:?}");
    assert!(world.shop.ran().is_empty());
}

#[tokio::test]
async fn whoever_may_not_decide_is_offered_nothing_and_gets_nothing() {
    let world = World::new().await;
    let approval = hold(&world).await;
    let bob = Browser::enter(&world, &world.bob).await;
    let alice = Browser::enter(&world, &world.alice).await;
    let path = format!("/requests/{approval}");
    let page = bob.get(&path).await.text;
    assert!(page.contains("none of the groups that may decide"));
    assert!(!page.contains("name=\"decision\""));
    let shown = alice.get(&path).await.text;
    let seal = field(&page, "seal");
    let (version, digest) = (field(&shown, "version"), field(&shown, "digest"));
    let fields = [
        ("decision", "approve"),
        ("uses", "1"),
        ("mark", "mine"),
        ("seal", seal.as_str()),
        ("version", version.as_str()),
        ("digest", digest.as_str()),
    ];
    let answer = bob.post(&format!("{path}/decision"), &fields).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    for (name, value) in [
        ("version", "7"),
        ("digest", &"0".repeat(64)),
        ("uses", "21"),
    ] {
        let seal = alice.seal().await;
        let mut wrong: Vec<(&str, &str)> = fields.to_vec();
        wrong.retain(|(known, _)| *known != name && *known != "seal");
        wrong.extend([(name, value), ("seal", seal.as_str())]);
        let answer = alice.post(&format!("{path}/decision"), &wrong).await;
        assert!(matches!(answer.status, 400 | 412), "{name}: {answer:?}");
    }
    assert!(world.guard.grants().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_removed_operator_is_out_at_once_and_a_namesake_does_not_inherit() {
    let world = World::new().await;
    let alice = Browser::enter(&world, &world.alice).await;
    let name = countersign::model::name::OperatorName::parse("alice").unwrap();
    world.guard.revoke_operator("test", &name).await.unwrap();
    assert_eq!(alice.get("/agents").await.status, 303);
    let groups = vec![countersign::model::name::GroupName::parse("oncall").unwrap()];
    world
        .guard
        .add_operator("test", name, groups)
        .await
        .unwrap();
    assert_eq!(alice.get("/agents").await.status, 303);
}

#[tokio::test]
async fn signing_out_ends_the_visit_and_no_other() {
    let world = World::new().await;
    let alice = Browser::enter(&world, &world.alice).await;
    let elsewhere = Browser::enter(&world, &world.alice).await;
    let seal = alice.seal().await;
    let left = alice.post("/sign-out", &[("seal", &seal)]).await;
    assert_eq!(left.headers["location"], "/sign-in");
    assert_eq!(alice.get("/agents").await.status, 303);
    assert_eq!(elsewhere.get("/agents").await.status, 200);
}

#[tokio::test]
async fn agents_sessions_and_grants_are_stopped_from_their_pages() {
    let world = World::new().await;
    let approval = hold(&world).await;
    assert_eq!(world.approve(&approval).await.status, 200);
    let alice = Browser::enter(&world, &world.alice).await;
    let seal = alice.seal().await;
    let sealed = [("seal", seal.as_str())];

    let grant = world.guard.grants().await.unwrap()[0].id;
    let revoked = alice
        .post(&format!("/grants/{grant}/revoke"), &sealed)
        .await;
    assert_eq!(revoked.status, 303, "{revoked:?}");
    assert!(alice.get("/grants").await.text.contains("revoked"));

    let session = world.guard.sessions().await.unwrap()[0].id;
    let path = format!("/sessions/{session}");
    let page = alice.get(&path).await.text;
    assert!(page.contains("shop/order"), "{page}");
    alice.post(&format!("{path}/pause"), &sealed).await;
    send(world.ask("shop/find", &json!({})))
        .await
        .is_problem(403, "session-paused");
    alice.post(&format!("{path}/resume"), &sealed).await;
    assert_eq!(
        send(world.ask("shop/find", &json!({"what": "a"})))
            .await
            .status,
        200
    );

    alice.post("/agents/clerk/revoke", &sealed).await;
    send(world.agent(Method::GET, "/v1/sessions"))
        .await
        .is_problem(401, "credential-revoked");
    assert!(alice.get("/agents").await.text.contains("revoked"));
}

#[tokio::test]
async fn a_stop_on_a_page_names_the_calls_that_were_already_on_their_way() {
    let world = World::new().await;
    let busy = world.shop.counter.write().await;
    let running = tokio::spawn(send(world.ask("shop/find", &json!({"what": "tea"}))));
    super::world::until(|| !world.shop.ran().is_empty()).await;
    let call = world.entries("decision").await[0]["call"].clone();
    let alice = Browser::enter(&world, &world.alice).await;
    let seal = alice.seal().await;
    let stopped = alice
        .post("/agents/clerk/revoke", &[("seal", seal.as_str())])
        .await;
    assert_eq!(stopped.status, 200, "{stopped:?}");
    assert!(stopped.text.contains(call.as_str().unwrap()), "{stopped:?}");
    drop(busy);
    running.await.unwrap();
}

#[tokio::test]
async fn hostile_text_stays_text_on_every_page() {
    let world = World::new().await;
    let nasty = "<script>alert(1)</script>\u{202e}evil\u{200b}";
    let asked = json!({
        "mode": "proxy",
        "tool": "shop/order",
        "arguments": {"amount": 500, "memo": nasty},
        "context": {"why": nasty},
    });
    let request = super::world::body(world.agent(Method::POST, "/v1/calls"), &asked);
    let held = send(request).await;
    assert_eq!(held.status, 202, "{held:?}");
    let alice = Browser::enter(&world, &world.alice).await;
    let session = world.guard.sessions().await.unwrap()[0].id;
    for path in [
        "/".to_owned(),
        format!("/requests/{}", held.text("approval_id")),
        format!("/sessions/{session}"),
        "/decisions".to_owned(),
        "/decisions?q=%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
    ] {
        let page = alice.get(&path).await.text;
        assert!(!page.contains("<script>alert"), "{path}");
        assert!(
            !page.contains('\u{202e}') && !page.contains('\u{200b}'),
            "{path}"
        );
    }
    let page = alice
        .get(&format!("/requests/{}", held.text("approval_id")))
        .await
        .text;
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}evil\\u{200b}"));
    assert!(page.contains("unverified"));
}

#[tokio::test]
async fn an_open_page_hears_that_something_changed_and_nothing_of_what() {
    let world = World::new().await;
    let alice = Browser::enter(&world, &world.alice).await;
    let page = alice.get("/").await.text;
    let since = page.split("data-since=\"").nth(1).unwrap();
    let since = since.split('"').next().unwrap().to_owned();
    let feed = alice.request(Method::GET, &format!("/feed?since={since}"));
    let response = feed.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut stream = response.bytes_stream();
    let mut heard = String::new();
    let approval = hold(&world).await;
    let listening = async {
        while let Some(bytes) = stream.next().await {
            heard.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
            if heard.contains("event: request") {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), listening)
        .await
        .unwrap();
    assert!(heard.contains("event: level"), "{heard}");
    assert!(heard.contains(&format!("data: {approval}")), "{heard}");
    assert!(!heard.contains("shop/order"), "{heard}");

    // A page made before that is told each change that it missed, also when its stream broke; one made by
    // a guard that has stopped since is told that it is behind.
    let told = format!("data: {approval}");
    for (old, again, first) in [
        (since.as_str(), None, told.as_str()),
        ("", Some(since.as_str()), &told),
        ("bt_other.7", None, "event: behind"),
        ("", None, "event: behind"),
    ] {
        let mut feed = alice.request(Method::GET, &format!("/feed?since={old}"));
        if let Some(again) = again {
            feed = feed.header("last-event-id", again);
        }
        let mut stream = feed.send().await.unwrap().bytes_stream();
        let mut heard = String::new();
        let hearing = async {
            while !heard.contains(first) {
                let bytes = stream.next().await.unwrap().unwrap();
                heard.push_str(std::str::from_utf8(&bytes).unwrap());
            }
        };
        let hearing = tokio::time::timeout(Duration::from_secs(20), hearing);
        hearing.await.unwrap();
        let is_known = !heard.contains("event: behind");
        assert_eq!(is_known, first == told, "{heard}");
    }
}

#[tokio::test]
async fn what_is_no_page_is_answered_by_the_api_as_before() {
    let world = World::new().await;
    let alice = Browser::enter(&world, &world.alice).await;
    // A cookie is nothing to the API.
    alice
        .get("/v1/approvals")
        .await
        .is_problem(401, "credential-missing");
    let feed = world.request(world.operators, Method::GET, "/v1/nothing");
    read(feed.send().await.unwrap())
        .await
        .is_problem(404, "not-found");
}

#[tokio::test]
async fn a_request_and_its_session_say_what_was_heard() {
    let world = World::new().await;
    let found = send(world.ask("shop/find", &json!({"what": "a"}))).await;
    assert_eq!(found.status, 200);
    let request = hold(&world).await;
    let session = world.guard.sessions().await.unwrap()[0].id;
    let alice = Browser::enter(&world, &world.alice).await;
    for path in [
        format!("/requests/{request}"),
        format!("/sessions/{session}"),
    ] {
        let page = alice.get(&path).await.text;
        assert!(page.contains("unvouched</span> words of"), "{page}");
        assert!(page.contains("shop/find"), "{page}");
    }
    let shown = send(world.operator(Method::GET, &format!("/v1/approvals/{request}"))).await;
    assert_eq!(shown.body["session_taint"]["source"], "shop/find");
    assert_eq!(shown.body["session_taint"]["copied"], false);
}

#[tokio::test]
async fn the_page_shows_each_vote_and_takes_ones_own_back() {
    let world = World::deciding("default: {any_of: [oncall], approve: 2}").await;
    world.hire("carol", "oncall").await;
    let id = hold(&world).await;
    let alice = Browser::enter(&world, &world.alice).await;
    let path = format!("/requests/{id}");
    let page = alice.get(&path).await.text;
    assert!(page.contains("0 of 2 approvals of oncall"), "{page}");
    assert!(!page.contains("Withdraw my vote"));
    let mut fields = vec![("decision", "approve".to_owned()), ("uses", "2".to_owned())];
    decision(&page, &mut fields);
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let voted = alice.post(&format!("{path}/decision"), &fields).await;
    assert_eq!(voted.status, 303, "{voted:?}");
    let mut again = fields.clone();
    again.retain(|(name, _)| *name != "mark");
    again.push(("mark", "another"));
    let twice = alice.post(&format!("{path}/decision"), &again).await;
    assert_eq!(twice.status, 409);
    assert!(
        twice.text.contains("you have voted on it already"),
        "{}",
        twice.text
    );

    let page = alice.get(&path).await.text;
    assert!(page.contains("1 of 2 approvals of oncall") && page.contains("one person counts once"));
    assert!(
        page.contains("up to 2 times") && !page.contains("Approve this call"),
        "{page}"
    );
    assert!(alice.get("/").await.text.contains("you voted"));
    let (seal, version) = (field(&page, "seal"), field(&page, "version"));
    for (version, status) in [("1", 412), (version.as_str(), 303), (version.as_str(), 409)] {
        let fields = [("seal", seal.as_str()), ("version", version)];
        let back = alice.post(&format!("{path}/withdraw"), &fields).await;
        assert_eq!(back.status, status, "{back:?}");
    }
    let page = alice.get(&path).await.text;
    assert!(page.contains("0 of 2 approvals of oncall") && page.contains("Approve this call"));
}

#[tokio::test]
async fn a_request_says_what_is_new_beside_the_last_that_a_person_approved() {
    let world = World::new().await;
    let browser = Browser::enter(&world, &world.alice).await;
    let first = hold(&world).await;
    let page = browser.get(&format!("/requests/{first}")).await.text;
    for told in [
        "nobody has approved this tool for this agent before",
        "none like it was decided before",
    ] {
        assert!(page.contains(told), "{page}");
    }
    world.approve(&first).await;
    let used = send(world.ask("shop/order", &json!({"amount": 500}))).await;
    assert_eq!(used.status, 200, "{used:?}");

    let second = send(world.ask("shop/order", &json!({"amount": 900}))).await;
    assert_eq!(second.status, 202, "{second:?}");
    let path = format!("/requests/{}", second.text("approval_id"));
    let page = browser.get(&path).await.text;
    for told in [
        "<del><span class=\"foreign\">500</span></del>",
        "<ins><span class=\"foreign\">900</span></ins>",
        "the last that was approved",
        ", by alice",
        "1 like this",
        "1 approved",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(page.contains(&format!("href=\"/requests/{first}\"")));
}

#[tokio::test]
async fn pictures_of_the_record_say_in_words_what_they_show() {
    let world = World::new().await;
    let browser = Browser::enter(&world, &world.alice).await;
    let empty = browser.get("/decisions").await.text;
    assert!(empty.contains("Decisions in 24 hours: no calls"), "{empty}");
    assert!(empty.contains("nobody has decided a request yet"));
    let held = hold(&world).await;
    world.approve(&held).await;
    send(world.ask("shop/order", &json!({"amount": 500}))).await;

    let page = browser.get("/decisions").await.text;
    assert!(
        page.contains("Decisions in 24 hours: 1 permit, 1 pause"),
        "{page}"
    );
    assert!(page.contains("of 1</p>"), "{page}");
    let agents = browser.get("/agents").await.text;
    assert!(
        agents.contains("Calls in 24 hours: 1 permit, 1 pause"),
        "{agents}"
    );
    let session = agents.split("/sessions/").nth(1).unwrap();
    let session = session.split('"').next().unwrap();
    let page = browser.get(&format!("/sessions/{session}")).await.text;
    assert!(
        page.contains("Calls of the session: 1 permit, 1 pause"),
        "{page}"
    );
}

#[tokio::test]
async fn the_record_is_searched_and_taken_away_as_it_is_shown() {
    let world = World::new().await;
    let denied = hold(&world).await;
    let no = json!({"decision": "deny", "message": "=HYPERLINK(1) \"no\""});
    assert_eq!(world.decide(&world.alice, &denied, no).await.status, 200);
    send(world.ask("shop/order", &json!({"amount": 500}))).await;
    send(world.ask("shop/find", &json!({"what": "tea"}))).await;
    let alice = Browser::enter(&world, &world.alice).await;

    let page = alice
        .get("/decisions?q=agent:clerk%20outcome:denied%20since:7d")
        .await;
    assert!(
        page.text.contains("shop/order") && !page.text.contains("shop/find"),
        "{page:?}"
    );
    let page = alice.get("/decisions?q=since:yesterday").await.text;
    assert!(page.contains("is no time to search from"), "{page}");

    // Whole, it is what the program proves; in parts, each line is as it stands in the whole.
    let whole = alice.get("/decisions/export").await;
    assert_eq!(
        whole.headers["content-type"],
        "application/jsonl; charset=utf-8"
    );
    let named = whole.headers["content-disposition"].to_str().unwrap();
    assert!(named.starts_with("attachment"), "{named}");
    let lines: Vec<Line> = whole
        .text
        .lines()
        .map(|line| Line::parse(line).unwrap())
        .collect();
    let entries = lines.iter().filter_map(|line| match line {
        Line::Record(entry) => Some(Ok::<_, String>(entry.clone())),
        _ => None,
    });
    let Some(Line::Head(head)) = lines.last() else {
        panic!("the newest head does not come last: {whole:?}");
    };
    let key = Signer::from_seed(&[7; 32]).unwrap().public().clone();
    let report = verify(entries, std::slice::from_ref(head), &[key], None).unwrap();
    assert!(report.ok() && report.unsigned_tail == 0, "{report}");
    assert_eq!(report.entries, head.head.count);
    let part = alice.get("/decisions/export?q=outcome:denied").await.text;
    let taken: Vec<&str> = part
        .lines()
        .filter(|line| line.starts_with("{\"record\""))
        .collect();
    assert!(!taken.is_empty() && taken.len() < lines.len() - 1, "{part}");
    assert!(taken.iter().all(|line| whole.text.contains(line)), "{part}");

    let table = alice.get("/decisions/export?as=csv&q=outcome:denied").await;
    assert_eq!(table.headers["content-type"], "text/csv; charset=utf-8");
    assert!(table.text.starts_with("entry,at,kind,ended,"), "{table:?}");
    assert_eq!(table.text.lines().count(), taken.len() + 1, "{table:?}");
    assert!(!table.text.contains(",="), "{table:?}");
    let wrong = alice.get("/decisions/export?as=xls").await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
}

#[tokio::test]
async fn scopes_say_which_of_their_rules_are_used_never_used_and_always_approved() {
    let world = World::new().await;
    for amount in [500, 501, 502] {
        let held = send(world.ask("shop/order", &json!({"amount": amount}))).await;
        world.approve(&held.text("approval_id")).await;
    }
    send(world.ask("shop/find", &json!({"what": "tea"}))).await;
    let alice = Browser::enter(&world, &world.alice).await;
    let page = alice.get("/scopes").await.text;
    let row = |tool: &str| {
        let cell = format!("<code><span class=\"foreign\">{tool}</span></code>");
        let rest = page.split(cell.as_str());
        rest.skip(1)
            .find_map(|rest| rest.split("</tr>").next())
            .unwrap()
    };
    assert!(
        row("shop/order").contains("▲ always approved"),
        "{}",
        row("shop/order")
    );
    assert!(
        row("shop/order").contains("3 of 3"),
        "{}",
        row("shop/order")
    );
    assert!(row("shop/find").contains("✓ used"), "{}", row("shop/find"));
    assert!(
        row("shop/proved").contains("○ never used"),
        "{}",
        row("shop/proved")
    );
    assert!(
        page.contains("in force since") && page.contains("*/delete_*"),
        "{page}"
    );
    let agents = alice.get("/agents").await.text;
    assert!(
        agents.contains("the oldest of") && agents.contains("the first ends"),
        "{agents}"
    );
}
