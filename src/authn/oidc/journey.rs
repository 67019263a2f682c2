//! Ways to a provider that were begun and not yet ended: each ends once, soon, in the browser it began in.

use std::time::Duration;

use aws_lc_rs::constant_time;
use data_encoding::BASE64URL_NOPAD;
use indexmap::IndexMap;
use parking_lot::Mutex;

use super::fault::SignInFault;
use crate::ambient::Ambient;
use crate::limits::{JOURNEY_LIFE, JOURNEYS_OPEN_COUNT};
use crate::model::digest::Digest;
use crate::model::name::OperatorName;

/// What somebody goes to the provider for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Errand {
    /// To sign in, whoever it is.
    SignIn,
    /// To have the rights of somebody who is signed in read again, without being asked anything.
    Read(OperatorName),
    /// To prove oneself anew, though one is signed in.
    Prove(OperatorName),
    /// To bind an account to the person whom a link, known by its key, was made for.
    Bind(Digest),
}

/// What a browser brings back.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// Which way it comes from.
    pub state: String,
    /// The code.
    pub code: Option<String>,
    /// The provider's word for why there is none.
    pub error: Option<String>,
    /// Who the provider says that it is.
    pub issuer: Option<String>,
}

/// A way that was begun.
pub(super) struct Journey {
    /// What the browser keeps of it.
    pass: Digest,
    /// What the identity token must name.
    pub(super) nonce: String,
    /// What the code is exchanged with.
    pub(super) verifier: String,
    /// What for.
    pub(super) errand: Errand,
    /// The page to go to afterwards.
    pub(super) back: String,
    until: Duration,
}

/// What whoever sets out needs to know of the way.
pub(super) struct Begun {
    pub(super) state: String,
    pub(super) pass: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
}

/// The open ways, by the digest of what names them.
#[derive(Default)]
pub(super) struct Journeys(Mutex<IndexMap<Digest, Journey>>);

impl Journeys {
    /// Begins a way. Anybody may, so the oldest makes room.
    pub(super) fn begin(&self, errand: Errand, back: &str, ambient: &Ambient) -> Begun {
        let word = || BASE64URL_NOPAD.encode(&ambient.random::<32>());
        let begun = Begun {
            state: word(),
            pass: word(),
            nonce: word(),
            verifier: word(),
        };
        let now = ambient.monotonic();
        let mut open = self.0.lock();
        open.retain(|_, one| now < one.until);
        while open.len() >= JOURNEYS_OPEN_COUNT {
            open.shift_remove_index(0);
        }
        let journey = Journey {
            pass: Digest::of(begun.pass.as_bytes()),
            nonce: begun.nonce.clone(),
            verifier: begun.verifier.clone(),
            errand,
            back: back.to_owned(),
            until: now.saturating_add(JOURNEY_LIFE),
        };
        open.insert(Digest::of(begun.state.as_bytes()), journey);
        begun
    }

    /// Ends the way of that state, whatever comes of it, for the browser that has its pass.
    pub(super) fn end(
        &self,
        state: &str,
        pass: Option<&str>,
        ambient: &Ambient,
    ) -> Result<Journey, SignInFault> {
        let taken = self.0.lock().shift_remove(&Digest::of(state.as_bytes()));
        let journey = taken.ok_or(SignInFault::Journey)?;
        let pass = Digest::of(pass.unwrap_or_default().as_bytes());
        let is_this =
            constant_time::verify_slices_are_equal(journey.pass.as_bytes(), pass.as_bytes());
        match is_this.is_ok() && ambient.monotonic() < journey.until {
            true => Ok(journey),
            false => Err(SignInFault::Journey),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    #[test]
    fn a_way_ends_once_soon_and_in_its_own_browser() {
        let (ambient, clock) = Ambient::played(1, Timestamp::default());
        let journeys = Journeys::default();
        let begin = || journeys.begin(Errand::SignIn, "/me", &ambient);
        let one = begin();
        let ended = journeys.end(&one.state, Some(&one.pass), &ambient);
        assert_eq!(ended.ok().unwrap().back, "/me");
        let again = journeys.end(&one.state, Some(&one.pass), &ambient);
        assert!(again.is_err(), "ended twice");

        let (mine, yours) = (begin(), begin());
        for pass in [None, Some(yours.pass.as_str())] {
            assert!(journeys.end(&mine.state, pass, &ambient).is_err());
        }
        assert!(
            journeys
                .end(&mine.state, Some(&mine.pass), &ambient)
                .is_err(),
            "whoever fails ends it"
        );
        clock.pass(JOURNEY_LIFE);
        assert!(
            journeys
                .end(&yours.state, Some(&yours.pass), &ambient)
                .is_err()
        );
    }

    #[test]
    fn ways_that_nobody_ends_take_no_room_without_end() {
        let (ambient, _) = Ambient::played(1, Timestamp::default());
        let journeys = Journeys::default();
        for _ in 0..JOURNEYS_OPEN_COUNT + 5 {
            journeys.begin(Errand::SignIn, "/", &ambient);
        }
        assert_eq!(journeys.0.lock().len(), JOURNEYS_OPEN_COUNT);
    }
}
