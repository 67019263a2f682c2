//! The rules as a library: compile a manifest, judge calls, and say in sentences how each came about.
//!
//! No guard, no store, no network: the caller says what is known. `cargo run --example embed`
#![expect(clippy::print_stdout, reason = "it prints for a person")]

use std::sync::Arc;

use countersign::ambient::Ambient;
use countersign::engine::facts::{Facts, Pinned, Standing};
use countersign::engine::{self, Matched, Requirements, trace};
use countersign::model::approver::Approver;
use countersign::model::arguments::Arguments;
use countersign::model::call::{Call, Mode, Principal};
use countersign::model::id::{CallId, CredentialId, SessionId};
use countersign::model::isolation::Isolation;
use countersign::model::name::{AgentName, GroupName, OperatorName, ServerName};
use countersign::model::target::Target;
use countersign::scopes::{Scopes, Source, ToolSchema};
use serde_json::{Map, json};

const MANIFEST: &str = r#"
version: 1
agent: bookkeeper
credentials: {local: true}
tools:
  - tool: ledger/pay
    privilege: money
    arguments: {properties: {amount: {type: number, exclusiveMinimum: 0, maximum: 100}}}
forbid: [{tool: "*/delete_*"}]
undeclared: pause
approval: {default: {any_of: [finance]}}
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (name, text) = ("bookkeeper.yaml".to_owned(), MANIFEST.to_owned());
    let scopes = Scopes::compile(&[Source { name, text }])?;
    let agent = AgentName::parse("bookkeeper")?;
    let scope = scopes.scope(&agent).ok_or("no manifest speaks of it")?;
    // The tool's own input schema, as its server lists it.
    let own = ToolSchema::compile(&json!({"type": "object"}))?;
    let ambient = Ambient::system();
    let now = ambient.now();
    for (tool, arguments) in [
        ("pay", r#"{"amount": 48.50}"#),
        ("pay", r#"{"amount": 100.0000000000000000000001}"#),
        ("delete_payment", r#"{"id": "p1"}"#),
    ] {
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
            extras: Map::new(),
            claims: Map::new(),
            idempotency_key: None,
            attached: None,
        };
        let matched = Matched::find(scope, &call.target);
        let needs = Requirements::of(&matched, &call);
        let olga = Approver {
            name: OperatorName::parse("olga")?,
            groups: vec![GroupName::parse("finance")?],
        };
        let standing = Standing::fresh(&call, vec![olga], needs.amounts.len(), now);
        let facts = Facts {
            standing: &standing,
            attached: None,
            tool: Some(&own),
            pinned: Pinned::ACCEPTED,
            exceeded: None,
            level: 1,
            isolation: Isolation::Host,
        };
        let evaluation = engine::decide(&call, &matched, &needs, &facts, now);
        let lines = trace::render(&evaluation, scope).join("\n  ");
        println!("{} {arguments}\n  {lines}", call.target);
    }
    Ok(())
}
