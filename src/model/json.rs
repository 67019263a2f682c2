//! JSON from outside, read strictly, and its canonical form v1.
//!
//! The strict reader refuses what two parsers could read differently: duplicate keys, keys that equal
//! a protocol key after case folding or stripping, numbers no exact decimal can hold, nesting and
//! sizes beyond [`crate::limits`]. Canonical form v1 sorts keys by their UTF-8 bytes, escapes
//! minimally, keeps strings and the digits of numbers exactly as sent (an exponent is spelt `e` with
//! its sign), and has no whitespace.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};
use unicode_normalization::{UnicodeNormalization, is_nfkc};

use super::decimal::Decimal;
use crate::limits::{JSON_DEPTH_LEVELS, JSON_KEY_LENGTH_BYTES, JSON_MEMBERS_PER_OBJECT_COUNT};

/// Why bytes were refused.
#[derive(Debug, thiserror::Error)]
pub enum JsonFault {
    /// Not JSON, or JSON the strict reader refuses; the text names the fault and its place.
    #[error("{0}")]
    Refused(#[source] serde_json::Error),
    /// serde_json's private number key, spelt by the sender.
    #[error("a key of the document is reserved")]
    ReservedKey,
    /// Something other than an object where one is needed.
    #[error("expected an object")]
    NotAnObject,
}

/// Reads one document, strictly.
///
/// # Errors
/// [`JsonFault`] with the place of the first fault.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonFault> {
    // With exact numbers on, serde_json hands a number over as an object of one private key. A sender
    // who spells that key plainly cannot be told apart inside the visitor, so the bytes are looked at.
    if contains(bytes, PRIVATE_NUMBER.as_bytes()) {
        return Err(JsonFault::ReservedKey);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }
        .deserialize(&mut reader)
        .map_err(JsonFault::Refused)?;
    reader.end().map_err(JsonFault::Refused)?;
    Ok(value)
}

/// The canonical form v1 of a value.
#[must_use]
pub fn canonical(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write_value(&mut out, value);
    out
}

/// Appends the canonical form v1 of a value.
pub fn canonical_into(out: &mut Vec<u8>, value: &Value) {
    write_value(out, value);
}

/// Appends the canonical form v1 of a string.
pub fn canonical_text_into(out: &mut Vec<u8>, text: &str) {
    write_string(out, text);
}

/// The canonical form v1 of an object.
#[must_use]
pub fn canonical_map(map: &Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write_map(&mut out, map);
    out
}

/// Whether a key or tool name is one that no two readers can take for different ones.
#[must_use]
pub fn is_plain_key(key: &str) -> bool {
    key.is_ascii() && !key.bytes().any(|b| b.is_ascii_control())
        || is_nfkc(key) && !key.chars().any(is_deceptive)
}

/// Invisible, bidirectional and control characters: they change what a reader sees, not what is meant.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The first key of `map` that a lax reader would take for one of `known`, though it is another:
/// different case, or padded with NUL or blanks.
#[must_use]
pub fn variant_key<'a>(map: &'a Map<String, Value>, known: &[&str]) -> Option<&'a str> {
    map.keys().map(String::as_str).find(|key| {
        // What is printable and ASCII has nothing to fold but its case.
        if key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return known
                .iter()
                .any(|known| key.eq_ignore_ascii_case(known) && key != known);
        }
        let bare: String = key
            .nfkc()
            .filter(|c| !c.is_whitespace() && !is_deceptive(*c))
            .collect();
        known
            .iter()
            .any(|known| bare.eq_ignore_ascii_case(known) && *key != *known)
    })
}

const PRIVATE_NUMBER: &str = "$serde_json::private::Number";
const PRIVATE_RAW: &str = "$serde_json::private::RawValue";

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth >= JSON_DEPTH_LEVELS {
            return Err(E::custom(format_args!(
                "nested deeper than {JSON_DEPTH_LEVELS} levels"
            )));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(deeper)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let Some(mut key) = members.next_key::<Key>()? else {
            return Ok(Value::Object(Map::new()));
        };
        if key.private {
            let token: String = members.next_value()?;
            return number(token).map(Value::Number);
        }
        let deeper = self.deeper()?;
        let mut map = Map::new();
        loop {
            let value = members.next_value_seed(deeper)?;
            if map.len() >= JSON_MEMBERS_PER_OBJECT_COUNT {
                return Err(de::Error::custom("an object has too many members"));
            }
            match map.entry(key.name) {
                Entry::Vacant(place) => place.insert(value),
                // Checked after the value, so that serde_json reports the place behind the second key.
                Entry::Occupied(first) => {
                    return Err(de::Error::custom(format_args!(
                        "duplicate key {:?}",
                        first.key()
                    )));
                }
            };
            match members.next_key::<Key>()? {
                Some(next) => key = next,
                None => break,
            }
        }
        refuse_case_twins(&map)?;
        Ok(Value::Object(map))
    }
}

