//! What the world saw with its own eyes, to be held against the record: sent calls, answers, acts, stops.

use std::collections::HashMap;
use std::time::Duration;

/// A call as its agent made it.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) agent: String,
    pub(crate) credential: String,
    pub(crate) session: String,
    pub(crate) target: String,
    pub(crate) arguments: String,
    /// What it spends from a budget.
    pub(crate) amount: u64,
}

/// One write to an upstream.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) call: String,
    pub(crate) moment: u64,
    /// Entries of the record at that moment.
    pub(crate) recorded: u64,
    /// What the permit said.
    pub(crate) seq: u64,
    pub(crate) digest: String,
    /// How far wall clock and guard were apart at that moment.
    pub(crate) parted: Duration,
}

/// Whom or what a stop stops.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Stopped {
    /// An agent that was paused.
    Agent(String),
    /// An agent that was revoked.
    RevokedAgent(String),
    /// A session that was paused.
    Session(String),
    /// A session that was revoked.
    RevokedSession(String),
    Credential(String),
    Grant(String),
    /// Every call that was judged under another manifest of the agent than this one.
    OtherManifests(String, String),
    /// Every call of the tool that was judged on another definition than this one.
    OtherPins(String, String),
}

/// A stop, from the moment it was acknowledged until somebody began to lift it.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) what: Stopped,
    pub(crate) from: u64,
    pub(crate) until: Option<u64>,
}

/// Something that was acknowledged and must stand in the record: after `since`, of that kind, with these members.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub(crate) since: u64,
    pub(crate) kind: &'static str,
    pub(crate) members: Vec<(&'static str, String)>,
}

/// Everything that was seen.
#[derive(Default)]
pub(crate) struct Ledger {
    moment: u64,
    pub(crate) made: HashMap<String, Made>,
    pub(crate) sent: Vec<Sent>,
    /// Calls and the decision their agent was told, with the length of the record then.
    pub(crate) answers: Vec<(String, &'static str, u64)>,
    /// Approvals whose end an agent was told, with the length of the record then.
    pub(crate) told_ended: Vec<(String, u64)>,
    pub(crate) acts: Vec<Act>,
    pub(crate) stops: Vec<Stop>,
    /// What was lifted, from when until when: a stop that was under way meanwhile may be lifted already.
    lifts: Vec<(Stopped, Option<u64>)>,
    /// How each upstream ended a call, as its edge settled it.
    pub(crate) settled: HashMap<String, &'static str>,
    /// Whether anything was planned that may keep an outcome from the record.
    pub(crate) disturbed: bool,
}

impl Ledger {
    /// The next moment: everything that happens has one of its own.
    pub(crate) const fn tick(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    /// A stop that began at that moment was acknowledged.
    pub(crate) fn stop(&mut self, what: Stopped, began: u64) {
        let lifted = |(one, until): &(Stopped, Option<u64>)| {
            *one == what && until.is_none_or(|until| until > began)
        };
        if self.lifts.iter().any(lifted) {
            return;
        }
        let from = self.tick();
        self.stops.push(Stop {
            what,
            from,
            until: None,
        });
    }

    /// Somebody begins to lift what is stopped so.
    pub(crate) fn lift(&mut self, what: &Stopped) {
        self.lift_all(|stop| stop == what);
        self.lifts.push((what.clone(), None));
    }

    /// The lifting is over, however it went.
    pub(crate) fn lifted(&mut self, what: &Stopped) {
        let moment = self.tick();
        let begun = self
            .lifts
            .iter_mut()
            .find(|(one, until)| one == what && until.is_none());
        if let Some((_, until)) = begun {
            *until = Some(moment);
        }
    }

    /// Lifts every stop that `concerns` names.
    pub(crate) fn lift_all(&mut self, concerns: impl Fn(&Stopped) -> bool) {
        let moment = self.tick();
        for stop in &mut self.stops {
            if stop.until.is_none() && concerns(&stop.what) {
                stop.until = Some(moment);
            }
        }
    }

    /// Whatever broke off with a crash lifts nothing any more.
    pub(crate) fn crash(&mut self) {
        self.disturbed = true;
        let moment = self.tick();
        for (_, until) in &mut self.lifts {
            until.get_or_insert(moment);
        }
    }
}
