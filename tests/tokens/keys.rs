//! Where an issuer's keys come from, how often they are looked at, and how long they are believed.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use countersign::authn::jwt::{IssuerSpec, Issuers, KeySource, TokenFault, TokenType};
use serde_json::{Value, json};

use crate::issuer::{House, NAME, NOW, Place, Signer, claims, key_set};

/// Claims that hold however far the test moves the clock.
fn lasting() -> Value {
    let mut claims = claims(NOW);
    claims["exp"] = json!(NOW + 100_000);
    claims
}

#[tokio::test]
async fn keys_are_read_once_for_many_tokens() {
    let house = House::new().await;
    for _ in 0..20 {
        house.verify(&house.signer.token(&lasting())).await.unwrap();
    }
    assert_eq!(house.place.asked(), 1);
}

#[tokio::test]
async fn an_unknown_name_is_one_look_a_minute_and_no_more() {
    let house = House::new().await;
    house.verify(&house.signer.token(&lasting())).await.unwrap();
    for number in 0..20 {
        let stranger = Signer::new(&format!("stranger-{number}"), "EdDSA");
        let fault = house.verify(&stranger.token(&lasting())).await;
        assert_eq!(fault, Err(TokenFault::Key));
    }
    assert_eq!(house.place.asked(), 1, "the minute has not passed");
    house.clock.pass(Duration::from_secs(60));
    for number in 0..20 {
        let stranger = Signer::new(&format!("stranger-{number}"), "EdDSA");
        assert!(house.verify(&stranger.token(&lasting())).await.is_err());
    }
    assert_eq!(house.place.asked(), 2);
}

#[tokio::test]
async fn requests_at_once_share_one_look() {
    let house = House::new().await;
    let token = house.signer.token(&lasting());
    let all = (0..50).map(|_| house.verify(&token));
    for verified in futures_util::future::join_all(all).await {
        verified.unwrap();
    }
    assert_eq!(house.place.asked(), 1);
}

#[tokio::test]
async fn keys_change_hands_within_a_minute_and_an_old_one_is_forgotten() {
    let house = House::new().await;
    let (old, new) = (house.signer.token(&lasting()), Signer::new("two", "ES256"));
    house.verify(&old).await.unwrap();
    house.place.answer(200, &key_set(&[&new]));
    house.clock.pass(Duration::from_secs(61));
    house.verify(&new.token(&lasting())).await.unwrap();
    assert_eq!(house.verify(&old).await, Err(TokenFault::Key));
    // Without a token of the new key the old one is believed until its keys are five minutes old.
    house.place.answer(200, &key_set(&[&house.signer]));
    house.clock.pass(Duration::from_secs(299));
    house.verify(&new.token(&lasting())).await.unwrap();
    house.clock.pass(Duration::from_secs(2));
    let fault = house.verify(&new.token(&lasting())).await;
    assert_eq!(fault, Err(TokenFault::Key));
}

#[tokio::test]
async fn an_issuer_that_is_down_is_believed_for_an_hour_and_then_no_more() {
    let house = House::new().await;
    let token = house.signer.token(&lasting());
    house.verify(&token).await.unwrap();
    house.place.answer(500, "");
    for _ in 0..59 {
        house.clock.pass(Duration::from_secs(61));
        house.verify(&token).await.unwrap();
    }
    house.clock.pass(Duration::from_secs(61));
    let fault = house.verify(&token).await;
    assert_eq!(fault, Err(TokenFault::KeysUnavailable));
    house.place.answer(200, &key_set(&[&house.signer]));
    house.clock.pass(Duration::from_secs(61));
    house.verify(&token).await.unwrap();
}

