//! Reads a manifest's tree into a scope.

use std::sync::Arc;

use super::approval::approvals;
use super::elicitation::Elicitation;
use super::fault::Faults;
use super::forbid::Forbid;
use super::index::Index;
use super::reading::{Block, Keys, list};
use super::rule::{Rule, tool_pattern};
use super::scope::{ChangedTool, Extras, Heed, PauseCovers, Scope, Undeclared};
use super::settings::{client, credentials, record, session};
use super::yaml::{Node, Shape};
use crate::model::digest::Fields;
use crate::model::json;
use crate::model::name::AgentName;

/// Reads the tree; with any fault the result is of no use, and the caller drops it.
pub(super) fn read(node: &Node, text: &str, faults: &mut Faults) -> Option<Scope> {
    let block = Block::open(node, &MANIFEST, faults)?;
    version(&block, faults);
    let agent = block
        .need(
            "agent",
            "name the agent, for example `agent: support-agent`",
            faults,
        )
        .and_then(|node| agent(node, faults));
    let owner = block.find("owner").and_then(|node| node.line(faults));
    let description = block.find("description").and_then(|node| node.line(faults));
    let credentials = block
        .find("credentials")
        .and_then(|node| credentials(node, faults));
    let session = block.find("session").and_then(|node| session(node, faults));
    let client = block.find("client").and_then(|node| client(node, faults));
    let elicitation = block
        .find("elicitation")
        .and_then(|node| Elicitation::read(node, faults));
    let record = block.find("record").and_then(|node| record(node, faults));
    let undeclared = block.find("undeclared").and_then(|node| {
        let words = [("pause", Undeclared::Pause), ("deny", Undeclared::Deny)];
        node.choice(&words, &[], faults)
    });
    let changed_tool = block.find("changed_tool").and_then(|node| {
        let words = [("pause", ChangedTool::Pause), ("deny", ChangedTool::Deny)];
        node.choice(&words, &[], faults)
    });
    let extras = block.find("extras").and_then(|node| {
        let words = [
            ("strip", Extras::Strip),
            ("pass", Extras::Pass),
            ("deny", Extras::Deny),
        ];
        node.choice(&words, &[], faults)
    });
    let pause_covers = block.find("pause_covers").and_then(|node| {
        let words = [
            ("session", PauseCovers::Session),
            ("call", PauseCovers::Call),
        ];
        node.choice(&words, &[], faults)
    });
    let first_use = heed(&block, "first_use", faults);
    let escalation = heed(&block, "escalation", faults);
    let accept_local = block
        .find("accept_local")
        .and_then(|node| node.flag(faults));
    let roots = list(block.find("roots"), root, faults);
    let untrusted = list(block.find("untrusted"), tool_pattern, faults);
    let rules = rules(&block, faults);
    orders(&rules, faults);
    let forbids = list(block.find("forbid"), Forbid::read, faults);
    let (default_approval, approvals) = block
        .find("approval")
        .map(|node| approvals(node, owner.as_deref(), faults))
        .unwrap_or_default();
    let content = json::canonical(&node.to_value());
    Some(Scope {
        agent: agent?,
        owner,
        description,
        file: Arc::clone(&node.at.file),
        text: Arc::from(text),
        digest: Fields::new("countersign.manifest.v1")
            .field(&content)
            .digest(),
        credentials: credentials.unwrap_or_default(),
        session: session.unwrap_or_default(),
        undeclared: undeclared.unwrap_or_default(),
        changed_tool: changed_tool.unwrap_or_default(),
        extras: extras.unwrap_or_default(),
        client: client.unwrap_or_default(),
        elicitation: elicitation.unwrap_or_default(),
        roots,
        record: record.unwrap_or_default(),
        pause_covers: pause_covers.unwrap_or_default(),
        first_use,
        escalation,
        untrusted,
        accept_local: accept_local.unwrap_or(false),
        rule_index: Index::new(rules.iter().map(|rule| &rule.pattern)),
        forbid_index: Index::new(forbids.iter().map(|forbid| &forbid.pattern)),
        rules,
        forbids,
        default_approval,
        approvals,
        place: block.find("agent").unwrap_or(node).at.clone(),
    })
}

/// A directory that servers are told to stay in; telling them keeps nobody in.
fn root(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.line(faults)?;
    if text.starts_with("file:///") {
        return Some(text);
    }
    faults.add(
        &node.at,
        "a root is the `file:` URI of a directory",
        "write it like `file:///srv/work`",
    );
    None
}

fn version(block: &Block<'_>, faults: &mut Faults) {
    let Some(node) = block.need("version", "begin the manifest with `version: 1`", faults) else {
        return;
    };
    match &node.shape {
        Shape::Number(number) if number.as_str() == "1" => {}
        _ => faults.add(
            &node.at,
            "this version of the format is not known",
            "write `version: 1`",
        ),
    }
}

/// What is done with one kind of first reach.
fn heed(block: &Block<'_>, key: &str, faults: &mut Faults) -> Heed {
    block
        .find(key)
        .and_then(|node| {
            let words = [("pause", Heed::Pause), ("note", Heed::Note)];
            node.choice(&words, &[], faults)
        })
        .unwrap_or_default()
}

/// Complains of each `after` that could never be met: then the tool could never be called either.
fn orders(rules: &[Rule], faults: &mut Faults) {
    for rule in rules {
        for (target, place) in &rule.after {
            if rule.pattern.matches(target) {
                faults.add(
                    place,
                    format!("{target} would have to come before itself"),
                    "name another tool",
                );
            } else if !rules.iter().any(|other| other.pattern.matches(target)) {
                faults.add(
                    place,
                    format!("no rule declares {target}, so it could never come first"),
                    "declare it, or leave it out",
                );
            }
        }
    }
}

fn agent(node: &Node, faults: &mut Faults) -> Option<AgentName> {
    AgentName::parse(node.text(faults)?)
        .map_err(|error| {
            faults.add(
                &node.at,
                "not a name for an agent",
                format!("write {}", error.expected),
            );
        })
        .ok()
}

fn rules(block: &Block<'_>, faults: &mut Faults) -> Vec<Rule> {
    let mut rules = list(block.find("tools"), Rule::tool, faults);
    rules.extend(list(block.find("resources"), Rule::resource, faults));
    rules.extend(list(block.find("prompts"), Rule::prompt, faults));
    if let Some(node) = block.find("methods")
        && let Some(methods) = Block::open(node, &METHODS, faults)
    {
        rules.extend(list(methods.find("allow"), Rule::method, faults));
    }
    rules
}

const MANIFEST: Keys = Keys {
    what: "a manifest",
    known: &[
        "version",
        "agent",
        "owner",
        "description",
        "credentials",
        "session",
        "tools",
        "forbid",
        "undeclared",
        "changed_tool",
        "extras",
        "resources",
        "prompts",
        "methods",
        "client",
        "elicitation",
        "record",
        "approval",
        "pause_covers",
        "roots",
        "accept_local",
        "first_use",
        "escalation",
        "untrusted",
    ],
    later: &[
        "extends",
        "mode",
        "shadow",
        "first_seen",
        "provenance",
        "trusted_fields",
        "followups",
        "sampling",
        "assurance",
        "profile",
    ],
};

const METHODS: Keys = Keys {
    what: "methods",
    known: &["allow"],
    later: &["deny"],
};
