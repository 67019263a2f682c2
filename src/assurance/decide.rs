//! The decision on one call, taken twice: when it comes, and again before it goes out.

use std::time::Duration;

use super::answer::{Admission, Answer};
use super::call::{Call, Declared};
use super::ceilings::Ceilings;
use super::code::Code;
use super::level::Level;
use super::obstacle::{Lack, Obstacle};
use super::policy::Policy;
use super::requirement::Requirement;
use super::signal::Signal;
use super::state::{Assurance, Status};
use crate::model::time::Timestamp;

impl Assurance {
    /// Decides on a call of a session that may rely on so much of its parent.
    ///
    /// Whatever a request does not prove changes nothing. From there on the attempt counts, not its
    /// success: an answer is never a reason to be asked again for nothing.
    pub fn decide(
        &mut self,
        policy: &Policy,
        call: &Call<'_>,
        parent: Level,
        now: Timestamp,
    ) -> Answer {
        if !call.authentic {
            return Answer::refused(Code::Unproved);
        }
        self.advance(policy, now);
        let now = self.clock;
        if let Status::Terminated(cause) = &self.status {
            return Answer {
                ended: Some(cause.clone()),
                ..Answer::refused(Code::Terminated)
            };
        }
        if *self.credential.environment != *call.tool.environment {
            return Answer::refused(Code::Environment);
        }
        self.activity.touch(now);
        let is_flood = self.is_flood(policy, now);
        if self.status == Status::Quarantined {
            return Answer::refused(Code::Quarantine);
        }
        if is_flood {
            return Answer::refused(Code::Rate);
        }
        let need = Requirement::of(call, self.tainted);
        if call.declared == Declared::No {
            return Answer {
                required: need.level,
                because: need.because,
                ..Answer::refused(Code::Scope)
            };
        }
        self.weigh(policy, call, need, parent, now)
    }

    /// Measures what a call asks for against the ceilings.
    fn weigh(
        &mut self,
        policy: &Policy,
        call: &Call<'_>,
        need: Requirement,
        parent: Level,
        now: Timestamp,
    ) -> Answer {
        let own = self.ceilings(policy, parent, now);
        let approval = self.approvals.find(&call.digest, self.epoch, now);
        let ceilings = match approval {
            Some(approval) => own.waived(approval.proof, self.caps.lowest()),
            None => own,
        };
        let mut answer = Answer {
            level: own.lowest(),
            required: need.level,
            because: need.because,
            ..Answer::refused(Code::Ok)
        };
        if ceilings.lowest() >= need.level && (approval.is_some() || !need.ask) {
            if let Some(approval) = &approval {
                self.approvals.consume(approval, self.epoch);
            }
            answer.level = ceilings.lowest();
            answer.admission = Some(Admission {
                decided: now,
                within: match call.tool.pays {
                    true => policy.payment_within,
                    false => policy.commit_within,
                },
                epoch: self.epoch,
                required: need.level,
                approved: approval.map(|approval| approval.proof),
            });
            return answer;
        }
        answer.obstacles = self.firm(policy, &ceilings, need.level, now);
        if !answer.obstacles.is_empty() {
            answer.code = Code::Ceiling;
            return answer;
        }
        if policy.approvals_are_challenges || !need.ask {
            if self.challenges.count(HOUR, now) >= policy.challenges_per_hour {
                self.signal(policy, Signal::ChallengeSpam, now);
                answer.code = Code::Challenges;
                return answer;
            }
            self.challenges.add(now, policy.challenges_per_hour);
        }
        answer.obstacles = self.soft(policy, &ceilings, need.level, now);
        answer.code = match need.ask {
            true => Code::Approve,
            false => Code::StepUp,
        };
        answer
    }

    /// The second decision, in the transaction that records the permit: whether an admission still stands.
    /// Where it does not, the call must be decided anew.
    pub fn commit(
        &mut self,
        policy: &Policy,
        admission: &Admission,
        parent: Level,
        now: Timestamp,
    ) -> bool {
        self.advance(policy, now);
        let own = self.ceilings(policy, parent, self.clock);
        let ceilings = match admission.approved {
            Some(proof) => own.waived(proof, self.caps.lowest()),
            None => own,
        };
        self.status == Status::Active
            && self.epoch == admission.epoch
            && self.clock.since(admission.decided) <= admission.within
            && ceilings.lowest() >= admission.required
    }

    /// Counts an attempt, and says whether there were too many.
    fn is_flood(&mut self, policy: &Policy, now: Timestamp) -> bool {
        let Some(most) = policy.attempts_per_minute else {
            return false;
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let earlier = self.attempts.count(MINUTE, now);
        self.attempts.add(now, most.saturating_add(1));
        earlier >= most
    }

    /// The ceilings below a level that no person lifts.
    fn firm(
        &self,
        policy: &Policy,
        ceilings: &Ceilings,
        required: Level,
        now: Timestamp,
    ) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        if ceilings.key < required {
            let fault = self.credential.fault(self.profile, policy, now);
            obstacles.extend(fault.map(Obstacle::Key));
        }
        if ceilings.visibility < required {
            let silent = self.streams.most_silent(now);
            obstacles.extend(silent.map(|(issuer, silent)| Obstacle::Blind {
                issuer: issuer.clone(),
                silent,
            }));
        }
        if ceilings.delegation < required {
            obstacles.push(Obstacle::Parent(ceilings.delegation));
        }
        if self.caps.lowest() < required {
            obstacles.push(Obstacle::Capped(self.caps.lowest_origins()));
        }
        if ceilings.proof == Level::Zero {
            obstacles.push(Obstacle::Unproved(Lack::Any));
        }
        obstacles
    }

    /// The ceilings below a level that a person can lift.
    fn soft(
        &self,
        policy: &Policy,
        ceilings: &Ceilings,
        required: Level,
        now: Timestamp,
    ) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        if ceilings.context < required {
            let noticed = self.strain.heaviest(&policy.weights, now);
            obstacles.push(Obstacle::Strained(noticed));
        }
        if ceilings.proof < required {
            let confirmed = self.proofs.newest(Level::Three);
            obstacles.push(Obstacle::Unproved(match confirmed {
                Some(at) => Lack::Fresh(now.since(at)),
                None => Lack::Person,
            }));
        }
        obstacles
    }
}

/// The window in which attempts count.
const MINUTE: Duration = Duration::from_secs(60);

/// The window in which challenges count.
const HOUR: Duration = Duration::from_secs(3_600);
