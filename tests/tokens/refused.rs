//! What verifies and what does not, one fault at a time.

use aws_lc_rs::hmac;
use countersign::authn::jwt::{IssuerSpec, Issuers, TokenFault, TokenType};
use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::issuer::{House, NAME, NOW, Place, Signer, claims, key_set, message};

#[tokio::test]
async fn a_token_of_every_algorithm_verifies() {
    for algorithm in ["ES256", "ES384", "EdDSA", "RS256", "PS256"] {
        let house = House::with(Signer::new("one", algorithm)).await;
        let token = house
            .verify(&house.signer.token(&claims(NOW)))
            .await
            .unwrap_or_else(|fault| panic!("{algorithm}: {fault}"));
        assert_eq!(token.subject, "support-agent");
        assert_eq!(token.audiences, ["countersign"]);
        assert_eq!(token.until.millis(), (NOW + 330) * 1_000);
    }
}

#[tokio::test]
async fn the_algorithm_is_the_keys_and_never_the_tokens() {
    for (key, claimed) in [
        ("ES256", "RS256"),
        ("ES256", "ES384"),
        ("ES256", "EdDSA"),
        ("RS256", "PS256"),
        ("RS256", "RS512"),
        ("RS256", "ES256"),
        ("EdDSA", "ES256"),
    ] {
        let house = House::with(Signer::new("one", key)).await;
        let mut header = house.signer.header();
        header["alg"] = json!(claimed);
        let token = house
            .signer
            .token_of(&header.to_string(), &claims(NOW).to_string());
        assert_eq!(
            house.verify(&token).await,
            Err(TokenFault::Signature),
            "{key} {claimed}"
        );
    }
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret_and_no_signature_is_none() {
    let house = House::with(Signer::new("one", "RS256")).await;
    let jwk = house.signer.jwk();
    let text = claims(NOW).to_string();
    for name in ["HS256", "HS384", "HS512", "none", "None", "nOnE", ""] {
        let mut header = house.signer.header();
        header["alg"] = json!(name);
        let message = message(&header.to_string(), &text);
        let modulus = BASE64URL_NOPAD
            .decode(jwk["n"].as_str().unwrap().as_bytes())
            .unwrap();
        for secret in [modulus, jwk.to_string().into_bytes()] {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            let tag = BASE64URL_NOPAD.encode(hmac::sign(&key, message.as_bytes()).as_ref());
            let fault = house.verify(&format!("{message}.{tag}")).await;
            assert!(
                matches!(fault, Err(TokenFault::Header(_))),
                "{name} {fault:?}"
            );
        }
        let fault = house.verify(&format!("{message}.")).await;
        assert!(matches!(fault, Err(TokenFault::Malformed(_))), "{fault:?}");
    }
}

#[tokio::test]
async fn a_token_cannot_bring_the_key_that_judges_it() {
    let house = House::new().await;
    let own = Signer::new("one", "ES256");
    for (member, value) in [
        ("jku", json!(house.place.url)),
        ("jwk", own.jwk()),
        ("x5u", json!("https://evil.example")),
        ("x5c", json!(["MIIB"])),
        ("JWK", own.jwk()),
        ("jwk\u{0}", own.jwk()),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let mut header = own.header();
        header[member] = value;
        // Even one that the issuer itself signed.
        for signer in [&own, &house.signer] {
            let token = signer.token_of(&header.to_string(), &claims(NOW).to_string());
            let fault = house.verify(&token).await;
            assert!(
                matches!(fault, Err(TokenFault::Header(_) | TokenFault::Malformed(_))),
                "{member} {fault:?}"
            );
        }
    }
    assert_eq!(house.place.asked(), 0, "nothing was asked for such a token");
    assert_eq!(
        house.verify(&own.token(&claims(NOW))).await,
        Err(TokenFault::Signature)
    );
}

#[tokio::test]
async fn each_claim_that_must_be_there_is_missed() {
    let house = House::new().await;
    for claim in ["sub", "aud", "exp", "nbf"] {
        let mut claims = claims(NOW);
        claims.as_object_mut().unwrap().remove(claim);
        let fault = house.verify(&house.signer.token(&claims)).await;
        assert!(
            matches!(fault, Err(TokenFault::Claims(_))),
            "{claim} {fault:?}"
        );
    }
    let mut without = claims(NOW);
    without.as_object_mut().unwrap().remove("iss");
    let fault = house.verify(&house.signer.token(&without)).await;
    assert_eq!(fault, Err(TokenFault::Issuer));
    for (member, fault) in [("typ", "Type"), ("kid", "Header"), ("alg", "Header")] {
        let mut header = house.signer.header();
        header.as_object_mut().unwrap().remove(member);
        let token = house
            .signer
            .token_of(&header.to_string(), &claims(NOW).to_string());
        let found = house.verify(&token).await.unwrap_err();
        assert!(
            format!("{found:?}").starts_with(fault),
            "{member} {found:?}"
        );
    }
}

#[tokio::test]
async fn a_claim_of_another_kind_is_refused() {
    let house = House::new().await;
    for (claim, value) in [
        ("sub", json!("")),
        ("sub", json!(["support-agent"])),
        ("sub", json!("a\u{202e}b")),
        ("sub", json!("x".repeat(513))),
        ("aud", json!([])),
        ("aud", json!({"countersign": true})),
        ("aud", json!(["countersign", 1])),
        ("exp", json!("1900000000")),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("nbf", Value::Null),
        ("iat", json!(true)),
        ("Sub", json!("another")),
        ("act", json!({})),
        ("act", json!("another")),
        (
            "act",
            json!({"sub": "another", "iss": "https://other.example.com"}),
        ),
    ] {
        let mut claims = claims(NOW);
        claims[claim] = value.clone();
        let fault = house.verify(&house.signer.token(&claims)).await;
        assert!(
            matches!(fault, Err(TokenFault::Claims(_) | TokenFault::Malformed(_))),
            "{claim} {value} {fault:?}"
        );
    }
}

#[tokio::test]
async fn a_claim_or_header_member_that_stands_twice_is_refused() {
    let house = House::new().await;
    let (header, text) = (house.signer.header().to_string(), claims(NOW).to_string());
    let twice = |text: &str, member: &str| format!("{},{member}}}", text.trim_end_matches('}'));
    for (header, text) in [
        (header.clone(), twice(&text, r#""sub":"admin""#)),
        (header.clone(), twice(&text, r#""exp":9999999999"#)),
        (twice(&header, r#""kid":"one""#), text.clone()),
        (twice(&header, r#""alg":"none""#), text.clone()),
        (header.clone(), format!("[{text}]")),
        (header.clone(), format!("{text} {text}")),
    ] {
        let fault = house.verify(&house.signer.token_of(&header, &text)).await;
        assert!(
            matches!(fault, Err(TokenFault::Malformed(_))),
            "{text} {fault:?}"
        );
    }
}

#[tokio::test]
async fn a_bound_token_is_never_taken_as_a_plain_one() {
    let house = House::new().await;
    for cnf in [
        json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
        json!({}),
        Value::Null,
    ] {
        let mut claims = claims(NOW);
        claims["cnf"] = cnf;
        let fault = house.verify(&house.signer.token(&claims)).await;
        assert_eq!(fault, Err(TokenFault::Bound));
    }
}

#[tokio::test]
async fn times_hold_with_half_a_minute_of_leeway_and_no_more() {
    let house = House::new().await;
    for (claim, at, expected) in [
        ("exp", NOW - 29, None),
        ("exp", NOW - 30, Some(TokenFault::Expired)),
        ("exp", NOW - 3_600, Some(TokenFault::Expired)),
        ("nbf", NOW + 30, None),
        ("nbf", NOW + 31, Some(TokenFault::Early)),
        ("iat", NOW + 31, Some(TokenFault::Early)),
    ] {
        let mut claims = claims(NOW);
        claims[claim] = json!(at);
        let found = house.verify(&house.signer.token(&claims)).await;
        assert_eq!(found.err(), expected, "{claim} {at}");
    }
    // Parts of a second count against the token.
    let mut parts = claims(NOW);
    parts["exp"] = json!((NOW - 30) as f64 + 0.9);
    let found = house.verify(&house.signer.token(&parts)).await;
    assert_eq!(found.err(), Some(TokenFault::Expired));
    parts = claims(NOW);
    parts["nbf"] = json!((NOW + 30) as f64 + 0.1);
    let found = house.verify(&house.signer.token(&parts)).await;
    assert_eq!(found.err(), Some(TokenFault::Early));
}

#[tokio::test]
async fn only_the_type_of_access_tokens_is_taken_unless_the_configuration_says_so() {
    let house = House::new().await;
    let lax = Issuers::new([IssuerSpec {
        typ: TokenType::Any,
        ..house.place.spec(NAME)
    }]);
    for (typ, is_access, is_any) in [
        ("at+jwt", true, false),
        ("application/at+jwt", true, false),
        ("AT+JWT", true, false),
        ("JWT", false, true),
        ("secevent+jwt", false, false),
        ("dpop+jwt", false, false),
        ("at+jwt ", false, false),
    ] {
        let mut header = house.signer.header();
        header["typ"] = json!(typ);
        let token = house
            .signer
            .token_of(&header.to_string(), &claims(NOW).to_string());
        let strict = house.verify(&token).await.err();
        assert_eq!(strict, (!is_access).then_some(TokenFault::Type), "{typ}");
        let lax = lax.verify(&token, &house.ambient).await.err();
        assert_eq!(lax, (!is_any).then_some(TokenFault::Type), "{typ}");
    }
}

#[tokio::test]
async fn a_key_of_another_issuer_with_the_same_name_verifies_nothing_here() {
    let house = House::new().await;
    let other = Signer::new("one", "ES256");
    let place = Place::open(&key_set(&[&other])).await;
    let issuers = Issuers::new([
        house.place.spec(NAME),
        place.spec("https://other.example.com"),
    ]);
    let mut of_other = claims(NOW);
    of_other["iss"] = json!("https://other.example.com");
    let verify = |token: String| {
        let (issuers, ambient) = (issuers.clone(), house.ambient.clone());
        async move { issuers.verify(&token, &ambient).await.err() }
    };
    assert_eq!(verify(house.signer.token(&claims(NOW))).await, None);
    assert_eq!(verify(other.token(&of_other)).await, None);
    let refused = Some(TokenFault::Signature);
    assert_eq!(verify(other.token(&claims(NOW))).await, refused);
    assert_eq!(verify(house.signer.token(&of_other)).await, refused);
    of_other["iss"] = json!("https://idp.example.com/");
    let unknown = Some(TokenFault::Issuer);
    assert_eq!(verify(house.signer.token(&of_other)).await, unknown);
}

#[tokio::test]
async fn what_is_no_token_is_refused_without_a_look_at_keys() {
    let house = House::new().await;
    let good = house.signer.token(&claims(NOW));
    let parts: Vec<&str> = good.split('.').collect();
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        good.replace('.', " "),
        format!("{good}."),
        format!("{good}.{}", parts[2]),
        format!("{}=", good),
        format!(" {good}"),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], "A"),
        format!("{good}{}", "A".repeat(8_192)),
    ] {
        let fault = house.verify(&text).await.unwrap_err();
        assert!(
            matches!(fault, TokenFault::Malformed(_)),
            "{text} {fault:?}"
        );
    }
    assert_eq!(house.place.asked(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_mutation_of_a_byte_of_a_token_is_accepted(at in any::<proptest::sample::Index>(), byte in 0_u8..128) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for algorithm in ["ES256", "EdDSA"] {
                let house = House::with(Signer::new("one", algorithm)).await;
                let good = house.signer.token(&claims(NOW));
                assert!(house.verify(&good).await.is_ok());
                let mut bytes = good.clone().into_bytes();
                let at = at.index(bytes.len());
                if bytes[at] == byte {
                    bytes.remove(at);
                } else {
                    bytes[at] = byte;
                }
                let mutated = String::from_utf8(bytes).unwrap();
                assert!(house.verify(&mutated).await.is_err(), "{good}\n{mutated}");
            }
        });
    }
}
