//! The rules alone: manifests of many tools, one call, and what is known of it.

use std::fmt::Write;
use std::sync::Arc;

use countersign::ambient::Ambient;
use countersign::engine::facts::{Facts, Pinned, Standing};
use countersign::engine::{self, Matched, Requirements};
use countersign::model::approver::Approver;
use countersign::model::arguments::Arguments;
use countersign::model::call::{Call, Mode, Principal};
use countersign::model::decision::{Decision, Evaluation};
use countersign::model::id::{CallId, CredentialId, SessionId};
use countersign::model::isolation::Isolation;
use countersign::model::name::{AgentName, GroupName, OperatorName, ServerName};
use countersign::model::target::Target;
use countersign::model::time::Timestamp;
use countersign::scopes::{Scopes, Source, ToolSchema};
use serde_json::{Map, json};

use super::arguments::ARGUMENTS;

/// A manifest of so many tools.
pub(crate) fn manifest(agent: &str, rules: usize) -> Source {
    let mut text = format!("version: 1\nagent: {agent}\ncredentials: {{api_key: true}}\ntools:\n");
    for at in 0..rules {
        let bounds = "{properties: {amount: {maximum: 99}}, open: true}";
        writeln!(
            text,
            "- {{tool: s/t{at}, privilege: read, arguments: {bounds}}}"
        )
        .unwrap();
    }
    text.push_str("forbid: [{tool: \"*/delete_*\"}]\n");
    let name = format!("{agent}.yaml");
    Source { name, text }
}

/// One call on its way to the rules.
pub(crate) struct Asked {
    scopes: Scopes,
    agent: AgentName,
    call: Call,
    own: ToolSchema,
    standing: Standing,
    now: Timestamp,
}

impl Asked {
    /// Of an agent with so many rules.
    pub(crate) fn with(rules: usize) -> Self {
        let scopes = Scopes::compile(&[manifest("clerk", rules)]).unwrap();
        let (ambient, agent) = (Ambient::system(), AgentName::parse("clerk").unwrap());
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
            target: Target::tool(ServerName::parse("s").unwrap(), &format!("t{}", rules / 2)),
            arguments: Arguments::parse(ARGUMENTS.as_bytes()).unwrap(),
            extras: Map::new(),
            claims: Map::new(),
            idempotency_key: None,
            attached: None,
        };
        let olga = Approver {
            name: OperatorName::parse("olga").unwrap(),
            groups: vec![GroupName::parse("oncall").unwrap()],
        };
        let now = ambient.now();
        Self {
            standing: Standing::fresh(&call, vec![olga], 0, now),
            own: ToolSchema::compile(&json!({"type": "object"})).unwrap(),
            scopes,
            agent,
            call,
            now,
        }
    }

    /// Everything the rules do for one call: find what speaks of it, what it needs, and decide.
    pub(crate) fn decide(&self) -> Evaluation {
        let scope = self.scopes.scope(&self.agent).unwrap();
        let matched = Matched::find(scope, &self.call.target);
        let requirements = Requirements::of(&matched, &self.call);
        let facts = Facts {
            standing: &self.standing,
            attached: None,
            tool: Some(&self.own),
            pinned: Pinned::ACCEPTED,
            isolation: Isolation::Host,
            exceeded: None,
            level: 1,
        };
        let ruled = engine::decide(&self.call, &matched, &requirements, &facts, self.now);
        debug_assert!(matches!(ruled.decision, Decision::Permit { .. }));
        ruled
    }
}
