//! Permits for calls that somebody else runs: what they say, under the guard's seal.
//!
//! A permit is worth nothing by itself: its enforcement point must redeem it at the guard before acting.

use std::sync::Arc;

use aws_lc_rs::hmac;
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::Guard;
use super::permit::Permit;
use super::ruling::Denial;
use crate::limits::SEALED_TEXT_BYTES;
use crate::model::digest::{Digest, Fields};
use crate::model::id::{CallId, PermitId};
use crate::model::json;
use crate::model::name::ServerName;
use crate::model::target::Target;
use crate::model::time::Timestamp;

/// A permit on its way to another runner.
#[derive(Debug)]
pub struct SignedPermit {
    /// `csp_`, what it says as base64url of canonical JSON, a dot, and the seal.
    pub token: String,
    /// The call.
    pub call: CallId,
    /// The server whose enforcement point may redeem it.
    pub audience: ServerName,
    /// The arguments that must be used, in canonical form.
    pub arguments: Bytes,
    /// The action digest.
    pub digest: Digest,
    /// When it ends.
    pub expires: Timestamp,
}

/// What a permit says.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Claims {
    pub(super) audience: String,
    pub(super) call: CallId,
    pub(super) digest: Digest,
    /// Which target and arguments it is for; keyed, so that nobody can try values against it.
    pub(super) action: Digest,
    /// The count of stops when the call was judged.
    pub(super) epoch: u64,
    pub(super) permit: PermitId,
    pub(super) expires: Timestamp,
    /// The place of the decision in the record.
    pub(super) of: u64,
}

impl Guard {
    /// Seals a permit for whoever stands before its server.
    ///
    /// # Errors
    /// As [`Guard::dispatch`], and where the permit is the guard's own to run.
    pub async fn sign(self: &Arc<Self>, permit: Permit) -> Result<SignedPermit, Denial> {
        let (digest, of, epoch) = (permit.digest(), permit.seq(), permit.epoch());
        let keys = self.permit_keys.load_full();
        let (call, (permit, expires)) = self.hand_over(permit).await?;
        let claims = Claims {
            audience: call.target.server.as_str().to_owned(),
            call: call.id,
            digest,
            action: permitted_action(&keys.current, &call.target, call.arguments.canonical()),
            epoch,
            permit,
            expires,
            of,
        };
        Ok(SignedPermit {
            token: seal(&keys.current, &claims),
            call: call.id,
            audience: call.target.server.clone(),
            arguments: call.arguments.canonical().clone(),
            digest,
            expires,
        })
    }

    /// What a token says, if this guard sealed it and nobody changed it since; and with which key.
    pub(super) fn unseal(&self, token: &str) -> Option<(Claims, hmac::Key)> {
        if token.len() > SEALED_TEXT_BYTES {
            return None;
        }
        let (said, seal) = token.strip_prefix(PREFIX)?.split_once('.')?;
        let said = BASE64URL_NOPAD.decode(said.as_bytes()).ok()?;
        let seal = BASE64URL_NOPAD.decode(seal.as_bytes()).ok()?;
        let (keys, now) = (self.permit_keys.load(), self.ambient.monotonic());
        let sealed = sealed(&said);
        let holds = |key: &&hmac::Key| hmac::verify(key, sealed.as_bytes(), &seal).is_ok();
        let key = keys.at(now).find(holds)?.clone();
        let said = json::parse(&said).ok()?;
        let text = |name: &str| said.get(name).and_then(Value::as_str);
        let number = |name: &str| said.get(name).and_then(Value::as_u64);
        (text("iss")? == ISSUER).then_some(())?;
        let claims = Claims {
            audience: text("aud")?.to_owned(),
            call: CallId::parse(text("call")?)?,
            digest: Digest::from_hex(text("action_digest")?)?,
            action: Digest::from_hex(text("action")?)?,
            epoch: number("epoch")?,
            permit: PermitId::parse(text("jti")?)?,
            expires: Timestamp::parse(text("exp")?)?,
            of: number("of")?,
        };
        Some((claims, key))
    }
}

/// What binds a permit to a target and to canonical arguments.
pub(super) fn permitted_action(key: &hmac::Key, target: &Target, arguments: &[u8]) -> Digest {
    let text = Fields::new("countersign.permit.action.v1")
        .field(target.kind.name().as_bytes())
        .field(target.server.as_str().as_bytes())
        .field(target.name.as_bytes())
        .field(arguments)
        .digest();
    let mut bytes = [0; 32];
    let tag = hmac::sign(key, text.as_bytes());
    for (byte, of) in bytes.iter_mut().zip(tag.as_ref()) {
        *byte = *of;
    }
    Digest::from_bytes(bytes)
}

fn seal(key: &hmac::Key, claims: &Claims) -> String {
    let mut said = Map::new();
    let mut put = |name: &str, value: Value| said.insert(name.to_owned(), value);
    put("iss", ISSUER.into());
    put("aud", claims.audience.as_str().into());
    put("call", claims.call.to_string().into());
    put("action_digest", claims.digest.to_string().into());
    put("action", claims.action.to_string().into());
    put("epoch", claims.epoch.into());
    put("jti", claims.permit.to_string().into());
    put("exp", claims.expires.to_string().into());
    put("of", claims.of.into());
    let said = json::canonical_map(&said);
    let seal = hmac::sign(key, sealed(&said).as_bytes());
    let (said, seal) = (
        BASE64URL_NOPAD.encode(&said),
        BASE64URL_NOPAD.encode(seal.as_ref()),
    );
    format!("{PREFIX}{said}.{seal}")
}

/// What is sealed: a domain of its own, since the same key binds arguments.
fn sealed(said: &[u8]) -> Digest {
    Fields::new("countersign.permit.v1").field(said).digest()
}

const PREFIX: &str = "csp_";
const ISSUER: &str = "countersign";
