//! A guarded request, taken apart: what it reaches for, what it passes, and what only carries it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::dialect::{Era, meta, method};
use super::jsonrpc::RpcError;
use super::render::bad_params;
use super::task::RELATED_TASK;
use super::voice;
use crate::model::arguments::Arguments;
use crate::model::call::{ANSWERS, PROTOCOL_HALF};
use crate::model::digest::{Digest, Fields};
use crate::model::name::{ServerName, ToolName};
use crate::model::target::{Target, TargetKind};
use crate::model::text::escape;

/// What a request asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// What it reaches for.
    pub target: Target,
    /// What it passes.
    pub arguments: Arguments,
    /// What binds besides: `params` and `_meta` hold what the protocol does not define, `protocol` the
    /// answers and wishes that it does.
    pub extras: Map<String, Value>,
    /// What the agent says of it.
    pub claims: Map<String, Value>,
    /// What carries it.
    pub envelope: Envelope,
}

/// Members of a request that say how it travels, not what it does.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    /// The protocol's own keys of `_meta`, and trace context.
    pub meta: Map<String, Value>,
    /// The state the agent hands back, sealed by the guard.
    pub state: Option<String>,
}

impl Asked {
    /// Takes the parameters of `method` apart.
    ///
    /// # Errors
    /// The answer to parameters that are not what the method takes.
    pub(super) fn parse(
        kind: TargetKind,
        server: &ServerName,
        method: &str,
        mut params: Map<String, Value>,
    ) -> Result<Self, RpcError> {
        let mut envelope = Envelope::default();
        let mut foreign = Map::new();
        let mut claims = Map::new();
        match params.shift_remove("_meta") {
            None => {}
            Some(Value::Object(meta)) => {
                for (key, value) in meta {
                    if PROTOCOL_META.contains(&key.as_str()) {
                        envelope.meta.insert(key, value);
                    } else if key == CLAIMS {
                        if let Value::Object(said) = value {
                            claims = said;
                        }
                    } else if !voice::is_reserved(&key) {
                        foreign.insert(key, value);
                    }
                }
            }
            Some(_) => return Err(bad_params("_meta must be an object")),
        }
        envelope.state = optional_text(&mut params, "requestState")?;
        let mut protocol = Map::new();
        for member in [ANSWERS, "task"] {
            match params.shift_remove(member) {
                None => {}
                Some(value @ Value::Object(_)) => {
                    protocol.insert(member.to_owned(), value);
                }
                Some(_) => return Err(bad_params(format!("{member} must be an object"))),
            }
        }
        let (name, arguments) = reach(kind, method, &mut params)?;
        let mut extras = Map::new();
        for (half, members) in [
            ("params", params),
            ("_meta", foreign),
            (PROTOCOL_HALF, protocol),
        ] {
            if !members.is_empty() {
                extras.insert(half.to_owned(), Value::Object(members));
            }
        }
        let target = Target {
            kind,
            server: server.clone(),
            name,
        };
        Ok(Self {
            target,
            arguments,
            extras,
            claims,
            envelope,
        })
    }

    /// Under which token progress is told, if it is wanted.
    #[must_use]
    pub(super) fn progress_token(&self) -> Option<&Value> {
        self.envelope.meta.get(meta::PROGRESS_TOKEN)
    }

    /// What the client declared for this request.
    #[must_use]
    pub(super) fn capability(&self, name: &str) -> Option<&Value> {
        self.envelope.meta.get(meta::CLIENT_CAPABILITIES)?.get(name)
    }

    /// Whether the client said with this request that it knows tasks.
    #[must_use]
    pub(super) fn knows_tasks(&self, era: Era) -> bool {
        let extensions = self.capability("extensions");
        let declares = extensions.is_some_and(|known| known.get(meta::TASKS_EXTENSION).is_some());
        era == Era::Modern && declares
    }

    /// The answers to what an upstream asked, if the request brings some.
    pub(super) fn responses(&mut self) -> Option<&mut Map<String, Value>> {
        self.extras
            .get_mut(PROTOCOL_HALF)?
            .get_mut(ANSWERS)?
            .as_object_mut()
    }

    /// Brings these answers and no others: those of the request itself were disowned before.
    pub(super) fn bring(&mut self, answers: Option<&Map<String, Value>>) {
        if let Some(Value::Object(params)) = self.extras.get_mut("params") {
            params.shift_remove(ANSWERS);
            if params.is_empty() {
                self.extras.shift_remove("params");
            }
        }
        let Some(answers) = answers else {
            return;
        };
        let protocol = self
            .extras
            .entry(PROTOCOL_HALF)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(protocol) = protocol {
            protocol.insert(ANSWERS.to_owned(), Value::Object(answers.clone()));
        }
    }

