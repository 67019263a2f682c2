//! `serve` with an issuer: a token is an agent's proof, and its identity can be revoked and readmitted.

use countersign::ambient::Ambient;
use serde_json::{Value, json};

use super::agent::call;
use super::house::{House, MANIFEST};
use super::issuer::{NAME, Signer, claims, key_set};
use super::receivers::Receiver;

#[test]
fn an_agent_comes_with_a_token_and_an_operator_revokes_and_readmits_it() {
    let house = House::new();
    let signer = Signer::new("one", "ES256");
    house.write("keys.json", &key_set(&[&signer]));
    let config = std::fs::read_to_string(house.path("countersign.yaml")).unwrap();
    let issuers = format!("issuers:\n  {NAME}: {{jwks_file: keys.json, typ: jwt}}\n");
    house.write("countersign.yaml", &format!("{config}{issuers}"));
    let rule = format!("jwt: {{issuer: \"{NAME}\", audience: countersign, subject: clerk}}");
    let manifest = MANIFEST.replace("api_key: true", &rule);
    house.write("scopes/clerk.yaml", &manifest);
    house.write(
        "scopes/other.yaml",
        "version: 1\nagent: other\ncredentials: {jwt: {issuer: nobody, audience: u, subject: s}}\n",
    );
    house.operator();
    let serving = house.serve();
    let told = std::fs::read_to_string(house.path("serve.log")).unwrap();
    assert!(told.contains("typ: jwt: every token of"), "{told}");
    let url = house.agents_url();
    let token = || {
        let mut claims = claims(Ambient::system().now().millis() / 1_000);
        claims["sub"] = json!("clerk");
        let mut header = signer.header();
        header["typ"] = json!("JWT");
        signer.token_of(&header.to_string(), &claims.to_string())
    };
    let look = || call(&url, &token(), "till/look", json!({}));
    let (status, body) = look();
    assert_eq!(status, 200, "{body}");

    house.ends(0, &["agents", "revoke", "clerk"]);
    let (status, body) = look();
    assert_eq!((status, &body["code"]), (401, &json!("credential-revoked")));
    let agents = house.json(&["agents", "ls"]);
    let clerk = agents["agents"].as_array().unwrap();
    let clerk = clerk.iter().find(|agent| agent["name"] == "clerk").unwrap();
    let kinds: Vec<&Value> = clerk["credentials"].as_array().unwrap().iter().collect();
    assert_eq!(kinds.len(), 1);
    assert_eq!(kinds[0]["kind"], "jwt");
    let id = kinds[0]["id"].as_str().unwrap();
    house.ends(3, &["agents", "readmit", "other", id]);
    house.ends(2, &["agents", "readmit", "clerk", "../pause"]);
    house.ends(0, &["agents", "readmit", "clerk", id]);
    house.ends(3, &["agents", "readmit", "clerk", id]);
    assert_eq!(look().0, 200);
    let told = std::fs::read_to_string(house.path("serve.log")).unwrap();
    assert!(
        told.contains("other cannot prove itself by tokens of nobody"),
        "{told}"
    );
    assert_eq!(serving.stop(), Some(0));
    house.ends(0, &["audit", "verify"]);
}

#[test]
fn keys_come_over_tls_from_whom_the_systems_authorities_vouch_for_and_from_nobody_else() {
    let house = House::new();
    let signer = Signer::new("one", "ES256");
    let keyring = Receiver::of_askers(&key_set(&[&signer]));
    let stranger = Receiver::of_askers("{}");
    let config = std::fs::read_to_string(house.path("countersign.yaml")).unwrap();
    let jwks = format!("https://localhost:{}/keys", keyring.port());
    let issuers = format!("issuers:\n  {NAME}: {{jwks: '{jwks}', allow_private: true}}\n");
    house.write("countersign.yaml", &format!("{config}{issuers}"));
    let rule =
        format!("jwt: {{issuer: \"{NAME}\", audience: countersign, subject: support-agent}}");
    house.write(
        "scopes/clerk.yaml",
        &MANIFEST.replace("api_key: true", &rule),
    );
    let token = signer.token(&claims(Ambient::system().now().millis() / 1_000));
    let look = || call(&house.agents_url(), &token, "till/look", json!({}));

    let serving = house.serve_trusting(&stranger.authority());
    let (status, body) = look();
    assert_eq!((status, &body["code"]), (503, &json!("issuer-unavailable")));
    assert_eq!(serving.stop(), Some(0));
    assert!(keyring.received().is_empty(), "nothing was asked of it");

    let serving = house.serve_trusting(&keyring.authority());
    let (status, body) = look();
    assert_eq!(status, 200, "{body}");
    assert_eq!(serving.stop(), Some(0));
    assert_eq!(keyring.received(), [json!({"path": "/keys"})]);
}
