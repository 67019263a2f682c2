//! What a call is aimed at: its destinations and objects, told apart without being kept.

use std::collections::BTreeSet;

use aws_lc_rs::hmac;
use serde_json::Value;

use super::decimal::Decimal;
use super::digest::Fields;
use super::name::AgentName;
use super::target::Target;
use crate::limits::AIMS_PER_CALL_COUNT;

/// Equality of what calls of one agent and target are aimed at, under a secret of the guard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Aim([u8; 32]);

/// Everything one call is aimed at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Aims {
    /// Where it goes.
    pub destinations: BTreeSet<Aim>,
    /// What it acts on.
    pub objects: BTreeSet<Aim>,
}

impl Aim {
    /// The aims of a value: one for each text and number in it, however deep.
    ///
    /// A text is the same in capitals and with other spaces, and as a number: whoever could send a call
    /// again by writing its destination a little differently would.
    #[must_use]
    pub fn of(
        agent: &AgentName,
        target: &Target,
        value: &Value,
        key: &hmac::Key,
    ) -> BTreeSet<Self> {
        let mut aims = BTreeSet::new();
        let mut left = vec![value];
        while let Some(value) = left.pop() {
            let spelled = match value {
                Value::Array(items) => {
                    left.extend(items);
                    continue;
                }
                Value::Object(map) => {
                    left.extend(map.values());
                    continue;
                }
                Value::String(text) => plain(text),
                Value::Number(number) => number.to_string(),
                Value::Bool(_) | Value::Null => continue,
            };
            let spelled = match Decimal::parse(&spelled) {
                Some(decimal) => decimal.to_string(),
                None => spelled,
            };
            aims.insert(Self::spelled(agent, target, &spelled, key));
        }
        aims
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

    fn spelled(agent: &AgentName, target: &Target, value: &str, key: &hmac::Key) -> Self {
        let fields = Fields::new("countersign.aim.v1")
            .field(agent.as_str().as_bytes())
            .field(target.kind.name().as_bytes())
            .field(target.server.as_str().as_bytes())
            .field(target.name.as_bytes())
            .field(value.as_bytes());
        let tag = hmac::sign(key, fields.digest().as_bytes());
        let mut bytes = [0; 32];
        for (byte, tagged) in bytes.iter_mut().zip(tag.as_ref()) {
            *byte = *tagged;
        }
        Self(bytes)
    }
}

impl Aims {
    /// Whether two calls are for the same: they share a destination, if either has one, and an object, if
    /// either has one. Calls that are aimed at nothing share nothing.
    #[must_use]
    pub fn meet(&self, other: &Self) -> bool {
        let share = |one: &BTreeSet<Aim>, other: &BTreeSet<Aim>| {
            (one.is_empty() && other.is_empty()) || !one.is_disjoint(other)
        };
        let is_aimed = !self.destinations.is_empty() || !self.objects.is_empty();
        is_aimed
            && share(&self.destinations, &other.destinations)
            && share(&self.objects, &other.objects)
    }

    /// A call with more aims than are kept is as one whose tool declares none.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        for aims in [&mut self.destinations, &mut self.objects] {
            if aims.len() > AIMS_PER_CALL_COUNT {
                aims.clear();
            }
        }
        self
    }
}

fn plain(text: &str) -> String {
    let letters = text.chars().filter(|c| !c.is_whitespace());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::name::ServerName;

    fn aims(tool: &str, value: &Value) -> BTreeSet<Aim> {
        let agent = AgentName::parse("a").unwrap();
        let target = Target::tool(ServerName::parse("bank").unwrap(), tool);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        Aim::of(&agent, &target, value, &key)
    }

    fn going(to: &Value, about: &Value) -> Aims {
        Aims {
            destinations: aims("pay", to),
            objects: aims("pay", about),
        }
    }

    #[test]
    fn a_destination_is_the_same_however_it_is_written() {
        let one = aims("pay", &json!("DE02 1203"));
        for same in [
            json!("de021203"),
            json!(["DE02  1203"]),
            json!({"x": " DE021203\n"}),
        ] {
            assert_eq!(aims("pay", &same), one, "{same}");
        }
        assert_eq!(aims("pay", &json!("1.0")), aims("pay", &json!(1)));
        assert_ne!(aims("pay", &json!("DE02 1204")), one);
        assert_ne!(aims("send", &json!("DE02 1203")), one);
        assert!(aims("pay", &json!([null, true])).is_empty());
    }

    #[test]
    fn calls_meet_where_they_share_a_destination_and_an_object() {
        let (none, many) = (json!([]), json!(["a", "b"]));
        let refused = going(&many, &json!("order 1"));
        assert!(refused.meet(&going(&json!("B"), &json!("order 1"))));
        assert!(!refused.meet(&going(&json!("b"), &json!("order 2"))));
        assert!(!refused.meet(&going(&json!("c"), &json!("order 1"))));
        assert!(!refused.meet(&going(&json!("b"), &none)));
        assert!(going(&many, &none).meet(&going(&json!("a"), &none)));
        assert!(!going(&none, &none).meet(&going(&none, &none)));
    }

    #[test]
    fn more_aims_than_are_kept_are_none() {
        let crowd: Vec<_> = (0..=AIMS_PER_CALL_COUNT).collect();
        let bounded = going(&json!(crowd), &json!("x")).bounded();
        assert!(bounded.destinations.is_empty());
        assert_eq!(bounded.objects.len(), 1);
    }
}
