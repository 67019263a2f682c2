//! The five ceilings, and the level that the lowest of them leaves.

use super::level::Level;

/// What each of five questions leaves of a session's level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ceilings {
    /// P: what was proved, and is fresh enough.
    pub proof: Level,
    /// C: what changed around the session since a person looked, and what others say of it.
    pub context: Level,
    /// K: the life of the credential.
    pub key: Level,
    /// V: whether the guard would know of trouble.
    pub visibility: Level,
    /// D: what the parent session is worth.
    pub delegation: Level,
}

impl Ceilings {
    /// The level: never a mean, so that one answer to "why" is enough.
    #[must_use]
    pub fn lowest(&self) -> Level {
        let Self {
            proof,
            context,
            key,
            visibility,
            delegation,
        } = *self;
        proof.min(context).min(key).min(visibility).min(delegation)
    }

    /// As they stand for a call that a person approved: the person has seen what changed and stands for the
    /// session's proof, as long as there is one. Nothing else moves.
    pub(super) fn waived(self, proof: Level, caps: Level) -> Self {
        Self {
            proof: match self.proof {
                Level::Zero => Level::Zero,
                proved => proved.max(proof),
            },
            context: caps,
            ..self
        }
    }
}
