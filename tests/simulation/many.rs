//! Many plays at once: each world lives on one thread, but there are several threads.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Plays all of them on as many threads as there are cores and gives what was found of each, in order;
/// begins no more once `most` were found.
pub(crate) fn play_all<T: Send>(
    numbers: RangeInclusive<u64>,
    most: usize,
    play: impl Fn(u64) -> Option<T> + Sync,
) -> Vec<(u64, T)> {
    let next = AtomicU64::new(*numbers.start());
    let found = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number > *numbers.end() || found.lock().len() >= most {
                        return;
                    }
                    if let Some(one) = play(number) {
                        found.lock().push((number, one));
                    }
                }
            });
        }
    });
    let mut found = found.into_inner();
    found.sort_by_key(|(number, _)| *number);
    found
}
