//! The two eras of the protocol, and the words of both that the guard must know.

use serde_json::{Map, Value};

/// Which of the two protocols a message belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Era {
    /// Up to 2025-11-25: `initialize`, then a session.
    Legacy,
    /// From 2026-07-28: every request says by itself what its sender speaks.
    Modern,
}

impl Era {
    /// The era that a request itself declares; a request that declares none belongs to the era of the
    /// session it came in.
    #[must_use]
    pub fn declared(method: &str, params: &Map<String, Value>) -> Option<Self> {
        let is_modern = method == method::DISCOVER
            || meta(params).is_some_and(|meta| meta.contains_key(meta::PROTOCOL_VERSION));
        match (is_modern, method == method::INITIALIZE) {
            (true, _) => Some(Self::Modern),
            (false, true) => Some(Self::Legacy),
            (false, false) => None,
        }
    }

    /// The era of a version, if the guard speaks it.
    #[must_use]
    pub fn of_version(version: &str) -> Option<Self> {
        if LEGACY_VERSIONS.contains(&version) {
            Some(Self::Legacy)
        } else if MODERN_VERSIONS.contains(&version) {
            Some(Self::Modern)
        } else {
            None
        }
    }
}

/// The versions that begin with `initialize`, oldest first.
pub const LEGACY_VERSIONS: &[&str] = &["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
/// The versions whose requests stand alone, oldest first.
pub const MODERN_VERSIONS: &[&str] = &["2026-07-28"];

/// The `_meta` object of a request's parameters.
#[must_use]
pub fn meta(params: &Map<String, Value>) -> Option<&Map<String, Value>> {
    params.get("_meta").and_then(Value::as_object)
}

/// The protocol version that a modern request declares.
#[must_use]
pub fn declared_version(params: &Map<String, Value>) -> Option<&str> {
    meta(params)?.get(meta::PROTOCOL_VERSION)?.as_str()
}

/// The member of `params` that `Mcp-Name` repeats for a method, if it has one.
#[must_use]
pub fn name_member(method: &str) -> Option<&'static str> {
    match method {
        method::TOOLS_CALL | method::PROMPTS_GET => Some("name"),
        method::RESOURCES_READ => Some("uri"),
        _ if method.starts_with("tasks/") => Some("taskId"),
        _ => None,
    }
}

/// Names of methods.
pub mod method {
    #![expect(missing_docs, reason = "each constant is its own text")]
    pub const INITIALIZE: &str = "initialize";
    pub const PING: &str = "ping";
    pub const DISCOVER: &str = "server/discover";
    pub const LISTEN: &str = "subscriptions/listen";
    pub const TOOLS_LIST: &str = "tools/list";
    pub const TOOLS_CALL: &str = "tools/call";
    pub const RESOURCES_LIST: &str = "resources/list";
    pub const RESOURCES_TEMPLATES_LIST: &str = "resources/templates/list";
    pub const RESOURCES_READ: &str = "resources/read";
    pub const RESOURCES_SUBSCRIBE: &str = "resources/subscribe";
    pub const RESOURCES_UNSUBSCRIBE: &str = "resources/unsubscribe";
    pub const PROMPTS_LIST: &str = "prompts/list";
    pub const PROMPTS_GET: &str = "prompts/get";
    pub const COMPLETE: &str = "completion/complete";
    pub const SET_LEVEL: &str = "logging/setLevel";
    pub const TASKS_GET: &str = "tasks/get";
    pub const TASKS_UPDATE: &str = "tasks/update";
    pub const TASKS_CANCEL: &str = "tasks/cancel";
    pub const TASKS_LIST: &str = "tasks/list";
    pub const TASKS_RESULT: &str = "tasks/result";
    pub const ROOTS_LIST: &str = "roots/list";
    pub const SAMPLING: &str = "sampling/createMessage";
    pub const ELICITATION: &str = "elicitation/create";
    pub const INITIALIZED: &str = "notifications/initialized";
    pub const CANCELLED: &str = "notifications/cancelled";
    pub const PROGRESS: &str = "notifications/progress";
    pub const LOG: &str = "notifications/message";
    pub const TOOLS_CHANGED: &str = "notifications/tools/list_changed";
    pub const RESOURCES_CHANGED: &str = "notifications/resources/list_changed";
    pub const RESOURCES_UPDATED: &str = "notifications/resources/updated";
    pub const PROMPTS_CHANGED: &str = "notifications/prompts/list_changed";
    pub const ROOTS_CHANGED: &str = "notifications/roots/list_changed";
    pub const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
    pub const TASK_STATUS: &str = "notifications/tasks/status";
    pub const TASKS: &str = "notifications/tasks";
    pub const ELICITATION_COMPLETE: &str = "notifications/elicitation/complete";
}

/// Keys of `_meta`.
pub mod meta {
    /// The version a request is written in.
    pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
    /// What the client can do.
    pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
    /// What the client calls itself.
    pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
    /// What the server calls itself.
    pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
    /// How much of the server's log the request wants.
    pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
    /// Which listening request a notification belongs to.
    pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
    /// Under which token progress is told.
    pub const PROGRESS_TOKEN: &str = "progressToken";
    /// The extension in which a call may become a task.
    pub const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";
}

/// Names of HTTP headers, in lower case.
pub mod header {
    /// The version of the messages.
    pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";
    /// The session of the legacy era.
    pub const SESSION_ID: &str = "mcp-session-id";
    /// The method of the body.
    pub const METHOD: &str = "mcp-method";
    /// The name or URI of the body.
    pub const NAME: &str = "mcp-name";
    /// What the headers that repeat arguments begin with.
    pub const PARAM_PREFIX: &str = "mcp-param-";
    /// The last event a broken stream delivered.
    pub const LAST_EVENT_ID: &str = "last-event-id";
}

/// Numbers of errors that only this protocol has.
pub mod code {
    /// A header says something else than the body.
    pub const HEADER_MISMATCH: i64 = -32_020;
    /// The client did not declare what the request needs.
    pub const MISSING_CAPABILITY: i64 = -32_021;
    /// The version is not spoken here.
    pub const UNSUPPORTED_VERSION: i64 = -32_022;
    /// Legacy: the user must open a page first.
    pub const URL_ELICITATION: i64 = -32_042;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(method: &str, params: serde_json::Value) -> Option<Era> {
        Era::declared(method, params.as_object().unwrap())
    }

    #[test]
    fn a_request_declares_its_era_by_its_method_or_its_meta() {
        let meta = serde_json::json!({"_meta": {meta::PROTOCOL_VERSION: "2026-07-28"}});
        assert_eq!(declared("tools/list", meta.clone()), Some(Era::Modern));
        assert_eq!(declared("initialize", meta), Some(Era::Modern));
        let bare = serde_json::json!({});
        assert_eq!(declared("initialize", bare.clone()), Some(Era::Legacy));
        assert_eq!(declared("server/discover", bare.clone()), Some(Era::Modern));
        assert_eq!(declared("tools/list", bare), None);
    }

    #[test]
    fn every_version_has_one_era() {
        for version in LEGACY_VERSIONS {
            assert_eq!(Era::of_version(version), Some(Era::Legacy));
        }
        for version in MODERN_VERSIONS {
            assert_eq!(Era::of_version(version), Some(Era::Modern));
        }
        assert_eq!(Era::of_version("2027-01-01"), None);
    }
}
