//! Whether a session was in two places that nobody reaches one from the other in time.

use std::time::Duration;

use crate::model::time::Timestamp;

/// A point on the earth.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Place {
    latitude: f64,
    longitude: f64,
}

/// Where and when a session was seen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sight {
    /// When, by the guard's clock.
    pub at: Timestamp,
    /// About where.
    pub place: Place,
    /// How far from there it may have been.
    pub radius_km: u32,
    /// Whether it came out of a network that others use too, far from where they are.
    pub egress: bool,
    /// Whether it came from where the agent is declared to come from.
    pub declared: bool,
}

/// What two sights one after the other say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Travel {
    /// Nothing.
    Possible,
    /// A known egress explains what would be impossible; it is [`super::Signal::TravelSuppressed`].
    Explained,
    /// Nothing explains it; it caps a session at level 1, and ends one of the console.
    Impossible,
}

impl Place {
    /// From degrees north and east; none that is not on the earth.
    #[must_use]
    pub fn of(latitude: f64, longitude: f64) -> Option<Self> {
        let is_real = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        is_real.then_some(Self {
            latitude,
            longitude,
        })
    }

    /// The way between two points along the earth, taken for a ball.
    fn km_to(self, other: Self) -> f64 {
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let turned = other.longitude.to_radians() - self.longitude.to_radians();
        let half = ((to - from) / 2.0).sin().powi(2)
            + from.cos() * to.cos() * (turned / 2.0).sin().powi(2);
        2.0 * EARTH_KM * half.sqrt().min(1.0).asin()
    }
}

impl Travel {
    /// Between two sights. A way that cannot be told from none is possible; an egress explains nothing
    /// unless each request proved the session's key.
    #[must_use]
    pub fn between(one: &Sight, other: &Sight, bound: bool) -> Self {
        if km(one, other) < LEAST_KM || km_per_hour(one, other) <= FASTEST_KM_PER_HOUR {
            return Self::Possible;
        }
        match (one.declared && other.declared, one.egress || other.egress) {
            (true, _) => Self::Possible,
            (false, true) if bound => Self::Explained,
            (false, _) => Self::Impossible,
        }
    }
}

/// How fast one must have been to be at both, in whole kilometres per hour.
#[must_use]
pub fn km_per_hour(one: &Sight, other: &Sight) -> u64 {
    let apart = one.at.since(other.at).max(other.at.since(one.at));
    let apart = apart.max(Duration::from_secs(1)).as_secs_f64();
    // A cast from a float cuts off what follows the point, and stays within bounds.
    (km(one, other) * 3_600.0 / apart) as u64
}

/// The least that lies between two sights.
fn km(one: &Sight, other: &Sight) -> f64 {
    let near = f64::from(one.radius_km) + f64::from(other.radius_km);
    (one.place.km_to(other.place) - near).max(0.0)
}

/// The mean radius of the earth.
const EARTH_KM: f64 = 6_371.008_8;

/// Where a place is known no better than to some hundred kilometres, less says nothing.
const LEAST_KM: f64 = 300.0;

/// About as fast as an airliner.
const FASTEST_KM_PER_HOUR: u64 = 1_000;
