//! Running sums of budgets: exact, over any window, at the cost of a binary search.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::BudgetKey;
use super::row::Spent;
use crate::model::decimal::Decimal;
use crate::model::id::CallId;
use crate::model::time::Timestamp;

/// Every sum, and which call added to which.
#[derive(Default)]
pub(super) struct Sums {
    sums: HashMap<Arc<BudgetKey>, Sum>,
    calls: HashMap<CallId, Vec<(Arc<BudgetKey>, Timestamp)>>,
}

#[derive(Default)]
struct Sum(VecDeque<Line>);

/// What one call added, and the sum of this line and all before it: the sum of a window is the
/// difference of two lines.
struct Line {
    call: CallId,
    spent: Spent,
    through: Decimal,
}

impl Sums {
    /// What was spent in the window that ends at `now`, and whatever a clock that was set back since
    /// put behind it.
    pub(super) fn within(&self, key: &BudgetKey, window: Duration, now: Timestamp) -> Decimal {
        self.sums
            .get(key)
            .map_or_else(Decimal::zero, |sum| sum.within(now.before(window)))
    }

    /// What a call added to a sum.
    pub(super) fn spent(&self, key: &BudgetKey, call: CallId) -> Option<&Spent> {
        let (key, at) = self
            .calls
            .get(&call)?
            .iter()
            .find(|(one, _)| **one == *key)?;
        self.sums.get(key)?.line(*at, call).map(|line| &line.spent)
    }

    /// The sums a call added to.
    pub(super) fn of(&self, call: CallId) -> impl Iterator<Item = Arc<BudgetKey>> {
        self.calls
            .get(&call)
            .into_iter()
            .flatten()
            .map(|(key, _)| Arc::clone(key))
    }

    /// Sets or removes what a call added to a sum.
    pub(super) fn put(
        &mut self,
        key: &Arc<BudgetKey>,
        call: CallId,
        new: Option<Spent>,
    ) -> Option<Spent> {
        let keys = self.calls.entry(call).or_default();
        let old = keys
            .iter()
            .position(|(one, _)| one == key)
            .map(|place| keys.swap_remove(place))
            .and_then(|(_, at)| self.sums.get_mut(key)?.remove(at, call));
        if let Some(spent) = new {
            keys.push((Arc::clone(key), spent.at));
            self.sums
                .entry(Arc::clone(key))
                .or_default()
                .insert(call, spent);
        }
        if keys.is_empty() {
            self.calls.remove(&call);
        }
        old
    }

    /// Forgets what no window reaches any more.
    pub(super) fn tidy(&mut self, now: Timestamp) {
        let calls = &mut self.calls;
        self.sums.retain(|key, sum| {
            while let Some(line) = sum.0.pop_front_if(|line| line.spent.until <= now) {
                if let Some(keys) = calls.get_mut(&line.call) {
                    keys.retain(|(one, _)| one != key);
                    if keys.is_empty() {
                        calls.remove(&line.call);
                    }
                }
            }
            !sum.0.is_empty()
        });
    }
}

impl Line {
    fn before(&self) -> Decimal {
        self.through.minus(&self.spent.amount)
    }
}

impl Sum {
    fn within(&self, from: Timestamp) -> Decimal {
        let Some(last) = self.0.back() else {
            return Decimal::zero();
        };
        match self.0.get(self.0.partition_point(|l| l.spent.at <= from)) {
            Some(first) => last.through.minus(&first.before()),
            None => Decimal::zero(),
        }
    }

    fn line(&self, at: Timestamp, call: CallId) -> Option<&Line> {
        self.place(at, call).and_then(|place| self.0.get(place))
    }

    fn place(&self, at: Timestamp, call: CallId) -> Option<usize> {
        let first = self.0.partition_point(|line| line.spent.at < at);
        self.0
            .iter()
            .enumerate()
            .skip(first)
            .take_while(|(_, line)| line.spent.at == at)
            .find(|(_, line)| line.call == call)
            .map(|(place, _)| place)
    }

    fn insert(&mut self, call: CallId, spent: Spent) {
        let place = self.0.partition_point(|line| line.spent.at <= spent.at);
        let before = match place.checked_sub(1) {
            Some(before) => self.0.get(before).map(|line| line.through.clone()),
            None => self.0.front().map(Line::before),
        }
        .unwrap_or_else(Decimal::zero);
        // After a clock was set back a line may go in before others, which then include it.
        for line in self.0.iter_mut().skip(place) {
            line.through = line.through.plus(&spent.amount);
        }
        let line = Line {
            call,
            through: before.plus(&spent.amount),
            spent,
        };
        self.0.insert(place, line);
    }

    fn remove(&mut self, at: Timestamp, call: CallId) -> Option<Spent> {
        let place = self.place(at, call)?;
        let line = self.0.remove(place)?;
        for later in self.0.iter_mut().skip(place) {
            later.through = later.through.minus(&line.spent.amount);
        }
        Some(line.spent)
    }
}
