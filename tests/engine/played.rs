//! Manifests and calls made at random, and the facts of a quiet day to judge them by.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use countersign::ambient::Ambient;
use countersign::engine::facts::{Evidence, Known, Pinned, Precedent, Standing};
use countersign::engine::{self, Facts, Matched, Requirements};
use countersign::model::approver::Approver;
use countersign::model::arguments::Arguments;
use countersign::model::call::{Call, Mode, Principal};
use countersign::model::decimal::Decimal;
use countersign::model::decision::{Decision, Evaluation};
use countersign::model::id::{CallId, CredentialId, SessionId};
use countersign::model::isolation::Isolation;
use countersign::model::name::{AgentName, GroupName, OperatorName, ServerName};
use countersign::model::privilege::Privilege;
use countersign::model::session::{AgentState, Session, SessionState};
use countersign::model::target::Target;
use countersign::model::time::Timestamp;
use countersign::scopes::{Scope, Scopes, Source, ToolSchema};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NOW: Timestamp = Timestamp::from_millis(1_760_000_000_000);

/// One rule as a manifest spells it.
#[derive(Clone, Debug)]
pub(crate) struct Clause {
    pub(crate) tool: &'static str,
    pub(crate) privilege: &'static str,
    pub(crate) most: u32,
    pub(crate) words: Vec<&'static str>,
    pub(crate) beyond: &'static str,
    pub(crate) assurance: u8,
    /// Whether new values of `word` are asked about.
    pub(crate) first_seen: bool,
    /// Whether `c/z` must come first.
    pub(crate) after: bool,
}

impl Clause {
    /// A rule of a tool that asks for nothing in particular.
    pub(crate) fn plain(tool: &'static str, most: u32, words: Vec<&'static str>) -> Self {
        Self {
            tool,
            privilege: "read",
            most,
            words,
            beyond: "pause",
            assurance: 0,
            first_seen: false,
            after: false,
        }
    }
}

/// One forbid.
#[derive(Clone, Debug)]
pub(crate) struct Ban {
    pub(crate) tool: &'static str,
    pub(crate) above: Option<u32>,
}

/// A whole manifest.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    pub(crate) clauses: Vec<Clause>,
    pub(crate) bans: Vec<Ban>,
    pub(crate) undeclared: &'static str,
    pub(crate) first_use: &'static str,
    pub(crate) escalation: &'static str,
}

/// What is known of an agent and its session, as far as it bears on one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Past {
    /// Whether the tool was used before.
    pub(crate) used: bool,
    /// Whether the value of `word` was.
    pub(crate) seen: bool,
    /// Whether `c/z` has succeeded in the session.
    pub(crate) done: bool,
    /// The highest rung of the session.
    pub(crate) highest: Option<Privilege>,
}

/// A call's tool and arguments.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) tool: &'static str,
    pub(crate) arguments: Map<String, Value>,
    pub(crate) past: Past,
}

pub(crate) fn papers() -> impl Strategy<Value = Paper> {
    let clause = (
        prop::sample::select(vec!["a/x", "a/y", "b/x", "a/*", "*/x"]),
        prop::sample::select(vec!["read", "write", "send", "destroy", "money", "admin"]),
        1_u32..50,
        prop::sample::subsequence(vec!["red", "green", "blue"], 1..=3),
        prop::sample::select(vec!["pause", "deny"]),
        0_u8..3,
        any::<bool>(),
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(tool, privilege, most, words, beyond, assurance, first_seen, after)| Clause {
                tool,
                privilege,
                most,
                words,
                beyond,
                assurance,
                first_seen,
                after,
            },
        );
    let ban = (
        prop::sample::select(vec!["a/x", "b/x", "a/*"]),
        prop::option::of(1_u32..50),
    )
        .prop_map(|(tool, above)| Ban { tool, above });
    (
        prop::collection::vec(clause, 0..5),
        prop::collection::vec(ban, 0..2),
        prop::sample::select(vec!["pause", "deny"]),
        prop::sample::select(vec!["pause", "note"]),
        prop::sample::select(vec!["pause", "note"]),
    )
        .prop_map(|(clauses, bans, undeclared, first_use, escalation)| Paper {
            clauses,
            bans,
            undeclared,
            first_use,
            escalation,
        })
}

pub(crate) fn pasts() -> impl Strategy<Value = Past> {
    let highest = prop::option::of(prop::sample::select(Privilege::ALL.to_vec()));
    (
        any::<bool>(),
        any::<bool>(),
        prop::bool::weighted(0.8),
        highest,
    )
        .prop_map(|(used, seen, done, highest)| Past {
            used,
            seen,
            done,
            highest,
        })
}

pub(crate) fn asked() -> impl Strategy<Value = Asked> {
    let amount = prop_oneof![
        4 => (0_u32..60).prop_map(|n| json!(n)),
        1 => (0_u32..60, 1_u32..9).prop_map(|(n, d)| {
            serde_json::from_str(&format!("{n}.000000000000000000000{d}")).unwrap()
        }),
        1 => Just(json!("7")),
        1 => Just(json!(null)),
    ];
    let word = prop::sample::select(vec!["red", "green", "blue", "mauve"]);
    (
        prop::sample::select(vec!["a/x", "a/y", "b/x", "b/y"]),
        prop::option::weighted(0.9, amount),
        prop::option::weighted(0.9, word),
        prop::option::weighted(0.1, Just(json!("bcc"))),
        pasts(),
    )
        .prop_map(|(tool, amount, word, extra, past)| {
            let mut arguments = Map::new();
            if let Some(amount) = amount {
                arguments.insert("amount".into(), amount);
            }
            if let Some(word) = word {
                arguments.insert("word".into(), word.into());
            }
            if let Some(extra) = extra {
                arguments.insert("extra".into(), extra);
            }
            Asked {
                tool,
                arguments,
                past,
            }
        })
}