struct Key {
    name: String,
    private: bool,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: de::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Key, E> {
                // Plain bytes that spell the private key were refused before reading began, so
                // what arrives borrowed under that name is serde_json's own number.
                if name == PRIVATE_NUMBER {
                    return Ok(Key {
                        name: String::new(),
                        private: true,
                    });
                }
                self.visit_str(name)
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Key, E> {
                if name == PRIVATE_NUMBER || name == PRIVATE_RAW {
                    return Err(E::custom("a key of the document is reserved"));
                }
                if name.len() > JSON_KEY_LENGTH_BYTES {
                    return Err(E::custom(format_args!(
                        "a key is longer than {JSON_KEY_LENGTH_BYTES} bytes"
                    )));
                }
                if !is_plain_key(name) {
                    return Err(E::custom(format_args!(
                        "the key {name:?} has characters that read as others"
                    )));
                }
                Ok(Key {
                    name: name.to_owned(),
                    private: false,
                })
            }
        }
        reader.deserialize_str(Read)
    }
}

/// Two keys of one object that differ only in case would be one key to a lax reader.
fn refuse_case_twins<E: de::Error>(map: &Map<String, Value>) -> Result<(), E> {
    if map
        .keys()
        .all(|key| !key.bytes().any(|b| b.is_ascii_uppercase()))
    {
        return Ok(());
    }
    let mut seen = HashSet::with_capacity(map.len());
    for key in map.keys() {
        if !seen.insert(key.to_lowercase()) {
            return Err(E::custom(format_args!(
                "the key {key:?} stands twice but for its case"
            )));
        }
    }
    Ok(())
}

fn number<E: de::Error>(token: String) -> Result<Number, E> {
    if !Decimal::is_bounded(&token) {
        return Err(E::custom(format_args!(
            "the number {token} is out of bounds"
        )));
    }
    // The reader has just read it as a number: to read it again would tell nothing new.
    Ok(Number::from_string_unchecked(token))
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    // Few documents have a dollar at all, and one byte is looked for many times faster than several.
    bytes.contains(&b'$') && bytes.windows(needle.len()).any(|window| window == needle)
}

fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => out.extend_from_slice(number.as_str().as_bytes()),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_value(out, item);
            }
            out.push(b']');
        }
        Value::Object(map) => write_map(out, map),
    }
}

fn write_map(out: &mut Vec<u8>, map: &Map<String, Value>) {
    let mut members: Vec<_> = map.iter().collect();
    members.sort_unstable_by(|(one, _), (other, _)| one.as_bytes().cmp(other.as_bytes()));
    out.push(b'{');
    for (at, (key, value)) in members.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_string(out, key);
        out.push(b':');
        write_value(out, value);
    }
    out.push(b'}');
}

/// Minimal escapes: the quote, the backslash, and controls, short where JSON has a short form.
fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| needs_escape(*byte)) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, after)) = from.split_first() else {
            break;
        };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            byte => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

const fn needs_escape(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(text: &str) -> String {
        String::from_utf8(canonical(&parse(text.as_bytes()).unwrap())).unwrap()
    }

    fn refused(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn numbers_keep_every_digit_as_sent() {
        assert_eq!(spell("1E5"), "1e+5");
        for token in ["9007199254740993", "1.0", "1", "1e+5", "-0", "0.10", "1e-7"] {
            assert_eq!(spell(token), token);
        }
        assert_eq!(
            spell("123456789012345678901234567890.5"),
            "123456789012345678901234567890.5"
        );
    }

    #[test]
    fn keys_are_sorted_and_strings_escaped_minimally() {
        assert_eq!(
            spell(r#"{ "b":1, "a":"\u0041\/\n\u0001é" }"#),
            "{\"a\":\"A/\\n\\u0001é\",\"b\":1}"
        );
    }

    #[test]
    fn a_document_two_readers_could_take_differently_is_refused() {
        assert!(refused(r#"{"a":1,"a":2}"#).contains("duplicate key"));
        assert!(refused(r#"{"x":{"a":1,"\u0061":2}}"#).contains("duplicate key"));
        assert!(refused(r#"{"path":1,"Path":2}"#).contains("but for its case"));
        assert!(refused("[1e309]").contains("out of bounds"));
        assert!(refused("[1] [2]").contains("trailing"));
        assert!(refused(r#"{"a\u200b":1}"#).contains("read as others"));
        assert!(refused("{\"ａ\":1}").contains("read as others"));
        for text in [
            "NaN",
            "[Infinity]",
            "[01]",
            "[1,]",
            "\u{feff}{}",
            r#"["\ud800"]"#,
            "{'a':1}",
            "",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_private_key_of_exact_numbers_cannot_be_spelt() {
        assert!(parse(br#"{"$serde_json::private::Number":"1"}"#).is_err());
        assert!(parse(br#"{"\u0024serde_json::private::Number":"1"}"#).is_err());
        assert!(parse(br#"{"$serde_json::private::RawValue":"1"}"#).is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(deep(JSON_DEPTH_LEVELS).as_bytes()).is_ok());
        assert!(refused(&deep(JSON_DEPTH_LEVELS + 1)).contains("nested deeper"));
    }

    #[test]
    fn a_key_that_a_lax_reader_takes_for_a_protocol_key_is_found() {
        let map = |text: &str| match serde_json::from_str(text).unwrap() {
            Value::Object(map) => map,
            _ => unreachable!(),
        };
        assert_eq!(
            variant_key(&map(r#"{"Method":1}"#), &["method"]),
            Some("Method")
        );
        assert_eq!(
            variant_key(&map(r#"{"method\u0000":1}"#), &["method"]),
            Some("method\0")
        );
        assert_eq!(variant_key(&map(r#"{"method":1}"#), &["method"]), None);
    }
}
