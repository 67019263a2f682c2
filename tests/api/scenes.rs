//! The console in a real browser, beside agents and colleagues: each scene ends with what the agent received.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use countersign::model::name::{GroupName, OperatorName};
use countersign::model::role::Role;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::browser::kit;
use super::people::name;
use super::world::{Answer, World, describe, send, until_held};

/// A browser that plays one scene while a test plays everybody else.
struct Scene {
    _browser: Child,
    told: Lines<BufReader<ChildStdout>>,
    input: ChildStdin,
}

impl Scene {
    fn open(scene: &str, world: &World, words: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/scenes.mjs");
        let mut browser = tokio::process::Command::new("node")
            .arg(script)
            .arg(kit())
            .arg(scene)
            .arg(world.origin())
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            told: BufReader::new(browser.stdout.take().unwrap()).lines(),
            input: browser.stdin.take().unwrap(),
            _browser: browser,
        }
    }

    /// The next step, which must have that name.
    async fn reaches(&mut self, name: &str) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(120), self.told.next_line());
        let line = line.await.unwrap().unwrap().unwrap();
        let step: Value = serde_json::from_str(&line).unwrap();
        assert!(step.get(name).is_some(), "{name}: {step}");
        step
    }

    /// Has the browser go on.
    async fn goes_on(&mut self) {
        self.input.write_all(b"\n").await.unwrap();
    }

    async fn ends(mut self) {
        self.reaches("done").await;
    }
}

fn said<'a>(step: &'a Value, member: &str) -> &'a str {
    step[member].as_str().unwrap()
}

/// The agent asks once more for an order.
async fn order(world: &World, amount: u32) -> Answer {
    send(world.ask("shop/order", &json!({ "amount": amount }))).await
}

async fn held(world: &World, amount: u32) -> Answer {
    let held = order(world, amount).await;
    assert_eq!(held.status, 202, "{held:?}");
    held
}

/// An agent that waits at its call for as long as it is let.
fn waiting(asked: RequestBuilder) -> tokio::task::JoinHandle<Answer> {
    tokio::spawn(send(asked.header("prefer", "wait=25")))
}

/// Somebody of the group that may approve, and the link for their first passkey.
async fn person(world: &World, who: &str) -> (OperatorName, String) {
    let guard = &world.guard;
    let groups = vec![GroupName::parse("oncall").unwrap()];
    let roles = [Role::Approver].into();
    let name = name(who);
    guard
        .add_person("test", name.clone(), groups, roles)
        .await
        .unwrap();
    let (_, secret) = guard.add_link("test", &name).await.unwrap();
    (name, format!("{}/enrol#{secret}", world.origin()))
}

#[tokio::test]
async fn two_people_sign_and_the_waiting_agent_runs_after_the_second() {
    let rule = "default: {any_of: [oncall], approve: 2, step_up: passkey}";
    let world = World::deciding(rule).await;
    let (petra, first) = person(&world, "petra").await;
    let (quinn, second) = person(&world, "quinn").await;
    let mut scene = Scene::open("quorum", &world, &[&first, &second]);
    scene.reaches("enrolled").await;
    for who in [&petra, &quinn] {
        world.guard.confirm_passkeys("test", who).await.unwrap();
    }
    let agent = waiting(world.ask("shop/order", &json!({"amount": 500})));
    until_held(&world).await;
    scene.goes_on().await;
    let step = scene.reaches("first").await;
    assert!(said(&step, "first").contains("1 of 2"), "{step}");
    assert_eq!(step["disabled"], true, "a stale page still decides");
    let half = order(&world, 500).await;
    assert_eq!(
        (half.status, &half.body["approvals"]),
        (202, &json!("1 of 2"))
    );
    assert!(world.shop.ran().is_empty());
    scene.goes_on().await;
    let step = scene.reaches("second").await;
    assert!(said(&step, "second").contains("approved"), "{step}");
    scene.ends().await;
    // Whoever waits longer than an answer may take asks again.
    let answer = match agent.await.unwrap() {
        answer if answer.status == 202 => order(&world, 500).await,
        answer => answer,
    };
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.body["result"]["structuredContent"]["sold"],
        json!({"amount": 500})
    );
    assert_eq!(world.shop.ran().len(), 1);
}

