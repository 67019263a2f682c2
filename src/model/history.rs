//! What agents have done before: what each used, for whom, how often, and with which values.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use serde_json::Value;

use super::action::Binding;
use super::decimal::Decimal;
use super::digest::{Digest, Fields};
use super::id::SessionId;
use super::json;
use super::name::{AgentName, ServerName, UserName};
use super::privilege::Privilege;
use super::target::{Target, TargetKind};
use super::time::Timestamp;

/// Whose past it is: what an agent did for one user says nothing of what it may do for another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Who {
    /// The agent.
    pub agent: AgentName,
    /// The user it acted for, if any.
    pub on_behalf_of: Option<UserName>,
}

/// What is reached for, as it is defined: what is redefined is reached for anew.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reach {
    /// A tool by its name; anything else by its kind and server alone, since URIs are without number.
    pub target: Target,
    /// Digest of the server's identity and the tool's definition.
    pub definition: Digest,
}

/// One argument whose values are remembered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// What the argument is passed to.
    pub reach: Reach,
    /// JSON pointer of the argument.
    pub pointer: Arc<str>,
}

/// Equality of values at one place of one past, under a secret of the guard: the value itself is not kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark([u8; 32]);

/// How often something was done, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Calls.
    pub calls: u64,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
}

/// What a call is compared with the past by before it is permitted, and teaches once it is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lesson {
    /// Whose past.
    pub who: Who,
    /// In which session.
    pub session: SessionId,
    /// What is reached for.
    pub reach: Reach,
    /// How far up the ladder it stands.
    pub privilege: Privilege,
    /// The values at the places that the scope has remembered.
    pub values: Vec<(Place, Mark)>,
    /// Whether the session had heard untrusted words: then only its own way up learns of the call, and
    /// the past nothing.
    pub is_tainted: bool,
}

/// Everything kept of one agent's past.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// One past for each user it acted for, and one for what it did for nobody.
    pub pasts: Vec<Past>,
    /// How far each session has come, those that still matter.
    pub sessions: Vec<Climb>,
}

/// What one agent did for one user, or for nobody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Past {
    /// The user.
    pub on_behalf_of: Option<UserName>,
    /// What was used, at which rung, how often.
    pub reaches: Vec<(Reach, Privilege, Usage)>,
    /// Where values are remembered: how many different ones, and how often any was used.
    pub places: Vec<(Place, usize, Usage)>,
    /// Calls of the last [`crate::limits::HISTORY_WINDOW_DAYS`], by rung.
    pub recent: BTreeMap<Privilege, u64>,
}

/// How far one session has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Climb {
    /// The session.
    pub session: SessionId,
    /// The highest rung it has used.
    pub highest: Privilege,
    /// What succeeded in it.
    pub done: Vec<Target>,
}

impl Reach {
    /// What a call of this target under this binding reaches for.
    #[must_use]
    pub fn of(target: &Target, binding: &Binding) -> Self {
        // Prompts are counted together, so that none of their definitions parts them.
        let definition = binding.tool.filter(|_| target.kind == TargetKind::Tool);
        let definition = Fields::new("countersign.reach.v1")
            .field(binding.server.as_bytes())
            .optional(definition.as_ref().map(|pin| pin.as_bytes().as_slice()))
            .digest();
        Self {
            target: summed(target),
            definition,
        }
    }
}

