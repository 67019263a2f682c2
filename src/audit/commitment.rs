//! The commitment to a call's arguments: a Merkle root over salted leaves.
//!
//! A leaf is a scalar or an empty container at its RFC 6901 pointer, and, for each list that is not
//! empty, its length: without it `["x"]` and `{"0": "x"}` would have the same leaves. Leaves stand in
//! the order of the canonical form. Nodes pair up from the left and an odd one moves up; the root binds
//! the number of leaves. Every hash is over length-prefixed fields with a domain of its own.

use std::collections::BTreeSet;

use serde_json::Value;

pub use super::disclosure::{Disclosed, Disclosure, Leaf};
use crate::model::arguments::Arguments;
use crate::model::digest::Digest;
use crate::model::json;

/// The root over the leaves, and the leaves themselves with what blinds them.
///
/// `salt` has to be fresh random bytes for each call: whoever knows it can guess a redacted value.
#[must_use]
pub fn commit(arguments: &Arguments, salt: &[u8; 16]) -> (Digest, Disclosure) {
    commit_hiding(arguments, salt, &BTreeSet::new(), salt)
}

/// As [`commit`], with a salt of their own for the leaves at and below the pointers of `secrets`, of which
/// only the hashes are kept: whoever learns the other salt can guess none of them.
#[must_use]
pub fn commit_hiding(
    arguments: &Arguments,
    salt: &[u8; 16],
    secrets: &BTreeSet<String>,
    secret_salt: &[u8; 16],
) -> (Digest, Disclosure) {
    let mut walk = Walk {
        salt,
        secrets,
        secret_salt,
        pointer: String::new(),
        spelt: Vec::new(),
        frame: Frame::default(),
        hashes: Vec::with_capacity(16),
        leaves: Vec::with_capacity(16),
    };
    walk.value(arguments.value());
    let root = root(walk.hashes, &mut walk.frame);
    (root, Disclosure(walk.leaves))
}

/// The hash of one leaf.
pub(super) fn leaf_hash(leaf: &Leaf, frame: &mut Frame) -> Digest {
    frame.digest(
        "countersign.leaf.v1",
        [&leaf.salt, leaf.pointer.as_bytes(), &leaf.value],
    )
}

/// The root over leaf hashes in their order.
pub(super) fn root(mut row: Vec<Digest>, frame: &mut Frame) -> Digest {
    let count = (row.len() as u64).to_be_bytes();
    while row.len() > 1 {
        let pairs = row.len() / 2;
        let mut next = Vec::with_capacity(pairs + 1);
        for pair in row.chunks(2) {
            next.push(match pair {
                [left, right] => {
                    frame.digest("countersign.node.v1", [left.as_bytes(), right.as_bytes()])
                }
                [odd, ..] => *odd,
                [] => continue,
            });
        }
        row = next;
    }
    let top = row.first().map_or(&[][..], |top| top.as_bytes());
    frame.digest("countersign.root.v1", [&count, top])
}

/// One buffer for the bytes of every hash of a commitment, laid out as [`crate::model::digest::Fields`]
/// does: leaves are many and small, so that setting up a hash for each would cost more than hashing.
#[derive(Default)]
pub(super) struct Frame(Vec<u8>);

impl Frame {
    fn digest<const N: usize>(&mut self, domain: &str, fields: [&[u8]; N]) -> Digest {
        self.0.clear();
        self.field(domain.as_bytes());
        for field in fields {
            self.field(field);
        }
        Digest::of(&self.0)
    }

    fn field(&mut self, bytes: &[u8]) {
        self.0
            .extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }
}

