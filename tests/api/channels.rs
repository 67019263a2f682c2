//! Channels as operators see them: on their listener, on the console, and in a monitor's figures.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::model::name::ChannelName;
use countersign::model::tier::Tier;
use countersign::notify::{self, Channel, Desk, NoticeSigner, Route, Shape, Way, Webhook};
use reqwest::Method;
use serde_json::json;

use super::console::Browser;
use super::receiver::Receiver;
use super::world::{World, send};

fn channel(receiver: &Receiver) -> Channel {
    let webhook = Webhook::new(&receiver.url, None, Shape::Generic, true).unwrap();
    Channel {
        name: ChannelName::parse("ops").unwrap(),
        way: Way::Webhook(Box::new(webhook)),
        route: Route {
            groups: BTreeSet::new(),
            tiers: Tier::ALL.into_iter().collect(),
        },
        remind: None,
        escalate: Vec::new(),
    }
}

/// Has a world tell people by one channel.
pub(crate) async fn tell(world: &World, receiver: &Receiver) {
    let desk = Desk {
        console: format!("http://{}", world.operators).parse().unwrap(),
        signer: NoticeSigner::from_seed(&[5; 32]).unwrap(),
    };
    notify::start(&world.guard, vec![channel(receiver)], desk)
        .await
        .unwrap();
}

/// A world that tells people by one channel.
async fn telling(receiver: &Receiver) -> World {
    let world = World::new().await;
    tell(&world, receiver).await;
    let held = send(world.ask("shop/order", &json!({"amount": 500}))).await;
    assert_eq!(held.status, 202);
    receiver.receives(1).await;
    world
}

/// Waits until the channel is switched off, in bounded time.
async fn until_disabled(world: &World) {
    for _ in 0..500 {
        let is_off = |view: &countersign::guard::notices::ChannelView| view.disabled.is_some();
        if world.guard.channels().iter().any(is_off) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the channel is still on");
}

#[tokio::test]
async fn operators_see_how_channels_stand_and_which_key_signs() {
    let receiver = Receiver::begin().await;
    receiver.answer([410]);
    let world = telling(&receiver).await;
    until_disabled(&world).await;
    let path = "/v1/channels";
    let listed = send(world.operator(Method::GET, path)).await.body;
    let key = listed["public_key"].as_str().unwrap();
    assert!(key.starts_with("whpk_"), "{key}");
    let ops = &listed["channels"][0];
    assert_eq!(
        (&ops["name"], &ops["how"]),
        (&json!("ops"), &json!("webhook"))
    );
    assert!(ops["disabled"].is_string(), "{ops}");
    assert_eq!(ops["counts"], json!({"disabled": 1}));
    let page = send(world.operator(Method::GET, "/metrics")).await.text;
    let row = "countersign_notifications_total{channel=\"ops\",outcome=\"disabled\"} 1";
    assert!(page.contains(row), "{page}");

    let enable = |name: &str| {
        let path = format!("/v1/channels/{name}/enable");
        send(world.operator(Method::POST, &path))
    };
    assert_eq!(enable("nobody").await.status, 404);
    assert_eq!(enable("%2e%2e").await.status, 404);
    assert_eq!(enable("ops").await.status, 204);
    receiver.receives(2).await;
    let listed = send(world.operator(Method::GET, path)).await.body;
    assert!(listed["channels"][0]["disabled"].is_null(), "{listed}");
}

#[tokio::test]
async fn the_console_shows_a_channel_that_is_off_and_switches_it_on() {
    let receiver = Receiver::begin().await;
    receiver.answer([410]);
    let world = telling(&receiver).await;
    until_disabled(&world).await;
    let alice = Browser::enter(&world, &world.alice).await;
    let page = alice.get("/channels").await.text;
    assert!(page.contains("off</span> since"), "{page}");
    let seal = alice.seal().await;
    let enabled = alice.post("/channels/ops/enable", &[("seal", &seal)]).await;
    assert_eq!(enabled.status, 303, "{enabled:?}");
    receiver.receives(2).await;
    let page = alice.get("/channels").await.text;
    assert!(
        page.contains("on</span>") && !page.contains("off</span>"),
        "{page}"
    );
}