impl Mark {
    /// The mark of a value. A number in another spelling is the same value; a text never equals a number.
    #[must_use]
    pub fn of(who: &Who, place: &Place, value: &Value, key: &hmac::Key) -> Self {
        let spelled = match value {
            Value::Number(number) => Decimal::parse(number.as_str()).map(|one| one.to_string()),
            _ => None,
        };
        let spelled = spelled.map_or_else(|| json::canonical(value), String::into_bytes);
        let target = &place.reach.target;
        let user = who.on_behalf_of.as_ref();
        let fields = Fields::new("countersign.seen.v1")
            .field(who.agent.as_str().as_bytes())
            .optional(user.map(|user| user.as_str().as_bytes()))
            .field(target.kind.name().as_bytes())
            .field(target.server.as_str().as_bytes())
            .field(target.name.as_bytes())
            .field(place.reach.definition.as_bytes())
            .field(place.pointer.as_bytes())
            .field(&spelled);
        let tag = hmac::sign(key, fields.digest().as_bytes());
        let mut bytes = [0; 32];
        for (byte, tagged) in bytes.iter_mut().zip(tag.as_ref()) {
            *byte = *tagged;
        }
        Self(bytes)
    }

    /// From its 32 bytes, as the store kept them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mark(…)")
    }
}

impl Usage {
    /// Done for the first time.
    #[must_use]
    pub const fn once(at: Timestamp) -> Self {
        Self {
            calls: 1,
            first: at,
            last: at,
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}

impl Past {
    /// How often each rung was used.
    #[must_use]
    pub fn rungs(&self) -> BTreeMap<Privilege, Usage> {
        summed_by(self.reaches.iter().map(|(_, rung, usage)| (*rung, *usage)))
    }

    /// How often each server was used.
    #[must_use]
    pub fn servers(&self) -> BTreeMap<&ServerName, Usage> {
        summed_by(
            self.reaches
                .iter()
                .map(|(reach, _, usage)| (&reach.target.server, *usage)),
        )
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.on_behalf_of {
            Some(user) => write!(f, "{} for {user}", self.agent),
            None => write!(f, "{}", self.agent),
        }
    }
}

/// The target as history counts it.
fn summed(target: &Target) -> Target {
    match target.kind {
        TargetKind::Tool | TargetKind::Method => target.clone(),
        TargetKind::Resource | TargetKind::Prompt => Target {
            kind: target.kind,
            server: target.server.clone(),
            name: Arc::from("*"),
        },
    }
}

fn summed_by<K: Ord>(usages: impl Iterator<Item = (K, Usage)>) -> BTreeMap<K, Usage> {
    let mut sums: BTreeMap<K, Usage> = BTreeMap::new();
    for (key, usage) in usages {
        sums.entry(key)
            .and_modify(|sum| *sum = sum.and(usage))
            .or_insert(usage);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(pointer: &str) -> Place {
        let server = ServerName::parse("bank").unwrap();
        Place {
            reach: Reach {
                target: Target::tool(server, "pay"),
                definition: Digest::of(b"pay"),
            },
            pointer: Arc::from(pointer),
        }
    }

    fn mark(user: Option<&str>, place: &Place, value: &str) -> Mark {
        let who = Who {
            agent: AgentName::parse("clerk").unwrap(),
            on_behalf_of: user.map(|user| UserName::parse(user).unwrap()),
        };
        let value = json::parse(value.as_bytes()).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        Mark::of(&who, place, &value, &key)
    }

    #[test]
    fn a_value_is_the_same_in_every_spelling_and_no_other_value() {
        let to = place("/to");
        assert_eq!(mark(None, &to, "1.50"), mark(None, &to, "1.5"));
        assert_eq!(
            mark(None, &to, r#"{"a": 1, "b": 2}"#),
            mark(None, &to, r#"{"b": 2, "a": 1}"#)
        );
        for other in [r#""1.5""#, "1.50000000000000000000001", "[1.5]", "null"] {
            assert_ne!(mark(None, &to, "1.5"), mark(None, &to, other), "{other}");
        }
    }

    #[test]
    fn a_mark_says_nothing_of_another_user_or_place() {
        let value = r#""DE89""#;
        let here = mark(None, &place("/to"), value);
        assert_ne!(here, mark(Some("ada"), &place("/to"), value));
        assert_ne!(here, mark(None, &place("/from"), value));
        let mut redefined = place("/to");
        redefined.reach.definition = Digest::of(b"pay, redefined");
        assert_ne!(here, mark(None, &redefined, value));
    }
}
