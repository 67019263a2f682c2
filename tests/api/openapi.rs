//! The document and the routers say the same.

use std::collections::BTreeSet;

use countersign::api::{DOCUMENT, Route, agents, operators};
use reqwest::Method;
use serde_json::Value;

use super::credentials::example;
use super::world::{World, send};

/// Every operation of the document that one listener serves, as method and path.
fn documented(document: &Value, listener: &str) -> BTreeSet<(String, String)> {
    let mut operations = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let tags = operation["tags"].as_array().unwrap();
            assert!(!tags.is_empty(), "{method} {path} is served nowhere");
            if tags.iter().any(|tag| tag == listener) {
                operations.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    operations
}

fn served(routes: &[Route]) -> BTreeSet<(String, String)> {
    let pairs = routes
        .iter()
        .map(|route| (route.method.to_owned(), route.path.to_owned()));
    pairs.collect()
}

#[test]
fn every_route_is_documented_and_every_documented_path_is_a_route() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(documented(&document, "agents"), served(&agents::routes()));
    assert_eq!(
        documented(&document, "operators"),
        served(&operators::routes())
    );
}

#[test]
fn every_operation_asks_for_the_credential_that_its_route_does() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    for (listener, scheme, routes) in [
        ("agents", "agent", agents::routes()),
        ("operators", "operator", operators::routes()),
    ] {
        for route in routes {
            let operation = &document["paths"][route.path][route.method.to_lowercase()];
            let schemes = operation["security"].as_array().unwrap();
            let asks = schemes.iter().any(|one| one.get(scheme).is_some());
            assert_eq!(asks, !route.open, "{listener}: {route:?}");
        }
    }
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    fn check(document: &Value, value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                members.values().for_each(|value| check(document, value));
            }
            Value::Array(items) => items.iter().for_each(|value| check(document, value)),
            _ => {}
        }
    }
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    check(&document, &document);
}

#[tokio::test]
async fn every_documented_path_answers_on_its_listener() {
    let world = World::new().await;
    for (routes, at) in [
        (agents::routes(), world.agents),
        (operators::routes(), world.operators),
    ] {
        for route in routes {
            let method: Method = route.method.parse().unwrap();
            let answer = send(world.request(at, method, &example(&route))).await;
            assert!(!matches!(answer.status, 404 | 405), "{route:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn both_listeners_give_the_document() {
    let world = World::new().await;
    for at in [world.agents, world.operators] {
        let given = send(world.request(at, Method::GET, "/v1/openapi.json")).await;
        assert_eq!(given.text, DOCUMENT);
    }
}
