//! JSON-RPC 2.0 messages, read strictly and written compactly.
//!
//! Each message is one object with the members the standard names; a member that a lax reader would
//! take for one of them, a batch, or a second reading of any key is refused.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Number, Value};

use crate::limits::{AGENT_MESSAGE_BYTES, RPC_ID_BYTES, RPC_METHOD_BYTES, UPSTREAM_MESSAGE_BYTES};
use crate::model::json;

/// The bytes are not JSON.
pub const PARSE_ERROR: i64 = -32_700;
/// The JSON is not a request.
pub const INVALID_REQUEST: i64 = -32_600;
/// Nobody here answers this method.
pub const METHOD_NOT_FOUND: i64 = -32_601;
/// The method's parameters are not acceptable.
pub const INVALID_PARAMS: i64 = -32_602;
/// The answering side failed.
pub const INTERNAL_ERROR: i64 = -32_603;

/// What ties an answer to its request.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Id {
    /// A whole number, digit for digit as sent.
    Number(Number),
    /// A text.
    Text(String),
}

impl Id {
    /// From a JSON value: a bounded text or a whole number.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) if text.len() <= RPC_ID_BYTES => Some(Self::Text(text.clone())),
            Value::Number(number) if is_whole(number) => Some(Self::Number(number.clone())),
            _ => None,
        }
    }

    /// As a JSON value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone()),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// One message.
#[derive(Clone, PartialEq, Debug)]
pub enum Message {
    /// It wants an answer.
    Request(Request),
    /// It wants none.
    Notification(Notification),
    /// It is one.
    Response(Response),
}

/// A message that wants an answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// What its answer will carry.
    pub id: Id,
    /// What is asked.
    pub method: String,
    /// With what; empty where the message had none.
    pub params: Map<String, Value>,
}

/// A message that wants no answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Notification {
    /// What is told.
    pub method: String,
    /// With what; empty where the message had none.
    pub params: Map<String, Value>,
}

/// An answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Response {
    /// The request's id; absent only where the answering side could not read it.
    pub id: Option<Id>,
    /// The answer itself.
    pub result: Result<Value, RpcError>,
}

/// The error member of an answer.
#[derive(Clone, PartialEq, Debug)]
pub struct RpcError {
    /// The standard's number for the fault.
    pub code: i64,
    /// A sentence.
    pub message: String,
    /// Whatever else the answering side says.
    pub data: Option<Value>,
}

impl RpcError {
    /// An error without further matter.
    #[must_use]
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// As the `error` member of an answer.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("code".to_owned(), Value::from(self.code));
        map.insert("message".to_owned(), Value::from(self.message.as_str()));
        if let Some(data) = &self.data {
            map.insert("data".to_owned(), data.clone());
        }
        Value::Object(map)
    }
}

/// Bytes that are no acceptable message, and the answer they deserve.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct RpcFault {
    /// The standard's number for the fault.
    pub code: i64,
    /// A sentence.
    pub message: String,
    /// Whose fault it is, as far as the bytes tell without doubt.
    pub id: Option<Id>,
}

impl RpcFault {
    /// The answer that the sender deserves.
    #[must_use]
    pub fn into_response(self) -> Response {
        Response {
            id: self.id,
            result: Err(RpcError::new(self.code, self.message)),
        }
    }
}

/// Reads a message of an agent.
///
/// # Errors
/// [`RpcFault`] with the answer to give.
pub fn parse_from_agent(bytes: &[u8]) -> Result<Message, RpcFault> {
    parse(bytes, AGENT_MESSAGE_BYTES, &[ENVELOPE_KEYS, PARAMS_KEYS])
}

/// Reads a message of an upstream.
///
/// # Errors
/// [`RpcFault`]; its id names the call that the bytes were meant for, where they name one.
pub fn parse_from_upstream(bytes: &[u8]) -> Result<Message, RpcFault> {
    parse(bytes, UPSTREAM_MESSAGE_BYTES, &[ENVELOPE_KEYS, PARAMS_KEYS])
}

/// Writes a message: compact, members in a fixed order, `params` in the order they came.
#[must_use]
pub fn render(message: &Message) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\"");
    match message {
        Message::Request(request) => {
            write_member(&mut out, "id", &request.id.to_value());
            write_call(&mut out, &request.method, &request.params);
        }
        Message::Notification(note) => write_call(&mut out, &note.method, &note.params),
        Message::Response(response) => {
            let id = response.id.as_ref().map_or(Value::Null, Id::to_value);
            write_member(&mut out, "id", &id);
            match &response.result {
                Ok(result) => write_member(&mut out, "result", result),
                Err(error) => write_member(&mut out, "error", &error.to_value()),
            }
        }
    }
    out.push(b'}');
    out
}

/// Appends `,"key":value` to an object under construction.
pub(crate) fn write_member(out: &mut Vec<u8>, key: &str, value: &Value) {
    out.push(b',');
    write_value(out, &key);
    out.push(b':');
    write_value(out, value);
}

