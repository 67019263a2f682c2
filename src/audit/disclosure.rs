//! What is kept of a call's arguments beside its entry, and how parts of it are taken away.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::commitment::{Frame, leaf_hash, root};
use crate::model::digest::Digest;
use crate::model::json;

/// One leaf: a scalar, an empty list or object, or the length of a list, at its pointer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaf {
    /// RFC 6901.
    pub pointer: String,
    /// What blinds it.
    pub salt: [u8; 16],
    /// The value in canonical form; the length of a list that is not empty is its number in brackets,
    /// which no leaf's value can be.
    pub value: Vec<u8>,
}

/// A leaf, whole or redacted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Disclosed {
    /// Still readable.
    Open(Leaf),
    /// Only its hash is left.
    Redacted(Digest),
}

/// What is kept beside an entry of its arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disclosure(pub Vec<Disclosed>);

/// The text is not a disclosure.
#[derive(Debug, thiserror::Error)]
pub enum DisclosureFault {
    /// It is not a list of leaves.
    #[error("the disclosure is not readable: {0}")]
    Unreadable(#[source] serde_json::Error),
    /// One of its leaves is not one that is ever written.
    #[error("a leaf of the disclosure is malformed")]
    Malformed,
}

impl Disclosure {
    /// The root over its leaves, open or redacted; equal to the commitment unless something changed.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut frame = Frame::default();
        let hashes = self
            .0
            .iter()
            .map(|one| match one {
                Disclosed::Open(leaf) => leaf_hash(leaf, &mut frame),
                Disclosed::Redacted(hash) => *hash,
            })
            .collect();
        root(hashes, &mut frame)
    }

    /// Takes away value, salt and pointer of every leaf at or below one of the pointers; the empty
    /// pointer covers everything.
    pub fn redact(&mut self, pointers: &[String]) {
        self.redact_where(|leaf| {
            pointers
                .iter()
                .any(|pointer| covers(pointer, &leaf.pointer))
        });
    }

    /// Keeps the hashes of its leaves and nothing else.
    #[must_use]
    pub fn only_leaves(mut self) -> Self {
        self.redact_where(|_| true);
        self
    }

    /// A JSON list, one object a leaf: `{"pointer", "salt", "value"}`, `{"pointer", "salt", "length"}`
    /// for a list, or `{"redacted"}` with the hash.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96 * self.0.len() + 2);
        out.push(b'[');
        for (at, one) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match one {
                Disclosed::Open(leaf) => {
                    let (member, value) = match length(leaf) {
                        Some(length) => ("length", length),
                        None => ("value", leaf.value.as_slice()),
                    };
                    out.extend_from_slice(b"{\"pointer\":");
                    json::canonical_text_into(&mut out, &leaf.pointer);
                    out.extend_from_slice(b",\"salt\":\"");
                    push_hex(&mut out, &leaf.salt);
                    out.extend_from_slice(b"\",\"");
                    out.extend_from_slice(member.as_bytes());
                    out.extend_from_slice(b"\":");
                    out.extend_from_slice(value);
                    out.push(b'}');
                }
                Disclosed::Redacted(hash) => {
                    out.extend_from_slice(b"{\"redacted\":\"");
                    push_hex(&mut out, hash.as_bytes());
                    out.extend_from_slice(b"\"}");
                }
            }
        }
        out.push(b']');
        out
    }

    /// Reads what [`Disclosure::render`] wrote; nothing else. Values are taken byte for byte, as they
    /// were hashed.
    ///
    /// # Errors
    /// [`DisclosureFault`] names what stands where it should not.
    pub fn parse(text: &str) -> Result<Self, DisclosureFault> {
        let wire: Vec<Wire<'_>> =
            serde_json::from_str(text).map_err(DisclosureFault::Unreadable)?;
        let leaves: Option<Vec<_>> = wire.into_iter().map(Wire::disclosed).collect();
        leaves.map(Self).ok_or(DisclosureFault::Malformed)
    }

    fn redact_where(&mut self, hidden: impl Fn(&Leaf) -> bool) {
        let mut frame = Frame::default();
        for one in &mut self.0 {
            if let Disclosed::Open(leaf) = one
                && hidden(leaf)
            {
                *one = Disclosed::Redacted(leaf_hash(leaf, &mut frame));
            }
        }
    }
}

fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let begun = out.len();
    out.resize(begun + 2 * bytes.len(), 0);
    if let Some(space) = out.get_mut(begun..) {
        data_encoding::HEXLOWER.encode_mut(bytes, space);
    }
}

