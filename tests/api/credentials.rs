//! Two listeners, two kinds of credential, and neither is anything on the other's.

use std::net::SocketAddr;

use countersign::api::{Route, agents, operators, peps};
use reqwest::Method;

use super::world::{World, send};

/// A path that the route answers, with names of the right form in its braces.
pub(crate) fn example(route: &Route) -> String {
    let absent = match route.path {
        path if path.starts_with("/v1/calls") => "call_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        path if path.starts_with("/v1/sessions") => "se_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        path if path.starts_with("/v1/approvals") => "ap_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        path if path.starts_with("/v1/reviews") => "rv_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        path if path.starts_with("/v1/grants") => "gr_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        _ => "cr_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    let query = match route.path {
        "/v1/pins/diff" => "?server=shop&kind=tool&name=find",
        "/v1/pins/lock" => "?server=shop",
        _ => "",
    };
    let path = route.path.replace("{id}", absent);
    path.replace("{name}", "clerk") + query
}

async fn refuses(world: &World, at: SocketAddr, route: &Route, bearer: Option<&str>, code: &str) {
    let method: Method = route.method.parse().unwrap();
    let request = world.request(at, method, &example(route));
    let request = match bearer {
        Some(bearer) => request.bearer_auth(bearer),
        None => request,
    };
    let answer = send(request).await;
    assert_eq!(answer.status, 401, "{route:?}: {answer:?}");
    answer.is_problem(401, code);
    let challenge = answer.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("Bearer"), "{challenge}");
}

#[tokio::test]
async fn every_agent_credential_is_refused_on_every_operator_route() {
    let world = World::new().await;
    for route in operators::routes().iter().filter(|route| !route.open) {
        refuses(
            &world,
            world.operators,
            route,
            Some(&world.clerk),
            "credential-unknown",
        )
        .await;
        refuses(&world, world.operators, route, None, "credential-missing").await;
    }
}

#[tokio::test]
async fn every_operator_token_is_refused_on_every_agent_route() {
    let world = World::new().await;
    for route in agents::routes().iter().filter(|route| !route.open) {
        refuses(
            &world,
            world.agents,
            route,
            Some(&world.alice),
            "credential-unknown",
        )
        .await;
        refuses(&world, world.agents, route, None, "credential-missing").await;
    }
}

#[tokio::test]
async fn permits_take_an_enforcement_points_key_alone_and_nothing_else_takes_it() {
    let world = World::new().await;
    for route in peps::routes() {
        for bearer in [&world.clerk, &world.alice] {
            refuses(
                &world,
                world.agents,
                &route,
                Some(bearer),
                "credential-unknown",
            )
            .await;
        }
        refuses(&world, world.agents, &route, None, "credential-missing").await;
    }
    for (routes, at) in [
        (agents::routes(), world.agents),
        (operators::routes(), world.operators),
    ] {
        for route in routes.iter().filter(|route| !route.open) {
            refuses(&world, at, route, Some(&world.pep), "credential-unknown").await;
        }
    }
}

#[tokio::test]
async fn only_health_and_the_document_are_open() {
    let expected = ["/healthz", "/readyz", "/v1/openapi.json"];
    for routes in [agents::routes(), operators::routes()] {
        let mut open: Vec<&str> = routes
            .iter()
            .filter(|route| route.open)
            .map(|route| route.path)
            .collect();
        open.sort_unstable();
        assert_eq!(open, expected);
    }
    let world = World::new().await;
    for at in [world.agents, world.operators] {
        for path in expected {
            assert_eq!(
                send(world.request(at, Method::GET, path)).await.status,
                200,
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn no_get_changes_state() {
    let world = World::new().await;
    let before = world.guard.entries(1, 10_000).await.unwrap().len();
    for (routes, at, bearer) in [
        (agents::routes(), world.agents, &world.clerk),
        (operators::routes(), world.operators, &world.alice),
    ] {
        for route in routes.iter().filter(|route| route.method == "GET") {
            let request = world
                .request(at, Method::GET, &example(route))
                .bearer_auth(bearer);
            let answer = send(request).await;
            assert!(matches!(answer.status, 200 | 404), "{route:?}: {answer:?}");
        }
    }
    assert_eq!(world.guard.entries(1, 10_000).await.unwrap().len(), before);
}

#[tokio::test]
async fn a_revoked_key_is_refused_and_recorded() {
    let world = World::new().await;
    let keys = send(world.operator(Method::GET, "/v1/agents/clerk/keys")).await;
    let id = keys.body["keys"][0]["id"].as_str().unwrap().to_owned();
    assert!(!keys.text.contains("csk_"), "a list shows secrets");
    let foreign = format!("/v1/agents/neighbour/keys/{id}");
    send(world.operator(Method::DELETE, &foreign))
        .await
        .is_problem(404, "not-found");
    let path = format!("/v1/agents/clerk/keys/{id}");
    assert_eq!(
        send(world.operator(Method::DELETE, &path)).await.status,
        200
    );
    send(world.agent(Method::GET, "/v1/sessions"))
        .await
        .is_problem(401, "credential-revoked");
    let refusals = world.entries("refusal").await;
    assert!(
        refusals
            .iter()
            .any(|entry| entry["reason"] == "credential-revoked" && entry["agent"] == "clerk")
    );
}

#[tokio::test]
async fn an_issued_key_is_shown_once_and_works() {
    let world = World::new().await;
    let issued = send(world.operator(Method::POST, "/v1/agents/clerk/keys")).await;
    assert_eq!(issued.status, 201, "{issued:?}");
    let secret = issued.text("secret");
    let request = world.request(world.agents, Method::GET, "/v1/sessions");
    assert_eq!(send(request.bearer_auth(secret)).await.status, 200);
}
