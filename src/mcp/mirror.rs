//! Headers that repeat arguments: `x-mcp-header` in a tool's schema, `Mcp-Param-*` on the wire.
//!
//! Somebody on the way may act on the header while the server acts on the body, so that both must say
//! the same, and a tool whose marks are doubtful is none.

use std::collections::BTreeSet;

use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::dialect::header;
use crate::limits::SCHEMA_DEPTH_LEVELS;
use crate::model::decimal::Decimal;

/// What is wrong with marks or headers.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MirrorFault {
    /// A mark does not follow the rules; the tool that carries it is not acceptable.
    #[error("x-mcp-header is not acceptable: {0}")]
    Mark(&'static str),
    /// An argument cannot be put into a header.
    #[error("the argument for header {0} is not a plain value")]
    Argument(String),
    /// A header and the body say different things.
    #[error("header {0} differs from the body")]
    Mismatch(String),
}

/// One argument that a header repeats.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The header's name behind the prefix, in lower case.
    header: String,
    /// The keys that lead to the argument.
    path: Vec<String>,
}

/// The marks of a tool's input schema.
///
/// A mark counts only on a plain property that is reached through properties alone; anywhere else, and
/// twice under one name, it spoils the tool.
///
/// # Errors
/// [`MirrorFault::Mark`] with the rule that is broken.
pub fn marks(schema: &Value) -> Result<Vec<Mark>, MirrorFault> {
    let mut found = Vec::new();
    walk(schema, Reach::Plain(Vec::new()), &mut found, 0)?;
    let names: BTreeSet<&str> = found.iter().map(|mark| mark.header.as_str()).collect();
    if names.len() == found.len() {
        Ok(found)
    } else {
        Err(MirrorFault::Mark("two properties have one header"))
    }
}

/// The headers for a call's arguments; none for what is absent or null.
///
/// # Errors
/// [`MirrorFault`] for doubtful marks and for an argument that is no plain value.
pub fn headers(schema: &Value, arguments: &Value) -> Result<HeaderMap, MirrorFault> {
    let mut headers = HeaderMap::new();
    for mark in marks(schema)? {
        let Some(value) = mark.value(arguments)? else {
            continue;
        };
        let name = format!("{}{}", header::PARAM_PREFIX, mark.header);
        let fault = || MirrorFault::Argument(name.clone());
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| fault())?;
        let value = HeaderValue::from_str(&encode(&value)).map_err(|_| fault())?;
        headers.insert(header, value);
    }
    Ok(headers)
}

/// Holds the headers of a request against its arguments.
///
/// # Errors
/// [`MirrorFault`]; a header that is missing, doubled or for an absent argument differs too.
pub fn verify(schema: &Value, arguments: &Value, headers: &HeaderMap) -> Result<(), MirrorFault> {
    for mark in marks(schema)? {
        let name = format!("{}{}", header::PARAM_PREFIX, mark.header);
        let mut sent = headers.get_all(&name).iter();
        let is_equal = match (mark.value(arguments)?, sent.next(), sent.next()) {
            (None, None, None) => true,
            (Some(value), Some(header), None) => is_same(&value, header),
            _ => false,
        };
        if !is_equal {
            return Err(MirrorFault::Mismatch(name));
        }
    }
    Ok(())
}

/// A text as a header carries it: as it is, or wrapped in base64 where a header could not keep it.
#[must_use]
pub fn encode(text: &str) -> String {
    let is_plain = text
        .bytes()
        .all(|b| b == b'\t' || (0x20..=0x7e).contains(&b))
        && text.trim_ascii() == text
        && !(text.starts_with(OPEN) && text.ends_with(CLOSE));
    if is_plain {
        text.to_owned()
    } else {
        format!("{OPEN}{}{CLOSE}", BASE64.encode(text.as_bytes()))
    }
}

/// The text that a header carries; nothing where its wrapping is broken.
#[must_use]
pub fn decode(header: &HeaderValue) -> Option<String> {
    let text = header.to_str().ok()?;
    let Some(inner) = text
        .strip_prefix(OPEN)
        .and_then(|text| text.strip_suffix(CLOSE))
    else {
        return Some(text.to_owned());
    };
    String::from_utf8(BASE64.decode(inner.as_bytes()).ok()?).ok()
}

impl Mark {
    fn value(&self, arguments: &Value) -> Result<Option<String>, MirrorFault> {
        let value = self
            .path
            .iter()
            .try_fold(arguments, |value, key| value.get(key));
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Bool(flag)) => Ok(Some(flag.to_string())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(Value::Array(_) | Value::Object(_)) => {
                Err(MirrorFault::Argument(self.header.clone()))
            }
        }
    }
}

/// How a place in a schema was reached.
#[derive(Clone)]
enum Reach {
    /// Through properties alone.
    Plain(Vec<String>),
    /// Through anything else: whether the place applies depends on the arguments.
    Other,
}

const MARK: &str = "x-mcp-header";
const OPEN: &str = "=?base64?";
const CLOSE: &str = "?=";
/// The specification names the first three; numbers are marked in the field as well.
const TYPES: [&str; 4] = ["string", "integer", "boolean", "number"];
/// Members that hold values, not schemas: a key in them is only a key.
const VALUES: [&str; 5] = ["const", "default", "enum", "examples", "required"];

