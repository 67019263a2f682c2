//! What a row needs of an edge: an agent behind it, and what that agent is told.

use serde_json::Value;

use super::house::House;

/// An agent that reaches the guard in one particular way.
pub(crate) trait Agent: Sized {
    /// Connects with a key.
    async fn connect(house: &House, key: &str) -> Self;

    /// Connects with a key, to act in one of its sessions. Only for edges where an agent can name one.
    async fn connect_in(house: &House, key: &str, session: &str) -> Self;

    /// Calls a tool the way a client of this edge does, going on from an earlier answer where the edge
    /// has a form for that.
    async fn call(&self, tool: &str, arguments: &Value) -> Told;

    /// Goes on from the answer to a held call, but with other arguments.
    async fn swap(&self, tool: &str, arguments: &Value, others: &Value) -> Told;

    /// Sends the very same bytes as last time.
    async fn again(&self) -> Told;

    /// Calls a tool and is gone once the call is held; returns when the guard has noticed.
    async fn call_and_leave(self, house: &House, tool: &str, arguments: &Value);
}

/// What an agent was told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    /// The upstream's own words.
    Ran(String),
    /// A person must decide.
    Held,
    /// The code of the refusal.
    Refused(String),
}

impl Told {
    /// As an answer of MCP says it.
    pub(crate) fn of_rpc(answer: &Value) -> Self {
        let result = &answer["result"];
        if matches!(
            result["resultType"].as_str(),
            Some("input_required" | "task")
        ) {
            return Self::Held;
        }
        if let Some(code) = answer["error"]["code"].as_i64() {
            return Self::Refused(format!("error {code}"));
        }
        Self::of_result(result)
    }

    /// As the result of a tool says it.
    pub(crate) fn of_result(result: &Value) -> Self {
        let decision = &result["_meta"]["dev.countersign/decision"];
        match decision["outcome"].as_str() {
            Some("pending") => Self::Held,
            Some(_) => Self::Refused(decision["reason"].as_str().unwrap().to_owned()),
            None => Self::Ran(
                result["content"][0]["text"]
                    .as_str()
                    .unwrap_or_else(|| panic!("no text: {result}"))
                    .to_owned(),
            ),
        }
    }

    #[track_caller]
    pub(crate) fn ran(&self) {
        assert!(matches!(self, Self::Ran(_)), "it did not run: {self:?}");
    }

    #[track_caller]
    pub(crate) fn held(&self) {
        assert_eq!(*self, Self::Held);
    }

    #[track_caller]
    pub(crate) fn refused(&self, code: &str) {
        assert_eq!(*self, Self::Refused(code.to_owned()));
    }
}
