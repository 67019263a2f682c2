//! Which targets an agent is shown.

use super::matching::Matched;
use crate::scopes::Undeclared;

/// Whether a listing names the target: it is declared, or reaching for it would ask a person; and no
/// rule hides it, and no forbid covers every call of it.
#[must_use]
pub fn is_visible(matched: &Matched<'_>) -> bool {
    let reachable = matched.is_declared || matched.scope.undeclared == Undeclared::Pause;
    reachable
        && !matched.is_hidden()
        && !matched.forbids.iter().any(|(_, forbid)| forbid.is_whole())
}
