//! One call: who, in which session, on what, with which arguments.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::arguments::Arguments;
use super::id::{ApprovalId, CallId, CredentialId, SessionId};
use super::name::{AgentName, UserName};
use super::target::{Target, TargetKind};

/// Who asks: an agent, proved by one credential, and the user it acts for, if any.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Principal {
    /// The agent.
    pub agent: AgentName,
    /// The credential it proved itself with.
    pub credential: CredentialId,
    /// The user on whose behalf it acts, from a verified claim only.
    pub on_behalf_of: Option<UserName>,
}

/// Who runs the call once it is permitted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mode {
    /// The guard sends it upstream itself.
    Proxy,
    /// Somebody else runs it and reports the outcome.
    Authorize,
}

impl Mode {
    /// The word in digests, records and requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Authorize => "authorize",
        }
    }

    /// The mode from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Proxy, Self::Authorize]
            .into_iter()
            .find(|mode| mode.name() == name)
    }
}

/// One principal + session + target + arguments, moved into the decision.
///
/// Deliberately not `Clone`: what was judged is what runs, so a call exists once.
#[derive(Debug)]
pub struct Call {
    /// The call's identifier.
    pub id: CallId,
    /// Who asks.
    pub principal: Principal,
    /// The guard's session it belongs to.
    pub session: SessionId,
    /// Who runs it.
    pub mode: Mode,
    /// The protocol's method, for example `tools/call`.
    pub method: Arc<str>,
    /// What it reaches for.
    pub target: Target,
    /// What it passes.
    pub arguments: Arguments,
    /// What binds besides the arguments, without empty halves: `params` and `_meta` hold the members that
    /// the protocol does not define, and the scope decides whether they pass; [`PROTOCOL_HALF`] holds the
    /// answers and wishes that it does define, which always pass. What passes is bound.
    pub extras: Map<String, Value>,
    /// The agent's own claims about the call (task, justification): shown, never believed.
    pub claims: Map<String, Value>,
    /// The key under which the agent may ask for the same call again.
    pub idempotency_key: Option<Arc<str>>,
    /// The approval this call already waits on, once it does.
    pub attached: Option<ApprovalId>,
}

impl Call {
    /// Whether it brings answers to what an upstream asked, and so goes on with an earlier call.
    #[must_use]
    pub fn is_follow_up(&self) -> bool {
        let brings = |half: &Value| {
            let answers = half.get(ANSWERS).and_then(Value::as_object);
            answers.is_some_and(|answers| !answers.is_empty())
        };
        let is_answer = self.target.kind == TargetKind::Method
            && ANSWERING_METHODS.contains(&&*self.target.name);
        is_answer || self.extras.values().any(brings)
    }
}

/// The member of a request that answers what the round before asked.
pub const ANSWERS: &str = "inputResponses";

/// Methods whose calls are answers to an upstream.
const ANSWERING_METHODS: [&str; 4] = [
    "elicitation/create",
    "sampling/createMessage",
    "roots/list",
    "tasks/update",
];

/// The half of a call's extras that the protocol itself defines.
pub const PROTOCOL_HALF: &str = "protocol";
