//! Kills a guard as often as it is told, under load, and compares its record, the effects of its calls,
//! and what its clients were told.
//!
//! ```text
//! cargo build --release && cargo run --release --example crash -- --kills 10000 --seed 1
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "it prints for a person, measures how long it took, and stops where it cannot go on"
)]

mod account;
mod agent;
mod bank;
mod chance;
mod client;
mod house;
mod operator;
mod told;
mod toll;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use serde_json::json;

/// Kill a guard under load, again and again
#[derive(Parser, Debug)]
struct Args {
    /// How often
    #[arg(long, default_value_t = 200)]
    kills: usize,
    /// What chance begins with
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The countersign program [default: the one beside this example's folder]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let program = args.program.unwrap_or_else(beside);
    // The guard is started in directories of its own.
    let program = program.canonicalize().unwrap();
    let began = Instant::now();
    let tell = |toll: &toll::Toll| eprintln!("{} kills, {:?}", toll.kills, began.elapsed());
    match toll::levy(&program, args.kills, args.seed, tell).await {
        Ok(toll) => {
            println!(
                "{}",
                json!({
                    "seed": args.seed,
                    "kills": toll.kills,
                    "kills_before_listening": toll.kills_before_listening,
                    "directories": toll.directories,
                    "comparisons": toll.comparisons,
                    "asks": toll.asks,
                    "unanswered": toll.unanswered,
                    "executed": toll.executed,
                    "entries": toll.entries,
                    "resolved": toll.resolved,
                    "grant_uses": toll.grant_uses,
                    "outcomes": toll.outcomes,
                    "unknown": toll.unknown,
                    "seconds": began.elapsed().as_secs(),
                    "faults": 0,
                })
            );
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn beside() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let profile = here.parent().and_then(Path::parent).unwrap();
    profile.join("countersign")
}