#[tokio::test]
async fn what_is_no_acceptable_set_of_keys_changes_nothing() {
    let good = Signer::new("one", "ES256");
    let elsewhere = Place::open(&key_set(&[&good])).await;
    let (house, token) = (House::with(good).await, |house: &House| {
        house.signer.token(&lasting())
    });
    let mut twice = key_set(&[&house.signer]);
    twice.insert_str(1, r#""keys":[],"#);
    let big = format!("{}{}", key_set(&[&house.signer]), " ".repeat(64 * 1_024));
    let many: Vec<Value> = (0..101).map(|_| house.signer.jwk()).collect();
    for (status, body) in [
        (404, key_set(&[&house.signer])),
        (201, key_set(&[&house.signer])),
        (200, String::new()),
        (200, "{}".to_owned()),
        (200, json!({"keys": {}}).to_string()),
        (200, json!({ "keys": many }).to_string()),
        (200, twice),
        (200, big),
    ] {
        house.place.answer(status, &body);
        house.clock.pass(Duration::from_secs(60));
        let fault = house.verify(&token(&house)).await;
        assert_eq!(
            fault,
            Err(TokenFault::KeysUnavailable),
            "{status} {body:.80}"
        );
    }
    house.place.redirect(&elsewhere.url);
    house.clock.pass(Duration::from_secs(60));
    let fault = house.verify(&token(&house)).await;
    assert_eq!(fault, Err(TokenFault::KeysUnavailable));
    assert_eq!(elsewhere.asked(), 0, "a redirect was followed");
}

#[tokio::test]
async fn a_key_of_no_use_or_of_two_readings_verifies_nothing() {
    let (signer, other) = (Signer::new("one", "ES256"), Signer::new("other", "ES256"));
    let rsa = Signer::new("one", "RS256");
    let jwk = |signer: &Signer, member: &str, value: Value| {
        let mut jwk = signer.jwk();
        match value {
            Value::Null => drop(jwk.as_object_mut().unwrap().remove(member)),
            value => jwk[member] = value,
        }
        jwk
    };
    for (by, keys) in [
        (&signer, vec![jwk(&signer, "use", json!("enc"))]),
        (&signer, vec![jwk(&signer, "key_ops", json!(["sign"]))]),
        (&signer, vec![jwk(&signer, "alg", json!("ES384"))]),
        (&signer, vec![jwk(&signer, "alg", json!("HS256"))]),
        (&signer, vec![jwk(&signer, "alg", json!(1))]),
        (&signer, vec![jwk(&signer, "kty", json!("oct"))]),
        (&signer, vec![jwk(&signer, "crv", json!("P-521"))]),
        (&signer, vec![jwk(&signer, "x", json!("AAAA"))]),
        (&signer, vec![jwk(&signer, "y", json!("A".repeat(43)))]),
        (&signer, vec![jwk(&signer, "d", json!("AAAA"))]),
        (&signer, vec![jwk(&signer, "kid", Value::Null)]),
        (
            &signer,
            vec![signer.jwk(), jwk(&other, "kid", json!("one"))],
        ),
        (
            &signer,
            vec![json!({"kty": "oct", "kid": "one", "k": "AAAA", "alg": "HS256"})],
        ),
        (&rsa, vec![jwk(&rsa, "n", json!("A".repeat(128)))]),
        (&rsa, vec![jwk(&rsa, "alg", json!("PS256"))]),
    ] {
        let house = House::new().await;
        // One that is good beside it keeps the set from being empty.
        let mut keys = keys;
        keys.push(Signer::new("spare", "EdDSA").jwk());
        house
            .place
            .answer(200, &json!({ "keys": keys }).to_string());
        let fault = house.verify(&by.token(&lasting())).await;
        assert!(
            matches!(fault, Err(TokenFault::Key | TokenFault::Signature)),
            "{keys:?} {fault:?}"
        );
    }
}

#[tokio::test]
async fn an_rsa_key_that_names_no_algorithm_signs_by_rs256() {
    let house = House::with(Signer::new("one", "RS256")).await;
    let mut jwk = house.signer.jwk();
    jwk.as_object_mut().unwrap().remove("alg");
    house.place.answer(200, &json!({"keys": [jwk]}).to_string());
    house.verify(&house.signer.token(&lasting())).await.unwrap();
}

#[test]
fn keys_come_over_https_or_from_this_machine_by_an_open_word() {
    let accepts = |url: &str, private, plain| KeySource::address(url, private, plain).is_ok();
    assert!(accepts("https://idp.example.com/keys", false, false));
    assert!(accepts("http://127.0.0.1:1/keys", false, true));
    assert!(accepts("http://[::1]:1/keys", false, true));
    assert!(!accepts("http://127.0.0.1:1/keys", true, false));
    assert!(!accepts("http://idp.example.com/keys", true, true));
    assert!(!accepts("http://localhost.example.com/keys", true, true));
    assert!(!accepts("https://u:p@idp.example.com/keys", true, true));
    assert!(!accepts("https://idp.example.com/keys#x", true, true));
    assert!(!accepts("file:///etc/keys", true, true));
    assert!(!accepts("keys", true, true));
}

#[tokio::test]
async fn a_file_of_keys_is_read_anew_and_nobody_else_may_write_to_it() {
    let house = House::new().await;
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("keys.json");
    let issuers = Issuers::new([IssuerSpec {
        name: NAME.to_owned(),
        keys: KeySource::file(path.clone()),
        typ: TokenType::Access,
    }]);
    let token = house.signer.token(&lasting());
    let verify = || issuers.verify(&token, &house.ambient);
    assert_eq!(verify().await, Err(TokenFault::KeysUnavailable));
    std::fs::write(&path, key_set(&[&house.signer])).unwrap();
    let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o666);
    house.clock.pass(Duration::from_secs(60));
    assert_eq!(verify().await, Err(TokenFault::KeysUnavailable));
    mode(0o644);
    house.clock.pass(Duration::from_secs(60));
    verify().await.unwrap();
}
