//! Headers that repeat parts of a modern request, so that what routes a message by its headers and
//! what runs it by its body cannot be told two things.

use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::dialect::{self, header};
use crate::limits::SCHEMA_DEPTH_LEVELS;
use crate::model::decimal::Decimal;

/// The first header that does not say what the body says, as a sentence.
///
/// # Errors
/// The sentence.
pub fn check_request(
    headers: &HeaderMap,
    method: &str,
    params: &Map<String, Value>,
) -> Result<(), String> {
    let version = dialect::declared_version(params);
    if one(headers, header::PROTOCOL_VERSION)?.as_deref() != version {
        return Err("MCP-Protocol-Version differs from the body".to_owned());
    }
    if one(headers, header::METHOD)?.as_deref() != Some(method) {
        return Err("Mcp-Method differs from the body".to_owned());
    }
    let name = dialect::name_member(method).and_then(|member| params.get(member));
    match (name.and_then(Value::as_str), one(headers, header::NAME)?) {
        (Some(name), Some(said)) if decode(&said).as_deref() == Some(name) => Ok(()),
        (None, None) => Ok(()),
        (None, Some(_)) if dialect::name_member(method).is_none() => Ok(()),
        _ => Err("Mcp-Name differs from the body".to_owned()),
    }
}

/// The first header that does not repeat its argument, as a sentence.
///
/// # Errors
/// The sentence.
pub fn check_arguments(
    headers: &HeaderMap,
    schema: &Value,
    arguments: &Value,
) -> Result<(), String> {
    let mirrored = mirrored(schema, arguments);
    for (name, value) in &mirrored {
        let said = one(headers, &param(name))?;
        let agrees = match (value, &said) {
            (None, None) => true,
            (Some(value), Some(said)) => repeats(value, said),
            _ => false,
        };
        if !agrees {
            return Err(format!("Mcp-Param-{name} differs from the body"));
        }
    }
    Ok(())
}

/// The headers that repeat the arguments a tool's schema asks to have repeated.
#[must_use]
pub fn headers(schema: &Value, arguments: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in mirrored(schema, arguments) {
        let Some(text) = value.as_ref().and_then(|value| text(value)) else {
            continue;
        };
        let name = HeaderName::from_bytes(param(&name).as_bytes());
        let value = HeaderValue::from_str(&encode(&text));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    headers
}

/// A header's text, in the wrapping for texts that a header cannot hold.
#[must_use]
pub fn encode(text: &str) -> String {
    let plain = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
        && text.trim() == text
        && !(text.starts_with(OPEN) && text.ends_with(CLOSE));
    match plain {
        true => text.to_owned(),
        false => format!("{OPEN}{}{CLOSE}", BASE64.encode(text.as_bytes())),
    }
}

/// What a header's text stands for; nothing where its wrapping is broken.
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    let inner = text.strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(CLOSE));
    match inner {
        None => Some(text.to_owned()),
        Some(inner) => String::from_utf8(BASE64.decode(inner.as_bytes()).ok()?).ok(),
    }
}

const ANNOTATION: &str = "x-mcp-header";
const OPEN: &str = "=?base64?";
const CLOSE: &str = "?=";

fn param(name: &str) -> String {
    format!("{}{}", header::PARAM_PREFIX, name.to_ascii_lowercase())
}

/// A header that may stand only once.
fn one(headers: &HeaderMap, name: &str) -> Result<Option<String>, String> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(format!("{name} stands twice"));
    }
    match first.map(HeaderValue::to_str) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text.to_owned())),
        Some(Err(_)) => Err(format!("{name} is not readable")),
    }
}

/// Every annotated property with the argument it points at; absent and `null` are nothing.
fn mirrored<'a>(schema: &'a Value, arguments: &'a Value) -> Vec<(String, Option<&'a Value>)> {
    let mut found = Vec::new();
    collect(schema, Some(arguments), 0, &mut found);
    found
}

fn collect<'a>(
    schema: &'a Value,
    value: Option<&'a Value>,
    depth: usize,
    found: &mut Vec<(String, Option<&'a Value>)>,
) {
    if depth > SCHEMA_DEPTH_LEVELS {
        return;
    }
    if let Some(name) = schema.get(ANNOTATION).and_then(Value::as_str) {
        found.push((name.to_owned(), value.filter(|value| !value.is_null())));
    }
    if let Some(Value::Object(properties)) = schema.get("properties") {
        for (key, property) in properties {
            collect(property, value.and_then(|value| value.get(key)), depth + 1, found);
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn repeats(value: &Value, said: &str) -> bool {
    let Some(said) = decode(said) else {
        return false;
    };
    match value {
        Value::Number(_) => {
            Decimal::parse(&said).is_some_and(|said| Decimal::from_value(value) == Some(said))
        }
        _ => text(value) == Some(said),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        map
    }

    #[test]
    fn headers_must_say_what_the_body_says() {
        let params = json!({"name": "pay", "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}});
        let params = params.as_object().unwrap();
        let good = [
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "pay"),
        ];
        assert_eq!(check_request(&map(&good), "tools/call", params), Ok(()));
        for (at, other) in [(0, "2025-11-25"), (1, "tools/list"), (2, "Pay")] {
            let mut pairs = good;
            pairs[at].1 = other;
            assert!(check_request(&map(&pairs), "tools/call", params).is_err(), "{other}");
            let without: Vec<_> = good.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, p)| *p).collect();
            assert!(check_request(&map(&without), "tools/call", params).is_err(), "without {at}");
        }
        let twice: Vec<_> = good.iter().copied().chain([("mcp-name", "pay")]).collect();
        assert!(check_request(&map(&twice), "tools/call", params).is_err());
    }

    #[test]
    fn annotated_arguments_are_repeated_exactly() {
        let schema = json!({"properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "n": {"type": "integer", "x-mcp-header": "N"},
            "o": {"type": "object", "properties": {"deep": {"type": "boolean", "x-mcp-header": "Deep"}}},
            "free": {"type": "string"},
        }});
        let arguments = json!({"region": "Héllo", "n": 1, "o": {"deep": true}, "free": "x"});
        let made = headers(&schema, &arguments);
        assert_eq!(made.len(), 3);
        assert_eq!(made["mcp-param-region"], "=?base64?SMOpbGxv?=");
        assert_eq!(check_arguments(&made, &schema, &arguments), Ok(()));
        assert!(check_arguments(&made, &schema, &json!({"region": "x", "n": 1})).is_err());
        assert!(check_arguments(&HeaderMap::new(), &schema, &arguments).is_err());
        assert_eq!(check_arguments(&HeaderMap::new(), &schema, &json!({"n": null})), Ok(()));
        let broken = map(&[("mcp-param-region", "=?base64?SGVsbG8?=")]);
        assert!(check_arguments(&broken, &schema, &json!({"region": "Hello"})).is_err());
        let literal = map(&[("mcp-param-region", "=?base64?SGVsbG8=")]);
        assert_eq!(check_arguments(&literal, &schema, &json!({"region": "=?base64?SGVsbG8="})), Ok(()));
    }
}
