//! Runs the official suite against a URL and reads what it found.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

/// What the suite found out about one server.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How many checks succeeded.
    pub(crate) passed: usize,
    /// How many checks failed.
    pub(crate) failed: usize,
    /// Each check's outcome, by `scenario/check`; a check made more than once is numbered.
    pub(crate) checks: BTreeMap<String, Status>,
    /// What the suite says about each check that failed or warned.
    pub(crate) complaints: BTreeMap<String, String>,
}

/// How one check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    /// The server does what it must.
    Success,
    /// The server does not do what it must.
    Failure,
    /// The server does not do what it should.
    Warning,
    /// The check does not apply.
    Skipped,
    /// A note, such as a message seen on the way.
    Info,
}

impl Report {
    /// Every check that came out differently in `other`, in words.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let names = self.checks.keys().chain(other.checks.keys());
        let mut different: Vec<&String> = names
            .filter(|name| self.checks.get(*name) != other.checks.get(*name))
            .collect();
        different.sort();
        different.dedup();
        let say = |name: &String| {
            let (here, there) = (self.checks.get(name), other.checks.get(name));
            let why = other.complaints.get(name).map_or("", String::as_str);
            format!("{name}: {here:?} became {there:?} {why}")
        };
        different.into_iter().map(say).collect()
    }

    fn add(&mut self, scenario: &str, check: Check) {
        // How many notes a scenario takes depends on timing, so they are no outcome.
        if check.status == Status::Info {
            return;
        }
        let first = format!("{scenario}/{}", check.id);
        let mut name = first.clone();
        let mut count = 1;
        while self.checks.contains_key(&name) {
            count += 1;
            name = format!("{first}#{count}");
        }
        match check.status {
            Status::Success => self.passed += 1,
            Status::Failure => self.failed += 1,
            _ => {}
        }
        if let (Status::Failure | Status::Warning, Some(complaint)) =
            (check.status, check.error_message)
        {
            self.complaints.insert(name.clone(), complaint);
        }
        self.checks.insert(name, check.status);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)?;
        for (name, complaint) in &self.complaints {
            write!(out, "\n  {name}: {complaint}")?;
        }
        Ok(())
    }
}

/// Runs everything that the revision `requirements` asks of a server against `url`.
///
/// # Panics
///
/// If the suite is not installed, does not end, or tells another total than its results.
pub(crate) fn run_suite(url: &str, requirements: &str) -> Report {
    let kit = kit();
    let folder = tempfile::tempdir().expect("a folder for the results");
    let results = folder.path().join("results");
    let log = folder.path().join("log");
    let file = File::create(&log).expect("a log");
    let mut suite = Command::new(kit.join("node_modules/.bin/node"))
        .arg(kit.join("node_modules/@modelcontextprotocol/conformance/dist/index.js"))
        .args(["server", "--url", url, "--requirements", requirements])
        .arg("--output-dir")
        .arg(&results)
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("one log for both"))
        .stderr(file)
        .spawn()
        .expect("the suite starts");

    let ended = (0..LONGEST_RUN.as_millis() / TICK.as_millis()).any(|_| {
        std::thread::sleep(TICK);
        suite
            .try_wait()
            .expect("the suite can be waited for")
            .is_some()
    });
    if !ended {
        // Its log says how far it came.
        let _ = suite.kill();
        let _ = suite.wait();
    }
    let log = fs::read_to_string(&log).expect("the log is text");
    assert!(ended, "the suite did not end:\n{log}");

    let report = read(&results);
    // A scenario that broke off leaves no results, but the suite counts it.
    let total = format!("Total: {} passed, {} failed", report.passed, report.failed);
    assert!(log.contains(&total), "not {total:?}:\n{log}");
    report
}

/// One entry of a `checks.json`; the suite writes more fields than these.
#[derive(Deserialize)]
struct Check {
    id: String,
    status: Status,
    #[serde(rename = "errorMessage")]
    error_message: Option<String>,
}

/// Reads the results: a folder `server-SCENARIO-TIME` for each scenario, with a `checks.json`.
fn read(results: &Path) -> Report {
    let mut report = Report::default();
    for entry in fs::read_dir(results).expect("the suite wrote results") {
        let folder = entry.expect("a folder").path();
        let name = folder.file_name().and_then(|name| name.to_str());
        let scenario = name
            .and_then(|name| name.strip_prefix("server-"))
            .and_then(|name| name.get(..name.len().checked_sub(TIME.len())?))
            .expect("a folder of the suite's");
        let Ok(text) = fs::read_to_string(folder.join("checks.json")) else {
            continue;
        };
        let checks: Vec<Check> = serde_json::from_str(&text).expect("a list of checks");
        for check in checks {
            report.add(scenario, check);
        }
    }
    report
}

/// The folder with the suite as tests/conformance/install makes it.
fn kit() -> PathBuf {
    let wanted = fs::read_to_string(LOCK).expect("the lock of the suite");
    let here = std::env::current_exe().expect("a test has a path");
    let kit = here
        .ancestors()
        .map(|folder| folder.join("kit/conformance"))
        .find(|kit| {
            fs::read_to_string(kit.join("finished.json")).is_ok_and(|installed| installed == wanted)
        });
    kit.expect("the conformance suite is not installed as it is pinned: run tests/run")
}

const LOCK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/conformance/package-lock.json"
);
/// The end of a result folder's name.
const TIME: &str = "-2026-07-28T00-00-00-000Z";
const LONGEST_RUN: Duration = Duration::from_secs(300);
const TICK: Duration = Duration::from_millis(50);