    /// Answers that nothing asked for are nothing the protocol defines: the scope decides about them as
    /// about any other member.
    pub(super) fn disown_responses(&mut self) {
        let Some(Value::Object(protocol)) = self.extras.get_mut(PROTOCOL_HALF) else {
            return;
        };
        let Some(responses) = protocol.shift_remove(ANSWERS) else {
            return;
        };
        if protocol.is_empty() {
            self.extras.shift_remove(PROTOCOL_HALF);
        }
        let params = self
            .extras
            .entry("params")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(params) = params {
            params.insert(ANSWERS.to_owned(), responses);
        }
    }

    /// What must be the same in every round of one call.
    #[must_use]
    pub(super) fn action(&self) -> Digest {
        Fields::new("countersign.round.v1")
            .field(self.target.kind.name().as_bytes())
            .field(self.target.server.as_str().as_bytes())
            .field(self.target.name.as_bytes())
            .field(self.arguments.canonical())
            .digest()
    }
}

/// The request's parameters as the upstream is to get them, without `name` and `arguments`: rebuilt
/// from what was judged, never from what came.
#[must_use]
pub(super) fn rebuild(envelope: &Envelope, extras: &Map<String, Value>) -> Map<String, Value> {
    let mut params = Map::new();
    for half in [PROTOCOL_HALF, "params"] {
        if let Some(Value::Object(members)) = extras.get(half) {
            for (key, value) in members {
                params.insert(key.clone(), value.clone());
            }
        }
    }
    if let Some(state) = &envelope.state {
        params.insert("requestState".to_owned(), json!(state));
    }
    let mut meta = envelope.meta.clone();
    if let Some(Value::Object(foreign)) = extras.get("_meta") {
        for (key, value) in foreign {
            meta.insert(key.clone(), value.clone());
        }
    }
    if !meta.is_empty() {
        params.insert("_meta".to_owned(), Value::Object(meta));
    }
    params
}

/// The parameters of a request that is passed without a decision: what its method defines, and the rest
/// only where the scope `passes` it.
#[must_use]
pub(super) fn carried(
    method: &str,
    params: Map<String, Value>,
    passes: bool,
) -> Map<String, Value> {
    let known = MEMBERS
        .iter()
        .find(|(name, _)| *name == method)
        .map_or(&[][..], |(_, known)| known);
    params
        .into_iter()
        .filter(|(key, _)| passes || key == "_meta" || known.contains(&key.as_str()))
        .map(|(key, value)| match value {
            Value::Object(mut meta) if key == "_meta" => {
                meta.retain(|key, _| {
                    !voice::is_reserved(key) && (passes || PROTOCOL_META.contains(&key.as_str()))
                });
                (key, Value::Object(meta))
            }
            value => (key, value),
        })
        .collect()
}

/// The agent's own words about a call, in `_meta`.
pub(super) const CLAIMS: &str = "dev.countersign/claims";

fn reach(
    kind: TargetKind,
    method: &str,
    params: &mut Map<String, Value>,
) -> Result<(Arc<str>, Arguments), RpcError> {
    match kind {
        TargetKind::Tool => {
            let name = text(params, "name")?;
            // Names that two readers could take for different ones are no names.
            if ToolName::parse(&name).is_err() {
                return Err(bad_params(format!("Unknown tool: {}", escape(&name))));
            }
            Ok((Arc::from(name), arguments(params)?))
        }
        TargetKind::Prompt => Ok((Arc::from(text(params, "name")?), arguments(params)?)),
        TargetKind::Resource => Ok((Arc::from(text(params, "uri")?), Arguments::none())),
        TargetKind::Method => {
            let mut passed = std::mem::take(params);
            if method == method::COMPLETE {
                for (key, value) in std::mem::take(&mut passed) {
                    match ["ref", "argument", "context"].contains(&key.as_str()) {
                        true => passed.insert(key, value),
                        false => params.insert(key, value),
                    };
                }
            }
            Ok((Arc::from(method), Arguments::from_map(passed)))
        }
    }
}

