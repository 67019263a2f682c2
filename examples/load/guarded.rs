//! A real guard over SQLite in a directory of its own.

use std::path::Path;
use std::sync::Arc;

use countersign::ambient::Ambient;
use countersign::audit::checkpoint::Signer;
use countersign::guard::{Guard, Parts, PinPolicy, Presented, Reload};
use countersign::model::arguments::Arguments;
use countersign::model::call::{Call, Mode, Principal};
use countersign::model::id::{BootId, CallId, SessionId};
use countersign::model::isolation::Isolation;
use countersign::model::name::{AgentName, ServerName};
use countersign::model::target::Target;
use countersign::scopes::{Scopes, Source};
use countersign::store::sqlite::Sqlite;
use serde_json::{Map, json};

use super::arguments::ARGUMENTS;

/// Starts a guard over the record in `directory`.
pub(crate) async fn start(directory: &Path, scopes: Scopes) -> Arc<Guard> {
    let (ambient, signer) = (Ambient::system(), Signer::from_seed(&[7; 32]).unwrap());
    let boot = BootId::random(&ambient);
    let store = Sqlite::open(directory, signer, boot, ambient.clone(), false).unwrap();
    let parts = Parts {
        record_share_bytes: countersign::limits::RECORD_SHARE_BYTES,
        store: Arc::new(store),
        scopes,
        ambient,
        match_key: [1; 32],
        code_key: [2; 32],
        permit_key: [3; 32],
        all_synced: false,
        reload: Reload::Auto,
        pin: PinPolicy::FirstUse,
        isolation: Isolation::Host,
    };
    Guard::start(parts).await.unwrap()
}

/// Compiles one manifest.
pub(crate) fn scopes(text: &str) -> Scopes {
    let (name, text) = ("clerk.yaml".to_owned(), text.to_owned());
    Scopes::compile(&[Source { name, text }]).unwrap_or_else(|faults| panic!("{faults}"))
}

/// Lets the guard know of one server and its tool.
pub(crate) async fn present(guard: &Guard, server: &str, tool: &str) {
    let presented = Presented {
        identity: json!({"address": server}),
        instructions: None,
        tools: vec![json!({"name": tool, "inputSchema": {"type": "object"}})],
        prompts: Vec::new(),
        templates: Vec::new(),
    };
    let server = ServerName::parse(server).unwrap();
    guard.present(&server, &presented).await.unwrap();
}

/// A new key of an agent.
pub(crate) async fn key(guard: &Guard, agent: &str) -> String {
    let agent = AgentName::parse(agent).unwrap();
    guard.add_agent_key("load", &agent, None).await.unwrap().1
}

/// An agent as one of its keys proves it, and its session.
pub(crate) async fn identity(guard: &Guard, agent: &str) -> (Principal, SessionId) {
    let key = key(guard, agent).await;
    let principal = guard.principal(Some(&key)).await.unwrap();
    let session = guard.session(&principal, None).await.unwrap();
    (principal, session)
}

/// A call of a tool, with the arguments that every call here has.
pub(crate) fn call(guard: &Guard, who: &(Principal, SessionId), server: &str, tool: &str) -> Call {
    Call {
        id: CallId::random(guard.ambient()),
        principal: who.0.clone(),
        session: who.1,
        mode: Mode::Proxy,
        method: Arc::from("tools/call"),
        target: Target::tool(ServerName::parse(server).unwrap(), tool),
        arguments: Arguments::parse(ARGUMENTS.as_bytes()).unwrap(),
        extras: Map::new(),
        claims: Map::new(),
        idempotency_key: None,
        attached: None,
    }
}
