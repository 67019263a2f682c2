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

    /// Every line of every sum, of each sum the newest or the oldest first: moved in that order, none has
    /// to pass another.
    pub(super) fn lines(
        &self,
        newest_first: bool,
    ) -> impl Iterator<Item = (&Arc<BudgetKey>, CallId, &Spent)> {
        self.sums.iter().flat_map(move |(key, sum)| {
            let count = sum.0.len();
            (0..count).filter_map(move |place| {
                let place = match newest_first {
                    true => count.checked_sub(place + 1)?,
                    false => place,
                };
                let line = sum.0.get(place)?;
                Some((key, line.call, &line.spent))
            })
        })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ambient::Ambient;
    use crate::model::name::AgentName;

    #[derive(Clone, Debug)]
    enum Step {
        Spend { call: usize, at: i64, amount: u32 },
        Release { call: usize },
        Tidy { now: i64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..12_usize, 0..100_i64, 0..50_u32)
                .prop_map(|(call, at, amount)| Step::Spend { call, at, amount }),
            1 => (0..12_usize).prop_map(|call| Step::Release { call }),
            1 => (0..160_i64).prop_map(|now| Step::Tidy { now }),
        ]
    }

    const WINDOW_MS: i64 = 30;

    proptest! {
        #[test]
        fn a_sum_is_what_adding_up_its_lines_gives(
            steps in prop::collection::vec(step(), 0..60),
            window in 0..=WINDOW_MS,
            now in 0..160_i64,
        ) {
            let (ambient, _) = Ambient::played(1, Timestamp::default());
            let calls: Vec<_> = (0..12).map(|_| CallId::random(&ambient)).collect();
            let key = Arc::new(BudgetKey {
                agent: AgentName::parse("a").unwrap(),
                budget: "tool /amount".to_owned(),
                by: String::new(),
            });
            let mut sums = Sums::default();
            let mut model: HashMap<usize, (i64, u32)> = HashMap::new();
            for step in steps {
                match step {
                    Step::Spend { call, at, amount } => {
                        let spent = Spent {
                            at: Timestamp::from_millis(at),
                            amount: Decimal::parse(&amount.to_string()).unwrap(),
                            until: Timestamp::from_millis(at + WINDOW_MS),
                        };
                        sums.put(&key, calls[call], Some(spent));
                        model.insert(call, (at, amount));
                    }
                    Step::Release { call } => {
                        sums.put(&key, calls[call], None);
                        model.remove(&call);
                    }
                    Step::Tidy { now } => {
                        sums.tidy(Timestamp::from_millis(now));
                        model.retain(|_, (at, _)| *at + WINDOW_MS > now);
                    }
                }
            }
            let expected: u32 = model
                .values()
                .filter(|(at, _)| *at > now - window)
                .map(|(_, amount)| amount)
                .sum();
            let window = Duration::from_millis(window.unsigned_abs());
            prop_assert_eq!(
                sums.within(&key, window, Timestamp::from_millis(now)),
                Decimal::parse(&expected.to_string()).unwrap()
            );
            for (at, call) in calls.iter().enumerate() {
                prop_assert_eq!(sums.spent(&key, *call).is_some(), model.contains_key(&at));
            }
        }
    }
}
