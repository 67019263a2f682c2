//! Rounds of one call: the sealed state that an agent hands back, and what it stands for.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::seal::Seal;
use crate::ambient::Ambient;
use crate::limits::{ROUND_LIFE, ROUNDS_OPEN_COUNT};
use crate::model::call::Principal;
use crate::model::digest::{Digest, Fields};
use crate::model::id::ApprovalId;
use crate::model::json;
use crate::model::name::ServerName;
use crate::model::time::Timestamp;

/// What the next round goes on from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Round {
    /// What must stay the same.
    pub action: Digest,
    /// How many rounds there were.
    pub count: u8,
    /// Why there is another.
    pub kind: Kind,
}

/// Why a call has another round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A person must decide.
    Waiting {
        /// On what.
        approval: ApprovalId,
        /// What the round brought that waits, where it went on with an earlier one.
        leg: Option<Leg>,
    },
    /// The upstream asked the agent's side something.
    Asked {
        /// What it asked for, by its own keys.
        keys: Vec<String>,
        /// The upstream's own state.
        state: Option<String>,
    },
}

/// What a round that goes on with an earlier one brings to the upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Leg {
    /// The upstream's own state.
    pub(super) state: Option<String>,
    /// The answers to its questions, if there are any.
    pub(super) answers: Option<Map<String, Value>>,
}

/// Hands out states and takes them back.
pub(super) struct Rounds {
    seal: Arc<Seal>,
    ambient: Ambient,
    // Which answered states were used, until they would have expired anyway.
    spent: Mutex<HashMap<Digest, Timestamp>>,
}

impl Rounds {
    /// Nothing handed out yet.
    #[must_use]
    pub(super) fn new(seal: Arc<Seal>, ambient: Ambient) -> Self {
        Self {
            seal,
            ambient,
            spent: Mutex::default(),
        }
    }

    /// The text that stands for `round`; only this principal can hand it back, for this method of
    /// this server.
    #[must_use]
    pub(super) fn hand_out(
        &self,
        principal: &Principal,
        server: &ServerName,
        method: &str,
        round: &Round,
    ) -> Option<String> {
        let kind = match &round.kind {
            Kind::Waiting { approval, leg } => {
                let leg = leg.as_ref();
                let leg = leg.map(|leg| json!({"state": leg.state, "answers": leg.answers}));
                json!({"approval": approval.to_string(), "leg": leg})
            }
            Kind::Asked { keys, state } => json!({"keys": keys, "state": state}),
        };
        let plain = json!({
            "action": round.action.to_string(),
            "count": round.count,
            "until": self.ambient.now().after(ROUND_LIFE).millis(),
            "kind": kind,
        });
        self.seal.seal(
            binding(principal, server, method).as_bytes(),
            &json::canonical(&plain),
        )
    }

    /// The round a text stands for, if it was handed out to this principal for this method of this
    /// server, is not too old, and was not used before.
    #[must_use]
    pub(super) fn take_back(
        &self,
        principal: &Principal,
        server: &ServerName,
        method: &str,
        text: &str,
    ) -> Option<Round> {
        let plain = self
            .seal
            .open(binding(principal, server, method).as_bytes(), text)?;
        let plain = json::parse(&plain).ok()?;
        let until = Timestamp::from_millis(plain.get("until")?.as_i64()?);
        let now = self.ambient.now();
        if until <= now {
            return None;
        }
        let kind = plain.get("kind")?;
        let kind = match kind.get("approval") {
            // Waiting twice does nothing twice: what runs is bounded by the approval.
            Some(approval) => Kind::Waiting {
                approval: ApprovalId::parse(approval.as_str()?)?,
                leg: match kind.get("leg")? {
                    Value::Null => None,
                    leg => Some(Leg {
                        state: leg.get("state")?.as_str().map(str::to_owned),
                        answers: leg.get("answers")?.as_object().cloned(),
                    }),
                },
            },
            None => {
                self.spend(Digest::of(text.as_bytes()), until, now)?;
                let keys = kind.get("keys")?.as_array()?;
                Kind::Asked {
                    keys: keys
                        .iter()
                        .filter_map(Value::as_str)
                        .map(str::to_owned)
                        .collect(),
                    state: kind.get("state")?.as_str().map(str::to_owned),
                }
            }
        };
        Some(Round {
            action: Digest::from_hex(plain.get("action")?.as_str()?)?,
            count: plain.get("count")?.as_u64()?.try_into().ok()?,
            kind,
        })
    }

