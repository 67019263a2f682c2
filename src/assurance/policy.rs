//! Every number of the model, in one value.

use std::time::Duration;

use super::level::Level;
use super::profile::{Profile, Timer, Timers};
use super::signal::Weights;

/// The numbers that the model is run with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// How long proofs last in an agent's session.
    pub agent: Timers,
    /// In that of a program.
    pub api: Timers,
    /// In a person's.
    pub console: Timers,
    /// What signals weigh.
    pub weights: Weights,
    /// Which strain leaves which level.
    pub bands: Bands,
    /// How long a required stream may be silent before level 3 cannot be claimed.
    pub stream_fresh: Duration,
    /// And before level 2 cannot.
    pub stream_stale: Duration,
    /// The most that a key which is bound to nothing may be worth.
    pub unbound: Level,
    /// Attempts of a session within a minute; none where rates are limited elsewhere.
    pub attempts_per_minute: Option<u32>,
    /// Challenges that people are asked within an hour.
    pub challenges_per_hour: usize,
    /// Whether a wait for an approval is such a challenge, or is limited elsewhere.
    pub approvals_are_challenges: bool,
    /// Refusals by people that put a session into quarantine.
    pub strikes: u32,
    /// Whether a person's proof ends a quarantine, or only an operator does.
    pub proof_releases: bool,
    /// How far into the future news may be dated.
    pub ahead: Duration,
    /// How old a decision may be when it is committed.
    pub commit_within: Duration,
    /// How old that of a payment may be.
    pub payment_within: Duration,
}

/// Which strain leaves which level: below the first number three, below the next two, then one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bands {
    /// Below it, level 3 is left.
    pub three: u32,
    /// Below it, level 2.
    pub two: u32,
    /// Below it, level 1.
    pub one: u32,
}

impl Policy {
    /// The numbers of the golden histories, which other implementations replay too.
    #[must_use]
    pub const fn reference() -> Self {
        Self {
            agent: Timers {
                one: Timer::seconds(86_400, 3_600),
                two: Timer::seconds(43_200, 1_800),
                three: Timer::seconds(300, 120),
            },
            api: Timers {
                one: Timer::seconds(43_200, 3_600),
                two: Timer::seconds(3_600, 900),
                three: Timer::seconds(300, 60),
            },
            console: Timers {
                one: Timer::seconds(86_400, 3_600),
                two: Timer::seconds(86_400, 3_600),
                three: Timer::seconds(43_200, 900),
            },
            weights: Weights::JUDGED,
            bands: Bands {
                three: 25,
                two: 50,
                one: 75,
            },
            stream_fresh: Duration::from_secs(300),
            stream_stale: Duration::from_secs(1_800),
            unbound: Level::One,
            attempts_per_minute: Some(60),
            challenges_per_hour: 5,
            approvals_are_challenges: true,
            strikes: 3,
            proof_releases: true,
            ahead: Duration::from_secs(60),
            commit_within: Duration::from_secs(5),
            payment_within: Duration::from_secs(2),
        }
    }

    /// The timers of a profile.
    #[must_use]
    pub const fn timers(&self, profile: Profile) -> &Timers {
        match profile {
            Profile::Agent => &self.agent,
            Profile::Api => &self.api,
            Profile::Console => &self.console,
        }
    }

    /// The grade of a credential that proved itself on a request: where keys that are bound to nothing
    /// are accepted for more than level 1, such a one is taken for a bound one.
    #[must_use]
    pub fn machine_grade(&self, bound: bool) -> Level {
        match bound || self.unbound >= Level::Two {
            true => Level::Two,
            false => Level::One,
        }
    }
}

impl Default for Policy {
    /// The guard's own: manifests declare rates, and open approvals have limits of their own.
    fn default() -> Self {
        Self {
            attempts_per_minute: None,
            approvals_are_challenges: false,
            ..Self::reference()
        }
    }
}

impl Bands {
    /// What a strain leaves.
    #[must_use]
    pub const fn of(self, strain: u32) -> Level {
        if strain < self.three {
            Level::Three
        } else if strain < self.two {
            Level::Two
        } else if strain < self.one {
            Level::One
        } else {
            Level::Zero
        }
    }
}
