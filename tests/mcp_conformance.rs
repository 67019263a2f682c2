//! The official conformance suite, with the guard between it and the fixture.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod guarded;
#[path = "conformance/process.rs"]
#[expect(dead_code, reason = "over stdio the guard starts the fixture itself")]
mod process;
#[path = "conformance/suite.rs"]
mod suite;

use std::io::Write as _;

use countersign::mcp::upstream::TransportSpec;
use guarded::{Guarded, PERMIT_ALL, http, stdio};
use process::{Fixture, program};
use suite::run_suite;

/// Runs a revision's suite direct and through the guard. What is `known` to be different is what the
/// transport behind the guard cannot do.
async fn compare(revision: &'static str, over: Over, known: &[&str]) {
    let fixture = Fixture::over_http();
    let upstream = match over {
        Over::Http => http(&fixture.url),
        Over::Stdio => {
            let words = [
                program().to_string_lossy().into_owned(),
                "--stdio".to_owned(),
            ];
            stdio(&words)
        }
    };
    let guarded = start(upstream).await;
    let url = guarded.url(Some("fixture"));
    let (direct, through) = tokio::task::spawn_blocking(move || {
        (run_suite(&fixture.url, revision), run_suite(&url, revision))
    })
    .await
    .expect("the suite runs");
    let line = format!(
        "{revision} direct: {direct}\n{revision} through the guard, over {over:?}: {through}\n"
    );
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("stderr is open");
    let differences = direct.differences(&through);
    let unknown: Vec<_> = differences
        .iter()
        .filter(|one| !known.iter().any(|known| one.starts_with(known)))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert_eq!(
        differences.len(),
        known.len(),
        "a known difference is gone: {differences:#?}"
    );
}

#[derive(Clone, Copy, Debug)]
enum Over {
    Http,
    Stdio,
}

async fn start(upstream: TransportSpec) -> Guarded {
    Guarded::start(PERMIT_ALL, &[("fixture", upstream)], true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_to_2025_11_25_through_the_guard_equals_direct() {
    compare("2025-11-25", Over::Http, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_to_2026_07_28_through_the_guard_equals_direct() {
    compare("2026-07-28", Over::Http, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_to_2025_11_25_is_kept_with_a_child_behind_the_guard() {
    // A pipe has no stream of its own for each answer that it could close and be asked for again.
    let known = ["server-sse-polling/server-sse-disconnect-resume"];
    compare("2025-11-25", Over::Stdio, &known).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_to_2026_07_28_is_kept_with_a_child_behind_the_guard() {
    compare("2026-07-28", Over::Stdio, &[]).await;
}
