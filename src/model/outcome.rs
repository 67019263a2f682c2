//! What became of a call that was sent.

/// How a permitted call ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The upstream answered with a result.
    Done,
    /// The upstream answered with an error, or its answer was not acceptable.
    Failed,
    /// The call provably never reached the upstream.
    NotSent,
    /// It was sent, and no answer was ever learned. Never silently retried.
    Unknown,
}

impl Outcome {
    /// The word in records, tables and screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::NotSent => "not-sent",
            Self::Unknown => "unknown",
        }
    }

    /// The outcome from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Done, Self::Failed, Self::NotSent, Self::Unknown]
            .into_iter()
            .find(|outcome| outcome.name() == name)
    }
}