fn covers(pointer: &str, leaf: &str) -> bool {
    leaf.strip_prefix(pointer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The digits of a list's length, if the leaf is one.
fn length(leaf: &Leaf) -> Option<&[u8]> {
    match leaf.value.as_slice() {
        [b'[', digits @ .., b']'] if !digits.is_empty() => Some(digits),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    #[serde(borrow)]
    pointer: Option<Cow<'a, str>>,
    #[serde(borrow)]
    salt: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    length: Option<&'a RawValue>,
    #[serde(borrow)]
    redacted: Option<Cow<'a, str>>,
}

impl Wire<'_> {
    fn disclosed(self) -> Option<Disclosed> {
        let value = match (self.value, self.length, self.redacted) {
            (None, None, Some(hash)) if self.pointer.is_none() && self.salt.is_none() => {
                return Digest::from_hex(&hash).map(Disclosed::Redacted);
            }
            (Some(value), None, None) if is_leaf(value.get()) => value.get().as_bytes().to_vec(),
            (None, Some(length), None) if is_count(length.get()) => {
                format!("[{}]", length.get()).into_bytes()
            }
            _ => return None,
        };
        let salt = data_encoding::HEXLOWER.decode(self.salt?.as_bytes()).ok()?;
        Some(Disclosed::Open(Leaf {
            pointer: self.pointer?.into_owned(),
            salt: salt.try_into().ok()?,
            value,
        }))
    }
}

/// A member that is there, also where it is null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

fn is_leaf(value: &str) -> bool {
    !value.starts_with(['{', '[']) || matches!(value, "{}" | "[]")
}

fn is_count(length: &str) -> bool {
    !length.starts_with('0') && length.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::commitment::commit;
    use super::*;
    use crate::model::arguments::Arguments;

    const PAYMENT: &[u8] =
        br#"{"to":{"iban":"DE02120300000000202051","name":"A. Person"},"pin":4711,"lines":[1,2]}"#;

    fn rendered(disclosure: &Disclosure) -> String {
        String::from_utf8(disclosure.render()).unwrap()
    }

    fn payment() -> (Digest, Disclosure) {
        commit(&Arguments::parse(PAYMENT).unwrap(), &[9; 16])
    }

    #[test]
    fn a_redacted_record_verifies_and_its_values_cannot_be_guessed_from_it() {
        let (root, mut disclosure) = payment();
        disclosure.redact(&["/to".to_owned(), "/pin".to_owned()]);
        assert_eq!(disclosure.root(), root);
        let text = rendered(&disclosure);
        assert!(!text.contains("DE0212") && !text.contains("iban") && !text.contains("4711"));
        assert_eq!(Disclosure::parse(&text).unwrap().root(), root);

        // Every four-digit pin, under every salt that is still to be seen, and under none.
        let Disclosed::Redacted(hidden) = disclosure.0[3] else {
            panic!("the pin is hidden");
        };
        let salts: Vec<[u8; 16]> = disclosure
            .0
            .iter()
            .filter_map(|one| match one {
                Disclosed::Open(leaf) => Some(leaf.salt),
                Disclosed::Redacted(_) => None,
            })
            .chain([[0; 16]])
            .collect();
        let mut frame = Frame::default();
        for pin in 0..10_000 {
            for salt in &salts {
                let guess = Leaf {
                    pointer: "/pin".to_owned(),
                    salt: *salt,
                    value: pin.to_string().into_bytes(),
                };
                assert_ne!(leaf_hash(&guess, &mut frame), hidden);
            }
        }
    }

    #[test]
    fn a_pointer_covers_its_subtree_and_no_sibling_with_a_longer_name() {
        let arguments = Arguments::parse(br#"{"a":{"b":1},"ab":2,"a~":3}"#).unwrap();
        let (root, mut disclosure) = commit(&arguments, &[1; 16]);
        disclosure.redact(&["/a".to_owned()]);
        let open = |disclosure: &Disclosure| {
            disclosure
                .0
                .iter()
                .filter(|one| matches!(one, Disclosed::Open(_)))
                .count()
        };
        assert_eq!(open(&disclosure), 2);
        let bare = disclosure.only_leaves();
        assert_eq!(open(&bare), 0);
        assert_eq!(bare.root(), root);
    }

    #[test]
    fn a_changed_disclosure_has_another_root() {
        let (root, disclosure) = payment();
        let text = rendered(&disclosure);
        for (from, to) in [
            ("4711", "4712"),
            ("\"length\":2", "\"length\":3"),
            ("/pin", "/pim"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            assert_ne!(Disclosure::parse(&changed).unwrap().root(), root, "{from}");
        }
    }

    #[test]
    fn what_render_would_not_write_is_refused() {
        let salt = "00".repeat(16);
        for text in [
            "{}".to_owned(),
            "[1]".to_owned(),
            r#"[{"redacted":"00"}]"#.to_owned(),
            format!(r#"[{{"redacted":"{}","x":1}}]"#, "0".repeat(64)),
            format!(r#"[{{"pointer":"/a","salt":"{salt}","value":[1]}}]"#),
            format!(r#"[{{"pointer":"/a","salt":"{salt}","value":{{"b":1}}}}]"#),
            format!(r#"[{{"pointer":"/a","salt":"{salt}","length":1.0}}]"#),
            format!(r#"[{{"pointer":"/a","salt":"{salt}","length":0}}]"#),
            format!(r#"[{{"pointer":"/a","salt":"{salt}","value":1,"length":1}}]"#),
            format!(r#"[{{"pointer":"/a","salt":"{salt}","length":"2"}}]"#),
            format!(r#"[{{"pointer":"/a","salt":"{salt}","value":1,"value":2}}]"#),
            format!(r#"[{{"pointer":"/a","salt":"{salt}"}}]"#),
            format!(r#"[{{"salt":"{salt}","value":1}}]"#),
            format!(r#"[{{"pointer":"/a","redacted":"{}"}}]"#, "0".repeat(64)),
            r#"[{"pointer":"/a","salt":"0","value":1}]"#.to_owned(),
        ] {
            assert!(Disclosure::parse(&text).is_err(), "{text}");
        }
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i32>().prop_map(Value::from),
            "[a-z\"\\\\é]{0,6}".prop_map(Value::String),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[a-z/~0-9]{0,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_redaction_keeps_the_root_and_reads_back(
            values in prop::collection::btree_map("[a-z]{1,2}", json_value(), 0..5),
            pointer in "(/[a-z]{1,2}){0,2}",
        ) {
            let arguments = Arguments::from_map(values.into_iter().collect());
            let (root, mut disclosure) = commit(&arguments, &[3; 16]);
            prop_assert_eq!(disclosure.root(), root);
            disclosure.redact(&[pointer]);
            prop_assert_eq!(disclosure.root(), root);
            prop_assert_eq!(Disclosure::parse(&rendered(&disclosure)).unwrap(), disclosure);
        }
    }
}
