//! A pattern: the places of a call's arguments that a grant keeps as they are, while the others are free.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use serde_json::Value;

use super::action::{self, Binding, MatchKey};
use super::call::Call;
use super::digest::{Digest, Fields};
use super::json;
use crate::limits::PATTERN_PINS_COUNT;

/// The places that are kept: JSON pointers, at least one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pins(BTreeSet<String>);

/// Why places cannot be kept.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PinsFault {
    /// There is none.
    #[error("a pattern pins at least one argument")]
    None,
    /// There are too many.
    #[error("a pattern pins at most {PATTERN_PINS_COUNT} arguments")]
    TooMany,
    /// It is not a pointer to an argument, or one that no sentence could name.
    #[error("{0:?} is not a JSON pointer to an argument")]
    Malformed(String),
    /// The call has nothing there.
    #[error("the call has nothing at {0:?}")]
    Elsewhere(String),
}

/// What a grant covers besides the very call it was given for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    /// The places whose values stay those of the call.
    pub pins: Pins,
    /// Equality of everything that is bound but the free arguments.
    pub key: MatchKey,
}

/// From what the keys of patterns are made once the call itself is not at hand any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mould {
    /// Equality of everything that is bound but the arguments.
    pub frame: MatchKey,
    /// What commits to each secret, by its pointer: the secret itself is not kept.
    pub secrets: BTreeMap<String, MatchKey>,
}

impl Pins {
    /// From pointers, as the record or the store kept them.
    ///
    /// # Errors
    /// [`PinsFault`], but for what only the call could tell.
    pub fn read(pointers: impl IntoIterator<Item = String>) -> Result<Self, PinsFault> {
        let mut pins = BTreeSet::new();
        for pointer in pointers {
            if !is_pointer(&pointer) {
                return Err(PinsFault::Malformed(pointer));
            }
            pins.insert(pointer);
            if pins.len() > PATTERN_PINS_COUNT {
                return Err(PinsFault::TooMany);
            }
        }
        match pins.is_empty() {
            true => Err(PinsFault::None),
            false => Ok(Self(pins)),
        }
    }

    /// Narrowed from a call: each must point to something in its arguments.
    ///
    /// # Errors
    /// [`PinsFault`].
    pub fn of(
        pointers: impl IntoIterator<Item = String>,
        arguments: &Value,
    ) -> Result<Self, PinsFault> {
        let pins = Self::read(pointers)?;
        match pins.0.iter().find(|pin| arguments.pointer(pin).is_none()) {
            Some(lost) => Err(PinsFault::Elsewhere(lost.clone())),
            None => Ok(pins),
        }
    }

    /// In their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether what stands at a pointer is kept: it is one of the places, or below one.
    #[must_use]
    pub fn cover(&self, pointer: &str) -> bool {
        let above = pointer.match_indices('/').skip(1);
        let above = above.filter_map(|(at, _)| pointer.get(..at));
        above.chain([pointer]).any(|one| self.0.contains(one))
    }

    /// What both keep.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// What a person signs of them.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let fields = Fields::new("countersign.pins.v1").field(&(self.0.len() as u64).to_be_bytes());
        let pins = self.0.iter();
        pins.fold(fields, |fields, pin| fields.field(pin.as_bytes()))
            .digest()
    }
}

impl Mould {
    /// That of a call.
    #[must_use]
    pub fn of(call: &Call, binding: &Binding, secrets: &BTreeSet<String>, key: &hmac::Key) -> Self {
        let frame = action::frame_key(call, binding, key);
        let mark = |pointer: &String| {
            let secret = call.arguments.value().pointer(pointer)?;
            let fields = Fields::new("countersign.secret.v1")
                .field(frame.as_bytes())
                .field(pointer.as_bytes())
                .field(&json::canonical(secret));
            Some((pointer.clone(), MatchKey::tagged(fields, key)))
        };
        Self {
            secrets: secrets.iter().filter_map(mark).collect(),
            frame,
        }
    }

