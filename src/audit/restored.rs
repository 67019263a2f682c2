//! A call's arguments again, from what was kept of them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::disclosure::{Disclosed, Disclosure};
use crate::model::json;

impl Disclosure {
    /// The arguments, where every leaf of them is kept.
    #[must_use]
    pub fn restored(&self) -> Option<Value> {
        let mut lists = BTreeSet::new();
        let mut whole = Value::Object(Map::new());
        for one in &self.0 {
            let Disclosed::Open(leaf) = one else {
                return None;
            };
            let value = match leaf.value.as_slice() {
                // The length of a list that is not empty: its items follow.
                [b'[', _, .., b']'] => {
                    lists.insert(leaf.pointer.as_str());
                    Value::Array(Vec::new())
                }
                spelt => json::parse(spelt).ok()?,
            };
            put(&mut whole, &leaf.pointer, value)?;
        }
        Some(whole)
    }
}

/// Puts a value at its pointer; what comes before it in canonical order is there already.
fn put(whole: &mut Value, pointer: &str, value: Value) -> Option<()> {
    let mut at = whole;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        at = match at {
            Value::Array(items) => {
                let place: usize = token.parse().ok()?;
                if place == items.len() {
                    items.push(Value::Object(Map::new()));
                }
                items.get_mut(place)?
            }
            Value::Object(members) => members
                .entry(token)
                .or_insert_with(|| Value::Object(Map::new())),
            _ => return None,
        };
    }
    *at = value;
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::commitment::commit;
    use super::*;
    use crate::model::arguments::Arguments;

    fn restored(text: &str) -> Option<Value> {
        let arguments = Arguments::parse(text.as_bytes()).unwrap();
        commit(&arguments, &[7; 16]).1.restored()
    }

    #[test]
    fn arguments_come_back_whole_or_not_at_all() {
        for text in [
            "{}",
            r#"{"a": [], "b": {}, "c": [[], {}, [1, {"d": null}]], "e/~f": "[1]"}"#,
            r#"{"": {"0": ["x"]}, "n": 1.50}"#,
        ] {
            assert_eq!(restored(text), json::parse(text.as_bytes()).ok(), "{text}");
        }
        let arguments = Arguments::parse(br#"{"a": 1, "b": 2}"#).unwrap();
        let mut disclosure = commit(&arguments, &[7; 16]).1;
        disclosure.redact(&["/b".to_owned()]);
        assert_eq!(disclosure.restored(), None);
    }

    proptest! {
        #[test]
        fn any_list_of_texts_comes_back(items in proptest::collection::vec("[a~/0]{0,3}", 0..12)) {
            let value = serde_json::json!({"l": items, "m": {"0": items}});
            prop_assert_eq!(restored(&value.to_string()), Some(value));
        }
    }
}
