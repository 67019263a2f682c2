//! What the browser says of a ceremony: its kind, its challenge, and the page it was made on.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;
use url::Url;

use super::{Party, PasskeyFault};
use crate::limits::CLIENT_DATA_BYTES;
use crate::model::digest::Digest;
use crate::model::json;

/// The client data of one answer.
#[derive(Debug)]
pub(super) struct ClientData {
    kind: String,
    /// The challenge as the browser spells it.
    challenge: String,
    origin: String,
    is_framed: bool,
}

impl ClientData {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, PasskeyFault> {
        const MALFORMED: PasskeyFault = PasskeyFault::Malformed("client data");
        if bytes.len() > CLIENT_DATA_BYTES {
            return Err(MALFORMED);
        }
        let Ok(Value::Object(members)) = json::parse(bytes) else {
            return Err(MALFORMED);
        };
        let text = |name: &str| match members.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(MALFORMED),
        };
        let is_framed = match members.get("crossOrigin") {
            None | Some(Value::Bool(false)) => members.contains_key("topOrigin"),
            Some(_) => true,
        };
        Ok(Self {
            kind: text("type")?,
            challenge: text("challenge")?,
            origin: text("origin")?,
            is_framed,
        })
    }

    /// The challenge, where it is one of ours.
    pub(super) fn challenge(&self) -> Option<Digest> {
        let bytes = BASE64URL_NOPAD.decode(self.challenge.as_bytes()).ok()?;
        Some(Digest::from_bytes(bytes.try_into().ok()?))
    }

    /// Checks that it is of this ceremony, for this challenge, on a page of that party.
    pub(super) fn check(
        &self,
        kind: &str,
        challenge: &Digest,
        party: Party<'_>,
    ) -> Result<(), PasskeyFault> {
        if self.kind != kind {
            return Err(PasskeyFault::OtherCeremony);
        }
        if self.challenge() != Some(*challenge) {
            return Err(PasskeyFault::OtherChallenge);
        }
        let is_own = match party.origin {
            Some(origin) => self.origin == origin,
            None => is_secure_origin_of(&self.origin, party.host),
        };
        match is_own && !self.is_framed {
            true => Ok(()),
            false => Err(PasskeyFault::OtherOrigin),
        }
    }
}

/// Whether a text is an origin of exactly that host that browsers take for secure.
fn is_secure_origin_of(text: &str, host: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let is_secure = url.scheme() == "https" || (url.scheme() == "http" && host == "localhost");
        is_secure && url.domain() == Some(host) && url.origin().ascii_serialization() == text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_of_a_host_only_by_itself_and_securely() {
        for (origin, host, expected) in [
            ("https://guard.example.com", "guard.example.com", true),
            ("https://guard.example.com:8443", "guard.example.com", true),
            ("http://localhost:7441", "localhost", true),
            ("http://guard.example.com", "guard.example.com", false),
            ("https://evil.guard.example.com", "guard.example.com", false),
            (
                "https://guard.example.com.evil.net",
                "guard.example.com",
                false,
            ),
            ("https://guard.example.com/", "guard.example.com", false),
            ("https://a@guard.example.com", "guard.example.com", false),
            ("https://127.0.0.1", "127.0.0.1", false),
            ("null", "localhost", false),
        ] {
            assert_eq!(is_secure_origin_of(origin, host), expected, "{origin}");
        }
    }
}