    /// The key of a pattern over arguments that may be masked; nothing where one of its places is not
    /// there. A secret counts as what commits to it.
    #[must_use]
    pub fn key(&self, arguments: &Value, pins: &Pins, key: &hmac::Key) -> Option<MatchKey> {
        let mut arguments = arguments.clone();
        for (pointer, mark) in &self.secrets {
            if let Some(secret) = arguments.pointer_mut(pointer) {
                *secret = HEXLOWER.encode(mark.as_bytes()).into();
            }
        }
        let mut fields = Fields::new("countersign.pattern.v1").field(self.frame.as_bytes());
        for pin in pins.iter() {
            let kept = json::canonical(arguments.pointer(pin)?);
            fields = fields.field(pin.as_bytes()).field(&kept);
        }
        Some(MatchKey::tagged(fields, key))
    }
}

/// The places of arguments that can be kept one by one: each scalar and each empty list or object; where
/// they are too many, each argument as a whole.
#[must_use]
pub fn places(arguments: &Value) -> Vec<(String, &Value)> {
    let mut leaves = Vec::new();
    collect(String::new(), arguments, usize::MAX, &mut leaves);
    if leaves.len() > PATTERN_PINS_COUNT {
        leaves.clear();
        collect(String::new(), arguments, 1, &mut leaves);
        leaves.truncate(PATTERN_PINS_COUNT);
    }
    leaves.retain(|(pointer, _)| is_pointer(pointer));
    leaves
}

/// Arguments are bounded in depth, and so is this.
fn collect<'a>(at: String, value: &'a Value, depth: usize, found: &mut Vec<(String, &'a Value)>) {
    let below = depth.saturating_sub(1);
    match value {
        Value::Object(members) if depth > 0 && !members.is_empty() => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(format!("{at}/{name}"), value, below, found);
            }
        }
        Value::Array(items) if depth > 0 && !items.is_empty() => {
            for (place, value) in items.iter().enumerate() {
                collect(format!("{at}/{place}"), value, below, found);
            }
        }
        leaf => found.push((at, leaf)),
    }
}

