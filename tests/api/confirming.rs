//! Tokens for commands approve only shortly after their owners confirmed, with something better, that it
//! is them.

use countersign::limits::TOKEN_CONFIRMED_LIFE;
use reqwest::Method;
use serde_json::json;

use super::console::{Browser, hold};
use super::people::{enrol, name};
use super::world::{Answer, World, send};

/// A call on the rung `write` that waits for a person.
pub(crate) async fn hold_write(world: &World, count: u32) -> String {
    let held = send(world.ask("shop/own", &json!({"count": count}))).await;
    assert_eq!(held.status, 202, "{held:?}");
    held.text("approval_id")
}

pub(crate) async fn ask(world: &World, token: &str) -> Answer {
    let request = world.request(world.operators, Method::POST, "/v1/confirmations");
    let asked = send(request.bearer_auth(token)).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    asked
}

async fn is_confirmed(world: &World, token: &str) -> bool {
    let request = world.request(world.operators, Method::GET, "/v1/confirmations");
    let shown = send(request.bearer_auth(token)).await;
    shown.body["confirmed"].as_bool().unwrap()
}

/// Where the first command that a page shows is confirmed.
pub(crate) fn action(page: &str) -> String {
    let rest = &page[page.find("action=\"/confirm/").unwrap() + 8..];
    rest[..rest.find('"').unwrap()].to_owned()
}

#[tokio::test]
async fn a_copied_token_approves_nothing_until_its_owner_confirms_it_with_a_passkey() {
    let (world, clock) = World::played(None).await;
    let mut laptop = enrol(&world, "alice").await;
    let confirmed = world.guard.confirm_passkeys("bob", &name("alice")).await;
    assert_eq!(confirmed.unwrap(), 1);
    let approval = hold_write(&world, 7).await;
    let refused = world.approve(&approval).await;
    refused.is_problem(401, "token-unconfirmed");
    let challenge = refused.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("max_age=300"), "{challenge}");

    let asked = ask(&world, &world.alice).await;
    assert_eq!(asked.text("console"), format!("{}/confirm", world.origin()));
    let code = asked.text("code");
    let bob = Browser::enter(&world, &world.bob).await;
    assert!(!bob.get("/confirm").await.text.contains(&code));
    let alice = Browser::enter(&world, &world.alice).await;
    let page = alice.get("/confirm").await.text;
    assert!(page.contains(&code), "{page}");
    let path = action(&page);
    let seals = (alice.seal().await, bob.seal().await);
    let foreign = bob.post(&path, &[("seal", &seals.1)]).await;
    assert_eq!(foreign.status, 404, "{foreign:?}");

    // A visit that a token opened confirms no token by itself.
    let form = [("seal", seals.0.as_str())];
    let bare = alice.post(&path, &form).await;
    assert_eq!(bare.status, 401, "{bare:?}");
    assert!(!is_confirmed(&world, &world.alice).await);
    let options = alice.script(&path, &form).await;
    let signed = laptop.sign(&options.body["publicKey"]).to_string();
    let form = [form[0], ("assertion", signed.as_str())];
    assert_eq!(alice.post(&path, &form).await.status, 303);
    assert!(is_confirmed(&world, &world.alice).await);
    let again = alice.post(&path, &form).await;
    assert_eq!(again.status, 404, "{again:?}");

    assert_eq!(world.approve(&approval).await.status, 200);
    // What stands above `write` is signed itself, whatever was confirmed.
    let order = hold(&world).await;
    world
        .approve(&order)
        .await
        .is_problem(401, "user-unverified");

    clock.pass(TOKEN_CONFIRMED_LIFE);
    let approval = hold_write(&world, 8).await;
    world
        .approve(&approval)
        .await
        .is_problem(401, "token-unconfirmed");
    let denied = world
        .decide(&world.alice, &approval, json!({"decision": "deny"}))
        .await;
    assert_eq!(denied.status, 200, "a no takes nothing: {denied:?}");
    let entries = world.entries("operator").await;
    let confirmed = entries
        .iter()
        .filter(|one| one["state"] == "token-confirmed");
    assert_eq!(confirmed.count(), 1);
}

#[tokio::test]
async fn signing_out_everywhere_voids_what_was_confirmed_or_asked() {
    let world = World::new().await;
    let mut laptop = enrol(&world, "alice").await;
    ask(&world, &world.alice).await;
    let alice = Browser::enter(&world, &world.alice).await;
    let path = action(&alice.get("/confirm").await.text);
    let seal = alice.seal().await;
    let options = alice.script(&path, &[("seal", &seal)]).await;
    let signed = laptop.sign(&options.body["publicKey"]).to_string();
    let form = [("seal", seal.as_str()), ("assertion", signed.as_str())];
    assert_eq!(alice.post(&path, &form).await.status, 303);
    assert!(is_confirmed(&world, &world.alice).await);
    ask(&world, &world.alice).await;
    alice.post("/me/sign-out", &[("seal", &seal)]).await;
    assert!(!is_confirmed(&world, &world.alice).await);
    let later = Browser::enter(&world, &world.alice).await;
    assert!(later.get("/confirm").await.text.contains("Nothing waits."));
}

#[tokio::test]
async fn whoever_has_nothing_better_than_a_token_is_not_asked_for_it() {
    let world = World::new().await;
    let approval = hold_write(&world, 7).await;
    assert_eq!(world.approve(&approval).await.status, 200);
}

#[tokio::test]
async fn a_visit_that_a_token_opened_approves_nothing_where_there_is_something_better() {
    let world = World::new().await;
    enrol(&world, "alice").await;
    let approval = hold_write(&world, 7).await;
    let alice = Browser::enter(&world, &world.alice).await;
    let page = alice.get(&format!("/requests/{approval}")).await.text;
    let fields = ["seal", "version", "digest", "mark"]
        .map(|name| (name, super::console::field(&page, name)));
    let mut form: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    form.extend([("decision", "approve"), ("uses", "1")]);
    let path = format!("/requests/{approval}/decision");
    let decided = alice.post(&path, &form).await;
    assert_eq!(decided.status, 403, "{decided:?}");
    assert!(
        decided.text.contains("signed in with a token"),
        "{decided:?}"
    );
}