impl Paper {
    pub(crate) fn scope(&self) -> Arc<Scope> {
        let mut text = String::from("version: 1\nagent: a\ncredentials: {local: true}\n");
        writeln!(text, "undeclared: {}", self.undeclared).unwrap();
        text.push_str(
            "approval: {default: {any_of: [ops], approve: 1, decide_by: 1m, redeem_by: 1m}}\n",
        );
        writeln!(
            text,
            "first_use: {}\nescalation: {}",
            self.first_use, self.escalation
        )
        .unwrap();
        text.push_str("tools:\n  - {tool: c/z, privilege: read}\n");
        for clause in &self.clauses {
            writeln!(
                text,
                "  - tool: \"{}\"\n    privilege: {}\n    beyond: {}\n    assurance: {}\n    first_seen: {}\n    \
                 after: {}\n    arguments: {{properties: {{amount: {{type: number, maximum: {}}}, word: {{type: string, enum: [{}]}}}}}}",
                clause.tool,
                clause.privilege,
                clause.beyond,
                clause.assurance,
                if clause.first_seen { "[/word]" } else { "[]" },
                if clause.after { "[c/z]" } else { "[]" },
                clause.most,
                clause.words.join(", ")
            )
            .unwrap();
        }
        if !self.bans.is_empty() {
            text.push_str("forbid:\n");
        }
        for ban in &self.bans {
            match ban.above {
                None => writeln!(text, "  - tool: \"{}\"", ban.tool).unwrap(),
                Some(above) => writeln!(
                    text,
                    "  - tool: \"{}\"\n    arguments: {{properties: {{amount: {{type: number, exclusiveMinimum: {above}}}}}}}",
                    ban.tool
                )
                .unwrap(),
            }
        }
        let source = Source {
            name: "a.yaml".to_owned(),
            text: text.clone(),
        };
        let scopes = Scopes::compile(&[source]).unwrap_or_else(|faults| panic!("{faults}\n{text}"));
        Arc::clone(scopes.scope(&AgentName::parse("a").unwrap()).unwrap())
    }

    /// The answer to a call on a quiet day: nothing spent, nothing open, a person on call, level 1,
    /// and the past that comes with the call.
    pub(crate) fn judge(&self, asked: &Asked) -> Evaluation {
        let scope = self.scope();
        let (ambient, _) = Ambient::played(1, NOW);
        let principal = Principal {
            agent: AgentName::parse("a").unwrap(),
            credential: CredentialId::random(&ambient),
            on_behalf_of: None,
        };
        let session = SessionId::random(&ambient);
        let (server, tool) = asked.tool.split_once('/').unwrap();
        let call = Call {
            id: CallId::random(&ambient),
            principal: principal.clone(),
            session,
            mode: Mode::Proxy,
            method: Arc::from("tools/call"),
            target: Target::tool(ServerName::parse(server).unwrap(), tool),
            arguments: Arguments::from_map(asked.arguments.clone()),
            extras: Map::new(),
            claims: Map::new(),
            idempotency_key: None,
            attached: None,
        };
        let matched = Matched::find(&scope, &call.target);
        let requirements = Requirements::of(&matched, &call);
        let standing = Standing {
            revision: 1,
            agent: AgentState::Running,
            session: Some(Session {
                id: session,
                principal,
                opened: NOW,
                seen: NOW,
                state: SessionState::Active,
                default: true,
                label: None,
                taint: None,
            }),
            approval: None,
            grant: None,
            patterns: Vec::new(),
            refused: None,
            refused_alike: None,
            closed: false,
            undeclared: 0,
            covering: Vec::new(),
            open: 0,
            opened: 0,
            spent: requirements
                .amounts
                .iter()
                .map(|_| Decimal::zero())
                .collect(),
            approvers: Arc::new([Approver {
                name: OperatorName::parse("olga").unwrap(),
                groups: vec![GroupName::parse("ops").unwrap()],
            }]),
            precedent: precedent(&asked.past),
            doubts: BTreeSet::new(),
        };
        let schema = ToolSchema::compile(&json!({"type": "object"})).unwrap();
        let facts = Facts {
            standing: &standing,
            attached: None,
            tool: Some(&schema),
            pinned: Pinned::ACCEPTED,
            exceeded: None,
            level: 1,
            isolation: Isolation::Host,
        };
        engine::decide(&call, &matched, &requirements, &facts, NOW)
    }
}

fn precedent(past: &Past) -> Precedent {
    let first = Target::tool(ServerName::parse("c").unwrap(), "z");
    let known = Known {
        used: past.seen,
        values: usize::from(past.seen),
    };
    Precedent {
        used: past.used,
        values: vec![(Arc::from("/word"), known)],
        done: past.done.then_some(first).into_iter().collect(),
        highest: past.highest,
        evidence: Evidence::default(),
    }
}

/// How much an answer lets through: a refusal nothing, a permit all.
pub(crate) fn leave(decision: &Decision) -> u8 {
    match decision {
        Decision::Deny { .. } => 0,
        Decision::Pause { .. } => 1,
        Decision::Challenge { .. } => 2,
        Decision::Permit { .. } => 3,
    }
}
