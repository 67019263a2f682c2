//! What the guard counts and times of itself, for a monitor; the record alone is for keeps.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::Guard;
use super::notices::ChannelView;
use super::ruling::Ruling;
use crate::limits::{LISTED_COUNT, UNSIGNED_LISTED_COUNT};
use crate::model::isolation::Isolation;
use crate::model::reason::Reason;
use crate::store::StoreError;

/// How durations are spread: how many were at most as long as each bound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spread {
    bounds: &'static [Duration],
    /// One a bound, not added up.
    counts: Vec<u64>,
    count: u64,
    sum: Duration,
}

impl Spread {
    const fn new(bounds: &'static [Duration]) -> Self {
        Self {
            bounds,
            counts: Vec::new(),
            count: 0,
            sum: Duration::ZERO,
        }
    }

    fn note(&mut self, took: Duration) {
        self.counts.resize(self.bounds.len(), 0);
        let fitting = self.bounds.partition_point(|bound| *bound < took);
        if let Some(count) = self.counts.get_mut(fitting) {
            *count += 1;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(took);
    }

    /// Each bound, and how many durations were at most as long.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let counts = self.counts.iter().copied().chain(std::iter::repeat(0));
        self.bounds
            .iter()
            .zip(counts)
            .scan(0, |below, (bound, count)| {
                *below += count;
                Some((*bound, *below))
            })
    }

    /// How many durations there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// How long they were in all.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        self.sum
    }
}

/// How a guard stands at one moment; counts begin anew at each start.
#[derive(Clone, Debug)]
pub struct Figures {
    /// How often each answer was given, by the word for it and its first reason.
    pub decisions: Vec<(&'static str, Reason, u64)>,
    /// From a call's arrival to its recorded ruling.
    pub judging: Spread,
    /// From handing an entry to the store to its acknowledgement.
    pub committing: Spread,
    /// From the write upstream to the settled outcome.
    pub upstream: Spread,
    /// From the opening of an approval to the vote that decided it.
    pub voting: Spread,
    /// Approvals that wait for a person, at most [`LISTED_COUNT`] counted.
    pub open: usize,
    /// How long the oldest of them has waited.
    pub oldest: Duration,
    /// How far agents are kept from the guard itself.
    pub isolation: Isolation,
    /// Entries after the newest signed head, at most [`UNSIGNED_LISTED_COUNT`] counted.
    pub unsigned: usize,
    /// How people were told what waits, and how often that failed.
    pub channels: Vec<ChannelView>,
    /// Each anchor by its name, with the entries that its newest head counts and how often it failed.
    pub anchors: Vec<(String, u64, u64)>,
}

impl Guard {
    /// How the guard stands now.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn figures(&self) -> Result<Figures, StoreError> {
        let now = self.ambient.now();
        let live = self.store.approvals(Some(now), LISTED_COUNT).await?;
        let ages: Vec<Duration> = live
            .iter()
            .filter(|approval| approval.is_open(now))
            .map(|approval| now.since(approval.opened))
            .collect();
        let signed = self.store.head().await?.map_or(0, |head| head.head.count);
        let unsigned = self
            .store
            .entries(signed + 1, UNSIGNED_LISTED_COUNT)
            .await?;
        let measures = &self.measures;
        let decisions = measures.decisions.lock();
        Ok(Figures {
            decisions: decisions
                .iter()
                .map(|((word, reason), count)| (*word, *reason, *count))
                .collect(),
            judging: measures.judging.lock().clone(),
            committing: measures.committing.lock().clone(),
            upstream: measures.upstream.lock().clone(),
            voting: measures.voting.lock().clone(),
            open: ages.len(),
            oldest: ages.into_iter().max().unwrap_or_default(),
            isolation: self.isolation,
            unsigned: unsigned.len(),
            channels: self.channels(),
            anchors: measures
                .anchors
                .lock()
                .iter()
                .map(|(name, (count, failures))| (name.clone(), *count, *failures))
                .collect(),
        })
    }

    /// A head that counts so many entries is at that anchor.
    pub fn anchored(&self, anchor: &str, count: u64) {
        let mut anchors = self.measures.anchors.lock();
        anchors.entry(anchor.to_owned()).or_default().0 = count;
    }

    /// A head did not reach that anchor.
    pub fn anchor_failed(&self, anchor: &str) {
        let mut anchors = self.measures.anchors.lock();
        let (_, failures) = anchors.entry(anchor.to_owned()).or_default();
        *failures = failures.saturating_add(1);
    }
}

/// The running counts.
pub(super) struct Measures {
    decisions: Mutex<BTreeMap<(&'static str, Reason), u64>>,
    judging: Mutex<Spread>,
    committing: Mutex<Spread>,
    upstream: Mutex<Spread>,
    voting: Mutex<Spread>,
    anchors: Mutex<BTreeMap<String, (u64, u64)>>,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            decisions: Mutex::default(),
            judging: Mutex::new(Spread::new(&MACHINE)),
            committing: Mutex::new(Spread::new(&MACHINE)),
            upstream: Mutex::new(Spread::new(&MACHINE)),
            voting: Mutex::new(Spread::new(&PEOPLE)),
            anchors: Mutex::default(),
        }
    }
}

impl Measures {
    pub(super) fn judged(&self, ruling: &Ruling, took: Duration) {
        let answer = (ruling.name(), ruling.reason());
        *self.decisions.lock().entry(answer).or_default() += 1;
        self.judging.lock().note(took);
    }

    pub(super) fn committed(&self, took: Duration) {
        self.committing.lock().note(took);
    }

    pub(super) fn returned(&self, took: Duration) {
        self.upstream.lock().note(took);
    }

    pub(super) fn voted(&self, took: Duration) {
        self.voting.lock().note(took);
    }
}

/// What a machine takes: from a tenth of a millisecond to a minute.
const MACHINE: [Duration; 12] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(10),
    Duration::from_secs(60),
];

/// What a person takes: from seconds to a day.
const PEOPLE: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(3_600),
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(24 * 3_600),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_under_every_bound_that_it_does_not_exceed() {
        let mut spread = Spread::new(&PEOPLE);
        for seconds in [5, 6, 100_000] {
            spread.note(Duration::from_secs(seconds));
        }
        let counts: Vec<u64> = spread.buckets().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(
            (spread.count(), spread.sum()),
            (3, Duration::from_secs(100_011))
        );
    }

    #[test]
    fn nothing_noted_is_nothing_under_every_bound() {
        let spread = Spread::new(&MACHINE);
        assert_eq!(spread.buckets().count(), MACHINE.len());
        assert!(spread.buckets().all(|(_, count)| count == 0));
    }
}
