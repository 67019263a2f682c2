//! One entry of `forbid`: what no approval lifts.

use serde_json::Value;

use super::arguments::ForbiddenArguments;
use super::fault::{Faults, Place};
use super::pattern::Pattern;
use super::reading::{Block, Keys};
use super::rule::tool_pattern;
use super::yaml::Node;

/// One forbid of a scope.
#[derive(Debug)]
pub struct Forbid {
    /// Where it stands.
    pub place: Place,
    /// What it speaks of.
    pub pattern: Pattern,
    arguments: Option<ForbiddenArguments>,
}

/// What a forbid says of a call's arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ForbidJudgement {
    /// It forbids the call, and why in a sentence.
    Applies(String),
    /// It does not speak of this call.
    Clear,
    /// It could not be evaluated, which denies.
    Fault(String),
}

impl Forbid {
    /// Judges a call's arguments. Without `arguments` it always applies; with them it applies to what
    /// they describe, and also where a named field is absent, of another type, or not in normal form.
    #[must_use]
    pub fn judge(&self, arguments: &Value) -> ForbidJudgement {
        let Some(rule) = &self.arguments else {
            return ForbidJudgement::Applies(format!("{} is forbidden", self.pattern));
        };
        match rule.applies(arguments) {
            Ok(true) => ForbidJudgement::Applies(format!(
                "{} is forbidden with these arguments",
                self.pattern
            )),
            Ok(false) => ForbidJudgement::Clear,
            Err(fault) => ForbidJudgement::Fault(fault),
        }
    }

    /// Whether it applies to every call of what it names, whatever the arguments.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.arguments.is_none()
    }

    pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<Self> {
        let block = Block::open(node, &KEYS, faults)?;
        let pattern = block
            .need("tool", "name the tool as `server/tool`", faults)
            .and_then(|node| tool_pattern(node, faults));
        let arguments = match block.find("arguments") {
            Some(node) => Some(ForbiddenArguments::compile(node, faults)?),
            None => None,
        };
        Some(Self {
            place: node.at.clone(),
            pattern: pattern?,
            arguments,
        })
    }
}

const KEYS: Keys = Keys {
    what: "a forbid",
    known: &["tool", "arguments"],
    later: &["uri", "prompt", "method", "reason"],
};
