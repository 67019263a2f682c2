//! Arguments as they may be kept and shown: each secret replaced by a note of what stands there.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::Value;

use super::arguments::Arguments;
use super::json;

/// The arguments in canonical form, with a note in place of what stands at each of the pointers.
#[must_use]
pub fn masked(arguments: &Arguments, secrets: &BTreeSet<String>) -> Bytes {
    if secrets.is_empty() {
        return arguments.canonical().clone();
    }
    let mut value = arguments.value().clone();
    for pointer in secrets {
        // Inside a larger secret it is covered already.
        if let Some(secret) = value.pointer_mut(pointer) {
            *secret = Value::from(note(secret));
        }
    }
    json::canonical(&value).into()
}

/// What can be said of a secret: its type and, of a text, between which lengths its own lies.
#[must_use]
pub fn note(secret: &Value) -> String {
    match secret {
        Value::String(text) => {
            let length = text.chars().count();
            match length {
                0 => "[hidden: an empty text]".to_owned(),
                _ => {
                    let most = length.max(SHORTEST_TOLD_CHARS).next_power_of_two();
                    let least = match most {
                        SHORTEST_TOLD_CHARS => 1,
                        most => most / 2 + 1,
                    };
                    format!("[hidden: a text of {least} to {most} characters]")
                }
            }
        }
        Value::Number(_) => "[hidden: a number]".to_owned(),
        Value::Bool(_) => "[hidden: true or false]".to_owned(),
        Value::Null => "[hidden: null]".to_owned(),
        Value::Array(_) => "[hidden: a list]".to_owned(),
        Value::Object(_) => "[hidden: an object]".to_owned(),
    }
}

/// Shorter texts are not told apart by their lengths.
const SHORTEST_TOLD_CHARS: usize = 8;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_note_tells_a_secrets_type_and_the_class_of_its_length_only() {
        for (secret, told) in [
            (json!(""), "an empty text"),
            (json!("x"), "a text of 1 to 8 characters"),
            (json!("12345678"), "a text of 1 to 8 characters"),
            (json!("123456789"), "a text of 9 to 16 characters"),
            (json!("ä".repeat(17)), "a text of 17 to 32 characters"),
            (json!(4711), "a number"),
            (json!(true), "true or false"),
            (json!(null), "null"),
            (json!(["x"]), "a list"),
            (json!({"x": "y"}), "an object"),
        ] {
            assert_eq!(note(&secret), format!("[hidden: {told}]"));
        }
    }

    #[test]
    fn everything_but_the_secrets_stays_as_it_was() {
        let arguments =
            Arguments::parse(br#"{"pin":[1,{"a":"hidden"}],"to":"x","n":1.0}"#).unwrap();
        let at = |pointers: &[&str]| {
            let pointers = pointers.iter().map(|one| (*one).to_owned()).collect();
            String::from_utf8(masked(&arguments, &pointers).to_vec()).unwrap()
        };
        assert_eq!(at(&[]).as_bytes(), &arguments.canonical()[..]);
        assert_eq!(
            at(&["/pin", "/pin/1/a", "/absent"]),
            r#"{"n":1.0,"pin":"[hidden: a list]","to":"x"}"#
        );
        assert_eq!(
            at(&["/pin/1/a"]),
            r#"{"n":1.0,"pin":[1,{"a":"[hidden: a text of 1 to 8 characters]"}],"to":"x"}"#
        );
    }
}
