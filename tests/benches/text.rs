//! P3: reading a call strictly, spelling it canonically and digesting it, beside `serde_json` alone.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark that cannot go on fails, and measures what is banned elsewhere"
)]

#[path = "../../examples/load/arguments.rs"]
mod arguments;

use std::hint::black_box;

use arguments::ARGUMENTS;
use countersign::model::arguments::Arguments;
use countersign::model::digest::Digest;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::Value;

fn read(bench: &mut Criterion) {
    bench.bench_function("strict parse, canonical bytes and digest", |bench| {
        bench.iter(|| {
            let arguments = Arguments::parse(black_box(ARGUMENTS.as_bytes())).unwrap();
            Digest::of(arguments.canonical())
        });
    });
    bench.bench_function("serde_json alone", |bench| {
        bench.iter(|| serde_json::from_slice::<Value>(black_box(ARGUMENTS.as_bytes())).unwrap());
    });
}

criterion_group!(benches, read);
criterion_main!(benches);
