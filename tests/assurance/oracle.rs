//! Fresh histories, played by an independent implementation in another language and replayed here.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::history::History;
use super::travel;

/// `HISTORIES=10000 SEED=7 cargo nextest run --test assurance oracle` plays more of them, and others.
#[test]
#[expect(
    clippy::print_stdout,
    reason = "how many were compared is what a long run is for"
)]
fn fresh_histories_replay_as_the_other_implementation_plays_them() {
    let count = number("HISTORIES", 300);
    let seed = number("SEED", 20_261_124);
    let mut other = Command::new("python3")
        .args([
            "tests/assurance/fresh.py",
            &seed.to_string(),
            &count.to_string(),
        ])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut played, mut events) = (0, 0);
    for line in BufReader::new(other.stdout.take().unwrap()).lines() {
        let both: Value = serde_json::from_str(&line.unwrap()).unwrap();
        events += History::read(&both["history"], &both["history"]).play();
        travel::compare(&both["journey"]);
        played += 1;
    }
    assert!(other.wait().unwrap().success());
    assert_eq!(played, count);
    println!("seed {seed}: {played} histories of {events} events replay equal");
}

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}
