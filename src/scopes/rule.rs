//! One entry of `tools`, `resources`, `prompts` or `methods`: what is allowed, how often, how much.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::arguments::ArgumentRule;
use super::budget::Budget;
use super::fault::{Faults, Place};
use super::kinds::Kind;
use super::pattern::Pattern;
use super::pointer::{pointer, require};
use super::reading::{Block, Keys, list};
use super::yaml::{Node, Shape};
use crate::limits::MANIFEST_DURATION_LONGEST;
use crate::model::call::Mode;
use crate::model::privilege::Privilege;
use crate::model::target::Target;

/// One rule of a scope. Rules that match a target apply together; none widens another.
#[derive(Debug)]
pub struct Rule {
    /// Where it stands.
    pub place: Place,
    /// What it speaks of.
    pub pattern: Pattern,
    /// How far up the ladder its targets stand.
    pub privilege: Privilege,
    /// Whether a read lets something leave, and so counts as at least `send`.
    pub net: bool,
    /// What the arguments must be; without it, the tool's own schema alone decides.
    pub arguments: Option<ArgumentRule>,
    /// How often it may be used.
    pub rate: Option<Rate>,
    /// How much may be used in all.
    pub budget: Option<Budget>,
    /// JSON pointers of arguments whose new values are decided by a person.
    pub first_seen: Vec<Arc<str>>,
    /// Tools that must have succeeded in the session before, each with its place.
    pub after: Vec<(Target, Place)>,
    /// What happens to a call whose arguments are not inside.
    pub beyond: Beyond,
    /// The level the session must have proved, 0 to 3.
    pub assurance: u8,
    /// Whether its targets are answered for as if they did not exist.
    pub hide: bool,
    /// Who runs the call.
    pub mode: Mode,
    /// What happens to answers that go on with a call above `read`.
    pub followups: FollowUps,
}

/// How often a rule may be used: `calls` in each `per`, at most `burst` at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Calls in each window.
    pub calls: NonZeroU32,
    /// The window.
    pub per: Duration,
    /// Calls at once after a rest; as many as `calls` where nothing is said.
    pub burst: NonZeroU32,
}

/// What happens to a call beyond a rule's arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Beyond {
    /// A person is asked.
    #[default]
    Pause,
    /// It is denied.
    Deny,
}

/// What happens to an answer to what a server asked within a call above `read`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FollowUps {
    /// A person is asked about each.
    #[default]
    Pause,
    /// It is judged like the call it goes on with.
    Allow,
}

impl Rule {
    /// Whether answers that go on with its calls wait for a person.
    #[must_use]
    pub fn holds_answers(&self) -> bool {
        self.counted_privilege() > Privilege::Read && self.followups == FollowUps::Pause
    }

    /// The rung the rule counts as: a read whose argument leaves is at least a `send`.
    #[must_use]
    pub fn counted_privilege(&self) -> Privilege {
        match self.net {
            true => self.privilege.max(Privilege::Send),
            false => self.privilege,
        }
    }

    pub(super) fn tool(node: &Node, faults: &mut Faults) -> Option<Self> {
        let block = Block::open(node, &TOOL, faults)?;
        let pattern = block
            .need("tool", "name the tool as `server/tool`", faults)
            .and_then(|node| tool_pattern(node, faults));
        let privilege = block
            .need("privilege", PRIVILEGE_FIX, faults)
            .and_then(|node| privilege(node, faults));
        let arguments = block.find("arguments");
        let budget = block
            .find("budget")
            .and_then(|node| Budget::read(node, arguments, faults));
        let first_seen = list(
            block.find("first_seen"),
            |node, faults| first_seen(node, arguments, faults),
            faults,
        );
        let arguments = match arguments {
            Some(node) => Some(ArgumentRule::compile(node, faults)?),
            None => None,
        };
        if let Some(arguments) = &arguments {
            let remembered = block.find("first_seen");
            refuse_secrets(arguments, remembered, "remembered", faults);
            refuse_secrets(arguments, block.find("budget"), "counted by", faults);
        }
        let flag = |key: &str, faults: &mut Faults| {
            block
                .find(key)
                .and_then(|node| node.flag(faults))
                .unwrap_or(false)
        };
        let beyond = block.find("beyond").and_then(|node| {
            node.choice(
                &[("pause", Beyond::Pause), ("deny", Beyond::Deny)],
                &[],
                faults,
            )
        });
        let assurance = block
            .find("assurance")
            .and_then(|node| node.count(0..=3, faults))
            .and_then(|level| u8::try_from(level).ok());
        let mode = block.find("mode").and_then(|node| {
            node.choice(
                &[("proxy", Mode::Proxy), ("authorize", Mode::Authorize)],
                &[],
                faults,
            )
        });
        let followups = block.find("followups").and_then(|node| {
            let words = [("pause", FollowUps::Pause), ("allow", FollowUps::Allow)];
            node.choice(&words, &[], faults)
        });
        Some(Self {
            place: node.at.clone(),
            followups: followups.unwrap_or_default(),
            net: flag("net", faults),
            hide: flag("hide", faults),
            rate: block.find("rate").and_then(|node| Rate::read(node, faults)),
            budget,
            arguments,
            first_seen,
            after: list(block.find("after"), one_tool, faults),
            beyond: beyond.unwrap_or_default(),
            assurance: assurance.unwrap_or(0),
            mode: mode.unwrap_or(Mode::Proxy),
            pattern: pattern?,
            privilege: privilege?,
        })
    }

