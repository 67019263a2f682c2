//! What a call needs and costs, before anything is known of who asks.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::facts::{BudgetAsk, BudgetKey};
use super::matching::Matched;
use crate::model::call::Call;
use crate::model::decimal::Decimal;
use crate::model::privilege::Privilege;
use crate::model::target::Target;
use crate::rate::{Ask, CellKey, Quota};
use crate::scopes::Kind;

/// What all matching rules ask for together.
#[derive(Debug)]
pub struct Requirements {
    /// How far up the ladder the call stands; a read whose argument leaves the system counts as `send`.
    pub privilege: Privilege,
    /// The highest level any rule asks for.
    pub assurance: u8,
    /// Every declared rate that applies.
    pub rates: Vec<Ask>,
    /// Every declared budget that applies, with what the call would add.
    pub amounts: Vec<Amount>,
    /// Pointers of arguments whose new values are decided by a person, each once.
    pub first_seen: BTreeSet<Arc<str>>,
    /// Tools that must have succeeded in the session before, each once.
    pub after: BTreeSet<Target>,
    /// Where values of a kind stand in the arguments, as any rule says.
    pub kinds: BTreeSet<(Kind, String)>,
}

/// One budget, and what the call would add to it.
#[derive(Debug)]
pub struct Amount {
    /// Position of its rule in the scope.
    pub rule: usize,
    /// The sum.
    pub ask: BudgetAsk,
    /// What the sum must not exceed.
    pub limit: Decimal,
    /// What the call adds; absent where the pointers do not give exactly one finite, non-negative
    /// decimal and, where one is asked for, one value to keep sums apart by.
    pub amount: Option<Decimal>,
}

impl Requirements {
    /// Reads them off the matching rules. What no rule declares needs the most: an undeclared target
    /// stands at the top of the ladder.
    #[must_use]
    pub fn of(matched: &Matched<'_>, call: &Call) -> Self {
        let mut privilege = None;
        let mut requirements = Self {
            privilege: Privilege::Admin,
            assurance: 0,
            rates: Vec::new(),
            amounts: Vec::new(),
            first_seen: BTreeSet::new(),
            after: BTreeSet::new(),
            kinds: BTreeSet::new(),
        };
        for (index, rule) in &matched.rules {
            privilege = privilege.max(Some(rule.counted_privilege()));
            requirements.assurance = requirements.assurance.max(rule.assurance);
            requirements
                .first_seen
                .extend(rule.first_seen.iter().cloned());
            let earlier = rule.after.iter().map(|(target, _)| target.clone());
            requirements.after.extend(earlier);
            if let Some(arguments) = &rule.arguments {
                let found = arguments.kinds().find(call.arguments.value());
                let found = found.into_iter().map(|one| (one.kind, one.pointer));
                requirements.kinds.extend(found);
            }
            if let Some(rate) = &rule.rate {
                requirements.rates.push(Ask {
                    key: CellKey {
                        agent: call.principal.agent.clone(),
                        rule: Arc::from(rule.pattern.as_str()),
                        target: Arc::from(call.target.to_string()),
                    },
                    quota: Quota {
                        calls: rate.calls,
                        per: rate.per,
                        burst: rate.burst,
                    },
                });
            }
            if let Some(budget) = &rule.budget {
                let draw = budget.draw(call.arguments.value());
                let (amount, by) = match draw {
                    Some(draw) => (Some(draw.amount), draw.by),
                    None => (None, String::new()),
                };
                requirements.amounts.push(Amount {
                    rule: *index,
                    ask: BudgetAsk {
                        key: BudgetKey {
                            agent: call.principal.agent.clone(),
                            budget: format!("{} {}", call.target, budget.sum),
                            by,
                        },
                        window: budget.per,
                    },
                    limit: budget.limit.clone(),
                    amount,
                });
            }
        }
        if let (true, Some(privilege)) = (matched.is_declared, privilege) {
            requirements.privilege = privilege;
        }
        requirements
    }

    /// JSON pointers of the arguments of one kind.
    pub fn pointers(&self, kind: Kind) -> impl Iterator<Item = &String> {
        let kinds = self.kinds.iter().filter(move |(one, _)| *one == kind);
        kinds.map(|(_, pointer)| pointer)
    }
}
