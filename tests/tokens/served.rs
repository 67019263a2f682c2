//! Agents that prove themselves with tokens, over HTTP and both generations of MCP.

use std::sync::Arc;

use countersign::ambient::Ambient;
use countersign::api;
use countersign::authn::jwt::Issuers;
use countersign::mcp::upstream::Runner;
use countersign::model::json;
use serde_json::{Value, json};

use crate::guarded::server::Server;
use crate::guarded::wire::Wire;
use crate::guarded::{Guarded, http};
use crate::issuer::{NAME, Place, Signer, claims, key_set};

const MANIFEST: &str = r#"
version: 1
agent: support-agent
owner: team
credentials:
  jwt: {issuer: "https://idp.example.com", audience: countersign, subject: support-agent}
tools: [{tool: crm/read, privilege: read}]
"#;

struct World {
    server: Server,
    guarded: Guarded,
    signer: Signer,
    place: Place,
    /// Where `/v1` is served.
    api: String,
    client: reqwest::Client,
}

impl World {
    async fn new() -> Self {
        let signer = Signer::new("one", "ES256");
        let place = Place::open(&key_set(&[&signer])).await;
        let issuers = Issuers::new([place.spec(NAME)]);
        let server = Server::start(&["read"]).await;
        let behind = [("crm", http(&server.url))];
        let guarded = Guarded::start_with(MANIFEST, &behind, false, issuers.clone()).await;
        let edge = &guarded.edge;
        let runner = Runner::new(edge.upstreams.clone(), Arc::clone(&edge.listing));
        let router = api::agents::router(Arc::clone(&guarded.guard), Arc::new(runner), issuers);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        // Ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            server,
            guarded,
            signer,
            place,
            api,
            client: countersign::outbound::build(true).unwrap(),
        }
    }

    fn claims(&self) -> Value {
        claims(Ambient::system().now().millis() / 1_000)
    }

    fn token(&self) -> String {
        self.signer.token(&self.claims())
    }

    /// The status and body of a call over HTTP.
    async fn ask(&self, token: &str) -> (u16, Value) {
        let body = json!({"mode": "proxy", "tool": "crm/read", "arguments": {}});
        let request = self.client.post(format!("{}/v1/calls", self.api));
        let request = request
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(body.to_string());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (
            status,
            json::parse(&response.bytes().await.unwrap()).unwrap(),
        )
    }

    fn wire(&self, token: &str) -> Wire {
        Wire::new(&self.guarded.url(Some("crm")), token)
    }

    async fn entries(&self, kind: &str) -> Vec<Value> {
        let entries = self.guarded.guard.entries(0, 10_000).await.unwrap();
        let bodies = entries
            .iter()
            .map(|entry| json::parse(&entry.body).unwrap());
        bodies.filter(|body| body["kind"] == kind).collect()
    }
}

#[tokio::test]
async fn a_token_serves_over_http_and_both_generations_of_mcp() {
    let world = World::new().await;
    let mut claims = world.claims();
    claims["sub"] = json!("ada@example.com");
    claims["act"] = json!({"sub": "support-agent"});
    let token = world.signer.token(&claims);
    let legacy = world.wire(&token).begin("2025-11-25").await;
    assert_eq!(legacy.call("read", json!({})).await.text(), "read done");
    let params = json!({"name": "read", "arguments": {}});
    let modern = world.wire(&token).ask_modern("tools/call", params).await;
    assert_eq!(modern.text(), "read done");
    let (status, body) = world.ask(&token).await;
    assert_eq!(status, 200, "{body}");
    let decisions = world.entries("decision").await;
    assert_eq!(decisions.len(), 3);
    for decision in &decisions {
        assert_eq!(decision["agent"], "support-agent");
        assert_eq!(decision["on_behalf_of"], "ada@example.com");
        assert_eq!(decision["decision"], "permit");
    }
    let issued = world.entries("agent").await;
    let met: Vec<&Value> = issued.iter().filter(|one| one["issuer"] == NAME).collect();
    assert_eq!(met.len(), 1, "one identity however many tokens: {issued:?}");
    assert_eq!(met[0]["subject"], "support-agent");
    assert_eq!(met[0]["credential"], decisions[0]["credential"]);
    for heard in world.server.calls() {
        assert!(heard.headers.get("authorization").is_none(), "{heard:?}");
    }
}

#[tokio::test]
async fn a_newer_token_of_the_same_identity_goes_on_in_the_same_session() {
    let world = World::new().await;
    for number in 0..3 {
        let mut claims = world.claims();
        claims["jti"] = json!(number.to_string());
        assert_eq!(world.ask(&world.signer.token(&claims)).await.0, 200);
    }
    let decisions = world.entries("decision").await;
    assert_eq!(decisions.len(), 3);
    assert_eq!(decisions[0]["session"], decisions[2]["session"]);
}

