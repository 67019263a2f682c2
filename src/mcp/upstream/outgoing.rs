//! What is sent upstream: rebuilt from our own envelope and the very bytes that were judged.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};

use crate::guard::Leave;
use crate::limits::{UPSTREAM_CALL_TIMEOUT, UPSTREAM_STREAM_TIMEOUT};
use crate::mcp::dialect::{meta, method};
use crate::mcp::jsonrpc::{Id, write_member, write_value};
use crate::mcp::mirror::{self, MirrorFault};
use crate::model::call::Call;
use crate::model::target::TargetKind;

/// One request on its way upstream.
#[derive(Debug)]
pub struct Outgoing {
    /// The protocol's method.
    pub method: String,
    /// Its parameters.
    pub params: Params,
    /// Headers that only HTTP carries, beyond those the link writes itself (version, session, method
    /// and name): the `Mcp-Param-*` of a tool that declares them, `Last-Event-ID`.
    pub headers: HeaderMap,
    /// The id under which the agent knows the request. Subscription ids that name our id are
    /// rewritten to it.
    pub known_as: Option<Id>,
    /// How long the answer may take.
    pub within: Duration,
    /// For a call: leave to begin its write.
    pub leave: Option<Leave>,
}

impl Outgoing {
    /// A request without further headers, with the time of a tool call, or of a stream where it asks
    /// for one.
    #[must_use]
    pub fn new(method: impl Into<String>, params: Params) -> Self {
        let method = method.into();
        let within = if method == method::LISTEN {
            UPSTREAM_STREAM_TIMEOUT
        } else {
            UPSTREAM_CALL_TIMEOUT
        };
        Self {
            method,
            params,
            headers: HeaderMap::new(),
            known_as: None,
            within,
            leave: None,
        }
    }

    /// A judged call: its canonical arguments, the further members that its scope passes, and `meta`,
    /// the `_meta` of the envelope. `definition` is the tool's, whose headers repeat arguments.
    ///
    /// # Errors
    /// [`MirrorFault`] where the tool's headers cannot be made.
    pub fn of_call(
        call: &Call,
        meta: &Map<String, Value>,
        definition: Option<&Value>,
    ) -> Result<Self, MirrorFault> {
        let half = |half: &str| call.extras.get(half).and_then(Value::as_object);
        let mut rest = half("params").cloned().unwrap_or_default();
        let mut merged = half("_meta").cloned().unwrap_or_default();
        // The envelope is ours; what passed as an extra cannot stand in its place.
        merged.extend(meta.clone());
        if !merged.is_empty() {
            rest.insert("_meta".to_owned(), Value::Object(merged));
        }
        let name = call.target.name.to_string();
        let params = if call.target.kind == TargetKind::Resource {
            rest.insert("uri".to_owned(), Value::from(name));
            Params::Plain(rest)
        } else {
            Params::Guarded {
                name,
                arguments: call.arguments.canonical().clone(),
                rest,
            }
        };
        let mut outgoing = Self::new(&*call.method, params);
        if let Some(schema) = definition.and_then(|definition| definition.get("inputSchema")) {
            outgoing.headers = mirror::headers(schema, call.arguments.value())?;
        }
        Ok(outgoing)
    }

    /// The message under an id of ours.
    pub(super) fn render(&self, id: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
        write_value(&mut out, &id);
        out.extend_from_slice(b",\"method\":");
        write_value(&mut out, &self.method);
        self.params.write(&mut out);
        out.push(b'}');
        out
    }
}

/// The parameters of a request.
#[derive(Clone, PartialEq, Debug)]
pub enum Params {
    /// Forwarded as parsed.
    Plain(Map<String, Value>),
    /// A judged call: `arguments` is embedded byte for byte.
    Guarded {
        /// The member `name`.
        name: String,
        /// The member `arguments`, in canonical form.
        arguments: Bytes,
        /// Every other member. What is called `name` or `arguments` in it is left out.
        rest: Map<String, Value>,
    },
}

impl Params {
    /// The members other than a guarded call's name and arguments.
    #[must_use]
    pub const fn members(&self) -> &Map<String, Value> {
        match self {
            Self::Plain(members) | Self::Guarded { rest: members, .. } => members,
        }
    }

    /// The text of the member that names what the request is on.
    #[must_use]
    pub fn text(&self, member: &str) -> Option<&str> {
        match self {
            Self::Guarded { name, .. } if member == "name" => Some(name),
            _ => self.members().get(member).and_then(Value::as_str),
        }
    }

    /// Puts `token` in the place of the progress token, if there is one, and returns the old one.
    pub(super) fn swap_progress_token(&mut self, token: &str) -> Option<Value> {
        let (Self::Plain(members) | Self::Guarded { rest: members, .. }) = self;
        let slot = members
            .get_mut("_meta")?
            .as_object_mut()?
            .get_mut(meta::PROGRESS_TOKEN)?;
        Some(std::mem::replace(slot, Value::from(token)))
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Plain(members) if members.is_empty() => {}
            Self::Plain(members) => {
                out.extend_from_slice(b",\"params\":");
                write_value(out, members);
            }
            Self::Guarded {
                name,
                arguments,
                rest,
            } => {
                out.extend_from_slice(b",\"params\":{\"name\":");
                write_value(out, name);
                out.extend_from_slice(b",\"arguments\":");
                out.extend_from_slice(arguments);
                for (key, value) in rest {
                    // A second `name` or `arguments` would give the upstream a choice.
                    if key != "name" && key != "arguments" {
                        write_member(out, key, value);
                    }
                }
                out.push(b'}');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_the_upstream_receives_is_byte_equal_to_what_was_judged() {
        let arguments = Bytes::from_static(br#"{"a":1.0,"b":9007199254740993,"c":"\u0001/"}"#);
        let rest = map(json!({"_meta": {"x": 1}, "name": "other", "arguments": {}, "k\"": 2}));
        let params = Params::Guarded {
            name: "pay".to_owned(),
            arguments,
            rest,
        };
        let text = String::from_utf8(Outgoing::new("tools/call", params).render("g")).unwrap();
        assert_eq!(
            text,
            r#"{"jsonrpc":"2.0","id":"g","method":"tools/call","params":{"name":"pay","arguments":{"a":1.0,"b":9007199254740993,"c":"\u0001/"},"_meta":{"x":1},"k\"":2}}"#
        );
    }

    #[test]
    fn a_request_without_parameters_has_no_such_member() {
        let outgoing = Outgoing::new("ping", Params::Plain(Map::new()));
        assert_eq!(
            outgoing.render("g"),
            br#"{"jsonrpc":"2.0","id":"g","method":"ping"}"#
        );
    }

    #[test]
    fn a_progress_token_is_swapped_in_place() {
        let mut params = Params::Plain(map(json!({"_meta": {"progressToken": 7}})));
        assert_eq!(params.swap_progress_token("g"), Some(json!(7)));
        assert_eq!(
            params,
            Params::Plain(map(json!({"_meta": {"progressToken": "g"}})))
        );
        assert_eq!(Params::Plain(Map::new()).swap_progress_token("g"), None);
    }
}
