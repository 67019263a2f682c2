//! Reads a manifest's tree into a scope.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::budget::pointer;
use super::fault::Faults;
use super::forbid::Forbid;
use super::index::Index;
use super::reading::{Block, Keys};
use super::rule::Rule;
use super::scope::{
    ApiKeys, ArgumentsRecord, Client, Credentials, Extras, Mrtr, PauseCovers, Scope, SessionLimits,
    Undeclared,
};
use super::yaml::{Node, Shape};
use crate::limits::{MANIFEST_DURATION_LONGEST, WAIT_LONGEST};
use crate::model::approval::ApprovalRule;
use crate::model::digest::Fields;
use crate::model::json;
use crate::model::name::{AgentName, GroupName};
use crate::model::privilege::Privilege;

/// Reads the tree; with any fault the result is of no use, and the caller drops it.
pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<Scope> {
    let block = Block::open(node, &MANIFEST, faults)?;
    version(&block, faults);
    reserved(&block, faults);
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
    let record = block.find("record").and_then(|node| record(node, faults));
    let undeclared = block.find("undeclared").and_then(|node| {
        let words = [("pause", Undeclared::Pause), ("deny", Undeclared::Deny)];
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
    let accept_local = block
        .find("accept_local")
        .and_then(|node| node.flag(faults));
    let rules = rules(&block, faults);
    let forbids = list(block.find("forbid"), Forbid::read, faults);
    let (default_approval, approvals) = block
        .find("approval")
        .map(|node| approvals(node, faults))
        .unwrap_or_default();
    let content = json::canonical(&node.to_value());
    Some(Scope {
        agent: agent?,
        owner,
        description,
        file: Arc::clone(&node.at.file),
        digest: Fields::new("countersign.manifest.v1")
            .field(&content)
            .digest(),
        credentials: credentials.unwrap_or_default(),
        session: session.unwrap_or_default(),
        undeclared: undeclared.unwrap_or_default(),
        extras: extras.unwrap_or_default(),
        client: client.unwrap_or_default(),
        record: record.unwrap_or_default(),
        pause_covers: pause_covers.unwrap_or_default(),
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

/// Keys that are read, but whose every word but one is of later.
fn reserved(block: &Block<'_>, faults: &mut Faults) {
    for key in ["first_use", "escalation"] {
        if let Some(node) = block.find(key) {
            node.choice(&[("note", ())], &["pause"], faults);
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

fn credentials(node: &Node, faults: &mut Faults) -> Option<Credentials> {
    let block = Block::open(node, &CREDENTIALS, faults)?;
    let api_key = block.find("api_key").and_then(|node| match node.shape {
        Shape::Flag(flag) => flag.then(ApiKeys::default),
        Shape::Map(_) => {
            let block = Block::open(node, &API_KEY, faults)?;
            let max_age = block
                .find("max_age")
                .and_then(|node| node.duration(MANIFEST_DURATION_LONGEST, faults));
            Some(ApiKeys { max_age })
        }
        _ => node.mistyped("write `true`, or `{max_age: 90d}`", faults),
    });
    let local = block.find("local").and_then(|node| node.flag(faults));
    Some(Credentials {
        api_key,
        local: local.unwrap_or(false),
    })
}

fn session(node: &Node, faults: &mut Faults) -> Option<SessionLimits> {
    let block = Block::open(node, &SESSION, faults)?;
    let defaults = SessionLimits::default();
    let mut duration = |key: &str| {
        block
            .find(key)
            .and_then(|node| node.duration(MANIFEST_DURATION_LONGEST, faults))
    };
    let idle_timeout = duration("idle_timeout").unwrap_or(defaults.idle_timeout);
    let max_age = duration("max_age").unwrap_or(defaults.max_age);
    let accept_unbound_keys = block
        .find("accept_unbound_keys")
        .and_then(|node| node.count(0..=3, faults))
        .and_then(|level| u8::try_from(level).ok());
    Some(SessionLimits {
        idle_timeout,
        max_age,
        accept_unbound_keys: accept_unbound_keys.unwrap_or(defaults.accept_unbound_keys),
    })
}

fn client(node: &Node, faults: &mut Faults) -> Option<Client> {
    let block = Block::open(node, &CLIENT, faults)?;
    let defaults = Client::default();
    let hold = block
        .find("hold")
        .and_then(|node| node.duration(WAIT_LONGEST, faults));
    let mrtr = block.find("mrtr").and_then(|node| {
        let words = [("auto", Mrtr::Auto), ("on", Mrtr::On), ("off", Mrtr::Off)];
        node.choice(&words, &[], faults)
    });
    let mut flag = |key: &str| {
        block
            .find(key)
            .and_then(|node| node.flag(faults))
            .unwrap_or(false)
    };
    Some(Client {
        hold: hold.unwrap_or(defaults.hold),
        mrtr: mrtr.unwrap_or(defaults.mrtr),
        oauth: flag("oauth"),
        url_elicitation: flag("url_elicitation"),
    })
}

fn record(node: &Node, faults: &mut Faults) -> Option<ArgumentsRecord> {
    let block = Block::open(node, &RECORD, faults)?;
    let node = block.find("arguments")?;
    if let Shape::Map(_) = node.shape {
        let block = Block::open(node, &REDACT, faults)?;
        let redact = block.need("redact", "list JSON pointers", faults)?;
        return Some(ArgumentsRecord::Redact(list(Some(redact), pointer, faults)));
    }
    let found = node.choice(&[("keep", false), ("digest", true)], &[], faults)?;
    Some(match found {
        true => ArgumentsRecord::Digest,
        false => ArgumentsRecord::Keep,
    })
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

type Approvals = (Option<ApprovalRule>, BTreeMap<Privilege, ApprovalRule>);

fn approvals(node: &Node, faults: &mut Faults) -> Approvals {
    let mut default = None;
    let mut rungs = BTreeMap::new();
    let Some(block) = Block::open(node, &APPROVAL, faults) else {
        return (default, rungs);
    };
    for entry in block.entries {
        match Privilege::parse(&entry.key) {
            Some(rung) => {
                if let Some(rule) = approval(&entry.value, faults) {
                    rungs.insert(rung, rule);
                }
            }
            None if entry.key == "default" => default = approval(&entry.value, faults),
            // Block::open complained of it.
            None => {}
        }
    }
    (default, rungs)
}

fn approval(node: &Node, faults: &mut Faults) -> Option<ApprovalRule> {
    let block = Block::open(node, &APPROVAL_RULE, faults)?;
    if let Some(node) = block.find("approve")
        && node.count(1..=100, faults).is_some_and(|count| count > 1)
    {
        faults.add(
            &node.at,
            "more than one approver is not yet supported",
            "write `approve: 1`, or leave it out",
        );
    }
    let any_of = block.need("any_of", "list the groups whose members may decide", faults);
    let any_of = any_of.map(|node| {
        if matches!(&node.shape, Shape::List(items) if items.is_empty()) {
            faults.add(
                &node.at,
                "nobody may decide",
                "list at least one group, or drop the rule",
            );
        }
        list(Some(node), group, faults)
    });
    let mut duration = |key: &str, default: Duration| {
        block.find(key).map_or(Some(default), |node| {
            node.duration(MANIFEST_DURATION_LONGEST, faults)
        })
    };
    let decide_by = duration("decide_by", DECIDE_BY);
    let redeem_by = duration("redeem_by", REDEEM_BY);
    Some(ApprovalRule {
        any_of: any_of?,
        decide_by: decide_by?,
        redeem_by: redeem_by?,
    })
}

fn group(node: &Node, faults: &mut Faults) -> Option<GroupName> {
    GroupName::parse(node.text(faults)?)
        .map_err(|error| {
            faults.add(
                &node.at,
                "not a name for a group",
                format!("write {}", error.expected),
            );
        })
        .ok()
}

fn list<T>(
    node: Option<&Node>,
    read: impl Fn(&Node, &mut Faults) -> Option<T>,
    faults: &mut Faults,
) -> Vec<T> {
    let items = node.and_then(|node| node.items(faults)).unwrap_or_default();
    items.iter().filter_map(|item| read(item, faults)).collect()
}

const DECIDE_BY: Duration = Duration::from_secs(15 * 60);
const REDEEM_BY: Duration = Duration::from_secs(5 * 60);

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
        "extras",
        "resources",
        "prompts",
        "methods",
        "client",
        "record",
        "approval",
        "pause_covers",
        "accept_local",
        "first_use",
        "escalation",
    ],
    later: &[
        "extends",
        "mode",
        "shadow",
        "first_seen",
        "provenance",
        "changed_tool",
        "untrusted",
        "trusted_fields",
        "followups",
        "sampling",
        "elicitation",
        "roots",
        "assurance",
        "profile",
    ],
};

const CREDENTIALS: Keys = Keys {
    what: "credentials",
    known: &["api_key", "local"],
    later: &["jwt", "spiffe", "mtls", "dpop"],
};

const API_KEY: Keys = Keys {
    what: "api_key",
    known: &["max_age"],
    later: &["bind"],
};

const SESSION: Keys = Keys {
    what: "a session",
    known: &["idle_timeout", "max_age", "accept_unbound_keys"],
    later: &["bind", "profile"],
};

const CLIENT: Keys = Keys {
    what: "a client",
    known: &["hold", "mrtr", "oauth", "url_elicitation"],
    later: &[],
};

const RECORD: Keys = Keys {
    what: "a record",
    known: &["arguments"],
    later: &["results"],
};

const REDACT: Keys = Keys {
    what: "what the record keeps",
    known: &["redact"],
    later: &[],
};

const METHODS: Keys = Keys {
    what: "methods",
    known: &["allow"],
    later: &["deny"],
};

const APPROVAL: Keys = Keys {
    what: "approval",
    known: &[
        "default", "read", "write", "send", "destroy", "money", "admin",
    ],
    later: &["undeclared"],
};

const APPROVAL_RULE: Keys = Keys {
    what: "an approval rule",
    known: &["any_of", "approve", "decide_by", "redeem_by"],
    later: &[
        "stages",
        "deny",
        "step_up",
        "four_eyes",
        "self_approval",
        "break_glass",
    ],
};
