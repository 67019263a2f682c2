//! Secrets among the arguments: passed on, and shown to nobody.

use reqwest::Method;
use serde_json::json;

use super::console::Browser;
use super::world::{World, send};

const PIN: &str = "4711-0815-xyzzy";

#[tokio::test]
async fn a_secret_is_shown_to_nobody_and_reaches_the_upstream_once_approved() {
    let world = World::new().await;
    let order = json!({"amount": 500, "pin": PIN});
    let held = send(world.ask("shop/order", &order)).await;
    assert_eq!(held.status, 202, "{held:?}");
    assert!(!held.text.contains(PIN));
    let id = held.text("approval_id");

    let one = send(world.operator(Method::GET, &format!("/v1/approvals/{id}"))).await;
    assert_eq!(one.body["secrets"], json!(["/pin"]));
    let note = "[hidden: a text of 9 to 16 characters]";
    assert_eq!(one.body["arguments"], json!({"amount": 500, "pin": note}));
    let browser = Browser::enter(&world, &world.alice).await;
    let page = browser.get(&format!("/requests/{id}")).await;
    assert!(page.text.contains("hidden: "), "{}", page.text);
    let list = send(world.operator(Method::GET, "/v1/approvals")).await;
    let record = send(world.operator(Method::GET, "/v1/audit/entries")).await;
    for shown in [&one, &page, &list, &record] {
        assert!(!shown.text.contains(PIN), "{}", shown.text);
    }

    world.approve(&id).await;
    let ran = send(world.ask("shop/order", &order)).await;
    assert_eq!(ran.status, 200, "{ran:?}");
    let ran = world.shop.ran();
    assert!(
        ran.iter().any(|call| call.to_string().contains(PIN)),
        "{ran:?}"
    );
}
