//! Who and what plays: agents and their manifests, people, servers and their tools.

use std::sync::OnceLock;
use std::time::Duration;

use countersign::guard::Presented;
use countersign::model::name::{AgentName, GroupName, OperatorName, ServerName};
use countersign::scopes::{Scopes, Source};
use serde_json::{Value, json};

use super::dice::Dice;

pub(crate) const AGENTS: [&str; 2] = ["clerk", "porter"];

/// Operators and their group; the last may decide nothing.
pub(crate) const OPERATORS: [(&str, &str); 4] = [
    ("alice", "oncall"),
    ("bob", "oncall"),
    ("dave", "board"),
    ("eve", "kitchen"),
];

/// The stages in which a call of an agent and a privilege is decided: groups, and approvals needed.
pub(crate) fn stages_of(
    agent: &str,
    privilege: &str,
) -> &'static [(&'static [&'static str], usize)] {
    match (agent, privilege) {
        ("porter", "money") => &[(&["oncall"], 2)],
        ("porter", "admin") => &[(&["oncall"], 1), (&["board", "oncall"], 1)],
        _ => &[(&["oncall"], 1)],
    }
}

pub(crate) const SERVERS: [(&str, &[&str]); 2] = [
    ("bank", &["pay"]),
    (
        "crm",
        &["find", "note", "merge", "unheard_of", "delete_all"],
    ),
];

/// What `bank/pay` may spend for one agent, and in which time.
pub(crate) const BUDGET: (u64, Duration) = (400, Duration::from_secs(24 * 3_600));

/// The amount up to which a tool runs without an approval; nothing where it never does.
pub(crate) fn bound_of(target: &str) -> Option<u64> {
    match target {
        "bank/pay" => Some(100),
        "crm/find" | "crm/note" => Some(0),
        _ => None,
    }
}

fn manifest(agent: &str, variant: usize) -> String {
    let rules: String = ["money", "admin"]
        .map(|privilege| {
            let stages = stages_of(agent, privilege).iter();
            let stages = stages.map(|(groups, approve)| {
                format!("{{any_of: [{}], approve: {approve}}}", groups.join(", "))
            });
            let stages = stages.collect::<Vec<_>>().join(", ");
            format!("  {privilege}: {{stages: [{stages}]}}\n")
        })
        .concat();
    format!(
        "
version: 1
agent: {agent}
owner: team-{variant}
credentials: {{api_key: true}}
tools:
  - tool: crm/find
    privilege: read
    rate: {{calls: 30, per: 1m, burst: 10}}
  - tool: crm/note
    privilege: write
    rate: {{calls: 60, per: 1m, burst: 20}}
  - tool: crm/merge
    privilege: write
    assurance: 2
  - tool: bank/pay
    privilege: money
    arguments:
      properties:
        amount: {{type: number, exclusiveMinimum: 0, maximum: 100}}
        to: {{type: string}}
    budget: {{sum: /amount, limit: {}, per: 24h}}
forbid:
  - tool: \"*/delete_*\"
undeclared: pause
untrusted: [crm/find]
approval:
  default: {{any_of: [oncall], approve: 1, decide_by: 15m, redeem_by: 5m}}
{rules}",
        BUDGET.0
    )
}

/// The scopes of all agents, in one of two variants.
pub(crate) fn scopes(variant: usize) -> &'static Scopes {
    static COMPILED: OnceLock<[Scopes; 2]> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| {
        [0, 1].map(|variant| {
            let sources = AGENTS.map(|agent| Source {
                name: format!("{agent}.yaml"),
                text: manifest(agent, variant),
            });
            Scopes::compile(&sources).unwrap()
        })
    });
    &compiled[variant]
}

/// What a server presents, in one of two variants that differ in every tool.
pub(crate) fn presented(server: usize, variant: usize) -> Presented {
    let (name, tools) = SERVERS[server];
    let define = |tool: &&str| {
        json!({
            "name": tool,
            "description": format!("revision {variant}"),
            "inputSchema": {"type": "object"},
        })
    };
    Presented {
        identity: json!({"name": name}),
        instructions: None,
        tools: tools.iter().map(define).collect(),
        prompts: Vec::new(),
        templates: Vec::new(),
    }
}

/// A call as an agent may think of it: tool, arguments, and what it spends. Few enough that some repeat.
pub(crate) fn wish(dice: &mut Dice) -> (&'static str, Value, u64) {
    let to = if dice.falls(500) { "x" } else { "y" };
    match dice.below(20) {
        0..3 => ("crm/find", json!({}), 0),
        3..7 => ("crm/note", json!({"text": to}), 0),
        7 => ("crm/merge", json!({}), 0),
        8..10 => ("crm/unheard_of", json!({"of": to}), 0),
        10 => ("crm/delete_all", json!({}), 0),
        _ => {
            let amount = dice.pick(&[40, 90, 150, 180]).copied().unwrap_or(40);
            ("bank/pay", json!({"amount": amount, "to": to}), amount)
        }
    }
}

pub(crate) fn agent(name: &str) -> AgentName {
    AgentName::parse(name).unwrap()
}

pub(crate) fn server(index: usize) -> ServerName {
    ServerName::parse(SERVERS[index].0).unwrap()
}

pub(crate) fn operator(name: &str) -> OperatorName {
    OperatorName::parse(name).unwrap()
}

pub(crate) fn group(name: &str) -> GroupName {
    GroupName::parse(name).unwrap()
}
