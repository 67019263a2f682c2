//! Which targets an agent is shown.

use super::matching::Matched;
use crate::model::target::Target;
use crate::scopes::{Scope, Undeclared};

/// Whether a listing names the target: it is declared, or reaching for it would ask a person; and no
/// rule hides it, and no forbid covers every call of it.
#[must_use]
pub fn is_visible(scope: &Scope, target: &Target) -> bool {
    let matched = Matched::find(scope, target);
    let reachable = !matched.rules.is_empty() || scope.undeclared == Undeclared::Pause;
    reachable
        && !matched.is_hidden()
        && !matched.forbids.iter().any(|(_, forbid)| forbid.is_whole())
}
