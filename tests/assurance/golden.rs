//! The golden histories, which every implementation of the model replays to the same end.

use std::fs;

use serde_json::Value;

use super::history::History;

#[test]
fn every_golden_history_replays_to_the_same_answers_and_sentences() {
    let text = fs::read_to_string("tests/assurance/vectors.json").unwrap();
    let house: Value = serde_json::from_str(&text).unwrap();
    let cases = house["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 222);
    let events: usize = cases
        .iter()
        .map(|case| History::read(&house, case).play())
        .sum();
    assert!(events > 1_500, "only {events} events were played");
}

#[test]
fn the_numbers_of_the_golden_histories_are_those_of_the_reference() {
    use countersign::assurance::{Policy, Profile, Signal};
    let text = fs::read_to_string("tests/assurance/vectors.json").unwrap();
    let house: Value = serde_json::from_str(&text).unwrap();
    let (policy, numbers) = (Policy::reference(), &house["policy"]);
    for profile in Profile::ALL {
        for level in countersign::assurance::Level::ALL {
            let timer = policy.timers(profile).of(level);
            let expected = &numbers["TIMERS"][profile.name()][level.to_string()];
            let seconds = timer.map(|timer| vec![timer.overall.as_secs(), timer.idle.as_secs()]);
            assert_eq!(
                serde_json::to_value(seconds).unwrap(),
                *expected,
                "{} {level}",
                profile.name()
            );
        }
    }
    for signal in Signal::ALL {
        let weight = policy.weights.of(*signal);
        let expected = &numbers["SIGNALS"][signal.name()];
        assert_eq!(expected[0], weight.points, "{}", signal.name());
        assert_eq!(expected[1], weight.life.as_secs(), "{}", signal.name());
    }
    assert_eq!(
        numbers["SIGNALS"].as_object().unwrap().len(),
        Signal::ALL.len()
    );
    let bands = policy.bands;
    let expected = serde_json::json!([[bands.three, 3], [bands.two, 2], [bands.one, 1]]);
    assert_eq!(numbers["BANDS"], expected);
    assert_eq!(numbers["STREAM_FRESH"], policy.stream_fresh.as_secs());
    assert_eq!(numbers["STREAM_STALE"], policy.stream_stale.as_secs());
    assert_eq!(numbers["CHALLENGES_PER_HOUR"], policy.challenges_per_hour);
    assert_eq!(numbers["CHALLENGE_STRIKES"], policy.strikes);
    assert_eq!(
        Some(&numbers["MAX_RATE"]),
        policy.attempts_per_minute.map(Value::from).as_ref()
    );
}
