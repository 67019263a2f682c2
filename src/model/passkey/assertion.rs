//! What an authenticator answers when it is asked to sign.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::client_data::ClientData;
use super::{HAS_KEY, Header, Party, PasskeyFault, PublicKey};
use crate::limits::{AUTHENTICATOR_DATA_BYTES, PASSKEY_ID_BYTES, SIGNATURE_BYTES};
use crate::model::digest::Digest;

/// One answer, as it came; nothing of it is believed yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assertion {
    /// Which passkey says to have signed.
    pub id: Vec<u8>,
    /// What the browser says.
    pub client_data: Vec<u8>,
    /// What the authenticator says.
    pub authenticator_data: Vec<u8>,
    /// Its signature over both.
    pub signature: Vec<u8>,
    /// Whom the authenticator thinks the passkey proves, where it says so.
    pub user: Option<Vec<u8>>,
}

/// What an answer proved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sworn {
    /// How often the authenticator has signed, as far as it counts.
    pub counter: u32,
}

impl Assertion {
    /// From a `PublicKeyCredential` as browsers write it in JSON.
    ///
    /// # Errors
    /// Naming the member that is not as it must be.
    pub fn parse(value: &Value) -> Result<Self, PasskeyFault> {
        let response = value.get("response");
        let member = |name: &'static str, most: usize| {
            let text = response.and_then(|response| response.get(name));
            decode(text, most).ok_or(PasskeyFault::Malformed(name))
        };
        let user = match response.and_then(|response| response.get("userHandle")) {
            None | Some(Value::Null) => None,
            Some(_) => Some(member("userHandle", 64)?),
        };
        Ok(Self {
            id: decode(value.get("id"), PASSKEY_ID_BYTES).ok_or(PasskeyFault::Malformed("id"))?,
            client_data: member("clientDataJSON", crate::limits::CLIENT_DATA_BYTES)?,
            authenticator_data: member("authenticatorData", AUTHENTICATOR_DATA_BYTES)?,
            signature: member("signature", SIGNATURE_BYTES)?,
            user,
        })
    }

    /// From the members that [`Assertion::record`] wrote.
    #[must_use]
    pub fn recorded(members: &Map<String, Value>) -> Option<Self> {
        Some(Self {
            id: decode(members.get("passkey"), PASSKEY_ID_BYTES)?,
            client_data: decode(members.get("client_data"), crate::limits::CLIENT_DATA_BYTES)?,
            authenticator_data: decode(
                members.get("authenticator_data"),
                AUTHENTICATOR_DATA_BYTES,
            )?,
            signature: decode(members.get("signature"), SIGNATURE_BYTES)?,
            user: None,
        })
    }

    /// Adds what must be kept so that the answer can be verified again.
    pub fn record(&self, members: &mut Map<String, Value>) {
        let mut put = |name: &str, bytes: &[u8]| {
            members.insert(name.to_owned(), BASE64URL_NOPAD.encode(bytes).into());
        };
        put("passkey", &self.id);
        put("client_data", &self.client_data);
        put("authenticator_data", &self.authenticator_data);
        put("signature", &self.signature);
    }

    /// The challenge that it says to answer.
    #[must_use]
    pub fn challenge(&self) -> Option<Digest> {
        ClientData::read(&self.client_data).ok()?.challenge()
    }

    /// Whether that key signed exactly that challenge for that party, with its user verified.
    ///
    /// # Errors
    /// [`PasskeyFault`].
    pub fn verify(
        &self,
        key: &PublicKey,
        challenge: &Digest,
        party: Party<'_>,
    ) -> Result<Sworn, PasskeyFault> {
        ClientData::read(&self.client_data)?.check("webauthn.get", challenge, party)?;
        let (header, rest) = Header::read(&self.authenticator_data, party)?;
        if header.flags & HAS_KEY != 0 {
            return Err(PasskeyFault::Malformed("authenticator data"));
        }
        header.end(rest)?;
        let mut message = self.authenticator_data.clone();
        message.extend_from_slice(Digest::of(&self.client_data).as_bytes());
        match key.verifies(&message, &self.signature) {
            true => Ok(Sworn {
                counter: header.counter,
            }),
            false => Err(PasskeyFault::Signature),
        }
    }

    /// The options with which a browser is asked for such an answer. No passkey named is any of the host.
    #[must_use]
    pub fn options(challenge: &Digest, host: &str, passkeys: &[Vec<u8>], life_ms: u64) -> Value {
        let allowed: Vec<Value> = passkeys
            .iter()
            .map(|id| json!({"type": "public-key", "id": BASE64URL_NOPAD.encode(id)}))
            .collect();
        json!({
            "challenge": BASE64URL_NOPAD.encode(challenge.as_bytes()),
            "rpId": host,
            "allowCredentials": allowed,
            "userVerification": "required",
            "timeout": life_ms,
        })
    }
}

impl Sworn {
    /// Whether the authenticator counted on from where it stood; some never count.
    ///
    /// # Errors
    /// [`PasskeyFault::CountedBack`].
    pub const fn follows(self, before: u32) -> Result<Self, PasskeyFault> {
        match self.counter > before || (self.counter == 0 && before == 0) {
            true => Ok(self),
            false => Err(PasskeyFault::CountedBack),
        }
    }
}

/// Bytes in base64url without padding, at least one and at most so many.
pub(super) fn decode(value: Option<&Value>, most: usize) -> Option<Vec<u8>> {
    let text = value?.as_str()?;
    let bytes = match text.len() <= most.saturating_mul(2) {
        true => BASE64URL_NOPAD.decode(text.as_bytes()).ok()?,
        false => return None,
    };
    (1..=most).contains(&bytes.len()).then_some(bytes)
}