#[tokio::test]
async fn each_refusal_has_its_code_and_changes_nothing_but_a_folded_record() {
    let world = World::new().await;
    let now = Ambient::system().now().millis() / 1_000;
    let token = |member: &str, value: Value| {
        let mut claims = world.claims();
        claims[member] = value;
        world.signer.token(&claims)
    };
    let mut early = world.token();
    early.replace_range(early.len() - 4.., "AAAA");
    let stranger = Signer::new("two", "ES256");
    let mut own_key = world.signer.header();
    own_key["jwk"] = stranger.jwk();
    let cases = [
        ("token-malformed", "a.b.c".to_owned()),
        (
            "token-header",
            stranger.token_of(&own_key.to_string(), &world.claims().to_string()),
        ),
        (
            "token-issuer",
            token("iss", json!("https://other.example.com")),
        ),
        ("token-key", stranger.token(&world.claims())),
        ("token-signature", early),
        ("token-claims", token("sub", json!(1))),
        ("token-bound", token("cnf", json!({"jkt": "x"}))),
        ("credential-expired", token("exp", json!(now - 60))),
        ("token-early", token("nbf", json!(now + 60))),
        ("token-audience", token("aud", json!("somebody-else"))),
        ("token-unmapped", token("sub", json!("another-agent"))),
    ];
    for (code, token) in &cases {
        for _ in 0..5 {
            let (status, body) = world.ask(token).await;
            assert_eq!((status, &body["code"]), (401, &json!(code)), "{body}");
        }
        let came = world.wire(token).ask("initialize", json!({})).await;
        assert_eq!(came.status, 401);
        let challenge = came.headers["www-authenticate"].to_str().unwrap();
        let metadata = format!(
            r#"resource_metadata="{}/.well-known/oauth-protected-resource/mcp/crm""#,
            world.guarded.address
        );
        assert_eq!(
            challenge,
            format!(r#"Bearer error="invalid_token", {metadata}"#)
        );
    }
    let refusals = world.entries("refusal").await;
    let codes: Vec<&str> = refusals
        .iter()
        .map(|one| one["reason"].as_str().unwrap())
        .collect();
    let expected: Vec<&str> = cases.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, expected, "each was recorded once");
    let issued = world.entries("agent").await;
    assert!(
        issued.iter().all(|one| one["issuer"].is_null()),
        "{issued:?}"
    );
    let text = format!("{refusals:?}");
    for secret in ["other.example.com", "another-agent", "somebody-else"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_the_guards_trouble_and_floods_no_record() {
    let world = World::new().await;
    world.place.answer(503, "");
    let token = world.token();
    for _ in 0..10 {
        let (status, body) = world.ask(&token).await;
        assert_eq!((status, &body["code"]), (503, &json!("issuer-unavailable")));
    }
    assert_eq!(world.entries("refusal").await.len(), 1);
    assert_eq!(world.place.asked(), 1);
}

#[tokio::test]
async fn a_manifest_that_takes_tokens_takes_no_key_and_the_reverse() {
    let world = World::new().await;
    let (status, body) = world.ask(&world.guarded.key).await;
    assert_eq!((status, &body["code"]), (401, &json!("credential-kind")));
    // Where no issuer is configured a token is an unknown key, and nothing points anywhere.
    let behind = [("crm", http(&world.server.url))];
    let plain = Guarded::start(MANIFEST, &behind, false).await;
    let wire = Wire::new(&plain.url(Some("crm")), &world.token());
    let came = wire.ask("initialize", json!({})).await;
    assert_eq!(came.status, 401);
    assert_eq!(came.headers["www-authenticate"], "Bearer");
    let url = format!("{}/.well-known/oauth-protected-resource", plain.address);
    let metadata = world.client.get(url).send().await.unwrap();
    assert_eq!(metadata.status(), 404);
}

#[tokio::test]
async fn the_metadata_names_the_issuers_of_each_endpoint() {
    let world = World::new().await;
    let address = &world.guarded.address;
    for (path, status) in [
        ("", 200),
        ("/mcp", 200),
        ("/mcp/crm", 200),
        ("/mcp/nobody", 404),
        ("/v1", 404),
    ] {
        let url = format!("{address}/.well-known/oauth-protected-resource{path}");
        let came = world.client.get(&url).send().await.unwrap();
        assert_eq!(came.status(), status, "{path}");
        if status == 200 {
            let body = json::parse(&came.bytes().await.unwrap()).unwrap();
            assert_eq!(body["resource"], format!("{address}{path}"));
            assert_eq!(body["authorization_servers"], json!([NAME]));
            assert_eq!(body["bearer_methods_supported"], json!(["header"]));
        }
    }
    // Without a credential there is no error to tell, only where to go.
    let came = world
        .wire("x")
        .without("authorization")
        .ask("initialize", json!({}))
        .await;
    let challenge = came.headers["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.starts_with("Bearer resource_metadata="),
        "{challenge}"
    );
    // Of a foreign name nothing is said.
    let url = format!("{address}/.well-known/oauth-protected-resource");
    let foreign = world.client.get(url).header("host", "evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), 404);
}
