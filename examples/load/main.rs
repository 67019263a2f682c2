//! The bars, measured: everything over the loopback, in a few minutes.
//!
//! `cargo run --release --example load -- --json` starts an upstream, a bare pass-through and a guard,
//! lets them work in turn, and prints each figure beside what it is held against. What is compared is
//! measured in one run, in turn, as medians of five rounds, because machines differ and times drift.
//! `load rules mcp` measures only those parts. Each part has a process of its own, so that none finds the
//! memory of another. With the feature `compare` two policy engines stand beside the rules.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program that measures prints, reads the machine's clock, and ends where it cannot go on"
)]

mod arguments;
mod changing;
mod console;
mod durable;
#[cfg(feature = "compare")]
mod engines;
mod figures;
mod guarded;
mod holds;
mod idle;
mod proxied;
mod pure;
mod rules;
mod stands;
mod starting;
mod wire;

use std::process::{Command, ExitCode, Stdio};

use figures::Row;
use serde_json::json;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    match &words[..] {
        // What is weighed idle is this program as a guard.
        [word, ..] if word == idle::SERVE => countersign::cli::main(),
        [word, part] if word == MEASURE => {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let rows = runtime.block_on(measure(part));
            println!("{}", serde_json::to_string(&rows).unwrap());
            ExitCode::SUCCESS
        }
        _ => tell(&words),
    }
}

/// Has each part measured by a process of its own and tells the rows as they come.
fn tell(words: &[String]) -> ExitCode {
    let (options, asked): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.starts_with("--"));
    let is_known = |part: &&String| PARTS.contains(&part.as_str());
    if options.iter().any(|word| *word != "--json") || !asked.iter().all(is_known) {
        println!("usage: load [--json] [{}]", PARTS.join("|"));
        return ExitCode::from(2);
    }
    let mut all: Vec<Row> = Vec::new();
    for part in PARTS {
        if !asked.is_empty() && !asked.iter().any(|word| *word == part) {
            continue;
        }
        let measured = Command::new(std::env::current_exe().unwrap())
            .args([MEASURE, part])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        if !measured.status.success() {
            println!("{part} could not be measured");
            return ExitCode::FAILURE;
        }
        let rows: Vec<Row> = serde_json::from_slice(&measured.stdout).unwrap();
        for row in &rows {
            println!("{}", row.line());
        }
        all.extend(rows);
    }
    if !options.is_empty() {
        println!("{}", json!({ "rows": all }));
    }
    ExitCode::SUCCESS
}

const MEASURE: &str = "measure";

const PARTS: [&str; 10] = [
    "rules",
    "text",
    "authorize",
    "mcp",
    "durable",
    "holds",
    "console",
    "start",
    "reload",
    "idle",
];

async fn measure(part: &str) -> Vec<Row> {
    match part {
        "rules" => pure::rules(),
        "text" => pure::text(),
        "authorize" => proxied::authorize().await,
        "mcp" => proxied::mcp().await,
        "durable" => durable::rows().await,
        "holds" => holds::rows().await,
        "console" => console::rows().await,
        "start" => starting::rows().await,
        "reload" => changing::rows().await,
        "idle" => idle::rows().await,
        _ => panic!("there is no part {part}"),
    }
}

/// How often each side has its turn.
const ROUNDS: usize = 5;

/// The resident memory of a process, in KiB.
fn resident(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let figure = line.and_then(|line| line.split_whitespace().next());
    figure.unwrap().parse().unwrap()
}
