//! An authenticator made of software: it makes keys and signs, and lies where a test tells it to.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use countersign::model::digest::Digest;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// The kinds of key it makes.
pub(crate) enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(Box<RsaKeyPair>),
}

/// One authenticator with one key.
pub(crate) struct Authenticator {
    pub(crate) id: Vec<u8>,
    pub(crate) key: Key,
    pub(crate) counter: u32,
    /// Where it says that its page stands.
    pub(crate) origin: String,
    /// The host it was asked for.
    pub(crate) host: String,
    /// Present, verified.
    pub(crate) flags: u8,
    pub(crate) user: Option<String>,
}

impl Authenticator {
    pub(crate) fn new(origin: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self::with(origin, Key::Es256(key))
    }

    pub(crate) fn with(origin: &str, key: Key) -> Self {
        let mut id = [0; 16];
        aws_lc_rs::rand::fill(&mut id).unwrap();
        Self {
            id: id.to_vec(),
            key,
            counter: 0,
            origin: origin.to_owned(),
            host: "localhost".to_owned(),
            flags: 0x05,
            user: None,
        }
    }

    pub(crate) fn ed25519(origin: &str) -> Self {
        Self::with(origin, Key::EdDsa(Ed25519KeyPair::generate().unwrap()))
    }

    pub(crate) fn rsa(origin: &str) -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        Self::with(origin, Key::Rs256(Box::new(key)))
    }

    /// The authenticator's name for its key, as browsers spell it.
    pub(crate) fn name(&self) -> String {
        BASE64URL_NOPAD.encode(&self.id)
    }

    /// Answers what a page asks `navigator.credentials.create`.
    pub(crate) fn make(&mut self, options: &Value) -> Value {
        self.user = options["user"]["id"].as_str().map(str::to_owned);
        let client_data = self.client_data("webauthn.create", options);
        let mut data = self.header(self.flags | 0x40);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&(self.id.len() as u16).to_be_bytes());
        data.extend_from_slice(&self.id);
        data.extend_from_slice(&self.cose());
        let mut attestation = vec![0xa3];
        attestation.extend(text("fmt"));
        attestation.extend(text("none"));
        attestation.extend(text("attStmt"));
        attestation.push(0xa0);
        attestation.extend(text("authData"));
        attestation.extend(bytes(&data));
        json!({
            "id": self.name(), "rawId": self.name(), "type": "public-key",
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(&client_data),
                "attestationObject": BASE64URL_NOPAD.encode(&attestation),
            },
        })
    }

    /// Answers what a page asks `navigator.credentials.get`.
    pub(crate) fn sign(&mut self, options: &Value) -> Value {
        self.counter += 1;
        let client_data = self.client_data("webauthn.get", options);
        let data = self.header(self.flags);
        let mut message = data.clone();
        message.extend_from_slice(Digest::of(&client_data).as_bytes());
        let signature = self.signature(&message);
        json!({
            "id": self.name(), "rawId": self.name(), "type": "public-key",
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(&client_data),
                "authenticatorData": BASE64URL_NOPAD.encode(&data),
                "signature": BASE64URL_NOPAD.encode(&signature),
                "userHandle": self.user,
            },
        })
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data = json!({
            "type": kind,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": false,
        });
        data.to_string().into_bytes()
    }

    fn header(&self, flags: u8) -> Vec<u8> {
        let mut data = Digest::of(self.host.as_bytes()).as_bytes().to_vec();
        data.push(flags);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Es256(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Key::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }

    fn cose(&self) -> Vec<u8> {
        match &self.key {
            Key::Es256(key) => {
                let point = key.public_key().as_ref();
                let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21];
                cose.extend(bytes(&point[1..33]));
                cose.push(0x22);
                cose.extend(bytes(&point[33..]));
                cose
            }
            Key::EdDsa(key) => {
                let mut cose = vec![0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21];
                cose.extend(bytes(key.public_key().as_ref()));
                cose
            }
            Key::Rs256(key) => {
                let public = key.public_key();
                let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
                let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
                let mut cose = vec![0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20];
                cose.extend(bytes(&modulus));
                cose.push(0x21);
                cose.extend(bytes(&exponent));
                cose
            }
        }
    }
}

fn text(text: &str) -> Vec<u8> {
    head(0x60, text.len(), text.as_bytes())
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    head(0x40, bytes.len(), bytes)
}

fn head(kind: u8, length: usize, rest: &[u8]) -> Vec<u8> {
    let mut item = match length {
        0..24 => vec![kind | length as u8],
        24..256 => vec![kind | 24, length as u8],
        _ => {
            let [high, low] = (length as u16).to_be_bytes();
            vec![kind | 25, high, low]
        }
    };
    item.extend_from_slice(rest);
    item
}
