//! The only reader of clocks and randomness; everything else takes `now` as an argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::model::digest::Fields;
use crate::model::time::Timestamp;

/// Where time and randomness come from: the system, or a test that plays both.
#[derive(Clone)]
pub struct Ambient(Source);

#[derive(Clone)]
enum Source {
    System { boot: Instant },
    Played(Arc<Played>),
}

impl Ambient {
    /// The machine's clocks and the operating system's randomness.
    #[must_use]
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this module is the clock's one reader"
        )]
        Self(Source::System {
            boot: Instant::now(),
        })
    }

    /// A clock that moves only when told and randomness that repeats for a seed.
    ///
    /// For tests and simulations; never for a guard that serves.
    #[must_use]
    pub fn played(seed: u64, start: Timestamp) -> (Self, Arc<Played>) {
        let played = Arc::new(Played {
            wall_ms: AtomicI64::new(start.millis()),
            monotonic_ms: AtomicI64::new(0),
            seed,
            drawn: AtomicU64::new(0),
        });
        (Self(Source::Played(Arc::clone(&played))), played)
    }

    /// The wall clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { .. } => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "this module is the clock's one reader"
                )]
                let since = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Played(played) => Timestamp::from_millis(played.wall_ms.load(Ordering::SeqCst)),
        }
    }

    /// Time since this guard started, which no change of the wall clock moves.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System { boot } => boot.elapsed(),
            Source::Played(played) => Duration::from_millis(
                u64::try_from(played.monotonic_ms.load(Ordering::SeqCst)).unwrap_or(0),
            ),
        }
    }

    /// Random bytes, fit for keys.
    ///
    /// # Panics
    /// Never for a played source; a system without randomness stops the process, since every
    /// identifier and salt after it would be guessable.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            Source::System { .. } => {
                if SystemRandom::new().fill(&mut bytes).is_err() {
                    std::process::abort();
                }
            }
            Source::Played(played) => played.fill(&mut bytes),
        }
        bytes
    }
}

/// The hand on a played clock.
pub struct Played {
    wall_ms: AtomicI64,
    monotonic_ms: AtomicI64,
    seed: u64,
    drawn: AtomicU64,
}

impl Played {
    /// Lets time pass on both clocks.
    pub fn pass(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.wall_ms.fetch_add(millis, Ordering::SeqCst);
        self.monotonic_ms.fetch_add(millis, Ordering::SeqCst);
    }

    /// Moves only the wall clock, as a wrong NTP answer or an attacker would; may be negative.
    pub fn jump_ms(&self, millis: i64) {
        self.wall_ms.fetch_add(millis, Ordering::SeqCst);
    }

    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let drawn = self.drawn.fetch_add(1, Ordering::SeqCst);
            let block = Fields::new("countersign.played")
                .field(&self.seed.to_be_bytes())
                .field(&drawn.to_be_bytes())
                .digest();
            for (byte, random) in chunk.iter_mut().zip(block.as_bytes()) {
                *byte = *random;
            }
        }
    }
}
