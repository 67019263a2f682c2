//! The three parts of a token, read strictly before anything of it is believed.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::fault::TokenFault;
use crate::limits::{JWT_BYTES, JWT_NAME_BYTES};
use crate::model::json;

/// A token taken apart; nothing of it is verified.
pub(super) struct Parts<'a> {
    /// How it says that it is signed.
    pub(super) algorithm: Algorithm,
    /// Of which type it says that it is, where it does.
    pub(super) typ: Option<String>,
    /// The name it gives the key.
    pub(super) key: String,
    /// What it claims.
    pub(super) claims: Map<String, Value>,
    /// What the signature is over.
    pub(super) signed: &'a [u8],
    /// The signature, still encoded.
    pub(super) signature: &'a str,
}

impl<'a> Parts<'a> {
    /// Takes apart a signed token in compact form (RFC 7515, 7.1).
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenFault> {
        if token.len() > JWT_BYTES {
            return Err(TokenFault::Malformed("it is too long"));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(FORM)?;
        let (header, claims) = signed.split_once('.').ok_or(FORM)?;
        // Strictly, so that no two texts are one signature.
        if signature.is_empty() || BASE64URL_NOPAD.decode(signature.as_bytes()).is_err() {
            return Err(FORM);
        }
        let header = object(header)?;
        let name = |member: &str| {
            let found = header.get(member).and_then(Value::as_str);
            found.filter(|text| (1..=JWT_NAME_BYTES).contains(&text.len()))
        };
        if KEY_SOURCES
            .iter()
            .any(|member| header.contains_key(*member))
        {
            return Err(TokenFault::Header("it brings its own key"));
        }
        if EXTENSIONS.iter().any(|member| header.contains_key(*member)) {
            return Err(TokenFault::Header("it asks for an extension"));
        }
        if json::variant_key(&header, &READ).is_some() {
            return Err(TokenFault::Header("a member is spelt in two ways"));
        }
        let algorithm = name("alg").and_then(Algorithm::parse);
        Ok(Self {
            algorithm: algorithm.ok_or(TokenFault::Header("`alg` names no accepted algorithm"))?,
            typ: match header.contains_key("typ") {
                true => Some(name("typ").ok_or(TokenFault::Type)?.to_owned()),
                false => None,
            },
            key: name("kid")
                .ok_or(TokenFault::Header("`kid` names no key"))?
                .to_owned(),
            claims: object(claims)?,
            signed: signed.as_bytes(),
            signature,
        })
    }

    /// The issuer it claims to be of.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }
}

fn object(part: &str) -> Result<Map<String, Value>, TokenFault> {
    let text = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| FORM)?;
    match json::parse(&text) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(TokenFault::Malformed("a part is no acceptable JSON object")),
    }
}

const FORM: TokenFault = TokenFault::Malformed("it has not three parts in base64url");

/// Members by which a token would choose the key that judges it.
const KEY_SOURCES: [&str; 4] = ["jku", "jwk", "x5u", "x5c"];

/// Members that change how a token is to be read.
const EXTENSIONS: [&str; 4] = ["crit", "b64", "zip", "enc"];

/// Members that are read.
const READ: [&str; 11] = [
    "alg", "typ", "kid", "jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc",
];
