//! Two real processes on one directory: one chain, whoever is killed and whatever is raced.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::agent::{Piped, call, try_call};
use super::house::{House, Serving, until};

#[test]
fn two_processes_cannot_fork_the_chain() {
    let house = House::new();
    let key = house.key();
    let mut owner = house.serve();
    let stop = AtomicBool::new(false);
    let answered = std::thread::scope(|scope| {
        // Agents call all the while, whoever owns the directory.
        let agents: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| agent(&house, &key, &stop)))
            .collect();
        for _ in 0..3 {
            house.ends(1, &["serve"]);
            // A bridge is a third process on the directory, and writes nothing itself.
            let mut bridged = Piped::greeted(&house);
            assert_eq!(bridged.call("look", &json!({})), "did look");
            assert_eq!(bridged.end(), Some(0));
            // The owner dies in the middle of calls, and two start at once in its place.
            owner.signal(Signal::KILL);
            owner.ended();
            owner = one_of_two(&house);
        }
        stop.store(true, Ordering::SeqCst);
        agents
            .into_iter()
            .map(|agent| agent.join().unwrap())
            .sum::<usize>()
    });
    assert!(answered > 3, "hardly anything was called: {answered}");
    assert_eq!(
        call(&house.agents_url(), &key, "till/look", json!({})).0,
        200
    );
    assert_eq!(owner.stop(), Some(0));
    let (out, _) = house.ends(0, &["audit", "verify", "--anchors", "data/heads.jsonl"]);
    assert!(out.contains("anchored"), "{out}");
    // Each start is on the one chain, in its order.
    let (out, _) = house.ends(0, &["audit", "tail", "-n", "100000"]);
    let starts = out.lines().filter(|line| line.contains("state=started"));
    assert!(starts.count() >= 4, "{out}");
}

#[test]
fn whoever_takes_the_lock_away_breaks_the_second_owner_and_not_the_chain() {
    let house = House::new();
    let key = house.key();
    let first = house.serve();
    let url = house.agents_url();
    assert_eq!(call(&url, &key, "till/look", json!({})).0, 200);
    std::fs::remove_file(house.path("data/lock")).unwrap();
    std::fs::remove_file(house.path("data/guard.json")).unwrap();
    let mut second = house.spawn_serve();
    until(Duration::from_secs(20), || {
        let is_over = !second.is_running() || house.path("data/guard.json").exists();
        is_over.then_some(())
    });
    // Both may try; a call that cannot be recorded does not run.
    let others = std::fs::read_to_string(house.path("data/guard.json"))
        .is_ok()
        .then(|| house.agents_url());
    for _ in 0..5 {
        for url in others.iter().chain([&url]) {
            try_call(url, &key, "till/look", json!({}));
        }
    }
    drop((first, second));
    let executed = house.executed().len();
    house.ends(0, &["audit", "verify"]);
    let (out, _) = house.ends(0, &["audit", "tail", "-n", "100000"]);
    let permits = out.lines().filter(|line| line.contains("decision=permit"));
    assert!(
        executed <= permits.count(),
        "a call ran off the record: {out}"
    );
}

/// Calls until it is told to stop; how many calls were answered by the tool.
fn agent(house: &House, key: &str, stop: &AtomicBool) -> usize {
    let mut answered = 0;
    while !stop.load(Ordering::SeqCst) {
        let notice = std::fs::read_to_string(house.path("data/guard.json"));
        if notice.is_ok_and(|notice| notice.contains("agents")) {
            let came = try_call(&house.agents_url(), key, "till/look", json!({}));
            answered += usize::from(came.is_some_and(|(status, _)| status == 200));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    answered
}

/// Starts two, of which one takes the directory and the other ends.
fn one_of_two(house: &House) -> Serving {
    // The dead owner's notice names a listener that does not answer.
    std::fs::remove_file(house.path("data/guard.json")).unwrap();
    let mut racers = [house.spawn_serve(), house.spawn_serve()];
    let loser = until(Duration::from_secs(20), || {
        racers.iter_mut().position(|racer| !racer.is_running())
    });
    let [one, other] = racers;
    let (mut loser, mut winner) = match loser {
        0 => (one, other),
        _ => (other, one),
    };
    assert_eq!(loser.ended(), Some(1));
    until(Duration::from_secs(20), || {
        house.path("data/guard.json").exists().then_some(())
    });
    assert!(winner.is_running());
    winner
}
