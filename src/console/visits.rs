//! Who is signed in. Visits live in memory: whoever restarts the guard signs everybody out.

use std::collections::HashMap;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use parking_lot::Mutex;

use super::device::Device;
use crate::ambient::Ambient;
use crate::limits::{VISIT_IDLE, VISIT_LIFE, VISITS_PER_OPERATOR_COUNT};
use crate::model::digest::Digest;
use crate::model::name::OperatorName;
use crate::model::proof::Proven;

/// Every visit, by the digest of the name in its cookie.
#[derive(Default)]
pub(super) struct Visits(Mutex<HashMap<Digest, Visit>>);

/// What became of a visit that a browser names.
pub(super) enum Found {
    /// There is none, or none any more.
    Nothing,
    /// It goes on.
    Here(Visit),
    /// It was begun in another kind of browser, and is over now.
    Elsewhere(Visit),
}

/// One browser in which one operator signed in.
#[derive(Clone)]
pub(super) struct Visit {
    /// Who.
    pub(super) operator: OperatorName,
    /// What they signed in with: the visit ends with it.
    pub(super) proof: Digest,
    /// What forms must carry.
    pub(super) seal: String,
    device: Device,
    opened: Duration,
    seen: Duration,
}

impl Visits {
    /// Begins a visit; the name that its cookie carries.
    pub(super) fn begin(&self, proven: &Proven, device: Device, ambient: &Ambient) -> String {
        let name = BASE64URL_NOPAD.encode(&ambient.random::<32>());
        let now = ambient.monotonic();
        let visit = Visit {
            operator: proven.operator.name.clone(),
            proof: proven.proof.key,
            seal: BASE64URL_NOPAD.encode(&ambient.random::<32>()),
            device,
            opened: now,
            seen: now,
        };
        let mut visits = self.0.lock();
        visits.retain(|_, visit| !visit.is_over(now));
        let mut own: Vec<(Duration, Digest)> = visits
            .iter()
            .filter(|(_, visit)| visit.operator == proven.operator.name)
            .map(|(digest, visit)| (visit.seen, *digest))
            .collect();
        own.sort_by_key(|(seen, _)| *seen);
        let beyond = (own.len() + 1).saturating_sub(VISITS_PER_OPERATOR_COUNT);
        for (_, digest) in own.into_iter().take(beyond) {
            visits.remove(&digest);
        }
        visits.insert(Digest::of(name.as_bytes()), visit);
        name
    }

    /// The visit of that name, if it is not over. Only a person's own request keeps it alive, and another
    /// kind of browser ends it.
    pub(super) fn find(
        &self,
        name: &str,
        device: Device,
        ambient: &Ambient,
        by_person: bool,
    ) -> Found {
        let now = ambient.monotonic();
        let digest = Digest::of(name.as_bytes());
        let mut visits = self.0.lock();
        let Some(visit) = visits.get_mut(&digest) else {
            return Found::Nothing;
        };
        if visit.is_over(now) {
            visits.remove(&digest);
            return Found::Nothing;
        }
        if visit.device != device {
            return match visits.remove(&digest) {
                Some(visit) => Found::Elsewhere(visit),
                None => Found::Nothing,
            };
        }
        if by_person {
            visit.seen = now;
        }
        Found::Here(visit.clone())
    }

    /// Ends every visit of a person.
    pub(super) fn end_all(&self, operator: &OperatorName) {
        self.0.lock().retain(|_, visit| visit.operator != *operator);
    }

    /// Ends the visit of that name.
    pub(super) fn end(&self, name: &str) {
        self.0.lock().remove(&Digest::of(name.as_bytes()));
    }
}

impl Visit {
    fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.seen) >= VISIT_IDLE || now.saturating_sub(self.opened) >= VISIT_LIFE
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::credential::Operator;
    use crate::model::proof::{Proof, ProofKind};
    use crate::model::time::Timestamp;

    fn proven(name: &str) -> Proven {
        let operator = Operator {
            name: OperatorName::parse(name).unwrap(),
            groups: Vec::new(),
            roles: BTreeSet::new(),
            added: Timestamp::default(),
            revoked: None,
        };
        let proof = Proof {
            key: Digest::of(name.as_bytes()),
            version: 1,
            operator: operator.name.clone(),
            added: Timestamp::default(),
            expires: None,
            used: None,
            ended: None,
            kind: ProofKind::Link,
        };
        Proven { operator, proof }
    }

    fn device() -> Device {
        Device::of(&axum::http::HeaderMap::new())
    }

    fn begin(visits: &Visits, proven: &Proven, ambient: &Ambient) -> String {
        visits.begin(proven, device(), ambient)
    }

    fn is_here(visits: &Visits, name: &str, ambient: &Ambient, by_person: bool) -> bool {
        let found = visits.find(name, device(), ambient, by_person);
        matches!(found, Found::Here(_))
    }

    fn alice() -> Proven {
        proven("alice")
    }

    #[test]
    fn signing_out_everywhere_ends_every_visit_of_one_person() {
        let (ambient, _) = Ambient::played(1, Timestamp::default());
        let visits = Visits::default();
        let (one, other) = (
            begin(&visits, &alice(), &ambient),
            begin(&visits, &alice(), &ambient),
        );
        let bobs = begin(&visits, &proven("bob"), &ambient);
        visits.end_all(&alice().operator.name);
        assert!(!is_here(&visits, &one, &ambient, true));
        assert!(!is_here(&visits, &other, &ambient, true));
        assert!(is_here(&visits, &bobs, &ambient, true));
    }

    #[test]
    fn a_visit_ends_when_nobody_acts_and_in_the_end_whoever_acts() {
        let (ambient, clock) = Ambient::played(1, Timestamp::default());
        let visits = Visits::default();
        let name = begin(&visits, &alice(), &ambient);
        clock.pass(VISIT_IDLE - Duration::from_secs(1));
        assert!(is_here(&visits, &name, &ambient, true));
        clock.pass(VISIT_IDLE - Duration::from_secs(1));
        // An open page that asks by itself keeps nothing alive.
        assert!(is_here(&visits, &name, &ambient, false));
        clock.pass(Duration::from_secs(1));
        assert!(!is_here(&visits, &name, &ambient, true));

        let name = begin(&visits, &alice(), &ambient);
        let mut lived = Duration::ZERO;
        while is_here(&visits, &name, &ambient, true) {
            clock.pass(VISIT_IDLE / 2);
            lived += VISIT_IDLE / 2;
        }
        assert_eq!(lived, VISIT_LIFE);
    }

    #[test]
    fn one_browser_too_many_signs_the_longest_unused_out() {
        let (ambient, clock) = Ambient::played(1, Timestamp::default());
        let visits = Visits::default();
        let first = begin(&visits, &alice(), &ambient);
        let mut second = String::new();
        for _ in 0..VISITS_PER_OPERATOR_COUNT {
            clock.pass(Duration::from_secs(1));
            second = begin(&visits, &alice(), &ambient);
        }
        assert!(!is_here(&visits, &first, &ambient, true));
        assert!(is_here(&visits, &second, &ambient, true));
        visits.end(&second);
        assert!(!is_here(&visits, &second, &ambient, true));
    }
}
