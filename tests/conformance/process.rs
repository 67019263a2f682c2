//! Starts the fixture server and ends it with the test.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A running fixture; dropping it ends the process.
pub(crate) struct Fixture {
    /// Where it answers.
    pub(crate) url: String,
    child: Child,
}

impl Fixture {
    /// Starts the fixture on a free loopback port.
    pub(crate) fn over_http() -> Self {
        let mut child = Command::new(program())
            .args(["--http", "0", "--until-eof"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the fixture starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut url = String::new();
        BufReader::new(stdout)
            .read_line(&mut url)
            .expect("the fixture prints its URL");
        let url = url.trim().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "no URL but {url:?}");
        Self { url, child }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the fixture over stdio, writes it `lines` and returns the first `answers` lines it writes.
pub(crate) fn over_stdio(lines: &[&str], answers: usize) -> Vec<String> {
    let mut child = Command::new(program())
        .arg("--stdio")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the fixture starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let stdout = child.stdout.take().expect("stdout is piped");
    let (sender, written) = mpsc::channel();
    // Ends with the fixture, whose output it reads.
    std::thread::spawn(move || {
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        for line in lines {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    for line in lines {
        writeln!(stdin, "{line}").expect("it reads");
    }
    let replies = (0..answers).map_while(|_| written.recv_timeout(LONGEST_SILENCE).ok());
    let replies: Vec<String> = replies.collect();
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(replies.len(), answers, "it fell silent after {replies:?}");
    replies
}

/// The fixture is an example, so it lies beside the folder of the test programs.
pub(crate) fn program() -> PathBuf {
    let here = std::env::current_exe().expect("a test has a path");
    let program = here
        .parent()
        .and_then(|deps| deps.parent())
        .map(|profile| profile.join("examples/conformance_fixture"))
        .expect("a test lies in deps");
    assert!(
        program.is_file(),
        "the fixture is not built: run tests/run, or `cargo build --examples`"
    );
    program
}

const LONGEST_SILENCE: Duration = Duration::from_secs(10);
