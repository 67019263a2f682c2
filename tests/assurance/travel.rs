//! Impossible travel: the table of known ways, and what another implementation says of random ones.

use countersign::assurance::travel::{Place, Sight, Travel, km_per_hour};
use serde_json::Value;

use super::world::at;

const BERLIN: (f64, f64) = (52.52, 13.405);
const TOKYO: (f64, f64) = (35.6762, 139.6503);
const HAMBURG: (f64, f64) = (53.55, 9.99);
const MUNICH: (f64, f64) = (48.137, 11.575);

fn sight(seconds: i64, (latitude, longitude): (f64, f64)) -> Sight {
    Sight {
        at: at(seconds),
        place: Place::of(latitude, longitude).unwrap(),
        radius_km: 0,
        egress: false,
        declared: false,
    }
}

#[test]
fn ways_that_are_known_are_judged_as_known() {
    let berlin = sight(0, BERLIN);
    let between = |other: Sight| Travel::between(&berlin, &other, true);
    assert_eq!(
        between(sight(600, HAMBURG)),
        Travel::Possible,
        "255 km say nothing"
    );
    assert_eq!(between(sight(0, HAMBURG)), Travel::Possible, "at no time");
    assert_eq!(
        between(sight(1_200, MUNICH)),
        Travel::Impossible,
        "504 km in 20 minutes"
    );
    assert_eq!(
        between(sight(3_600, MUNICH)),
        Travel::Possible,
        "504 km in an hour"
    );
    assert_eq!(
        between(sight(12 * 3_600, TOKYO)),
        Travel::Possible,
        "8,918 km in 12 hours"
    );
    assert_eq!(between(sight(3_600, TOKYO)), Travel::Impossible);
}

#[test]
fn a_known_egress_explains_only_what_was_proved() {
    let berlin = sight(0, BERLIN);
    let egress = Sight {
        egress: true,
        ..sight(3_600, TOKYO)
    };
    assert_eq!(Travel::between(&berlin, &egress, true), Travel::Explained);
    assert_eq!(Travel::between(&berlin, &egress, false), Travel::Impossible);
}

#[test]
fn only_a_way_between_two_declared_places_is_no_travel() {
    let declared = |one: Sight| Sight {
        declared: true,
        ..one
    };
    let (berlin, tokyo) = (sight(0, BERLIN), sight(0, TOKYO));
    assert_eq!(
        Travel::between(&berlin, &declared(tokyo), true),
        Travel::Impossible
    );
    assert_eq!(
        Travel::between(&declared(berlin), &declared(tokyo), true),
        Travel::Possible
    );
}

#[test]
fn what_is_known_no_better_than_to_some_hundred_kilometres_says_nothing() {
    let about = |one: Sight| Sight {
        radius_km: 200,
        ..one
    };
    let (berlin, munich) = (about(sight(0, BERLIN)), about(sight(600, MUNICH)));
    assert_eq!(Travel::between(&berlin, &munich, true), Travel::Possible);
}

#[test]
fn the_order_of_two_sights_does_not_matter() {
    let (one, other) = (sight(0, BERLIN), sight(1_200, MUNICH));
    assert_eq!(
        Travel::between(&one, &other, true),
        Travel::between(&other, &one, true)
    );
    assert_eq!(km_per_hour(&one, &other), km_per_hour(&other, &one));
}

#[test]
fn a_place_that_is_not_on_the_earth_is_none() {
    for (latitude, longitude) in [
        (f64::NAN, 0.0),
        (0.0, f64::INFINITY),
        (90.1, 0.0),
        (0.0, -180.5),
    ] {
        assert!(
            Place::of(latitude, longitude).is_none(),
            "{latitude} {longitude}"
        );
    }
}

/// One journey of the other implementation.
pub(crate) fn compare(journey: &Value) {
    let read = |one: &Value| Sight {
        radius_km: u32::try_from(one["radius_km"].as_u64().unwrap()).unwrap(),
        egress: one["egress"] == true,
        declared: one["declared"] == true,
        ..sight(
            one["at"].as_i64().unwrap(),
            (one["lat"].as_f64().unwrap(), one["lon"].as_f64().unwrap()),
        )
    };
    let (one, other) = (read(&journey["from"]), read(&journey["to"]));
    let travel = match Travel::between(&one, &other, journey["bound"] == true) {
        Travel::Possible => "none",
        Travel::Explained => "soft",
        Travel::Impossible => "hard",
    };
    assert_eq!(journey["expect"]["travel"], travel, "{journey}");
    // Two libraries of mathematics may round the last digit to either side.
    let speed = journey["expect"]["speed"].as_u64().unwrap();
    assert!(km_per_hour(&one, &other).abs_diff(speed) <= 1, "{journey}");
}