struct Walk<'a> {
    salt: &'a [u8; 16],
    secrets: &'a BTreeSet<String>,
    secret_salt: &'a [u8; 16],
    pointer: String,
    /// Room for one value: a leaf keeps no more than its value needs.
    spelt: Vec<u8>,
    frame: Frame,
    hashes: Vec<Digest>,
    leaves: Vec<Disclosed>,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                let mut members: Vec<_> = map.iter().collect();
                members.sort_unstable_by_key(|(key, _)| *key);
                for (key, value) in members {
                    self.step(key, value);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                self.leaf(format!("[{}]", items.len()).into_bytes());
                for (at, item) in items.iter().enumerate() {
                    self.step(&at.to_string(), item);
                }
            }
            leaf => {
                self.spelt.clear();
                json::canonical_into(&mut self.spelt, leaf);
                self.leaf(self.spelt.as_slice().to_vec());
            }
        }
    }

    fn step(&mut self, name: &str, value: &Value) {
        let parent = self.pointer.len();
        self.pointer.push('/');
        for c in name.chars() {
            match c {
                '~' => self.pointer.push_str("~0"),
                '/' => self.pointer.push_str("~1"),
                c => self.pointer.push(c),
            }
        }
        self.value(value);
        self.pointer.truncate(parent);
    }

    fn leaf(&mut self, value: Vec<u8>) {
        let is_secret = self.is_secret();
        let call_salt = match is_secret {
            true => self.secret_salt,
            false => self.salt,
        };
        let blinding = self
            .frame
            .digest("countersign.salt.v1", [call_salt, self.pointer.as_bytes()]);
        let mut salt = [0; 16];
        for (byte, random) in salt.iter_mut().zip(blinding.as_bytes()) {
            *byte = *random;
        }
        let leaf = Leaf {
            pointer: self.pointer.clone(),
            salt,
            value,
        };
        let hash = leaf_hash(&leaf, &mut self.frame);
        self.hashes.push(hash);
        self.leaves.push(match is_secret {
            true => Disclosed::Redacted(hash),
            false => Disclosed::Open(leaf),
        });
    }

    /// Whether the place or one above it is a secret's; secrets may be as many as leaves.
    fn is_secret(&self) -> bool {
        let place = self.pointer.as_str();
        let above = place
            .match_indices('/')
            .filter_map(|(at, _)| place.get(..at));
        !self.secrets.is_empty()
            && above
                .chain([place])
                .any(|pointer| self.secrets.contains(pointer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::Fields;

    fn arguments(text: &str) -> Arguments {
        Arguments::parse(text.as_bytes()).unwrap()
    }

    fn root_of(text: &str) -> Digest {
        commit(&arguments(text), &[7; 16]).0
    }

    fn open(disclosure: &Disclosure) -> Vec<(String, String)> {
        disclosure
            .0
            .iter()
            .map(|one| match one {
                Disclosed::Open(leaf) => (
                    leaf.pointer.clone(),
                    String::from_utf8(leaf.value.clone()).unwrap(),
                ),
                Disclosed::Redacted(_) => panic!("nothing is redacted"),
            })
            .collect()
    }

    #[test]
    fn leaves_are_scalars_and_empty_containers_in_canonical_order() {
        let (_, disclosure) = commit(
            &arguments(r#"{"b":[1.0,{}],"a/b":{"~":null},"a":[]}"#),
            &[0; 16],
        );
        let expected = [
            ("/a", "[]"),
            ("/a~1b/~0", "null"),
            ("/b", "[2]"),
            ("/b/0", "1.0"),
            ("/b/1", "{}"),
        ];
        assert_eq!(
            open(&disclosure),
            expected.map(|(p, v)| (p.to_owned(), v.to_owned()))
        );
        assert_eq!(
            open(&commit(&Arguments::none(), &[0; 16]).1),
            [(String::new(), "{}".to_owned())]
        );
    }

    #[test]
    fn arguments_that_differ_in_anything_have_different_roots() {
        let texts = [
            r"{}",
            r#"{"a":1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":"1"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":{"0":1}}"#,
            r#"{"a":[[1]]}"#,
            r#"{"a":[1,{}]}"#,
            r#"{"a":[]}"#,
            r#"{"a":{}}"#,
            r#"{"a":"{}"}"#,
            r#"{"a":null}"#,
            r#"{"a":1,"b":1}"#,
            r#"{"a/b":1}"#,
            r#"{"a":{"b":1}}"#,
        ];
        for (at, one) in texts.iter().enumerate() {
            for other in texts.iter().skip(at + 1) {
                assert_ne!(root_of(one), root_of(other), "{one} and {other}");
            }
        }
        assert_eq!(root_of(r#"{"a":1,"b":2}"#), root_of(r#"{"b":2,"a":1}"#));
    }

    #[test]
    fn the_root_of_one_leaf_is_built_as_documented() {
        let call = [7; 16];
        let salt = Fields::new("countersign.salt.v1")
            .field(&call)
            .field(b"/a")
            .digest();
        let leaf = Fields::new("countersign.leaf.v1")
            .field(&salt.as_bytes()[..16])
            .field(b"/a")
            .field(b"1")
            .digest();
        let root = Fields::new("countersign.root.v1")
            .field(&1_u64.to_be_bytes())
            .field(leaf.as_bytes())
            .digest();
        assert_eq!(root_of(r#"{"a":1}"#), root);
    }

    #[test]
    fn the_salt_of_the_other_leaves_tells_nothing_of_a_secret() {
        let call = arguments(r#"{"pin":4711,"to":"x"}"#);
        let pointers = ["/pin".to_owned()];
        let secrets = pointers.iter().cloned().collect();
        let (root, disclosure) = commit_hiding(&call, &[7; 16], &secrets, &[8; 16]);
        assert_eq!(disclosure.root(), root);
        let Disclosed::Redacted(kept) = disclosure.0[0] else {
            panic!("the pin is kept");
        };
        // The same call with nothing hidden, for every pin, under the salt that is kept.
        for pin in 0..10_000 {
            let guess = arguments(&format!(r#"{{"pin":{pin}}}"#));
            let (_, mut guess) = commit(&guess, &[7; 16]);
            guess.redact(&pointers);
            assert_ne!(guess.0, [Disclosed::Redacted(kept)]);
        }
        // The leaf that is no secret is as it always was.
        assert_eq!(disclosure.0[1], commit(&call, &[7; 16]).1.0[1]);
    }

    #[test]
    fn an_odd_leaf_moves_up_and_is_not_paired_with_itself() {
        let hash = |text: &str| Digest::of(text.as_bytes());
        let mut frame = Frame::default();
        let three = root(vec![hash("a"), hash("b"), hash("c")], &mut frame);
        let four = root(vec![hash("a"), hash("b"), hash("c"), hash("c")], &mut frame);
        assert_ne!(three, four);
    }
}
