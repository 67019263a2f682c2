//! Tokens of an independent library, verified by the guard.

use std::process::Command;

use countersign::ambient::Ambient;
use countersign::authn::jwt::{Issuers, TokenFault};
use countersign::model::json;
use serde_json::Value;

use crate::issuer::{NAME, Place};
use crate::kit;

#[tokio::test]
async fn tokens_of_an_independent_library_verify_for_every_algorithm() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tokens/mint.py");
    let minted = Command::new(kit::python())
        .args([script, NAME, "countersign", "support-agent"])
        .output()
        .unwrap();
    assert!(minted.status.success(), "{minted:?}");
    let minted: Value = json::parse(&minted.stdout).unwrap();
    let place = Place::open(&minted["keys"].to_string()).await;
    let issuers = Issuers::new([place.spec(NAME)]);
    let ambient = Ambient::system();
    let mut verified = 0;
    for (algorithm, token) in minted["tokens"].as_object().unwrap() {
        let found = issuers.verify(token.as_str().unwrap(), &ambient).await;
        if ["HS256", "none"].contains(&algorithm.as_str()) {
            assert!(
                matches!(found, Err(TokenFault::Header(_) | TokenFault::Malformed(_))),
                "{algorithm}: {found:?}"
            );
            continue;
        }
        let token = found.unwrap_or_else(|fault| panic!("{algorithm}: {fault}"));
        assert_eq!(token.bearer(), "support-agent");
        assert_eq!(token.subject, "ada@example.com");
        verified += 1;
    }
    assert_eq!(verified, 6);
    assert_eq!(place.asked(), 1);
}