    pub(super) fn resource(node: &Node, faults: &mut Faults) -> Option<Self> {
        let block = Block::open(node, &RESOURCE, faults)?;
        let uri = block
            .need("uri", "name the resource by its URI", faults)
            .and_then(|node| node.text(faults));
        let server = block.find("server").and_then(|node| node.text(faults));
        let privilege = block
            .need("privilege", PRIVILEGE_FIX, faults)
            .and_then(|node| privilege(node, faults));
        let pattern = Pattern::resource(uri?, server);
        let pattern = accepted(
            pattern,
            node,
            "write a URI, `**` standing for any characters",
            faults,
        );
        Some(Self::plain(node, pattern?, privilege?))
    }

    pub(super) fn prompt(node: &Node, faults: &mut Faults) -> Option<Self> {
        let pattern = Pattern::prompt(node.text(faults)?);
        let pattern = accepted(pattern, node, "write `name`, `server/name` or `*`", faults);
        Some(Self::plain(node, pattern?, Privilege::Read))
    }

    pub(super) fn method(node: &Node, faults: &mut Faults) -> Option<Self> {
        let pattern = Pattern::method(node.text(faults)?);
        let pattern = accepted(
            pattern,
            node,
            "write the method's name, as `completion/complete`",
            faults,
        );
        Some(Self::plain(node, pattern?, Privilege::Read))
    }

    /// A rule that says no more than its privilege.
    fn plain(node: &Node, pattern: Pattern, privilege: Privilege) -> Self {
        Self {
            place: node.at.clone(),
            pattern,
            privilege,
            net: false,
            arguments: None,
            rate: None,
            budget: None,
            first_seen: Vec::new(),
            after: Vec::new(),
            beyond: Beyond::default(),
            assurance: 0,
            hide: false,
            mode: Mode::Proxy,
            followups: FollowUps::default(),
        }
    }
}

impl Rate {
    fn read(node: &Node, faults: &mut Faults) -> Option<Self> {
        let block = Block::open(node, &RATE, faults)?;
        let mut count = |node: &Node| node.count(1..=1_000_000, faults).and_then(NonZeroU32::new);
        let burst = block.find("burst").and_then(&mut count);
        let calls = block.find("calls").and_then(&mut count);
        let per = block
            .need("per", "say the window, for example `per: 1m`", faults)
            .and_then(|node| node.duration(MANIFEST_DURATION_LONGEST, faults));
        block.need(
            "calls",
            "say how many calls, for example `calls: 60`",
            faults,
        )?;
        let calls = calls?;
        Some(Self {
            calls,
            per: per?,
            burst: burst.unwrap_or(calls),
        })
    }
}

/// Reads a tool pattern, or says what form it has.
pub(super) fn tool_pattern(node: &Node, faults: &mut Faults) -> Option<Pattern> {
    let pattern = Pattern::tool(node.text(faults)?);
    accepted(
        pattern,
        node,
        "write `server/tool`, with `*` inside either half",
        faults,
    )
}

/// A pointer to an argument whose values are remembered.
fn first_seen(node: &Node, arguments: Option<&Node>, faults: &mut Faults) -> Option<Arc<str>> {
    let pointer = pointer(node, faults)?;
    if let Some(arguments) = arguments {
        require(
            node,
            &pointer,
            arguments,
            ("remembered", "compared"),
            faults,
        );
    }
    Some(Arc::from(pointer))
}

/// Complains of every pointer in a part of a rule that leads to a secret: what is remembered or counted by
/// is kept.
fn refuse_secrets(rule: &ArgumentRule, node: Option<&Node>, used: &str, faults: &mut Faults) {
    let Some(node) = node else {
        return;
    };
    match &node.shape {
        Shape::List(items) => {
            for item in items {
                refuse_secrets(rule, Some(item), used, faults);
            }
        }
        Shape::Map(entries) => {
            for entry in entries {
                refuse_secrets(rule, Some(&entry.value), used, faults);
            }
        }
        Shape::Text(text) if text.starts_with('/') && rule.kinds().touches(Kind::Secret, text) => {
            faults.add(
                &node.at,
                format!("`{text}` is a secret, and would be {used}"),
                "leave it out, or name another argument",
            );
        }
        _ => {}
    }
}

/// One tool, written out.
fn one_tool(node: &Node, faults: &mut Faults) -> Option<(Target, Place)> {
    let target = tool_pattern(node, faults)?.exact();
    if target.is_none() {
        faults.add(
            &node.at,
            "not one tool, but many",
            "write the `server/tool` that must have succeeded",
        );
    }
    target.map(|target| (target, node.at.clone()))
}

fn accepted(
    pattern: Result<Pattern, String>,
    node: &Node,
    fix: &str,
    faults: &mut Faults,
) -> Option<Pattern> {
    pattern
        .map_err(|message| faults.add(&node.at, message, fix))
        .ok()
}

fn privilege(node: &Node, faults: &mut Faults) -> Option<Privilege> {
    let words = Privilege::ALL.map(|rung| (rung.name(), rung));
    node.choice(&words, &[], faults)
}

const PRIVILEGE_FIX: &str =
    "say how far up the ladder it stands: read, write, send, destroy, money or admin";

const TOOL: Keys = Keys {
    what: "a tool",
    known: &[
        "tool",
        "privilege",
        "net",
        "arguments",
        "rate",
        "budget",
        "first_seen",
        "after",
        "beyond",
        "assurance",
        "hide",
        "mode",
        "followups",
    ],
    later: &[
        "provenance",
        "trusted_fields",
        "step_up",
        "four_eyes",
        "approval",
        "stages",
        "first_use",
        "durability",
    ],
};

const RESOURCE: Keys = Keys {
    what: "a resource",
    known: &["uri", "server", "privilege"],
    later: &["provenance", "trusted_fields", "rate"],
};

const RATE: Keys = Keys {
    what: "a rate",
    known: &["calls", "per", "burst"],
    later: &[],
};
