//! P1 to P3: what is computed, without any waiting.

use std::hint::black_box;
use std::time::Instant;

use countersign::model::arguments::Arguments;
use countersign::model::digest::Digest;
use serde_json::Value;

use super::ROUNDS;
use super::arguments::ARGUMENTS;
#[cfg(feature = "compare")]
use super::engines;
use super::figures::{Row, quantile};
use super::rules::Asked;

/// P1 and P2: the rules.
pub(crate) fn rules() -> Vec<Row> {
    let (few, many) = (Asked::with(50), Asked::with(10_000));
    let [mut p50, mut p99, mut p50_of_many] = [const { Vec::new() }; 3];
    #[cfg(feature = "compare")]
    let (cedar, mut rego) = (engines::Cedar::with(50), engines::Rego::with(50));
    #[cfg(feature = "compare")]
    let (mut by_cedar, mut by_rego) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        p50.push(each(|| few.decide()));
        p99.push(tail(|| few.decide()));
        p50_of_many.push(each(|| many.decide()));
        #[cfg(feature = "compare")]
        by_cedar.push(each(|| cedar.decide()));
        #[cfg(feature = "compare")]
        by_rego.push(each(|| rego.decide()));
    }
    vec![
        Row::new("P1", "decide, 50 rules, p50", "µs", &p50).most(1.5),
        Row::new("P1", "decide, 50 rules, p99", "µs", &p99).most(5.0),
        #[cfg(feature = "compare")]
        Row::new(
            "P1",
            "decide, 50 rules, p50, beside Cedar's best form",
            "µs",
            &p50,
        )
        .beside("Cedar", &p50, &by_cedar)
        .most(0.5),
        #[cfg(feature = "compare")]
        Row::new("P1", "decide, 50 rules, p50, beside regorus", "µs", &p50)
            .beside("regorus RVM", &p50, &by_rego)
            .most(0.5),
        Row::new("P2", "decide, 10,000 rules, p50", "µs", &p50_of_many)
            .beside("50 rules", &p50_of_many, &p50)
            .most(1.5),
    ]
}

/// P3: reading a call.
pub(crate) fn text() -> Vec<Row> {
    let (mut strict, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        strict.push(each(strictly));
        plain.push(each(plainly));
    }
    let measure = "strict parse, canonical bytes and digest of 300 bytes";
    vec![
        Row::new("P3", measure, "µs", &strict)
            .beside("serde_json", &strict, &plain)
            .most(3.0),
    ]
}

fn strictly() -> Digest {
    let arguments = Arguments::parse(black_box(ARGUMENTS.as_bytes())).unwrap();
    Digest::of(arguments.canonical())
}

fn plainly() -> Value {
    serde_json::from_slice(black_box(ARGUMENTS.as_bytes())).unwrap()
}

/// Microseconds a time: the median over groups, so that the clock's own cost does not count.
fn each<T>(mut work: impl FnMut() -> T) -> f64 {
    const GROUP: u32 = 50;
    let mut took: Vec<_> = (0..2_000)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..GROUP {
                black_box(work());
            }
            begun.elapsed().as_secs_f64() * 1e6 / f64::from(GROUP)
        })
        .collect();
    quantile(&mut took, 0.5)
}

/// Microseconds that all but one of a hundred single times stay below.
fn tail<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut took: Vec<_> = (0..100_000)
        .map(|_| {
            let begun = Instant::now();
            black_box(work());
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    quantile(&mut took, 0.99)
}
