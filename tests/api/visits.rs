//! The console's own sessions: how long they last, where they hold, and who ends them.

use std::time::Duration;

use countersign::limits::{VISIT_IDLE, VISIT_LIFE};
use reqwest::Method;

use super::console::Browser;
use super::world::{Answer, World, send};

const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

#[tokio::test]
async fn a_visit_ends_when_nobody_acts_and_after_half_a_day_whoever_acts() {
    let (world, clock) = World::played(None).await;
    let alice = Browser::enter(&world, &world.alice).await;
    clock.pass(VISIT_IDLE - Duration::from_secs(1));
    assert_eq!(alice.get("/me").await.status, 200);
    clock.pass(VISIT_IDLE);
    assert_eq!(alice.get("/me").await.status, 303);

    let alice = Browser::enter(&world, &world.alice).await;
    let mut lived = Duration::ZERO;
    while alice.get("/me").await.status == 200 {
        clock.pass(VISIT_IDLE / 2);
        lived += VISIT_IDLE / 2;
    }
    assert_eq!(lived, VISIT_LIFE);
}

async fn look(world: &World, cookie: &str, browser: &str) -> Answer {
    let request = world.request(world.operators, Method::GET, "/me");
    let request = request.header("cookie", cookie);
    send(request.header("user-agent", browser)).await
}

#[tokio::test]
async fn a_cookie_that_was_carried_to_another_kind_of_browser_ends_its_visit() {
    let world = World::new().await;
    let entered = world
        .request(world.operators, Method::POST, "/sign-in")
        .header("origin", format!("http://{}", world.operators))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("user-agent", CHROME)
        .body(format!("token={}", world.alice));
    let entered = send(entered).await;
    assert_eq!(entered.status, 303, "{entered:?}");
    let cookie = entered.headers["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();

    assert_eq!(look(&world, cookie, CHROME).await.status, 200);
    let newer = CHROME.replace("140", "141");
    assert_eq!(look(&world, cookie, &newer).await.status, 200);
    let other = CHROME.replace("X11; Linux x86_64", "Windows NT 10.0; Win64; x64");
    assert_eq!(look(&world, cookie, &other).await.status, 303);
    let again = look(&world, cookie, CHROME).await;
    assert_eq!(
        again.status, 303,
        "whoever has the cookie is out, everywhere"
    );
    let refusals = world.entries("refusal").await;
    assert!(
        refusals.iter().any(|entry| {
            let sentence = entry["sentence"].as_str().unwrap();
            entry["reason"] == "credential-revoked" && sentence.contains("another kind of browser")
        }),
        "{refusals:?}"
    );
}

#[tokio::test]
async fn an_admin_signs_somebody_out_wherever_they_are_signed_in() {
    let world = World::new().await;
    let bobs = [
        Browser::enter(&world, &world.bob).await,
        Browser::enter(&world, &world.bob).await,
    ];
    let alice = Browser::enter(&world, &world.alice).await;
    let seal = alice.seal().await;
    let form = [("seal", seal.as_str())];
    let done = alice.post("/people/bob/sign-out", &form).await;
    assert_eq!(done.status, 303, "{done:?}");
    for bob in &bobs {
        assert_eq!(bob.get("/me").await.status, 303);
    }
    assert_eq!(alice.get("/people").await.status, 200);
    let missing = alice.post("/people/nobody/sign-out", &form).await;
    assert_eq!(missing.status, 404, "{missing:?}");
    let entries = world.entries("operator").await;
    assert!(entries.iter().any(|entry| {
        entry["operator"] == "bob" && entry["state"] == "signed-out" && entry["by"] == "alice"
    }));
}
