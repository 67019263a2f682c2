//! Declared rates: GCRA by `governor`, over cells that outlive a reload and, above `read`, a restart.
//!
//! Cells hold absolute times. A limiter is built for one check over the cells it needs, with the
//! guard's own moment as its clock; so a changed manifest meets the state its predecessor left, and a
//! look that spends nothing is the same arithmetic without the write.

mod cell;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::limits::RATE_CELLS_COUNT;
use crate::model::name::AgentName;
use crate::model::time::Timestamp;

/// A rate as declared: so many calls in a period, and so many at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    /// Calls in a period.
    pub calls: NonZeroU32,
    /// The period.
    pub per: Duration,
    /// Calls that may come at once.
    pub burst: NonZeroU32,
}

/// Names one limiter's cell: an agent, the rule as the manifest spells it, and the tool.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CellKey {
    /// Whose calls are counted.
    pub agent: AgentName,
    /// The rule's pattern.
    pub rule: Arc<str>,
    /// `server/tool`.
    pub target: Arc<str>,
}

impl CellKey {
    /// The key as the store keeps it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}", self.agent, self.rule, self.target)
    }

    /// The key from the store's text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '\n');
        let agent = AgentName::parse(parts.next()?).ok()?;
        let (rule, target) = (parts.next()?, parts.next()?);
        Some(Self {
            agent,
            rule: Arc::from(rule),
            target: Arc::from(target),
        })
    }
}

/// One limit that applies to a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The cell.
    pub key: CellKey,
    /// The rate.
    pub quota: Quota,
}

/// A limit that is used up, and when the next call fits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exceeded {
    /// Position of the limit among those asked.
    pub index: usize,
    /// How long until a call fits.
    pub wait: Duration,
}

/// A cell after the clock was moved: what it admits, and when, stays what it was.
#[must_use]
pub fn moved_cell(cell: u64, millis: i64) -> u64 {
    let nanos = millis.unsigned_abs().saturating_mul(1_000_000);
    match millis < 0 {
        true => cell.saturating_sub(nanos),
        false => cell.saturating_add(nanos),
    }
}

/// Every limiter's cell.
#[derive(Default)]
pub struct Limits {
    cells: Mutex<HashMap<CellKey, u64>>,
}

impl Limits {
    /// Puts back cells that the store kept.
    pub fn restore(&self, cells: impl IntoIterator<Item = (CellKey, u64)>) {
        self.cells.lock().extend(cells);
    }

    /// The clock was moved by so many milliseconds; what is left of every limit stays what it was.
    pub fn move_clock(&self, millis: i64) {
        for cell in self.cells.lock().values_mut() {
            *cell = moved_cell(*cell, millis);
        }
    }

    /// Whether a call would fit all limits now; spends nothing.
    ///
    /// # Errors
    /// The first limit that is used up.
    pub fn look(&self, asks: &[Ask], now: Timestamp) -> Result<(), Exceeded> {
        if asks.is_empty() {
            return Ok(());
        }
        check(&self.cells.lock(), asks, now).map(drop)
    }

    /// Spends one call from all limits, or from none; gives the cells as they stand after it.
    ///
    /// # Errors
    /// The first limit that is used up.
    pub fn reserve(&self, asks: &[Ask], now: Timestamp) -> Result<Vec<(CellKey, u64)>, Exceeded> {
        if asks.is_empty() {
            return Ok(Vec::new());
        }
        let mut cells = self.cells.lock();
        let next = check(&cells, asks, now)?;
        if cells.len() >= RATE_CELLS_COUNT {
            // A cell whose time has passed is the same as none.
            let now = cell::nanos(now);
            cells.retain(|_, at| *at > now);
        }
        let spent: Vec<_> = asks.iter().map(|ask| ask.key.clone()).zip(next).collect();
        cells.extend(spent.iter().cloned());
        Ok(spent)
    }
}

fn check(
    cells: &HashMap<CellKey, u64>,
    asks: &[Ask],
    now: Timestamp,
) -> Result<Vec<u64>, Exceeded> {
    asks.iter()
        .enumerate()
        .map(|(index, ask)| {
            cell::spend(ask.quota, cells.get(&ask.key).copied(), now)
                .map_err(|wait| Exceeded { index, wait })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn ask(calls: u32, per_s: u64, burst: u32) -> Ask {
        Ask {
            key: CellKey {
                agent: AgentName::parse("a").unwrap(),
                rule: Arc::from("crm/*"),
                target: Arc::from("crm/find"),
            },
            quota: Quota {
                calls: NonZeroU32::new(calls).unwrap(),
                per: Duration::from_secs(per_s),
                burst: NonZeroU32::new(burst).unwrap(),
            },
        }
    }

    #[test]
    fn a_burst_passes_and_the_next_call_learns_how_long_to_wait() {
        let limits = Limits::default();
        let asks = [ask(60, 60, 3)];
        for _ in 0..3 {
            limits.reserve(&asks, START).unwrap();
        }
        let exceeded = limits.reserve(&asks, START).unwrap_err();
        assert_eq!(exceeded.wait, Duration::from_secs(1));
        assert!(
            limits
                .reserve(&asks, START.after(Duration::from_secs(1)))
                .is_ok()
        );
    }

    #[test]
    fn a_look_spends_nothing_and_a_full_limit_spends_from_none() {
        let limits = Limits::default();
        let roomy = ask(60, 60, 60);
        let mut tight = ask(1, 60, 1);
        tight.key.rule = Arc::from("tight");
        limits.reserve(std::slice::from_ref(&tight), START).unwrap();
        for _ in 0..100 {
            assert!(limits.look(std::slice::from_ref(&roomy), START).is_ok());
            assert!(
                limits
                    .reserve(&[roomy.clone(), tight.clone()], START)
                    .is_err()
            );
        }
        for _ in 0..60 {
            assert!(limits.reserve(std::slice::from_ref(&roomy), START).is_ok());
        }
    }

    #[test]
    fn cells_that_come_back_from_the_store_still_limit() {
        let asks = [ask(1, 3_600, 1)];
        let before = Limits::default();
        let cells = before.reserve(&asks, START).unwrap();
        let text = cells[0].0.text();
        let after = Limits::default();
        after.restore([(CellKey::parse(&text).unwrap(), cells[0].1)]);
        assert!(
            after
                .reserve(&asks, START.after(Duration::from_secs(3_599)))
                .is_err()
        );
        assert!(
            after
                .reserve(&asks, START.after(Duration::from_secs(3_600)))
                .is_ok()
        );
    }

    #[test]
    fn a_rate_too_slow_for_the_arithmetic_is_used_up_rather_than_wrong() {
        let limits = Limits::default();
        let mut slow = ask(1, 0, u32::MAX);
        slow.quota.per = Duration::MAX;
        assert!(limits.reserve(&[slow], START).is_err());
    }
}
