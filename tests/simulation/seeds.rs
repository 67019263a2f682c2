//! Worlds by the number: none breaks a promise, each repeats exactly, and a planted fault is noticed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::invariants::Broken;
use super::many::play_all;
use super::planted::Fault;
use super::stage::Setting;
use super::world::{Run, play};

/// After so many broken worlds no more are played.
const BROKEN_COUNT: usize = 20;

/// In so many worlds a planted fault must be noticed.
const PLANTED_SEEDS_COUNT: u64 = 300;

/// Every twentieth world keeps its record in a file.
const fn setting(seed: u64, planted: Option<Fault>) -> Setting {
    Setting {
        seed,
        planted,
        on_disk: seed.is_multiple_of(20),
        hesitates: true,
    }
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn tell(seed: u64, run: &Run) -> String {
    let broken = run.broken.as_ref().map_or_else(String::new, |broken| {
        format!(
            "seed {seed} broke {}: {}\n",
            broken.invariant, broken.sentence
        )
    });
    format!(
        "{}\n{broken}{} calls were sent",
        run.story.join("\n"),
        run.sent
    )
}

#[test]
fn no_seed_breaks_a_promise() {
    if let Some(seed) = asked("SEED") {
        let run = play(setting(seed, None));
        println!("{}", tell(seed, &run));
        assert!(run.broken.is_none());
        return;
    }
    let seeds = asked("SEEDS").unwrap_or(1_000);
    #[expect(clippy::disallowed_methods, reason = "how long it took is told")]
    let began = Instant::now();
    let sent = AtomicUsize::new(0);
    let broken = play_all(1..=seeds, BROKEN_COUNT, |seed| {
        let run = play(setting(seed, None));
        sent.fetch_add(run.sent, Ordering::Relaxed);
        run.broken
    });
    let sent = sent.into_inner();
    println!("{seeds} seeds, {sent} calls sent, {:?}", began.elapsed());
    for (
        seed,
        Broken {
            invariant,
            sentence,
        },
    ) in &broken
    {
        println!("SEED={seed} breaks {invariant}: {sentence}");
    }
    assert!(broken.is_empty());
    assert!(sent as u64 > seeds, "the worlds were idle");
}

#[test]
fn a_seed_repeats_its_run_exactly() {
    for seed in [3, 7, 20, 40, 101] {
        let (one, other) = (play(setting(seed, None)), play(setting(seed, None)));
        assert_eq!(one.story, other.story, "seed {seed}");
    }
}

#[test]
fn every_planted_fault_is_noticed() {
    for fault in Fault::ALL {
        let noticed = play_all(1..=PLANTED_SEEDS_COUNT, 1, |seed| {
            let broken = play(setting(seed, Some(fault))).broken?;
            let expected = fault.noticed_by().contains(&broken.invariant);
            expected.then_some(broken)
        });
        let (
            seed,
            Broken {
                invariant,
                sentence,
            },
        ) = noticed
            .first()
            .unwrap_or_else(|| panic!("nobody noticed {fault:?}"));
        println!("{fault:?}: seed {seed} breaks {invariant}: {sentence}");
    }
}