fn arguments(params: &mut Map<String, Value>) -> Result<Arguments, RpcError> {
    match params.shift_remove("arguments") {
        None => Ok(Arguments::none()),
        Some(Value::Object(map)) => Ok(Arguments::from_map(map)),
        Some(_) => Err(bad_params("arguments must be an object")),
    }
}

fn text(params: &mut Map<String, Value>, member: &str) -> Result<String, RpcError> {
    optional_text(params, member)?.ok_or_else(|| bad_params(format!("{member} is missing")))
}

fn optional_text(
    params: &mut Map<String, Value>,
    member: &str,
) -> Result<Option<String>, RpcError> {
    match params.shift_remove(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad_params(format!("{member} must be a text"))),
    }
}

/// What the methods that are passed without a decision define.
const MEMBERS: &[(&str, &[&str])] = &[
    (
        method::INITIALIZE,
        &["protocolVersion", "capabilities", "clientInfo"],
    ),
    (method::SET_LEVEL, &["level"]),
    (method::RESOURCES_LIST, &["cursor"]),
    (method::RESOURCES_TEMPLATES_LIST, &["cursor"]),
    (method::RESOURCES_UNSUBSCRIBE, &["uri"]),
    (method::PROMPTS_LIST, &["cursor"]),
    (method::LISTEN, &["notifications"]),
    (
        method::PROGRESS,
        &["progressToken", "progress", "total", "message"],
    ),
    (method::TASKS_GET, &["taskId"]),
    (method::TASKS_RESULT, &["taskId"]),
    (method::TASKS_CANCEL, &["taskId"]),
];

/// Keys of `_meta` that carry a request; everything else is an extra.
const PROTOCOL_META: &[&str] = &[
    meta::PROTOCOL_VERSION,
    meta::CLIENT_CAPABILITIES,
    meta::CLIENT_INFO,
    meta::LOG_LEVEL,
    meta::PROGRESS_TOKEN,
    RELATED_TASK,
    "traceparent",
    "tracestate",
    "baggage",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: TargetKind, method: &str, params: Value) -> Result<Asked, RpcError> {
        let server = ServerName::parse("crm").unwrap();
        let Value::Object(params) = params else {
            panic!()
        };
        Asked::parse(kind, &server, method, params)
    }

    #[test]
    fn what_the_protocol_does_not_define_is_told_apart_and_bound() {
        let asked = parse(
            TargetKind::Tool,
            "tools/call",
            json!({
                "name": "pay", "arguments": {"b": 1.0, "a": 2}, "dryRun": true,
                "inputResponses": {"q": {}}, "requestState": "s",
                "_meta": {"progressToken": 7, "x/y": 1, "dev.countersign/decision": 1,
                          "dev.countersign/claims": {"task": "t"}},
            }),
        )
        .unwrap();
        assert_eq!(&**asked.arguments.canonical(), br#"{"a":2,"b":1.0}"#);
        assert_eq!(
            Value::Object(asked.extras.clone()),
            json!({"params": {"dryRun": true}, "_meta": {"x/y": 1}, "protocol": {"inputResponses": {"q": {}}}})
        );
        assert_eq!(Value::Object(asked.claims.clone()), json!({"task": "t"}));
        assert_eq!(asked.envelope.state.as_deref(), Some("s"));
        assert_eq!(asked.progress_token(), Some(&json!(7)));
        // The guard strips what the scope does not pass; what is left is rebuilt.
        let stripped = rebuild(&asked.envelope, &Map::new());
        assert_eq!(
            Value::Object(stripped),
            json!({"requestState": "s", "_meta": {"progressToken": 7}})
        );
    }

    #[test]
    fn parameters_of_the_wrong_shape_are_refused() {
        for params in [
            json!({}),
            json!({"name": 1}),
            json!({"name": "a b"}),
            json!({"name": "pay", "arguments": []}),
            json!({"name": "pay", "_meta": 1}),
            json!({"name": "pay", "requestState": 1}),
            json!({"name": "pay", "inputResponses": []}),
        ] {
            assert!(
                parse(TargetKind::Tool, "tools/call", params.clone()).is_err(),
                "{params}"
            );
        }
    }

    #[test]
    fn a_method_passes_what_it_was_given() {
        let asked = parse(
            TargetKind::Method,
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": "v"}, "x": 1}),
        )
        .unwrap();
        assert_eq!(&*asked.target.name, "completion/complete");
        assert!(asked.arguments.value().get("x").is_none());
        assert_eq!(Value::Object(asked.extras), json!({"params": {"x": 1}}));
    }
}