fn walk(
    schema: &Value,
    reach: Reach,
    found: &mut Vec<Mark>,
    depth: usize,
) -> Result<(), MirrorFault> {
    if depth > SCHEMA_DEPTH_LEVELS * 2 {
        return Err(MirrorFault::Mark("the schema is too deep"));
    }
    let members = match schema {
        Value::Object(members) => members,
        Value::Array(items) => {
            return items
                .iter()
                .try_for_each(|item| walk(item, Reach::Other, found, depth + 1));
        }
        _ => return Ok(()),
    };
    if let Some(mark) = members.get(MARK) {
        found.push(read(mark, members.get("type"), &reach)?);
    }
    for (key, member) in members {
        match (key.as_str(), member, &reach) {
            (MARK, ..) => {}
            (key, ..) if VALUES.contains(&key) => {}
            ("properties", Value::Object(properties), reach) => {
                for (name, property) in properties {
                    let reach = match reach {
                        Reach::Plain(path) => {
                            Reach::Plain([path.as_slice(), std::slice::from_ref(name)].concat())
                        }
                        Reach::Other => Reach::Other,
                    };
                    walk(property, reach, found, depth + 1)?;
                }
            }
            (
                "patternProperties" | "dependentSchemas" | "$defs" | "definitions",
                Value::Object(named),
                _,
            ) => {
                for schema in named.values() {
                    walk(schema, Reach::Other, found, depth + 1)?;
                }
            }
            (_, member, _) => walk(member, Reach::Other, found, depth + 1)?,
        }
    }
    Ok(())
}

fn read(mark: &Value, kind: Option<&Value>, reach: &Reach) -> Result<Mark, MirrorFault> {
    let Some(name) = mark.as_str() else {
        return Err(MirrorFault::Mark("it must be a text"));
    };
    let is_token = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if !is_token {
        return Err(MirrorFault::Mark("it must be the name of a header"));
    }
    let is_plain = kind
        .and_then(Value::as_str)
        .is_some_and(|kind| TYPES.contains(&kind));
    match reach {
        Reach::Plain(path) if is_plain && !path.is_empty() => Ok(Mark {
            header: name.to_ascii_lowercase(),
            path: path.clone(),
        }),
        Reach::Plain(_) => Err(MirrorFault::Mark("it must stand on a plain property")),
        Reach::Other => Err(MirrorFault::Mark(
            "it must be reached through properties alone",
        )),
    }
}

fn is_same(value: &str, header: &HeaderValue) -> bool {
    decode(header).is_some_and(|sent| {
        sent == value
            || matches!((Decimal::parse(value), Decimal::parse(&sent)), (Some(one), Some(other)) if one == other)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "inner": {"type": "object", "properties": {"n": {"type": "integer", "x-mcp-header": "Count"}}},
            "flag": {"type": "boolean", "x-mcp-header": "Flag", "default": {"x-mcp-header": "no"}},
        }})
    }

    #[test]
    fn marked_arguments_become_headers() {
        let arguments = json!({"region": "Zürich", "inner": {"n": 42}, "flag": null});
        let headers = headers(&schema(), &arguments).unwrap();
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["mcp-param-count"], "42");
        assert_eq!(headers["mcp-param-region"], "=?base64?WsO8cmljaA==?=");
        assert_eq!(verify(&schema(), &arguments, &headers), Ok(()));
    }

    #[test]
    fn a_header_that_says_something_else_is_found() {
        let arguments = json!({"region": "eu", "inner": {"n": 42}});
        let sent = |pairs: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                );
            }
            verify(&schema(), &arguments, &headers)
        };
        let good = [("mcp-param-region", "eu"), ("mcp-param-count", "42.0")];
        assert_eq!(sent(&good), Ok(()));
        let [region, count] = good;
        for bad in [
            vec![region],
            vec![region, ("mcp-param-count", "43")],
            vec![("mcp-param-region", "=?base64?%%?="), count],
            vec![region, count, ("mcp-param-region", "eu")],
            vec![region, count, ("mcp-param-flag", "true")],
        ] {
            assert!(
                matches!(sent(&bad), Err(MirrorFault::Mismatch(_))),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_doubtful_mark_spoils_the_tool() {
        let property = |property: Value| json!({"type": "object", "properties": {"a": property}});
        for schema in [
            property(json!({"type": "string", "x-mcp-header": ""})),
            property(json!({"type": "string", "x-mcp-header": "a\r\nb"})),
            property(json!({"type": "string", "x-mcp-header": 7})),
            property(json!({"type": "object", "x-mcp-header": "A"})),
            property(json!({"x-mcp-header": "A"})),
            property(json!({"type": "array", "items": {"type": "string", "x-mcp-header": "A"}})),
            property(json!({"anyOf": [{"type": "string", "x-mcp-header": "A"}]})),
            json!({"type": "string", "x-mcp-header": "A"}),
            json!({"$defs": {"d": {"type": "string", "x-mcp-header": "A"}}}),
            json!({"properties": {
                "a": {"type": "string", "x-mcp-header": "A"},
                "b": {"type": "string", "x-mcp-header": "a"},
            }}),
        ] {
            assert!(marks(&schema).is_err(), "{schema}");
        }
    }

    #[test]
    fn a_header_value_reads_back_as_its_text() {
        for text in ["plain", "", " padded ", "é", "=?base64?x?=", "a\nb", "a\tb"] {
            let header = HeaderValue::from_str(&encode(text)).unwrap();
            assert_eq!(decode(&header).as_deref(), Some(text));
        }
    }
}