/// Appends a value, compactly.
pub(crate) fn write_value(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        // A value always serialises into memory; were it not so, `null` keeps the message whole.
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}

fn write_call(out: &mut Vec<u8>, method: &str, params: &Map<String, Value>) {
    out.extend_from_slice(b",\"method\":");
    write_value(out, &method);
    if !params.is_empty() {
        out.extend_from_slice(b",\"params\":");
        write_value(out, params);
    }
}

const ENVELOPE_KEYS: &[&str] = &["jsonrpc", "id", "method", "params", "result", "error"];

/// Members of `params` in any revision that change what a request means.
const PARAMS_KEYS: &[&str] = &[
    "_meta",
    "argument",
    "arguments",
    "capabilities",
    "clientInfo",
    "context",
    "cursor",
    "inputResponses",
    "level",
    "name",
    "progressToken",
    "protocolVersion",
    "reason",
    "ref",
    "requestId",
    "requestState",
    "task",
    "taskId",
    "uri",
];

fn parse(bytes: &[u8], longest: usize, keys: &[&[&str]; 2]) -> Result<Message, RpcFault> {
    if bytes.len() > longest {
        return Err(fault(
            INVALID_REQUEST,
            format!("the message is larger than {longest} bytes"),
            None,
        ));
    }
    let value = json::parse(bytes).map_err(|error| {
        // A document that is JSON but not strict is a bad request; one that is not JSON does not parse.
        let is_json = serde::de::IgnoredAny::deserialize(&mut reader(bytes)).is_ok();
        let code = if is_json {
            INVALID_REQUEST
        } else {
            PARSE_ERROR
        };
        fault(code, error.to_string(), recover_id(bytes))
    })?;
    let Value::Object(mut envelope) = value else {
        let text = if value.is_array() {
            "batches are not accepted"
        } else {
            "the message is not an object"
        };
        return Err(fault(INVALID_REQUEST, text, None));
    };
    let id = envelope.get("id").and_then(Id::from_value);
    let invalid = |text: String| fault(INVALID_REQUEST, text, id.clone());
    let [envelope_keys, params_keys] = keys;
    if let Some(key) = json::variant_key(&envelope, envelope_keys) {
        return Err(invalid(format!("the key {key:?} reads as another")));
    }
    if envelope.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid("jsonrpc must be \"2.0\"".to_owned()));
    }
    let has_id = envelope.contains_key("id");
    let has_answer = envelope.contains_key("result") || envelope.contains_key("error");
    let Some(method) = envelope.shift_remove("method") else {
        if !has_answer {
            return Err(invalid("there is no method".to_owned()));
        }
        return parse_response(&mut envelope, id);
    };
    if has_answer {
        return Err(invalid("a request carries no result or error".to_owned()));
    }
    let Value::String(method) = method else {
        return Err(invalid("method must be a text".to_owned()));
    };
    if method.is_empty() || method.len() > RPC_METHOD_BYTES {
        return Err(invalid("method has no acceptable length".to_owned()));
    }
    let params = match envelope.shift_remove("params") {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return Err(invalid("params must be an object".to_owned())),
    };
    if let Some(key) = json::variant_key(&params, params_keys) {
        return Err(invalid(format!("the key {key:?} reads as another")));
    }
    match (has_id, id) {
        (false, _) => Ok(Message::Notification(Notification { method, params })),
        (true, Some(id)) => Ok(Message::Request(Request { id, method, params })),
        (true, None) => Err(fault(
            INVALID_REQUEST,
            "id must be a text or a whole number",
            None,
        )),
    }
}

fn parse_response(envelope: &mut Map<String, Value>, id: Option<Id>) -> Result<Message, RpcFault> {
    let invalid = |text: &str| fault(INVALID_REQUEST, text, id.clone());
    let id_is_readable = id.is_some() || envelope.get("id").is_none_or(Value::is_null);
    if !id_is_readable {
        return Err(invalid("id must be a text or a whole number"));
    }
    let result = match (
        envelope.shift_remove("result"),
        envelope.shift_remove("error"),
    ) {
        (Some(result), None) if id.is_some() => Ok(result),
        (None, Some(Value::Object(mut error))) => {
            let code = error.get("code").and_then(Value::as_i64);
            let message = error.get("message").and_then(Value::as_str);
            let (Some(code), Some(message)) = (code, message) else {
                return Err(invalid("error must have a code and a message"));
            };
            let message = message.to_owned();
            Err(RpcError {
                code,
                message,
                data: error.shift_remove("data"),
            })
        }
        (Some(_), None) => return Err(invalid("a result needs an id")),
        (None, _) => return Err(invalid("error must be an object")),
        (Some(_), Some(_)) => return Err(invalid("an answer is a result or an error, not both")),
    };
    Ok(Message::Response(Response { id, result }))
}

