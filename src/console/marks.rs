//! What the record says of each rule: whether it is used, and whether people only ever say yes to it.

use std::collections::HashMap;

use maud::{Markup, Render, html};

use super::tail::Sight;
use crate::model::name::AgentName;
use crate::model::target::Target;
use crate::model::time::Timestamp;
use crate::scopes::{Scope, Scopes};

/// What calls came to that a rule spoke of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Mark {
    /// How many calls it spoke of.
    used: usize,
    /// How many requests a person approved.
    approved: usize,
    /// How many a person denied.
    denied: usize,
}

/// The marks of every rule that was used.
pub(super) struct Marks<'a>(HashMap<&'a AgentName, Vec<Mark>>);

impl<'a> Marks<'a> {
    /// From the decisions since then. A rule is known by what it speaks of, so that a line that moved takes
    /// its mark with it.
    pub(super) fn of(scopes: &'a Scopes, sight: &Sight, since: Timestamp) -> Self {
        let mut marks = Self(HashMap::new());
        let recent = sight.decided.iter().rev().map(AsRef::as_ref);
        for decided in recent.take_while(|decided| decided.at >= since) {
            marks.add(scopes, &decided.agent, decided.aim.as_ref(), |mark| {
                mark.used += 1;
            });
        }
        for (decided, approved) in sight.asked() {
            let Some(approved) = approved.filter(|_| decided.at >= since) else {
                continue;
            };
            marks.add(scopes, &decided.agent, decided.aim.as_ref(), |mark| {
                mark.approved += usize::from(approved);
                mark.denied += usize::from(!approved);
            });
        }
        marks
    }

    /// Those of one scope, in the order of its rules; none where none was used.
    pub(super) fn of_scope(&self, scope: &Scope) -> &[Mark] {
        self.0.get(&scope.agent).map_or(&[], Vec::as_slice)
    }

    fn add(
        &mut self,
        scopes: &'a Scopes,
        agent: &str,
        aim: Option<&Target>,
        count: impl Fn(&mut Mark),
    ) {
        let scope = AgentName::parse(agent)
            .ok()
            .and_then(|agent| scopes.scope(&agent));
        let (Some(scope), Some(aim)) = (scope, aim) else {
            return;
        };
        let marks = self.0.entry(&scope.agent);
        let marks = marks.or_insert_with(|| vec![Mark::default(); scope.rules().len()]);
        for (at, _) in scope.rules_for(aim) {
            if let Some(mark) = marks.get_mut(at) {
                count(mark);
            }
        }
    }
}

impl Mark {
    /// Whether asking people never made a difference, as far as that shows.
    const fn is_always_approved(self) -> bool {
        self.denied == 0 && self.approved >= ALWAYS_COUNT
    }
}

impl Render for Mark {
    fn render(&self) -> Markup {
        html! {
            @if self.used == 0 {
                span .over { "○ never used" }
            } @else if self.is_always_approved() {
                span .held { "▲ always approved" }
                span .meta .number { " " (self.approved) " of " (self.approved) " · used " (self.used) " times" }
            } @else {
                span .permit { "✓ used" }
                span .meta .number {
                    " " (self.used) @if self.used == 1 { " time" } @else { " times" }
                    @if self.approved + self.denied > 0 {
                        " · approved " (self.approved) ", denied " (self.denied)
                    }
                }
            }
        }
    }
}

/// So many approvals without a denial are worth a look at the rule.
const ALWAYS_COUNT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_always_approved_once_three_were_and_none_was_denied() {
        let mark = |used, approved, denied| Mark {
            used,
            approved,
            denied,
        };
        for (mark, word) in [
            (mark(0, 0, 0), "○ never used"),
            (
                mark(1, 0, 0),
                "✓ used</span><span class=\"meta number\"> 1 time<",
            ),
            (mark(3, 2, 0), "approved 2, denied 0"),
            (
                mark(9, 3, 0),
                "▲ always approved</span><span class=\"meta number\"> 3 of 3",
            ),
            (mark(9, 30, 1), "approved 30, denied 1"),
        ] {
            let shown = mark.render().into_string();
            assert!(shown.contains(word), "{shown}");
        }
    }
}
