//! An issuer on this machine: keys of every kind, tokens as it likes, and a place where its keys are read.

use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use countersign::ambient::{Ambient, Played};
use countersign::authn::jwt::{IssuerSpec, Issuers, KeySource, TokenFault, TokenType};
use countersign::model::time::Timestamp;
use countersign::model::token::Token;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

pub(crate) const NAME: &str = "https://idp.example.com";

/// A private key and its name.
pub(crate) struct Signer {
    pub(crate) name: String,
    pub(crate) algorithm: &'static str,
    key: Private,
}

enum Private {
    Curve(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Signer {
    pub(crate) fn new(name: &str, algorithm: &'static str) -> Self {
        let key = match algorithm {
            "ES256" => {
                Private::Curve(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
            }
            "ES384" => {
                Private::Curve(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
            }
            "EdDSA" => Private::Ed25519(Ed25519KeyPair::generate().unwrap()),
            _ => Private::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        };
        Self {
            name: name.to_owned(),
            algorithm,
            key,
        }
    }

    /// The public half.
    pub(crate) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let mut jwk = match &self.key {
            Private::Curve(key) => {
                let point = &key.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)})
            }
            Private::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref())})
            }
            Private::Rsa(key) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
                json!({"kty": "RSA", "n": text(&public.n), "e": text(&public.e)})
            }
        };
        jwk["kid"] = json!(self.name);
        jwk["alg"] = json!(self.algorithm);
        jwk["use"] = json!("sig");
        jwk
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Private::Curve(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Private::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Private::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let padding: &'static dyn aws_lc_rs::signature::RsaEncoding =
                    match self.algorithm == "PS256" {
                        true => &RSA_PSS_SHA256,
                        false => &RSA_PKCS1_SHA256,
                    };
                key.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }

    pub(crate) fn header(&self) -> Value {
        json!({"alg": self.algorithm, "typ": "at+jwt", "kid": self.name})
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_of(&self.header().to_string(), &claims.to_string())
    }

    /// A token of exactly these texts.
    pub(crate) fn token_of(&self, header: &str, claims: &str) -> String {
        let message = message(header, claims);
        let signature = BASE64URL_NOPAD.encode(&self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

pub(crate) fn message(header: &str, claims: &str) -> String {
    let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    format!("{}.{}", part(header), part(claims))
}

pub(crate) fn key_set(signers: &[&Signer]) -> String {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// Where keys are read, and how often they were.
#[derive(Clone, Default)]
pub(crate) struct Place {
    pub(crate) url: String,
    answer: Arc<Mutex<Answer>>,
}

#[derive(Default)]
struct Answer {
    status: u16,
    location: Option<String>,
    body: String,
    asked: usize,
}

impl Place {
    pub(crate) async fn open(body: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let place = Self {
            url,
            ..Self::default()
        };
        place.answer(200, body);
        let router = Router::new()
            .route("/keys", get(give))
            .with_state(place.clone());
        // Ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, router).await });
        place
    }

    /// Answers so from now on.
    pub(crate) fn answer(&self, status: u16, body: &str) {
        let mut answer = self.answer.lock().unwrap();
        answer.status = status;
        answer.location = None;
        answer.body = body.to_owned();
    }

    /// Sends elsewhere from now on.
    pub(crate) fn redirect(&self, to: &str) {
        let mut answer = self.answer.lock().unwrap();
        answer.status = 302;
        answer.location = Some(to.to_owned());
    }

    pub(crate) fn asked(&self) -> usize {
        self.answer.lock().unwrap().asked
    }

    pub(crate) fn spec(&self, name: &str) -> IssuerSpec {
        IssuerSpec {
            name: name.to_owned(),
            keys: KeySource::address(&self.url, false, true).unwrap(),
            typ: TokenType::Access,
        }
    }
}

async fn give(State(place): State<Place>) -> Response {
    let mut answer = place.answer.lock().unwrap();
    answer.asked += 1;
    let status = StatusCode::from_u16(answer.status).unwrap();
    match &answer.location {
        Some(to) => (status, [("location", to.clone())], String::new()).into_response(),
        None => (status, answer.body.clone()).into_response(),
    }
}

/// One issuer whose one key is of ES256, on a clock that the test moves.
pub(crate) struct House {
    pub(crate) signer: Signer,
    pub(crate) place: Place,
    pub(crate) issuers: Issuers,
    pub(crate) ambient: Ambient,
    pub(crate) clock: Arc<Played>,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(Signer::new("one", "ES256")).await
    }

    pub(crate) async fn with(signer: Signer) -> Self {
        let place = Place::open(&key_set(&[&signer])).await;
        let (ambient, clock) = Ambient::played(1, Timestamp::from_millis(NOW * 1_000));
        Self {
            issuers: Issuers::new([place.spec(NAME)]),
            signer,
            place,
            ambient,
            clock,
        }
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Token, TokenFault> {
        self.issuers.verify(token, &self.ambient).await
    }
}

/// When the played clock begins, in seconds.
pub(crate) const NOW: i64 = 1_800_000_000;

/// Claims that hold at a moment.
pub(crate) fn claims(now: i64) -> Value {
    json!({
        "iss": NAME,
        "sub": "support-agent",
        "aud": "countersign",
        "exp": now + 300,
        "nbf": now - 10,
        "iat": now - 10,
        "jti": "1",
    })
}