fn fault(code: i64, message: impl Into<String>, id: Option<Id>) -> RpcFault {
    RpcFault {
        code,
        message: message.into(),
        id,
    }
}

/// The id of a message that the strict reader refused, so that its sender does not wait in vain.
/// Nothing but the address of the refusal comes from here, and two ids give no address.
fn recover_id(bytes: &[u8]) -> Option<Id> {
    #[derive(Deserialize)]
    struct Addressed {
        id: Option<Value>,
    }
    Addressed::deserialize(&mut reader(bytes))
        .ok()?
        .id
        .as_ref()
        .and_then(Id::from_value)
}

fn reader(bytes: &[u8]) -> serde_json::Deserializer<serde_json::de::SliceRead<'_>> {
    serde_json::Deserializer::from_slice(bytes)
}

fn is_whole(number: &Number) -> bool {
    let token = number.as_str();
    let digits = token.strip_prefix('-').unwrap_or(token);
    token.len() <= RPC_ID_BYTES && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> impl Strategy<Value = Id> {
        prop_oneof![
            any::<i64>().prop_map(|number| Id::Number(number.into())),
            ".{0,20}".prop_map(Id::Text),
        ]
    }

    fn message() -> impl Strategy<Value = Message> {
        let params = proptest::collection::btree_map("[a-z]{1,6}", "(?s).{0,9}", 0..4)
            .prop_map(|map| {
                map.into_iter()
                    .map(|(key, value)| (key, Value::from(value)))
            })
            .prop_map(Map::from_iter);
        let error = (any::<i64>(), ".{0,9}").prop_map(|(code, text)| RpcError::new(code, text));
        prop_oneof![
            (id(), "[a-z/]{1,9}", params.clone())
                .prop_map(|(id, method, params)| Message::Request(Request { id, method, params })),
            ("[a-z/]{1,9}", params.clone()).prop_map(|(method, params)| Message::Notification(
                Notification { method, params }
            )),
            (id(), params).prop_map(|(id, result)| Message::Response(Response {
                id: Some(id),
                result: Ok(Value::Object(result)),
            })),
            (proptest::option::of(id()), error).prop_map(|(id, error)| Message::Response(
                Response {
                    id,
                    result: Err(error)
                }
            )),
        ]
    }

    proptest! {
        #[test]
        fn every_message_reads_back_as_it_was_written(message in message()) {
            let bytes = render(&message);
            prop_assert_eq!(parse_from_agent(&bytes), Ok(message.clone()));
            prop_assert_eq!(parse_from_upstream(&bytes), Ok(message));
        }

        #[test]
        fn no_bytes_are_more_than_a_fault(bytes: Vec<u8>) {
            let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
            prop_assert!(parse_from_agent(&bytes).is_err() || is_object);
        }
    }

    fn refused(text: &str) -> RpcFault {
        parse_from_agent(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_message_reads_and_writes_as_itself() {
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"z":1.0,"a":[1e+5]}}}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":-3,"result":{"b":1,"a":null}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no","data":[1]}}"#,
        ] {
            let message = parse_from_agent(text.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(render(&message)).unwrap(), text);
        }
    }

    #[test]
    fn an_id_keeps_its_digits() {
        let big = "123456789012345678901234567890";
        let text = format!(r#"{{"jsonrpc":"2.0","id":{big},"method":"ping"}}"#);
        let message = parse_from_agent(text.as_bytes()).unwrap();
        assert_eq!(render(&message), text.as_bytes());
    }

    #[test]
    fn what_is_not_one_plain_message_is_refused_with_the_standards_code() {
        assert_eq!(refused("{").code, PARSE_ERROR);
        assert_eq!(refused("\u{feff}{}").code, PARSE_ERROR);
        for text in [
            "[]",
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
            "1",
            r#"{"id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":""}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}}"#,
            r#"{"jsonrpc":"2.0","result":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"error":{"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","Method":"b"}"#,
            r#"{"jsonrpc":"2.0","id":1,"Method":"b"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"Name":"b"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"b","name":"c"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments\u0000":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#,
        ] {
            assert_eq!(refused(text).code, INVALID_REQUEST, "{text}");
        }
    }

    #[test]
    fn a_refusal_is_addressed_where_the_bytes_name_one_id() {
        let id = Some(Id::Text("x".to_owned()));
        assert_eq!(
            refused(r#"{"jsonrpc":"2.0","id":"x","method":"a","params":{"b":1,"b":2}}"#).id,
            id
        );
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":"x"}"#).id, id);
        assert_eq!(
            refused(r#"{"jsonrpc":"2.0","id":"x","id":"y","method":"a"}"#).id,
            None
        );
    }

    #[test]
    fn a_message_over_the_limit_is_refused_unread() {
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"{}"}}"#,
            "a".repeat(AGENT_MESSAGE_BYTES)
        );
        assert!(refused(&text).message.contains("larger"));
    }
}