/// Whether it points to an argument. Where a sentence would not spell it out whole it could be taken for
/// another.
fn is_pointer(text: &str) -> bool {
    let mut rests = text.split('~').skip(1);
    text.len() > 1
        && text.starts_with('/')
        && rests.all(|rest| rest.starts_with(['0', '1']))
        && !text.contains(['…', '\u{fffd}'])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Map, json};

    use super::*;
    use crate::ambient::Ambient;
    use crate::model::arguments::Arguments;
    use crate::model::call::{Mode, Principal};
    use crate::model::id::{CallId, CredentialId, SessionId};
    use crate::model::name::{AgentName, ServerName};
    use crate::model::target::Target;
    use crate::model::time::Timestamp;

    fn pins(pointers: &[&str]) -> Result<Pins, PinsFault> {
        Pins::read(pointers.iter().map(|one| (*one).to_owned()))
    }

    fn call(ambient: &Ambient, session: SessionId, arguments: &Value) -> Call {
        Call {
            id: CallId::random(ambient),
            principal: Principal {
                agent: AgentName::parse("clerk").unwrap(),
                credential: CredentialId::random(ambient),
                on_behalf_of: None,
            },
            session,
            mode: Mode::Proxy,
            method: Arc::from("tools/call"),
            target: Target::tool(ServerName::parse("bank").unwrap(), "pay"),
            arguments: Arguments::parse(arguments.to_string().as_bytes()).unwrap(),
            extras: Map::new(),
            claims: Map::new(),
            idempotency_key: None,
            attached: None,
        }
    }

    #[test]
    fn pins_are_pointers_to_arguments_and_at_least_one() {
        assert_eq!(pins(&[]), Err(PinsFault::None));
        for wrong in ["", "/", "to", "/a~2", "/a~", "/a…", "/a\u{fffd}"] {
            let fault = PinsFault::Malformed(wrong.to_owned());
            assert_eq!(pins(&[wrong]), Err(fault), "{wrong}");
        }
        let many = (0..=PATTERN_PINS_COUNT).map(|n| format!("/{n}"));
        assert_eq!(Pins::read(many), Err(PinsFault::TooMany));
        let there = json!({"a": {"b": [1]}});
        let of = |pointer: &str| Pins::of([pointer.to_owned()], &there);
        assert!(of("/a/b/0").is_ok());
        for lost in ["/a/b/1", "/a/b/00", "/b", "/a/b/-"] {
            assert_eq!(of(lost), Err(PinsFault::Elsewhere(lost.to_owned())));
        }
    }

    #[test]
    fn a_pin_covers_what_is_at_it_and_below_it_alone() {
        let pins = pins(&["/a", "/b/c"]).unwrap();
        for covered in ["/a", "/a/x", "/a/x/0", "/b/c", "/b/c/d"] {
            assert!(pins.cover(covered), "{covered}");
        }
        for free in ["", "/", "/aa", "/b", "/b/cc", "/c", "/b/d/c"] {
            assert!(!pins.cover(free), "{free}");
        }
    }

    #[test]
    fn a_pattern_has_one_key_whatever_stands_where_it_is_free_and_another_for_all_else() {
        let (ambient, _) = Ambient::played(1, Timestamp::default());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let session = SessionId::random(&ambient);
        let binding = Binding {
            server: Digest::of(b"server"),
            tool: Some(Digest::of(b"tool")),
            manifest: Digest::of(b"manifest"),
            obligations: Vec::new(),
        };
        let secrets = BTreeSet::from(["/pin".to_owned()]);
        let kept = pins(&["/pin", "/to"]).unwrap();
        let made = |session, binding: &Binding, arguments: &Value| {
            let call = call(&ambient, session, arguments);
            let mould = Mould::of(&call, binding, &secrets, &key);
            (mould.key(call.arguments.value(), &kept, &key), mould)
        };
        let (one, mould) = made(
            session,
            &binding,
            &json!({"to": "x", "amount": 1, "pin": "4711"}),
        );
        assert!(one.is_some());
        let other = |arguments: Value| made(session, &binding, &arguments).0;
        assert_eq!(
            other(json!({"to": "x", "amount": 2, "pin": "4711", "memo": 1})),
            one
        );
        for differs in [
            json!({"to": "y", "amount": 1, "pin": "4711"}),
            json!({"to": "x", "amount": 1, "pin": "4712"}),
            json!({"to": ["x"], "amount": 1, "pin": "4711"}),
        ] {
            assert_ne!(other(differs.clone()), one, "{differs}");
        }
        assert_eq!(other(json!({"amount": 1, "pin": "4711"})), None);
        // What was kept of it is enough, and holds no secret.
        let masked =
            json!({"to": "x", "amount": 1, "pin": "[hidden: a text of 1 to 8 characters]"});
        assert_eq!(mould.key(&masked, &kept, &key), one);
        // Whatever else is bound parts them.
        let elsewhere = SessionId::random(&ambient);
        let arguments = json!({"to": "x", "amount": 1, "pin": "4711"});
        assert_ne!(made(elsewhere, &binding, &arguments).0, one);
        for change in [
            |one: &mut Binding| one.server = Digest::of(b"x"),
            |one: &mut Binding| one.tool = None,
            |one: &mut Binding| one.manifest = Digest::of(b"x"),
        ] {
            let mut changed = binding.clone();
            change(&mut changed);
            assert_ne!(made(session, &changed, &arguments).0, one);
        }
    }

    #[test]
    fn every_place_of_arguments_can_be_kept_by_itself_or_as_a_whole() {
        let named = |value: &Value| -> Vec<String> {
            let places = places(value).into_iter();
            places.map(|(pointer, _)| pointer).collect()
        };
        assert_eq!(
            named(&json!({"a/b": {"~": 1}, "c": [2, {}], "d": []})),
            ["/a~1b/~0", "/c/0", "/c/1", "/d"]
        );
        assert!(named(&json!({})).is_empty());
        let long: Vec<usize> = (0..=PATTERN_PINS_COUNT).collect();
        assert_eq!(named(&json!({"a": long, "b": {"c": 1}})), ["/a", "/b"]);
    }

    #[test]
    fn what_is_signed_of_pins_changes_with_each_of_them() {
        let digest = |pointers: &[&str]| pins(pointers).unwrap().digest();
        assert_eq!(digest(&["/a", "/b"]), digest(&["/b", "/a"]));
        assert_ne!(digest(&["/a", "/b"]), digest(&["/a"]));
        assert_ne!(digest(&["/a/b"]), digest(&["/a", "/b"]));
    }
}
