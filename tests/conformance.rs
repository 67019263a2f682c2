//! The official conformance suite, run against a server that is not ours.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "conformance/process.rs"]
mod process;
#[path = "conformance/suite.rs"]
mod suite;

use std::io::Write as _;

use process::{Fixture, over_stdio};
use suite::{Report, Status, run_suite};

/// How many checks the fixture passes by itself.
const BARS: &[(&str, usize)] = &[("2025-11-25", 84), ("2026-07-28", 197)];

#[test]
fn the_fixture_passes_the_suite_without_us_between() {
    for (revision, bar) in BARS {
        let fixture = Fixture::over_http();
        let report = run_suite(&fixture.url, revision);
        tell(&format!("{revision} direct: {report}"));
        assert_eq!(report.failed, 0, "{report}");
        assert!(report.passed >= *bar, "fewer than {bar} checks: {report}");
    }
}

#[test]
fn the_fixture_speaks_the_older_era_over_stdio() {
    let answers = over_stdio(
        &[
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"test_simple_text"}}"#,
        ],
        2,
    );
    assert!(
        answers[0].contains(r#""protocolVersion":"2025-11-25""#),
        "{answers:?}"
    );
    assert!(answers[1].contains("simple text response"), "{answers:?}");
}

#[test]
fn the_fixture_speaks_the_newer_era_over_stdio() {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let discover =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{{{meta}}}}}"#);
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"test_simple_text",{meta}}}}}"#
    );
    let answers = over_stdio(&[&discover, &call], 2);
    assert!(answers[0].contains(r#""supportedVersions""#), "{answers:?}");
    assert!(
        answers[1].contains(r#""resultType":"complete""#),
        "{answers:?}"
    );
}

#[test]
fn a_report_tells_what_came_out_differently() {
    let report = |checks: &[(&str, Status)]| Report {
        checks: checks
            .iter()
            .map(|(name, status)| (name.to_string(), *status))
            .collect(),
        ..Report::default()
    };
    let here = report(&[("a/one", Status::Success), ("a/two", Status::Success)]);
    let there = report(&[("a/one", Status::Success), ("a/two", Status::Failure)]);
    assert!(here.differences(&here).is_empty());
    assert_eq!(here.differences(&there).len(), 1);
    assert_eq!(here.differences(&report(&[])).len(), 2);
    assert_eq!(report(&[]).differences(&here).len(), 2);
}

/// Says it past the test harness, which keeps what a passing test prints.
fn tell(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}
