//! What in a scope speaks of a target.

use crate::model::target::Target;
use crate::scopes::{Forbid, Rule, Scope};

/// The rules and forbids of one scope that name one target, with their places in it.
#[derive(Debug)]
pub struct Matched<'a> {
    /// The scope they stand in.
    pub scope: &'a Scope,
    /// Rules: all of them apply together.
    pub rules: Vec<(usize, &'a Rule)>,
    /// Forbids: one is enough.
    pub forbids: Vec<(usize, &'a Forbid)>,
    /// Whether any of the rules declares the target. A rule that does not still narrows.
    pub is_declared: bool,
}

impl<'a> Matched<'a> {
    /// Finds them. The order of the manifest does not matter: every caller treats them as a set.
    #[must_use]
    pub fn find(scope: &'a Scope, target: &'a Target) -> Self {
        let rules: Vec<_> = scope.rules_for(target).collect();
        Self {
            scope,
            is_declared: !rules.is_empty(),
            rules,
            forbids: scope.forbids_for(target).collect(),
        }
    }

    /// Lets only rules that write the target out declare it: whoever wrote a pattern could not know of a
    /// target that was accepted later.
    #[must_use]
    pub fn by_name_only(mut self) -> Self {
        self.is_declared = self.rules.iter().any(|(_, rule)| rule.pattern.is_exact());
        self
    }

    /// Whether the manifest hides the target: it answers as if it did not exist.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.rules.iter().any(|(_, rule)| rule.hide)
    }
}
