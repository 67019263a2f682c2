//! The rules as a library: compile a manifest, judge calls, and say in sentences how each came about.
//!
//! No guard, no store, no network: the caller says what is known. `cargo run --example embed`
#![expect(clippy::print_stdout, reason = "it prints for a person")]

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use countersign::ambient::Ambient;
use countersign::engine::facts::{Facts, Standing};
use countersign::engine::{self, Matched, Requirements, trace};
use countersign::model::arguments::Arguments;
use countersign::model::call::{Call, Mode, Principal};
use countersign::model::decimal::Decimal;
use countersign::model::id::{CallId, CredentialId, SessionId};
use countersign::model::name::{AgentName, GroupName, ServerName};
use countersign::model::session::{AgentState, Session, SessionState};
use countersign::model::target::Target;
use countersign::scopes::{Scopes, Source, ToolSchema};

const MANIFEST: &str = r#"
version: 1
agent: bookkeeper
credentials: {local: true}
tools:
  - tool: ledger/pay
    privilege: money
    arguments: {properties: {amount: {type: number, exclusiveMinimum: 0, maximum: 100}}}
    budget: {sum: /amount, limit: 500, per: 24h}
forbid: [{tool: "*/delete_*"}]
undeclared: pause
approval: {default: {any_of: [finance]}}
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let (name, text) = ("bookkeeper.yaml".to_owned(), MANIFEST.to_owned());
    let scopes = Scopes::compile(&[Source { name, text }])?;
    let agent = AgentName::parse("bookkeeper")?;
    let scope = scopes
        .scope(&agent)
        .ok_or("the manifest is that of another agent")?;
    // The tool's own input schema, as its server lists it.
    let own = ToolSchema::compile(&serde_json::json!({"type": "object"}))?;
    let ambient = Ambient::system();
    for (tool, arguments) in [
        ("pay", r#"{"amount": 48.50}"#),
        ("pay", r#"{"amount": 100.0000000000000000000001}"#),
        ("pay", r#"{"amount": 40, "to": "somebody else"}"#),
        ("delete_payment", r#"{"id": "p1"}"#),
    ] {
        let now = ambient.now();
        let call = Call {
            id: CallId::random(&ambient),
            principal: Principal {
                agent: agent.clone(),
                credential: CredentialId::random(&ambient),
                on_behalf_of: None,
            },
            session: SessionId::random(&ambient),
            mode: Mode::Proxy,
            method: Arc::from("tools/call"),
            target: Target::tool(ServerName::parse("ledger")?, tool),
            arguments: Arguments::parse(arguments.as_bytes())?,
            extras: serde_json::Map::new(),
            claims: serde_json::Map::new(),
            idempotency_key: None,
            attached: None,
        };
        let standing = fresh(&call, now, BTreeSet::from([GroupName::parse("finance")?]));
        let facts = Facts {
            standing: &standing,
            attached: None,
            tool: Some(&own),
            exceeded: None,
            level: 1,
        };
        let matched = Matched::find(scope, &call.target);
        let requirements = Requirements::of(&matched, &call);
        let evaluation = engine::decide(&call, &matched, &requirements, &facts, now);
        println!(
            "{} {arguments}\n  {}",
            call.target,
            trace::render(&evaluation, scope).join("\n  ")
        );
    }
    Ok(())
}

/// An agent that has done nothing yet, with somebody there who may approve.
fn fresh(
    call: &Call,
    now: countersign::model::time::Timestamp,
    approvers: BTreeSet<GroupName>,
) -> Standing {
    Standing {
        revision: 0,
        agent: AgentState::Running,
        session: Some(Session {
            id: call.session,
            principal: call.principal.clone(),
            opened: now,
            seen: now,
            state: SessionState::Active,
            default: true,
            label: None,
        }),
        approval: None,
        grant: None,
        refused: None,
        covering: Vec::new(),
        open: 0,
        opened: 0,
        spent: vec![Decimal::zero()],
        approvers: Arc::new(approvers),
    }
}
