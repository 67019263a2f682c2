//! One check of one cell, by governor's arithmetic at the guard's moment.

use std::cell::Cell;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};

use super::Quota;
use crate::model::time::Timestamp;

/// The cell after one more call, or how long until one fits.
pub(super) fn spend(quota: Quota, cell: Option<u64>, now: Timestamp) -> Result<u64, Duration> {
    let every = quota.per / quota.calls.get();
    let now = nanos(now);
    // governor multiplies without checks: a rate whose cells would leave its 64 bits admits nothing.
    let reach = u64::try_from(every.as_nanos())
        .ok()
        .and_then(|every| every.checked_mul(u64::from(quota.burst.get()) + 1))
        .and_then(|reach| reach.checked_add(now.max(cell.unwrap_or(0))));
    let (Some(_), Some(declared)) = (reach, governor::Quota::with_period(every)) else {
        return Err(quota.per);
    };
    let state = OneCell {
        before: cell,
        after: Cell::new(None),
    };
    let clock = At {
        now,
        begun: Cell::new(false),
    };
    let limiter: RateLimiter<NotKeyed, _, _, NoOpMiddleware<Nanos>> =
        RateLimiter::new(declared.allow_burst(quota.burst), state, clock);
    match limiter.check() {
        Ok(()) => Ok(limiter.into_state_store().after.get().unwrap_or(now)),
        Err(until) => Err(until.wait_time_from(Nanos::from(now))),
    }
}

/// Nanoseconds since the epoch; zero before it.
pub(super) fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.millis())
        .unwrap_or(0)
        .saturating_mul(1_000_000)
}

/// The state of one limiter, looked at once.
struct OneCell {
    before: Option<u64>,
    after: Cell<Option<u64>>,
}

impl StateStore for OneCell {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, after) = judge(self.before.map(Nanos::from))?;
        self.after.set(Some(after.into()));
        Ok(outcome)
    }
}

/// Reads zero when the limiter is built and the guard's moment afterwards, so that cells are absolute
/// times that mean the same to the next limiter.
struct At {
    now: u64,
    begun: Cell<bool>,
}

impl Clock for At {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(if self.begun.replace(true) {
            self.now
        } else {
            0
        })
    }
}