#[tokio::test]
async fn a_stale_page_decides_nothing_and_says_what_happened_meanwhile() {
    let world = World::deciding("default: {any_of: [oncall], approve: 2}").await;
    let carol = world.hire("carol", "oncall").await;
    let id = held(&world, 500).await.text("approval_id");
    let mut scene = Scene::open("stale", &world, &[&world.alice]);
    let step = scene.reaches("looking").await;
    assert!(said(&step, "looking").contains("0 of 2"), "{step}");
    let voted = world
        .decide(&carol, &id, json!({"decision": "approve"}))
        .await;
    assert_eq!(voted.status, 200, "{voted:?}");
    scene.goes_on().await;
    let step = scene.reaches("refused").await;
    assert_eq!(step["refused"], 412, "{step}");
    for told in ["Nothing was decided", "carol approved", "how it stands now"] {
        assert!(said(&step, "said").contains(told), "{step}");
    }
    let half = order(&world, 500).await;
    assert_eq!(
        (half.status, &half.body["approvals"]),
        (202, &json!("1 of 2"))
    );
    scene.goes_on().await;
    scene.reaches("approved").await;
    scene.ends().await;
    assert_eq!(order(&world, 500).await.status, 200);
}

#[tokio::test]
async fn a_session_revoked_in_the_console_ends_its_waiting_call_at_once() {
    let world = World::new().await;
    let agent = waiting(world.ask("shop/order", &json!({"amount": 500})));
    until_held(&world).await;
    let mut scene = Scene::open("revoked", &world, &[&world.alice]);
    scene.reaches("revoked").await;
    agent.await.unwrap().is_problem(403, "session-revoked");
    order(&world, 500).await.is_problem(403, "session-revoked");
    assert!(world.shop.ran().is_empty());
    scene.goes_on().await;
    let step = scene.reaches("out").await;
    assert_eq!(step["out"], "/sign-in", "a visit outlived its end");
    scene.ends().await;
}

#[tokio::test]
async fn a_changed_tool_is_accepted_in_the_console_and_then_runs() {
    let world = World::new().await;
    let found = send(world.ask("shop/find", &json!({"what": "tea"}))).await;
    assert_eq!(found.status, 200, "{found:?}");
    describe(&world.guard, "find", Some("also sends the list away")).await;
    let agent = waiting(world.ask("shop/find", &json!({"what": "tea"})));
    until_held(&world).await;
    let mut scene = Scene::open("changed", &world, &[&world.alice]);
    let step = scene.reaches("row").await;
    assert!(said(&step, "row").contains("find"), "{step}");
    assert!(
        said(&step, "added").contains("sends the list away"),
        "{step}"
    );
    let step = scene.reaches("accepted").await;
    assert!(!said(&step, "accepted").contains("changed"), "{step}");
    scene.ends().await;
    let ran = agent.await.unwrap();
    assert_eq!(ran.status, 200, "{ran:?}");
    assert_eq!(world.shop.ran().len(), 2);
}

#[tokio::test]
async fn a_console_whose_guard_restarts_is_stale_comes_back_and_knows_what_it_missed() {
    let world = World::new().await;
    held(&world, 500).await;
    let mut scene = Scene::open("restart", &world, &[&world.alice]);
    scene.reaches("looking").await;
    let world = world
        .restart(async {
            scene.goes_on().await;
            let step = scene.reaches("stale").await;
            assert!(said(&step, "stale").contains("stale"), "{step}");
        })
        .await;
    held(&world, 501).await;
    scene.goes_on().await;
    let step = scene.reaches("back").await;
    assert!(said(&step, "back").starts_with("/requests/"), "{step}");
    let step = scene.reaches("waits").await;
    assert_eq!(step["waits"], 2, "{step}");
    scene.reaches("approved").await;
    scene.ends().await;
    assert_eq!(order(&world, 500).await.status, 200);
    assert_eq!(order(&world, 501).await.status, 202);
    assert_eq!(world.shop.ran().len(), 1);
}

#[tokio::test]
async fn a_person_decides_with_the_keyboard_alone() {
    let world = World::new().await;
    for amount in [500, 600] {
        held(&world, amount).await;
    }
    let mut scene = Scene::open("keyboard", &world, &[&world.alice]);
    let step = scene.reaches("moved").await;
    assert_eq!(step, json!({"found": 0, "moved": true, "back": true}));
    let step = scene.reaches("panel").await;
    assert_eq!(
        step["early"], false,
        "a key acted on a page that had just come"
    );
    for part in ["title", "code"] {
        assert!(
            !said(&step, part).is_empty() && said(&step, "panel").contains(said(&step, part)),
            "{step}"
        );
    }
    held(&world, 700).await;
    scene.goes_on().await;
    let step = scene.reaches("ignored").await;
    assert_eq!(step["ignored"], true, "decided on what had just changed");
    assert!(said(&step, "shown").contains("held"), "{step}");
    let step = scene.reaches("approved").await;
    assert_eq!(step["decisions"], 1, "{step}");
    scene.ends().await;
    let mut told = Vec::new();
    for amount in [500, 600, 700] {
        told.push(order(&world, amount).await.status);
    }
    told.sort_unstable();
    assert_eq!(told, [200, 202, 202]);
}
