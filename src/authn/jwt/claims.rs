//! The claims of a token whose signature is verified: all that must be there, and hold now.

use std::time::Duration;

use serde_json::{Map, Value};

use super::fault::TokenFault;
use super::issuers::TokenType;
use crate::limits::{JWT_AUDIENCES_COUNT, JWT_LEEWAY, JWT_NAME_BYTES};
use crate::model::json;
use crate::model::time::Timestamp;
use crate::model::token::Token;

/// Reads the claims as they hold at `now`.
pub(super) fn read(
    claims: Map<String, Value>,
    typ: TokenType,
    now: Timestamp,
) -> Result<Token, TokenFault> {
    if json::variant_key(&claims, &READ).is_some() {
        return Err(TokenFault::Claims("a claim is spelt in two ways"));
    }
    // Never taken as a plain bearer token: whoever stole it could not have proved the key.
    if claims.contains_key("cnf") {
        return Err(TokenFault::Bound);
    }
    let issuer = name(claims.get("iss")).ok_or(TokenFault::Claims("`iss` is missing"))?;
    let subject = name(claims.get("sub")).ok_or(TokenFault::Claims("`sub` is missing"))?;
    let audiences = audiences(claims.get("aud")).ok_or(TokenFault::Claims("`aud` is missing"))?;
    let actor = actor(&claims, &issuer)?;
    let expires = moment(&claims, "exp")?.ok_or(TokenFault::Claims("`exp` is missing"))?;
    let (begins, issued) = (moment(&claims, "nbf")?, moment(&claims, "iat")?);
    // An access token must say from when on it holds, an identity token when it was made.
    let begins = match typ {
        TokenType::Identity => issued.ok_or(TokenFault::Claims("`iat` is missing"))?,
        TokenType::Access | TokenType::Any => {
            begins.ok_or(TokenFault::Claims("`nbf` is missing"))?
        }
    }
    .max(begins.unwrap_or_default());
    let issued = issued.unwrap_or(begins);
    let until = expires.after(JWT_LEEWAY);
    if now >= until {
        return Err(TokenFault::Expired);
    }
    if now.after(JWT_LEEWAY) < begins.max(issued) {
        return Err(TokenFault::Early);
    }
    Ok(Token {
        issuer,
        audiences,
        subject,
        actor,
        claims,
        until,
    })
}

fn name(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    let is_plain = !text.chars().any(json::is_deceptive);
    (is_plain && (1..=JWT_NAME_BYTES).contains(&text.len())).then(|| text.to_owned())
}

fn audiences(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::Array(listed) if (1..=JWT_AUDIENCES_COUNT).contains(&listed.len()) => {
            listed.iter().map(|one| name(Some(one))).collect()
        }
        one => Some(vec![name(Some(one))?]),
    }
}

/// Who acts, of the same issuer: a name of somebody else's means nothing here.
fn actor(claims: &Map<String, Value>, issuer: &str) -> Result<Option<String>, TokenFault> {
    let Some(act) = claims.get("act") else {
        return Ok(None);
    };
    if act.get("iss").is_some_and(|of| of != issuer) {
        return Err(TokenFault::Claims("`act` is of another issuer"));
    }
    match name(act.get("sub")) {
        Some(actor) => Ok(Some(actor)),
        None => Err(TokenFault::Claims("`act` names nobody")),
    }
}

/// A moment in seconds, rounded to the side that accepts less.
fn moment(
    claims: &Map<String, Value>,
    claim: &'static str,
) -> Result<Option<Timestamp>, TokenFault> {
    let Some(value) = claims.get(claim) else {
        return Ok(None);
    };
    let refused = TokenFault::Claims("a time is no number of seconds");
    let seconds = value.as_number().and_then(|number| number.as_f64());
    let seconds = seconds.filter(|seconds| (0.0..=LATEST_SECONDS).contains(seconds));
    let seconds = seconds.ok_or(refused)?;
    let whole = match claim {
        "exp" => seconds.floor(),
        _ => seconds.ceil(),
    };
    let since = Duration::try_from_secs_f64(whole).map_err(|_| refused)?;
    Ok(Some(Timestamp::from_millis(0).after(since)))
}

/// The end of the year 9999.
const LATEST_SECONDS: f64 = 253_402_300_799.0;

/// Claims that are read.
const READ: [&str; 9] = [
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "act",
];
