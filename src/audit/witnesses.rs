//! Whose passkeys sign decisions: one line of JSON a passkey, kept apart from the record they speak of.

use std::collections::HashMap;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use crate::limits::PASSKEY_ID_BYTES;
use crate::model::json;
use crate::model::name::OperatorName;
use crate::model::passkey::PublicKey;
use crate::model::proof::Proof;
use crate::model::time::Timestamp;

/// The passkeys of all operators, by the authenticators' names for them.
#[derive(Clone, Default, Debug)]
pub struct Witnesses(HashMap<Vec<u8>, Witness>);

/// One passkey, as far as an auditor needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// The authenticator's name for it.
    pub id: Vec<u8>,
    /// Whose it is.
    pub operator: OperatorName,
    /// Its public half.
    pub public: PublicKey,
    /// The host it was made for.
    pub party: String,
    /// Since when it signs nothing any more.
    pub ended: Option<Timestamp>,
}

/// Why a line was refused.
#[derive(Debug, thiserror::Error)]
#[error("line {0} names no passkey, or one that was named before")]
pub struct WitnessFault(usize);

impl Witnesses {
    /// Reads lines such as [`Witness::line`] writes.
    ///
    /// # Errors
    /// At the first line that is none.
    pub fn parse(text: &str) -> Result<Self, WitnessFault> {
        let mut known = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let fault = || WitnessFault(number);
            let Ok(Value::Object(mut line)) = json::parse(line.as_bytes()) else {
                return Err(fault());
            };
            let Some(Value::Object(members)) = line.shift_remove("passkey") else {
                return Err(fault());
            };
            let witness = Witness::read(&members).ok_or_else(fault)?;
            if !line.is_empty() || known.0.insert(witness.id.clone(), witness).is_some() {
                return Err(fault());
            }
        }
        Ok(known)
    }

    pub(super) fn find(&self, id: &[u8]) -> Option<&Witness> {
        self.0.get(id)
    }

    pub(super) fn add(&mut self, witness: Witness) {
        self.0.entry(witness.id.clone()).or_insert(witness);
    }

    /// From then on the passkey signs nothing.
    pub(super) fn end(&mut self, id: &[u8], at: Timestamp) {
        if let Some(known) = self.0.get_mut(id) {
            known.ended = known.ended.or(Some(at));
        }
    }
}

impl Witness {
    /// The passkey that a person proves themselves with, where the proof is one.
    #[must_use]
    pub fn of_proof(proof: &Proof) -> Option<Self> {
        let passkey = proof.passkey()?;
        Some(Self {
            id: passkey.id.clone(),
            operator: proof.operator.clone(),
            public: passkey.public.clone(),
            party: passkey.party.clone(),
            ended: proof.ended,
        })
    }

    /// The line without its end.
    #[must_use]
    pub fn line(&self) -> String {
        json!({"passkey": {
            "id": BASE64URL_NOPAD.encode(&self.id),
            "operator": self.operator.as_str(),
            "public_key": self.public.to_string(),
            "party": self.party,
            "ended": self.ended.map(|at| at.to_string()),
        }})
        .to_string()
    }

    fn read(members: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        Some(Self {
            id: id(text("id")?)?,
            operator: OperatorName::parse(text("operator")?).ok()?,
            public: PublicKey::parse(text("public_key")?)?,
            party: text("party")?.to_owned(),
            ended: match members.get("ended")? {
                Value::Null => None,
                ended => Some(Timestamp::parse(ended.as_str()?)?),
            },
        })
    }

    /// The passkey that an entry of the record says was added.
    pub(super) fn of_entry(body: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        Some(Self {
            id: id(text("passkey")?)?,
            operator: OperatorName::parse(text("operator")?).ok()?,
            public: PublicKey::parse(text("public_key")?)?,
            party: text("party")?.to_owned(),
            ended: None,
        })
    }
}

/// The authenticator's name for a passkey, as lines and entries spell it.
pub(super) fn id(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    (1..=PASSKEY_ID_BYTES)
        .contains(&bytes.len())
        .then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_and_nothing_else_is_read() {
        let witness = Witness {
            id: vec![1, 2, 3],
            operator: OperatorName::parse("alice").unwrap(),
            public: PublicKey::EdDsa([7; 32]),
            party: "localhost".to_owned(),
            ended: Some(Timestamp::from_millis(1_700_000_000_123)),
        };
        let line = witness.line();
        let known = Witnesses::parse(&format!("{line}\n")).unwrap();
        assert_eq!(known.find(&[1, 2, 3]), Some(&witness));
        for text in [
            format!("{line}\n{line}"),
            line.replace("eddsa:", "none:"),
            line.replace("alice", "Alice"),
            line.replace("{\"passkey\"", "{\"x\":1,\"passkey\""),
            "{}".to_owned(),
            String::from("x"),
        ] {
            assert!(Witnesses::parse(&text).is_err(), "{text}");
        }
    }
}
