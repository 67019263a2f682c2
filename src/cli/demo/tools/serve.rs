//! The protocol of the demo's servers: requests on lines, in both eras.

use std::io::{self, BufRead, Read, Write};

use serde_json::{Map, Value, json};

use super::{Journal, Kind, Offer, Server, ToolFault};
use crate::limits::AGENT_MESSAGE_BYTES;
use crate::mcp::dialect::{Era, LEGACY_VERSIONS, MODERN_VERSIONS, meta, method};
use crate::mcp::jsonrpc::{
    INVALID_PARAMS, METHOD_NOT_FOUND, Message, Response, RpcError, parse_from_agent, render,
};

/// Answers every request of `input` on `output`, one after another, until the input ends.
pub(super) fn serve(
    kind: Kind,
    server: &dyn Server,
    journal: &Journal,
    mut input: impl BufRead,
    mut output: impl Write,
) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = AGENT_MESSAGE_BYTES as u64 + 1;
        if (&mut input).take(most).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if let Some(response) = answer(kind, server, journal, &line)? {
            output.write_all(&render(&Message::Response(response)))?;
            output.write_all(b"\n")?;
            output.flush()?;
        }
    }
}

fn answer(
    kind: Kind,
    server: &dyn Server,
    journal: &Journal,
    line: &[u8],
) -> io::Result<Option<Response>> {
    let request = match parse_from_agent(line) {
        Ok(Message::Request(request)) => request,
        Ok(Message::Notification(_) | Message::Response(_)) => return Ok(None),
        Err(fault) => return Ok(Some(fault.into_response())),
    };
    let era = Era::declared(&request.method, &request.params).unwrap_or(Era::Legacy);
    let result = match (&*request.method, era) {
        (method::INITIALIZE, _) => Ok(initialized(kind, &request.params)),
        (method::PING, Era::Legacy) => Ok(json!({})),
        (method::DISCOVER, Era::Modern) => Ok(listed(era, discovered(kind))),
        (method::TOOLS_LIST, _) => {
            let tools: Vec<Value> = server.offers().iter().map(Offer::to_value).collect();
            Ok(listed(era, json!({ "tools": tools })))
        }
        (method::TOOLS_CALL, _) => {
            call(kind, server, journal, &request.params)?.map(|result| complete(era, result))
        }
        (other, _) => Err(RpcError::new(
            METHOD_NOT_FOUND,
            format!("Method not found: {other}"),
        )),
    };
    Ok(Some(Response {
        id: Some(request.id),
        result,
    }))
}

fn initialized(kind: Kind, params: &Map<String, Value>) -> Value {
    let asked = params.get("protocolVersion").and_then(Value::as_str);
    let version = LEGACY_VERSIONS
        .iter()
        .find(|version| asked == Some(**version))
        .or(LEGACY_VERSIONS.last());
    json!({
        "protocolVersion": version,
        "capabilities": {"tools": {}},
        "serverInfo": info(kind),
    })
}

fn discovered(kind: Kind) -> Value {
    json!({
        "supportedVersions": MODERN_VERSIONS,
        "capabilities": {"tools": {}},
        "_meta": {meta::SERVER_INFO: info(kind)},
    })
}

fn info(kind: Kind) -> Value {
    json!({"name": format!("demo-{}", kind.name()), "version": env!("CARGO_PKG_VERSION")})
}

fn call(
    kind: Kind,
    server: &dyn Server,
    journal: &Journal,
    params: &Map<String, Value>,
) -> io::Result<Result<Value, RpcError>> {
    let Some(tool) = params.get("name").and_then(Value::as_str) else {
        let error = RpcError::new(INVALID_PARAMS, "`name` must be text");
        return Ok(Err(error));
    };
    let empty = Map::new();
    let arguments = params
        .get("arguments")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let (text, is_error) = match server.run(tool, arguments) {
        Ok(text) => (text, false),
        Err(fault @ ToolFault::Unknown(_)) => {
            return Ok(Err(RpcError::new(INVALID_PARAMS, fault.to_string())));
        }
        Err(fault @ (ToolFault::Refused(_) | ToolFault::Disk(_))) => (fault.to_string(), true),
    };
    journal.note(kind.name(), tool)?;
    Ok(Ok(json!({
        "content": [{"type": "text", "text": text}],
        "isError": is_error,
    })))
}

/// A list as its era wants it: nobody but its reader may keep it, and nobody for long.
fn listed(era: Era, mut result: Value) -> Value {
    if let (Era::Modern, Value::Object(members)) = (era, &mut result) {
        members.insert("ttlMs".to_owned(), json!(0));
        members.insert("cacheScope".to_owned(), json!("private"));
    }
    complete(era, result)
}

fn complete(era: Era, mut result: Value) -> Value {
    if let (Era::Modern, Value::Object(members)) = (era, &mut result) {
        members.insert("resultType".to_owned(), json!("complete"));
    }
    result
}
