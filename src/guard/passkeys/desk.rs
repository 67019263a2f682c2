//! Challenges that were asked and not yet answered: each is answered once, soon, for what it was asked.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use indexmap::IndexMap;
use parking_lot::Mutex;

use crate::ambient::Ambient;
use crate::guard::countersign::Asked;
use crate::guard::doorway::Doorway;
use crate::limits::{CHALLENGES_OPEN_COUNT, CHALLENGES_PER_OPERATOR_COUNT};
use crate::model::digest::Digest;
use crate::model::name::OperatorName;

/// What a challenge was asked for.
#[derive(Clone, Debug)]
pub(in crate::guard) enum Purpose {
    /// A new passkey.
    Enrol {
        /// Whose it will be.
        operator: OperatorName,
        /// The link that gave leave, where none is signed in.
        link: Option<Digest>,
    },
    /// To sign in, whoever it is.
    SignIn,
    /// To confirm a token for commands.
    Confirm {
        /// Whose it is.
        operator: OperatorName,
        /// What it is found by.
        token: Digest,
    },
    /// To sign one decision.
    Decide(Box<Asked>),
}

impl Purpose {
    fn operator(&self) -> Option<&OperatorName> {
        match self {
            Self::Enrol { operator, .. } | Self::Confirm { operator, .. } => Some(operator),
            Self::SignIn => None,
            Self::Decide(asked) => Some(&asked.approver),
        }
    }
}

/// The open challenges. Those that anybody can cause crowd out none of a person's.
#[derive(Default)]
pub(in crate::guard) struct Desk {
    doorway: ArcSwapOption<Doorway>,
    anybodys: Mutex<Open>,
    peoples: Mutex<Open>,
}

type Open = IndexMap<Digest, (Purpose, Duration)>;

impl Desk {
    pub(super) fn open_doorway(&self, doorway: Doorway) {
        self.doorway.store(Some(Arc::new(doorway)));
    }

    pub(super) fn doorway(&self) -> Option<Arc<Doorway>> {
        self.doorway.load_full()
    }

    /// Asks.
    pub(in crate::guard) fn ask(
        &self,
        challenge: Digest,
        purpose: Purpose,
        life: Duration,
        ambient: &Ambient,
    ) {
        let now = ambient.monotonic();
        let mut open = match purpose.operator() {
            None => self.anybodys.lock(),
            Some(_) => self.peoples.lock(),
        };
        open.retain(|_, (_, until)| now < *until);
        if let Some(operator) = purpose.operator() {
            let own = open
                .iter()
                .filter(|(_, (one, _))| one.operator() == Some(operator));
            let own: Vec<Digest> = own.map(|(challenge, _)| *challenge).collect();
            let beyond = (own.len() + 1).saturating_sub(CHALLENGES_PER_OPERATOR_COUNT);
            for challenge in own.into_iter().take(beyond) {
                open.shift_remove(&challenge);
            }
        }
        while open.len() >= CHALLENGES_OPEN_COUNT {
            open.shift_remove_index(0);
        }
        open.insert(challenge, (purpose, now.saturating_add(life)));
    }

    /// What a challenge was asked for, once, and only until it runs out.
    pub(in crate::guard) fn take(&self, challenge: &Digest, ambient: &Ambient) -> Option<Purpose> {
        let taken = self.anybodys.lock().shift_remove(challenge);
        let taken = taken.or_else(|| self.peoples.lock().shift_remove(challenge));
        let (purpose, until) = taken?;
        (ambient.monotonic() < until).then_some(purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    fn enrol(name: &str) -> Purpose {
        Purpose::Enrol {
            operator: OperatorName::parse(name).unwrap(),
            link: None,
        }
    }

    #[test]
    fn a_challenge_is_answered_once_and_not_when_its_time_is_over() {
        let (ambient, clock) = Ambient::played(1, Timestamp::default());
        let desk = Desk::default();
        let life = Duration::from_secs(60);
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        desk.ask(one, Purpose::SignIn, life, &ambient);
        desk.ask(other, enrol("alice"), life, &ambient);
        assert!(matches!(desk.take(&one, &ambient), Some(Purpose::SignIn)));
        assert!(desk.take(&one, &ambient).is_none(), "taken twice");
        clock.pass(life);
        assert!(desk.take(&other, &ambient).is_none(), "taken late");
    }

    #[test]
    fn whoever_asks_too_often_voids_only_their_own() {
        let (ambient, _) = Ambient::played(1, Timestamp::default());
        let desk = Desk::default();
        let life = Duration::from_secs(60);
        let first = Digest::of(b"first");
        let bobs = Digest::of(b"bob");
        desk.ask(first, enrol("alice"), life, &ambient);
        desk.ask(bobs, enrol("bob"), life, &ambient);
        for number in 0..CHALLENGES_OPEN_COUNT + 1 {
            let challenge = Digest::of(&number.to_be_bytes());
            desk.ask(challenge, Purpose::SignIn, life, &ambient);
            if number < CHALLENGES_PER_OPERATOR_COUNT {
                let challenge = Digest::of(&[&number.to_be_bytes()[..], b"a"].concat());
                desk.ask(challenge, enrol("alice"), life, &ambient);
            }
        }
        assert!(desk.take(&first, &ambient).is_none());
        assert!(desk.take(&bobs, &ambient).is_some());
    }
}
