//! What a bridge remembers of its agent's connection, so that it can go on with another owner.

use serde_json::{Value, json};

use crate::limits::REQUESTS_IN_FLIGHT_COUNT;
use crate::model::json;
use crate::model::reason::Reason;

/// The handshake, and the requests that have no answer yet.
#[derive(Default)]
pub(super) struct Memory {
    initialize: Option<Line>,
    initialized: Option<Vec<u8>>,
    pending: Vec<Line>,
    /// The handshake's identifier while its answer, which the agent has already, is awaited again.
    swallow: Option<Value>,
}

struct Line {
    id: Value,
    method: String,
    bytes: Vec<u8>,
}

/// How a connection goes on with a new owner.
pub(super) struct Resumption {
    /// Lines for the owner, in order.
    pub(super) to_owner: Vec<Vec<u8>>,
    /// Answers for the agent to what must not be sent twice.
    pub(super) to_agent: Vec<Vec<u8>>,
}

impl Memory {
    /// Notes a line of the agent's.
    pub(super) fn asked(&mut self, bytes: &[u8]) {
        let Some((method, id)) = envelope(bytes) else {
            return;
        };
        match (method.as_str(), id) {
            ("notifications/initialized", _) => self.initialized = Some(bytes.to_vec()),
            (_, Some(id)) => {
                let line = |id| Line {
                    id,
                    method: method.clone(),
                    bytes: bytes.to_vec(),
                };
                if method == "initialize" {
                    self.initialize = Some(line(id.clone()));
                    self.initialized = None;
                }
                // The owner refuses what is beyond this; the bridge only must not grow with it.
                if self.pending.len() < REQUESTS_IN_FLIGHT_COUNT {
                    self.pending.push(line(id));
                }
            }
            (_, None) => {}
        }
    }

    /// Notes a line of the owner's; false where the agent must not see it again.
    pub(super) fn answered(&mut self, bytes: &[u8]) -> bool {
        let Ok(Value::Object(message)) = json::parse(bytes) else {
            return true;
        };
        let Some(id) = message
            .get("id")
            .filter(|_| !message.contains_key("method"))
        else {
            return true;
        };
        if self.swallow.as_ref() == Some(id) {
            self.swallow = None;
            return false;
        }
        self.pending.retain(|line| line.id != *id);
        true
    }

    /// Whether the answer to the repeated handshake is still awaited.
    pub(super) const fn is_shaking_hands(&self) -> bool {
        self.swallow.is_some()
    }

    /// Begins again with a new owner. What only looks is asked again; what may have acted is not, and
    /// its agent is told so.
    pub(super) fn resume(&mut self) -> Resumption {
        let mut to_owner = Vec::new();
        let mut to_agent = Vec::new();
        if let Some(line) = &self.initialize {
            let is_answered = !self.pending.iter().any(|pending| pending.id == line.id);
            if is_answered {
                self.swallow = Some(line.id.clone());
                to_owner.push(line.bytes.clone());
            }
        }
        self.pending.retain(|line| {
            let only_looks = ONLY_LOOKS.contains(&line.method.as_str());
            if !only_looks {
                to_agent.push(unknown(line));
            }
            only_looks
        });
        Resumption { to_owner, to_agent }
    }

    /// What follows once the handshake is repeated.
    pub(super) fn after_handshake(&self) -> Vec<Vec<u8>> {
        let requests = self.pending.iter().map(|line| line.bytes.clone());
        self.initialized.iter().cloned().chain(requests).collect()
    }
}

/// The answer to a request that the owner took with it.
fn unknown(line: &Line) -> Vec<u8> {
    let row = Reason::OutcomeUnknown.row();
    let text = format!(
        "{}: the guard was restarted while this call was under way. If it was waiting for approval, \
         repeat exactly the same call and it joins the one that waits. {}",
        row.word, row.remedy
    );
    let answer = match line.method.as_str() {
        "tools/call" => json!({
            "jsonrpc": "2.0",
            "id": line.id,
            "result": {"content": [{"type": "text", "text": text}], "isError": true},
        }),
        _ => json!({
            "jsonrpc": "2.0",
            "id": line.id,
            "error": {"code": UNAVAILABLE_CODE, "message": text},
        }),
    };
    format!("{answer}\n").into_bytes()
}

fn envelope(bytes: &[u8]) -> Option<(String, Option<Value>)> {
    let Ok(Value::Object(mut message)) = json::parse(bytes) else {
        return None;
    };
    let Some(Value::String(method)) = message.shift_remove("method") else {
        return None;
    };
    Some((method, message.shift_remove("id")))
}

/// Requests that change nothing, so that asking them twice is asking them once.
const ONLY_LOOKS: [&str; 7] = [
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "resources/list",
    "resources/templates/list",
    "prompts/list",
];
/// The guard is not available; outside the range that JSON-RPC reserves.
const UNAVAILABLE_CODE: i64 = -31_503;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[Vec<u8>]) -> Vec<String> {
        let lines = lines.iter().map(|line| String::from_utf8(line.clone()));
        lines.map(Result::unwrap).collect()
    }

    #[test]
    fn the_handshake_is_repeated_and_its_second_answer_swallowed() {
        let mut memory = Memory::default();
        memory.asked(br#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}"#);
        assert!(memory.answered(br#"{"jsonrpc":"2.0","id":0,"result":{}}"#));
        memory.asked(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        let resumption = memory.resume();
        assert_eq!(resumption.to_owner.len(), 1);
        assert!(resumption.to_agent.is_empty());
        assert!(memory.is_shaking_hands());
        assert!(!memory.answered(br#"{"jsonrpc":"2.0","id":0,"result":{}}"#));
        assert!(!memory.is_shaking_hands());
        assert!(text(&memory.after_handshake())[0].contains("notifications/initialized"));
    }

    #[test]
    fn what_only_looks_is_asked_again_and_what_may_have_acted_is_not() {
        let mut memory = Memory::default();
        memory.asked(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
        memory.asked(br#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{}}"#);
        memory.asked(br#"{"jsonrpc":"2.0","id":3,"method":"resources/read","params":{}}"#);
        memory.asked(br#"{"jsonrpc":"2.0","id":4,"method":"ping"}"#);
        assert!(memory.answered(br#"{"jsonrpc":"2.0","id":4,"result":{}}"#));
        let resumption = memory.resume();
        let told = text(&resumption.to_agent);
        assert_eq!(told.len(), 2);
        assert!(told[0].contains(r#""id":"a""#) && told[0].contains("OUTCOME UNKNOWN"));
        assert!(told[1].contains(r#""id":3"#) && told[1].contains("-31503"));
        let again = text(&memory.after_handshake());
        assert_eq!(again.len(), 1);
        assert!(again[0].contains("tools/list"));
    }

    #[test]
    fn a_request_of_the_owners_is_no_answer() {
        let mut memory = Memory::default();
        memory.asked(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
        assert!(memory.answered(br#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#));
        assert_eq!(memory.after_handshake().len(), 1);
    }
}
