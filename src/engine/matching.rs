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
}

impl<'a> Matched<'a> {
    /// Finds them. The order of the manifest does not matter: every caller treats them as a set.
    #[must_use]
    pub fn find(scope: &'a Scope, target: &'a Target) -> Self {
        Self {
            scope,
            rules: scope.rules_for(target).collect(),
            forbids: scope.forbids_for(target).collect(),
        }
    }

    /// Whether the manifest hides the target: it answers as if it did not exist.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.rules.iter().any(|(_, rule)| rule.hide)
    }
}
