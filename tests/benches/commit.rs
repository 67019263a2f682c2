//! What one caller waits for a decision that is recorded: a read, and a write, which is synced.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot go on fails"
)]

#[path = "../../examples/load/arguments.rs"]
mod arguments;
#[path = "../../examples/load/guarded.rs"]
mod guarded;

use countersign::guard::Ruling;
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

fn commit(bench: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let data = tempfile::tempdir().unwrap();
    let guard = runtime.block_on(guarded::start(data.path(), guarded::scopes(DECLARED)));
    let who = runtime.block_on(guarded::identity(&guard, "clerk"));
    for (server, tool) in [("desk", "look"), ("book", "note")] {
        runtime.block_on(guarded::present(&guard, server, tool));
        bench.bench_function(&format!("decide and record, {tool}"), |bench| {
            bench.to_async(&runtime).iter(async || {
                let ruling = guard
                    .decide(guarded::call(&guard, &who, server, tool))
                    .await;
                assert!(matches!(ruling, Ruling::Permit(_)), "{ruling:?}");
            });
        });
    }
    runtime.block_on(guard.stop()).unwrap();
}

const DECLARED: &str = "
version: 1
agent: clerk
credentials: {api_key: true}
tools:
  - {tool: desk/look, privilege: read, arguments: {open: true}}
  - {tool: book/note, privilege: write, arguments: {open: true}}
";

criterion_group!(benches, commit);
criterion_main!(benches);
