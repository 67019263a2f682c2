//! Leave to begin a write upstream: a stop is acknowledged once no write that was let through before it
//! can begin any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Guard;
use crate::limits::PERMIT_LIFE;

/// Leave to begin one write. Whoever writes asks whether it still [`holds`](Self::holds) right before the
/// first byte, and drops it once the bytes are on their way: stops wait for that, within [`PERMIT_LIFE`].
#[derive(Debug)]
pub struct Leave {
    round: Arc<Round>,
    _counted: TaskTrackerToken,
}

impl Leave {
    /// Whether the write may begin.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.round.is_over.load(Ordering::SeqCst)
    }
}

/// The leaves that are out.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    /// Those given since the last stop.
    round: Mutex<Arc<Round>>,
    /// One stop at a time: a later one waits for what was let through before an earlier one too.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Round {
    counted: TaskTracker,
    is_over: AtomicBool,
}

impl Leaves {
    /// One more. It must be taken before the last look for stops: a stop that comes between the two then
    /// waits for it.
    pub(super) fn take(&self) -> Leave {
        let round = Arc::clone(&self.round.lock());
        Leave {
            _counted: round.counted.token(),
            round,
        }
    }

    /// Returns when no write of those that were let through so far can begin any more.
    pub(super) async fn recall(&self) {
        let _turn = self.turn.lock().await;
        let round = std::mem::take(&mut *self.round.lock());
        round.counted.close();
        if timeout(PERMIT_LIFE, round.counted.wait()).await.is_err() {
            round.is_over.store(true, Ordering::SeqCst);
        }
    }
}

impl Guard {
    /// Waits, after a stop is written and counted and before it is acknowledged, until nothing that was
    /// let through before it can reach an upstream.
    pub(super) async fn recall(&self) {
        self.leaves.recall().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stop_waits_for_what_was_let_through_and_voids_what_lingers() {
        let leaves = Arc::new(Leaves::default());
        let written = leaves.take();
        let lingering = leaves.take();
        let stop = tokio::spawn({
            let leaves = Arc::clone(&leaves);
            async move { leaves.recall().await }
        });
        tokio::task::yield_now().await;
        let after = leaves.take();
        assert!(written.holds() && lingering.holds() && after.holds());
        drop(written);
        tokio::task::yield_now().await;
        assert!(!stop.is_finished(), "a leave is still out");
        stop.await.unwrap();
        assert!(!lingering.holds(), "it may no longer begin");
        assert!(after.holds(), "what was let through after the stop stands");
        drop(after);
        let begun = tokio::time::Instant::now();
        leaves.recall().await;
        assert!(begun.elapsed().is_zero(), "nothing was out");
    }
}
