//! A request's body: one bounded JSON object, read strictly, with no member left over.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::limits::{AGENT_MESSAGE_BYTES, TEXT_BYTES};
use crate::model::json::{self, JsonFault};
use crate::model::name::{ServerName, ToolName};
use crate::model::reason::Reason;
use crate::model::target::Target;

/// The members of a body that nobody has taken yet.
pub(super) struct Members(Map<String, Value>);

impl Members {
    /// Reads a body that must be there.
    pub(super) async fn read(request: Request) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, AGENT_MESSAGE_BYTES)
            .await
            .map_err(|_| Problem::new(Reason::TooLarge))?;
        if !is_json(&parts.headers) {
            return Err(Problem::malformed(
                "the content type must be application/json",
            ));
        }
        Self::parse(&bytes)
    }

    /// Reads a body that may be left out.
    pub(super) async fn read_optional(request: Request) -> Result<Self, Problem> {
        match request.headers().contains_key(CONTENT_TYPE) {
            true => Self::read(request).await,
            false => {
                axum::body::to_bytes(request.into_body(), 0)
                    .await
                    .map_err(|_| Problem::malformed("a body needs a content type"))?;
                Ok(Self(Map::new()))
            }
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        match json::parse(bytes) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(Problem::malformed(JsonFault::NotAnObject.to_string())),
            Err(fault) => Err(Problem::malformed(fault.to_string())),
        }
    }

    /// Takes a text of bounded length.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.0.shift_remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.len() <= TEXT_BYTES => Ok(Some(text)),
            Some(Value::String(_)) => Err(Problem::malformed(format!(
                "`{name}` is longer than {TEXT_BYTES} bytes"
            ))),
            Some(_) => Err(wrong(name, "a string")),
        }
    }

    /// Takes a text that must be there.
    pub(super) fn needed_text(&mut self, name: &str) -> Result<String, Problem> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// Takes a whole number.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        match self.0.shift_remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64() {
                Some(number) => Ok(Some(number)),
                None => Err(wrong(name, "a whole number")),
            },
        }
    }

    /// Takes a list of texts of bounded length.
    pub(super) fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        let items = match self.0.shift_remove(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(wrong(name, "a list of strings")),
        };
        let texts = items.into_iter().map(|item| match item {
            Value::String(text) if text.len() <= TEXT_BYTES => Ok(text),
            _ => Err(wrong(name, "a list of strings")),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// Takes an object.
    pub(super) fn object(&mut self, name: &str) -> Result<Option<Map<String, Value>>, Problem> {
        match self.0.shift_remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(wrong(name, "an object")),
        }
    }

    /// Refuses members that nobody took: what is not understood is not silently dropped.
    pub(super) fn done(self) -> Result<(), Problem> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Problem::malformed(format!("unknown member {name:?}"))),
        }
    }
}

/// A member that must be there is not.
pub(super) fn missing(name: &str) -> Problem {
    Problem::malformed(format!("`{name}` is missing"))
}

/// A member is not what it must be.
pub(super) fn wrong(name: &str, expected: &str) -> Problem {
    Problem::malformed(format!("`{name}` must be {expected}"))
}

/// A tool as requests name it.
pub(super) fn target(tool: &str) -> Result<Target, Problem> {
    let (server, name) = tool
        .split_once('/')
        .ok_or_else(|| wrong("tool", "`server/tool`"))?;
    let server =
        ServerName::parse(server).map_err(|fault| Problem::malformed(fault.to_string()))?;
    let name = ToolName::parse(name).map_err(|fault| Problem::malformed(fault.to_string()))?;
    Ok(Target::tool(server, name.as_str()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(text) = only.to_str() else {
        return false;
    };
    let mut parts = text.split(';').map(str::trim);
    parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| {
            parameter.is_empty()
                || parameter.to_ascii_lowercase().replace('"', "") == "charset=utf-8"
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(kind: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        is_json(&headers)
    }

    #[test]
    fn only_json_in_utf_8_is_read() {
        for kind in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
        ] {
            assert!(content(kind), "{kind}");
        }
        for kind in [
            "text/plain",
            "application/json; charset=utf-16",
            "application/jsonl",
            "application/problem+json",
        ] {
            assert!(!content(kind), "{kind}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn a_member_that_nobody_took_is_a_fault() {
        let mut members = Members::parse(br#"{"a":"x","b":1}"#).unwrap();
        assert_eq!(members.text("a").unwrap().as_deref(), Some("x"));
        assert!(members.done().is_err());
    }

    #[test]
    fn a_member_of_another_type_is_a_fault() {
        let mut members = Members::parse(br#"{"a":1,"b":"x","c":1.5}"#).unwrap();
        assert!(members.text("a").is_err());
        assert!(members.object("b").is_err());
        assert!(members.number("c").is_err());
    }
}
