//! P1 and P2: what the rules cost for one call, with few rules and with many.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

#[path = "../../examples/load/arguments.rs"]
mod arguments;
#[path = "../../examples/load/rules.rs"]
mod rules;

use criterion::{Criterion, criterion_group, criterion_main};

fn decide(bench: &mut Criterion) {
    for count in [50, 10_000] {
        let asked = rules::Asked::with(count);
        bench.bench_function(&format!("decide, {count} rules"), |bench| {
            bench.iter(|| asked.decide());
        });
    }
}

criterion_group!(benches, decide);
criterion_main!(benches);
