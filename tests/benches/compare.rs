//! P1 beside other policy engines, with the same rules: `cargo bench --features compare --bench compare`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

#[path = "../../examples/load/arguments.rs"]
mod arguments;
#[path = "../../examples/load/engines.rs"]
mod engines;
#[path = "../../examples/load/rules.rs"]
mod rules;

use criterion::{Criterion, criterion_group, criterion_main};

fn compare(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("50 rules");
    let asked = rules::Asked::with(50);
    group.bench_function("countersign", |bench| bench.iter(|| asked.decide()));
    let cedar = engines::Cedar::with(50);
    group.bench_function("cedar", |bench| bench.iter(|| cedar.decide()));
    let mut rego = engines::Rego::with(50);
    group.bench_function("regorus", |bench| bench.iter(|| rego.decide()));
    group.finish();
}

criterion_group!(benches, compare);
criterion_main!(benches);
