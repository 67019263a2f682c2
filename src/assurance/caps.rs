//! What others say of a session, its device, its agent or its user: caps that only their source lifts.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use super::level::Level;
use crate::limits::ASSURANCE_NEWS_COUNT;
use crate::model::digest::Digest;
use crate::model::time::Timestamp;

/// What a cap is about. In the order of their words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Subject {
    /// The user's account.
    Account,
    /// The level at which its issuer holds the user.
    Assurance,
    /// The device.
    Device,
    /// What the agent runs on.
    Posture,
    /// The issuer's own estimate of the risk.
    Risk,
    /// Where the session comes from.
    Travel,
}

/// Whose word it is, and about what. Its source is one that an operator configured, or the guard itself:
/// nobody else's word is heard.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Origin {
    /// Who says it.
    pub source: Arc<str>,
    /// About what.
    pub subject: Subject,
}

/// A piece of news.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct News {
    /// What it is told apart by, issuer and identifier together: what was heard is not heard again.
    pub id: Digest,
    /// Whose word it is.
    pub origin: Origin,
    /// When it came to be, by its source's clock.
    pub at: Timestamp,
    /// What the session is worth at most; none where the source takes back what it said.
    pub cap: Option<Level>,
}

/// The newest word of each origin.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Caps {
    words: BTreeMap<Origin, Word>,
    bad: Option<Timestamp>,
    /// The newest only; whoever receives news keeps a longer list.
    heard: VecDeque<Digest>,
}

/// One origin's newest word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Word {
    /// When it came to be.
    pub at: Timestamp,
    /// The cap; none where all is well.
    pub cap: Option<Level>,
}

/// How a piece of news was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    /// It was known.
    Again,
    /// Its source takes something back.
    Good,
    /// Its source says something against the session.
    Bad,
}

impl Subject {
    /// Every subject.
    pub const ALL: [Self; 6] = [
        Self::Account,
        Self::Assurance,
        Self::Device,
        Self::Posture,
        Self::Risk,
        Self::Travel,
    ];

    /// The word in records and sentences.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Assurance => "assurance",
            Self::Device => "device",
            Self::Posture => "posture",
            Self::Risk => "risk",
            Self::Travel => "travel",
        }
    }

    /// The subject from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.name() == name)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.source, self.subject.name())
    }
}

impl Caps {
    /// Hears a piece of news, which counts as no later than `latest`. In whatever order news arrives, the
    /// same words stand in the end: the newest of each origin, of two at once the stricter.
    pub(super) fn hear(&mut self, news: News, latest: Timestamp) -> Heard {
        if self.heard.contains(&news.id) {
            return Heard::Again;
        }
        if self.heard.len() >= ASSURANCE_NEWS_COUNT {
            self.heard.pop_front();
        }
        self.heard.push_back(news.id);
        let word = Word {
            at: news.at.min(latest),
            cap: news.cap,
        };
        let known = self.words.get(&news.origin);
        if known.is_none_or(|known| word.outdoes(*known)) {
            self.words.insert(news.origin, word);
        }
        match word.cap {
            None => Heard::Good,
            Some(_) => {
                self.bad = self.bad.max(Some(word.at));
                Heard::Bad
            }
        }
    }

    /// Also what another session was told: of two words of one origin the stricter stands.
    pub(super) fn merge(&mut self, other: &Self) {
        for (origin, word) in &other.words {
            let known = self.words.get(origin);
            if known.is_none_or(|known| word.is_stricter(*known)) {
                self.words.insert(origin.clone(), *word);
            }
        }
        self.bad = self.bad.max(other.bad);
    }

    /// The lowest cap.
    #[must_use]
    pub fn lowest(&self) -> Level {
        let caps = self.words.values().filter_map(|word| word.cap);
        caps.min().unwrap_or(Level::Three)
    }

    /// Who sets the lowest cap.
    pub(super) fn lowest_origins(&self) -> Vec<Origin> {
        let lowest = Some(self.lowest());
        let words = self.words.iter().filter(|(_, word)| word.cap == lowest);
        words.map(|(origin, _)| origin.clone()).collect()
    }

    /// When the newest bad news came to be; what a person confirmed before it is not fresh.
    #[must_use]
    pub const fn bad_news(&self) -> Option<Timestamp> {
        self.bad
    }

    /// What each origin said last.
    pub fn words(&self) -> impl Iterator<Item = (&Origin, &Word)> {
        self.words.iter()
    }
}

impl Word {
    /// Whether it takes the other's place: newer, or as new and stricter.
    fn outdoes(self, other: Self) -> bool {
        self.at > other.at || self.at == other.at && self.leaves() < other.leaves()
    }

    /// Whether it leaves less than the other, or as little for longer.
    fn is_stricter(self, other: Self) -> bool {
        self.leaves() < other.leaves() || self.leaves() == other.leaves() && self.at > other.at
    }

    /// What it leaves of the level.
    fn leaves(self) -> Level {
        self.cap.unwrap_or(Level::Three)
    }
}
