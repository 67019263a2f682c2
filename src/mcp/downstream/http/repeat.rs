//! Headers that repeat a modern request, so that what routes a message by its headers and what runs it
//! by its body cannot be told two things.

use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};

use crate::mcp::dialect::{self, Era, header};
use crate::mcp::mirror;
use crate::mcp::stance::{self, Course, Stance};

/// Holds the headers of a request against its body.
///
/// # Errors
/// A sentence that names the first header that says something else.
pub(super) fn verify(
    headers: &HeaderMap,
    method: &str,
    params: &Map<String, Value>,
) -> Result<(), String> {
    let version = one(headers, header::PROTOCOL_VERSION)?.and_then(|value| value.to_str().ok());
    if version.is_none() || version != dialect::declared_version(params) {
        return Err("MCP-Protocol-Version differs from the body".to_owned());
    }
    if one(headers, header::METHOD)?.and_then(|value| value.to_str().ok()) != Some(method) {
        return Err("Mcp-Method differs from the body".to_owned());
    }
    // A method that does not exist is told so, whatever its headers lack.
    let is_known = stance::of(Era::Modern, Course::AgentRequest, method) != Stance::Refused;
    let Some(member) = dialect::name_member(method).filter(|_| is_known) else {
        return Ok(());
    };
    let said = one(headers, header::NAME)?.and_then(mirror::decode);
    match said.as_deref() == params.get(member).and_then(Value::as_str) {
        true => Ok(()),
        false => Err("Mcp-Name differs from the body".to_owned()),
    }
}

/// A header that may stand only once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, String> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(format!("{name} stands twice")),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
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
        assert_eq!(verify(&map(&good), "tools/call", params), Ok(()));
        for (at, other) in [(0, "2025-11-25"), (1, "tools/list"), (2, "Pay")] {
            let mut pairs = good;
            pairs[at].1 = other;
            assert!(
                verify(&map(&pairs), "tools/call", params).is_err(),
                "{other}"
            );
            let mut without = good.to_vec();
            without.remove(at);
            assert!(
                verify(&map(&without), "tools/call", params).is_err(),
                "without {at}"
            );
        }
        let twice: Vec<_> = good.iter().copied().chain([("mcp-name", "pay")]).collect();
        assert!(verify(&map(&twice), "tools/call", params).is_err());
    }
}