    /// Takes back that a state was used: the round it began did not run, and may come again.
    pub(super) fn unspend(&self, text: Digest) {
        self.spent.lock().remove(&text);
    }

    /// Marks a state used. With no room to remember it, it is refused instead.
    fn spend(&self, text: Digest, until: Timestamp, now: Timestamp) -> Option<()> {
        let mut spent = self.spent.lock();
        if spent.len() >= ROUNDS_OPEN_COUNT {
            spent.retain(|_, until| *until > now);
        }
        if spent.len() >= ROUNDS_OPEN_COUNT || spent.insert(text, until).is_some() {
            return None;
        }
        Some(())
    }
}

fn binding(principal: &Principal, server: &ServerName, method: &str) -> Digest {
    Fields::new("countersign.state.v1")
        .field(principal.agent.as_str().as_bytes())
        .field(principal.credential.as_bytes())
        .optional(
            principal
                .on_behalf_of
                .as_ref()
                .map(|user| user.as_str().as_bytes()),
        )
        .field(server.as_str().as_bytes())
        .field(method.as_bytes())
        .digest()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::id::CredentialId;
    use crate::model::name::AgentName;

    fn principal(ambient: &Ambient) -> Principal {
        Principal {
            agent: AgentName::parse("a").unwrap(),
            credential: CredentialId::random(ambient),
            on_behalf_of: None,
        }
    }

    #[test]
    fn a_sealed_state_replayed_a_thousand_times_runs_once() {
        let ambient = Ambient::system();
        let rounds = Rounds::new(Arc::new(Seal::new(&ambient).unwrap()), ambient.clone());
        let (me, other) = (principal(&ambient), principal(&ambient));
        let server = ServerName::parse("s").unwrap();
        let round = Round {
            action: Digest::of(b"x"),
            count: 1,
            kind: Kind::Asked {
                keys: vec!["q".to_owned()],
                state: Some("theirs".to_owned()),
            },
        };
        let text = rounds.hand_out(&me, &server, "tools/call", &round).unwrap();
        assert!(!text.contains("theirs"));
        assert_eq!(rounds.take_back(&other, &server, "tools/call", &text), None);
        assert_eq!(rounds.take_back(&me, &server, "prompts/get", &text), None);
        assert_eq!(
            rounds.take_back(&me, &server, "tools/call", &text),
            Some(round)
        );
        let again = (0..999).filter(|_| {
            rounds
                .take_back(&me, &server, "tools/call", &text)
                .is_some()
        });
        assert_eq!(again.count(), 0);
    }

    #[test]
    fn a_state_ends_with_its_time() {
        let (ambient, played) = Ambient::played(1, Timestamp::from_millis(1_000));
        let rounds = Rounds::new(Arc::new(Seal::new(&ambient).unwrap()), ambient.clone());
        let me = principal(&ambient);
        let server = ServerName::parse("s").unwrap();
        let kind = Kind::Waiting {
            approval: ApprovalId::random(&ambient),
            leg: Some(Leg {
                state: Some("theirs".to_owned()),
                answers: Some(Map::from_iter([("q".to_owned(), json!({"n": 1.50}))])),
            }),
        };
        let round = Round {
            action: Digest::of(b"x"),
            count: 3,
            kind,
        };
        let text = rounds.hand_out(&me, &server, "tools/call", &round).unwrap();
        assert_eq!(
            rounds.take_back(&me, &server, "tools/call", &text),
            Some(round)
        );
        played.pass(ROUND_LIFE + Duration::from_millis(1));
        assert_eq!(rounds.take_back(&me, &server, "tools/call", &text), None);
    }
}
