//! The official conformance suite, with the guard between it and the fixture.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod guarded;
#[path = "conformance/process.rs"]
mod process;
#[path = "conformance/suite.rs"]
mod suite;

use std::io::Write as _;

use guarded::{Guarded, PERMIT_ALL, http};
use process::Fixture;
use suite::run_suite;

async fn compare(revision: &'static str) {
    let fixture = Fixture::over_http();
    let guarded = Guarded::start(PERMIT_ALL, &[("fixture", http(&fixture.url))], true).await;
    let url = guarded.url(Some("fixture"));
    let (direct, through) = tokio::task::spawn_blocking(move || {
        (run_suite(&fixture.url, revision), run_suite(&url, revision))
    })
    .await
    .expect("the suite runs");
    let line = format!("{revision} direct: {direct}\n{revision} through the guard: {through}\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("stderr is open");
    let differences = direct.differences(&through);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_to_2025_11_25_through_the_guard_equals_direct() {
    compare("2025-11-25").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_to_2026_07_28_through_the_guard_equals_direct() {
    compare("2026-07-28").await;
}
