//! The only reader of clocks and randomness; everything else takes `now` as an argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::model::digest::Fields;
use crate::model::time::Timestamp;

/// Where time and randomness come from: the system, or a test that plays both.
///
/// Its moments are the wall clock's, carried on by the clock that nothing moves: whoever sets the wall
/// clock stretches no duration. What both clocks differ by since is told by [`Ambient::parted_ms`] and
/// taken over by [`Ambient::follow`] only. Clones share their time.
#[derive(Clone)]
pub struct Ambient {
    source: Source,
    /// The moment at which the clock that nothing moves began, in milliseconds since 1970.
    began_ms: Arc<AtomicI64>,
}

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
        Self::begin(Source::System {
            boot: Instant::now(),
        })
    }

    /// A run that begins now, by what the wall clock says now.
    fn begin(source: Source) -> Self {
        let ambient = Self {
            source,
            began_ms: Arc::new(AtomicI64::new(0)),
        };
        ambient.follow(ambient.parted_ms());
        ambient
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
        (Self::playing(&played), played)
    }

    /// Another run by a clock that is played already, as of a process that starts anew.
    #[must_use]
    pub fn playing(played: &Arc<Played>) -> Self {
        Self::begin(Source::Played(Arc::clone(played)))
    }

    /// The moment: the wall clock's as last taken over, and what has passed since.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let began = Timestamp::from_millis(self.began_ms.load(Ordering::SeqCst));
        began.after(self.monotonic())
    }

    /// How far the wall clock is ahead of [`Ambient::now`], in milliseconds; negative where it is behind.
    #[must_use]
    pub fn parted_ms(&self) -> i64 {
        self.wall().millis().saturating_sub(self.now().millis())
    }

    /// Takes over that the wall clock was moved by so much.
    pub fn follow(&self, moved_ms: i64) {
        self.began_ms.fetch_add(moved_ms, Ordering::SeqCst);
    }

    fn wall(&self) -> Timestamp {
        match &self.source {
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
        match &self.source {
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
        match &self.source {
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
