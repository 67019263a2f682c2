//! What an authenticator answers when it is asked to make a key.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::assertion::decode;
use super::cbor::{self, Item};
use super::client_data::ClientData;
use super::{HAS_KEY, Header, Party, PasskeyFault, PublicKey};
use crate::limits::{AUTHENTICATOR_DATA_BYTES, CLIENT_DATA_BYTES, PASSKEY_ID_BYTES};
use crate::model::digest::Digest;

/// One answer, as it came; nothing of it is believed yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registration {
    id: Vec<u8>,
    client_data: Vec<u8>,
    attestation: Vec<u8>,
}

/// The key that an answer brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registered {
    /// The authenticator's name for it.
    pub id: Vec<u8>,
    /// Its public half.
    pub public: PublicKey,
    /// How often the authenticator has signed, as far as it counts.
    pub counter: u32,
}

impl Registration {
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
        Ok(Self {
            id: decode(value.get("id"), PASSKEY_ID_BYTES).ok_or(PasskeyFault::Malformed("id"))?,
            client_data: member("clientDataJSON", CLIENT_DATA_BYTES)?,
            attestation: member("attestationObject", AUTHENTICATOR_DATA_BYTES * 2)?,
        })
    }

    /// The challenge that it says to answer.
    #[must_use]
    pub fn challenge(&self) -> Option<Digest> {
        ClientData::read(&self.client_data).ok()?.challenge()
    }

    /// The key, if it was made for exactly that challenge and party, with its user verified.
    ///
    /// # Errors
    /// [`PasskeyFault`].
    pub fn verify(&self, challenge: &Digest, party: Party<'_>) -> Result<Registered, PasskeyFault> {
        const MALFORMED: PasskeyFault = PasskeyFault::Malformed("attestation");
        ClientData::read(&self.client_data)?.check("webauthn.create", challenge, party)?;
        let (attestation, rest) = cbor::read(&self.attestation).ok_or(MALFORMED)?;
        if !rest.is_empty() {
            return Err(MALFORMED);
        }
        let data = attestation.named("authData").and_then(Item::bytes);
        let data = data.ok_or(MALFORMED)?;
        let (header, rest) = Header::read(data, party)?;
        if header.flags & HAS_KEY == 0 {
            return Err(MALFORMED);
        }
        // Sixteen bytes say what model it is, which nobody asked for.
        let (_, rest) = rest.split_first_chunk::<16>().ok_or(MALFORMED)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(MALFORMED)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (id, rest) = rest.split_at_checked(length).ok_or(MALFORMED)?;
        if id.is_empty() || id != self.id {
            return Err(MALFORMED);
        }
        let (key, rest) = cbor::read(rest).ok_or(PasskeyFault::Malformed("public key"))?;
        header.end(rest)?;
        let public = PublicKey::of_cose(&key)?;
        self.attested(&attestation, data, &public)?;
        Ok(Registered {
            id: id.to_vec(),
            public,
            counter: header.counter,
        })
    }

    /// None was asked for; some authenticators sign with the new key itself all the same.
    fn attested(
        &self,
        attestation: &Item<'_>,
        data: &[u8],
        public: &PublicKey,
    ) -> Result<(), PasskeyFault> {
        let statement = attestation.named("attStmt");
        let (Some(Item::Text(format)), Some(Item::Map(members))) =
            (attestation.named("fmt"), statement)
        else {
            return Err(PasskeyFault::Malformed("attestation"));
        };
        match (*format, members.len()) {
            ("none", 0) => Ok(()),
            ("packed", 2) => {
                let signature = statement
                    .and_then(|statement| statement.named("sig"))
                    .and_then(Item::bytes)
                    .ok_or(PasskeyFault::Attestation)?;
                let mut message = data.to_vec();
                message.extend_from_slice(Digest::of(&self.client_data).as_bytes());
                match public.verifies(&message, signature) {
                    true => Ok(()),
                    false => Err(PasskeyFault::Signature),
                }
            }
            _ => Err(PasskeyFault::Attestation),
        }
    }

    /// The options with which a browser is asked to make a key for a person.
    #[must_use]
    pub fn options(
        challenge: &Digest,
        host: &str,
        name: &str,
        user: &Digest,
        known: &[Vec<u8>],
        life_ms: u64,
    ) -> Value {
        let kinds: Vec<Value> = PublicKey::ALGORITHMS
            .iter()
            .map(|alg| json!({"type": "public-key", "alg": alg}))
            .collect();
        let known: Vec<Value> = known
            .iter()
            .map(|id| json!({"type": "public-key", "id": BASE64URL_NOPAD.encode(id)}))
            .collect();
        json!({
            "challenge": BASE64URL_NOPAD.encode(challenge.as_bytes()),
            "rp": {"id": host, "name": "countersign"},
            "user": {
                "id": BASE64URL_NOPAD.encode(user.as_bytes()),
                "name": name,
                "displayName": name,
            },
            "pubKeyCredParams": kinds,
            "excludeCredentials": known,
            "authenticatorSelection": {
                "residentKey": "required",
                "requireResidentKey": true,
                "userVerification": "required",
            },
            "attestation": "none",
            "timeout": life_ms,
        })
    }
}
