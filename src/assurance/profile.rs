//! The kinds of session, and how long a proof lasts in each.

use std::time::Duration;

use super::level::Level;

/// What drives a session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Profile {
    /// An agent that works by itself.
    Agent,
    /// A program that calls the HTTP interface.
    Api,
    /// A person at the console.
    Console,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Api, Self::Console];

    /// The word in configurations and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Api => "api",
            Self::Console => "console",
        }
    }

    /// The profile from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

/// How long a proof holds a level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timer {
    /// Since it was given, whatever the session does.
    pub overall: Duration,
    /// Since the session last acted.
    pub idle: Duration,
}

/// The timers of one profile, a level each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timers {
    /// Of level 1.
    pub one: Timer,
    /// Of level 2.
    pub two: Timer,
    /// Of level 3.
    pub three: Timer,
}

impl Timer {
    /// Of so many seconds overall and idle.
    #[must_use]
    pub const fn seconds(overall: u64, idle: u64) -> Self {
        Self {
            overall: Duration::from_secs(overall),
            idle: Duration::from_secs(idle),
        }
    }

    /// The shorter of both, in each respect.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self {
            overall: self.overall.min(other.overall),
            idle: self.idle.min(other.idle),
        }
    }
}

impl Timers {
    /// That of a level; nothing needs to last for level 0.
    #[must_use]
    pub const fn of(&self, level: Level) -> Option<Timer> {
        match level {
            Level::Zero => None,
            Level::One => Some(self.one),
            Level::Two => Some(self.two),
            Level::Three => Some(self.three),
        }
    }

    /// The same, none longer than what a manifest allows a session.
    #[must_use]
    pub fn within(self, manifest: Timer) -> Self {
        Self {
            one: self.one.within(manifest),
            two: self.two.within(manifest),
            three: self.three.within(manifest),
        }
    }
}
