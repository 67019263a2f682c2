//! What must hold after each step, whatever happened: each looks at what is new since it last looked.

use std::collections::{HashMap, HashSet};

use countersign::limits::CLOCKS_PART_LONGEST;
use serde_json::Value;

use super::cast::{BUDGET, bound_of};
use super::ledger::{Ledger, Sent, Stopped};
use super::quorum::invariant_no_grant_is_left_without_its_quorum;
use super::record::{Record, target, text};
use super::sessions::{
    invariant_a_new_session_is_never_kinder, invariant_nothing_follows_an_unknown_outcome_unasked,
    invariant_taint_stays_until_its_session_ends,
};

/// What an invariant has looked at already.
#[derive(Default)]
pub(crate) struct Looked {
    sent: usize,
    answers: usize,
    acts: usize,
    bodies: usize,
}

/// A promise that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) invariant: &'static str,
    pub(crate) sentence: String,
}

/// The new part of what was seen, with all of it.
pub(super) struct News<'a> {
    pub(super) record: &'a Record,
    ledger: &'a Ledger,
    sent: &'a [Sent],
    answers: &'a [(String, &'static str, u64)],
    pub(super) bodies: &'a [Value],
    /// Place of the first of them.
    pub(super) first: u64,
    looked: &'a Looked,
}

type Invariant = fn(&News<'_>) -> Result<(), String>;

const INVARIANTS: [(&str, Invariant); 15] = [
    (
        "invariant_every_dispatch_was_recorded_before",
        invariant_every_dispatch_was_recorded_before,
    ),
    (
        "invariant_no_call_is_sent_twice",
        invariant_no_call_is_sent_twice,
    ),
    (
        "invariant_no_grant_runs_more_often_than_it_may",
        invariant_no_grant_runs_more_often_than_it_may,
    ),
    (
        "invariant_what_runs_is_in_scope_or_exactly_what_was_approved",
        invariant_what_runs_is_in_scope_or_exactly_what_was_approved,
    ),
    (
        "invariant_nothing_runs_after_its_stop_was_acknowledged",
        invariant_nothing_runs_after_its_stop_was_acknowledged,
    ),
    (
        "invariant_what_ended_never_runs",
        invariant_what_ended_never_runs,
    ),
    (
        "invariant_nothing_runs_on_what_a_moved_clock_made_void",
        invariant_nothing_runs_on_what_a_moved_clock_made_void,
    ),
    (
        "invariant_no_budget_overshoots",
        invariant_no_budget_overshoots,
    ),
    (
        "invariant_what_was_answered_is_recorded",
        invariant_what_was_answered_is_recorded,
    ),
    (
        "invariant_what_was_acknowledged_is_recorded",
        invariant_what_was_acknowledged_is_recorded,
    ),
    (
        "invariant_outcomes_are_single_and_true",
        invariant_outcomes_are_single_and_true,
    ),
    (
        "invariant_taint_stays_until_its_session_ends",
        invariant_taint_stays_until_its_session_ends,
    ),
    (
        "invariant_a_new_session_is_never_kinder",
        invariant_a_new_session_is_never_kinder,
    ),
    (
        "invariant_nothing_follows_an_unknown_outcome_unasked",
        invariant_nothing_follows_an_unknown_outcome_unasked,
    ),
    (
        "invariant_no_grant_is_left_without_its_quorum",
        invariant_no_grant_is_left_without_its_quorum,
    ),
];

/// Holds every invariant against what is new.
pub(crate) fn check(record: &Record, ledger: &Ledger, looked: &mut Looked) -> Result<(), Broken> {
    let news = News {
        record,
        ledger,
        sent: &ledger.sent[looked.sent..],
        answers: &ledger.answers[looked.answers..],
        bodies: &record.bodies[looked.bodies..],
        first: looked.bodies as u64 + 1,
        looked,
    };
    for (invariant, holds) in INVARIANTS {
        holds(&news).map_err(|sentence| Broken {
            invariant,
            sentence,
        })?;
    }
    *looked = Looked {
        sent: ledger.sent.len(),
        answers: ledger.answers.len(),
        acts: ledger.acts.len(),
        bodies: record.bodies.len(),
    };
    Ok(())
}

/// Before a byte goes upstream, the record holds the permit of exactly this call.
fn invariant_every_dispatch_was_recorded_before(news: &News<'_>) -> Result<(), String> {
    for sent in news.sent {
        let call = &sent.call;
        if sent.seq == 0 || sent.seq > sent.recorded {
            return Err(format!(
                "{call} was sent when the record had {} entries, its permit is entry {}",
                sent.recorded, sent.seq
            ));
        }
        let permit = news.record.at(sent.seq).filter(|body| {
            text(body, "kind") == "decision"
                && text(body, "decision") == "permit"
                && text(body, "call") == call
                && text(body, "action_digest") == sent.digest
        });
        let permit = permit.ok_or_else(|| format!("entry {} is no permit of {call}", sent.seq))?;
        let made = &news.ledger.made[call];
        if text(permit, "agent") != made.agent
            || text(permit, "session") != made.session
            || text(permit, "credential") != made.credential
            || target(permit) != made.target
        {
            return Err(format!(
                "entry {} permits another call than {call}",
                sent.seq
            ));
        }
    }
    Ok(())
}

/// A call reaches its upstream at most once.
fn invariant_no_call_is_sent_twice(news: &News<'_>) -> Result<(), String> {
    if news.sent.is_empty() {
        return Ok(());
    }
    let mut seen = HashSet::new();
    let twice = news
        .ledger
        .sent
        .iter()
        .find(|sent| !seen.insert(&sent.call));
    twice.map_or(Ok(()), |sent| Err(format!("{} was sent twice", sent.call)))
}

/// A grant runs at most as many calls as its approver said.
fn invariant_no_grant_runs_more_often_than_it_may(news: &News<'_>) -> Result<(), String> {
    if news.sent.is_empty() {
        return Ok(());
    }
    let mut used: HashMap<&str, u64> = HashMap::new();
    for sent in &news.ledger.sent {
        let grant = permit_of(news, sent).map_or("", |body| text(body, "grant"));
        if grant.is_empty() {
            continue;
        }
        let count = used.entry(grant).or_default();
        *count += 1;
        match news.record.grants.get(grant) {
            Some((_, uses)) if *count <= *uses => {}
            Some((_, uses)) => return Err(format!("{grant} has {uses} uses and ran {count}")),
            None => return Err(format!("{grant} was given by nobody")),
        }
    }
    Ok(())
}

/// A call runs inside its bounds, or under a grant for the same session, server, tool, definition,
/// manifest and arguments.
fn invariant_what_runs_is_in_scope_or_exactly_what_was_approved(
    news: &News<'_>,
) -> Result<(), String> {
    for sent in news.sent {
        let Some(permit) = permit_of(news, sent) else {
            continue;
        };
        let made = &news.ledger.made[&sent.call];
        let grant = text(permit, "grant");
        if grant.is_empty() {
            match bound_of(&made.target) {
                Some(bound) if made.amount <= bound => continue,
                _ => return Err(format!("{} ran beyond its scope: {made:?}", sent.call)),
            }
        }
        let opener = news
            .record
            .grants
            .get(grant)
            .and_then(|(approval, _)| news.record.openers.get(approval))
            .and_then(|seq| news.record.at(*seq))
            .ok_or_else(|| format!("{grant} is of no call that waited"))?;
        let same = [
            "agent",
            "session",
            "credential",
            "mode",
            "method",
            "manifest",
            "server_pin",
            "tool_pin",
        ];
        let differs = same
            .iter()
            .find(|one| text(opener, one) != text(permit, one));
        let asked = &news.ledger.made[text(opener, "call")];
        if differs.is_some() || asked.target != made.target || asked.arguments != made.arguments {
            return Err(format!(
                "{} ran under {grant}, given for {asked:?}",
                sent.call
            ));
        }
    }
    Ok(())
}

/// Once a stop is acknowledged, nothing it stops is written upstream until somebody begins to lift it.
fn invariant_nothing_runs_after_its_stop_was_acknowledged(news: &News<'_>) -> Result<(), String> {
    for sent in news.sent {
        let Some(permit) = permit_of(news, sent) else {
            continue;
        };
        let met = news.ledger.stops.iter().find(|stop| {
            stop.from < sent.moment
                && stop.until.is_none_or(|until| sent.moment < until)
                && stops(&stop.what, permit)
        });
        if let Some(stop) = met {
            return Err(format!(
                "{} was sent after {:?} was stopped",
                sent.call, stop.what
            ));
        }
    }
    Ok(())
}

fn stops(what: &Stopped, permit: &Value) -> bool {
    match what {
        Stopped::Agent(name) | Stopped::RevokedAgent(name) => text(permit, "agent") == name,
        Stopped::Session(id) | Stopped::RevokedSession(id) => text(permit, "session") == id,
        Stopped::Credential(id) => text(permit, "credential") == id,
        Stopped::Grant(id) => text(permit, "grant") == id,
        Stopped::OtherManifests(agent, digest) => {
            text(permit, "agent") == agent && text(permit, "manifest") != digest
        }
        Stopped::OtherPins(tool, pin) => target(permit) == *tool && text(permit, "tool_pin") != pin,
    }
}

/// An approval that ended by the record, or of whose end an agent was told, permits nothing afterwards.
fn invariant_what_ended_never_runs(news: &News<'_>) -> Result<(), String> {
    for (place, body) in (news.first..).zip(news.bodies) {
        let approval = text(body, "approval");
        if text(body, "decision") != "permit" || approval.is_empty() {
            continue;
        }
        let lives = news.record.approvals.get(approval).into_iter().flatten();
        for seq in lives.filter(|seq| **seq < place) {
            let state = news.record.at(*seq).map_or("", |body| text(body, "state"));
            if ENDS.contains(&state) {
                return Err(format!(
                    "entry {place} uses {approval}, {state} at entry {seq}"
                ));
            }
        }
        let told = news.ledger.told_ended.iter();
        if let Some((_, since)) = told
            .clone()
            .find(|(one, since)| one == approval && *since < place)
        {
            return Err(format!(
                "entry {place} uses {approval}, of whose end an agent heard after entry {since}"
            ));
        }
    }
    Ok(())
}

/// Nothing is sent while the clocks are apart, and once the guard noticed that they parted, no grant from
/// before permits anything.
fn invariant_nothing_runs_on_what_a_moved_clock_made_void(news: &News<'_>) -> Result<(), String> {
    for sent in news.sent {
        if sent.parted > CLOCKS_PART_LONGEST {
            return Err(format!("{} was sent {:?} apart", sent.call, sent.parted));
        }
        let grant = permit_of(news, sent).map_or("", |body| text(body, "grant"));
        let Some((approval, _)) = news.record.grants.get(grant) else {
            continue;
        };
        let opened = news.record.openers.get(approval).copied().unwrap_or(0);
        let mut moves = news.record.moves.iter();
        if let Some((noticed, _)) = moves.find(|(at, _)| opened < *at && *at < sent.seq) {
            return Err(format!(
                "{} ran on {grant}, asked for at entry {opened}, void since entry {noticed}",
                sent.call
            ));
        }
    }
    Ok(())
}

/// In no window do the amounts that ran exceed the budget.
fn invariant_no_budget_overshoots(news: &News<'_>) -> Result<(), String> {
    if news
        .sent
        .iter()
        .all(|sent| news.ledger.made[&sent.call].amount == 0)
    {
        return Ok(());
    }
    let spent: Vec<_> = news
        .ledger
        .sent
        .iter()
        .filter_map(|sent| {
            let made = &news.ledger.made[&sent.call];
            let when = news.record.unmoved(sent.seq)?;
            (made.amount > 0).then_some((sent.seq, when, made))
        })
        .collect();
    for (seq, now, made) in &spent {
        let from = now.before(BUDGET.1);
        let sum: u64 = spent
            .iter()
            .filter(|(earlier, when, other)| {
                earlier <= seq && *when > from && other.agent == made.agent
            })
            .map(|(_, _, other)| other.amount)
            .sum();
        if sum > BUDGET.0 {
            return Err(format!(
                "{} spent {sum} by entry {seq}, {} may",
                made.agent, BUDGET.0
            ));
        }
    }
    Ok(())
}

/// What an agent was told about its call stands in the record.
fn invariant_what_was_answered_is_recorded(news: &News<'_>) -> Result<(), String> {
    for (call, told, recorded) in news.answers {
        let mut places = news.record.decisions.get(call).into_iter().flatten();
        let last = places
            .rfind(|seq| *seq <= recorded)
            .and_then(|seq| news.record.at(*seq));
        let decision = last.map_or("", |body| text(body, "decision"));
        if decision != *told {
            return Err(format!(
                "{call} was answered {told}, the record says `{decision}`"
            ));
        }
    }
    Ok(())
}

/// What an operator was told is done stands in the record.
fn invariant_what_was_acknowledged_is_recorded(news: &News<'_>) -> Result<(), String> {
    for act in &news.ledger.acts[news.looked.acts..] {
        let after = news
            .record
            .bodies
            .iter()
            .skip(usize::try_from(act.since).unwrap_or(0));
        let mut found = after.filter(|body| {
            text(body, "kind") == act.kind
                && act
                    .members
                    .iter()
                    .all(|(name, value)| text(body, name) == value)
        });
        if found.next().is_none() {
            return Err(format!("the record has no {act:?}"));
        }
    }
    Ok(())
}

/// A call has at most one outcome, after its permit; and what was sent is never said not to have been.
fn invariant_outcomes_are_single_and_true(news: &News<'_>) -> Result<(), String> {
    for (place, body) in (news.first..).zip(news.bodies) {
        if text(body, "kind") != "outcome" {
            continue;
        }
        let (call, outcome) = (text(body, "call"), text(body, "outcome"));
        if news.record.outcomes[call].len() > 1 {
            return Err(format!("{call} has a second outcome at entry {place}"));
        }
        if news
            .record
            .permit(call)
            .is_none_or(|(permit, _)| permit > place)
        {
            return Err(format!(
                "{call} has an outcome at entry {place} and no permit"
            ));
        }
        let was_sent = news.ledger.sent.iter().any(|sent| sent.call == call);
        if was_sent && outcome == "not-sent" {
            return Err(format!("{call} was sent, entry {place} denies it"));
        }
        if !was_sent && matches!(outcome, "done" | "failed") {
            return Err(format!(
                "{call} was never sent, entry {place} says {outcome}"
            ));
        }
        let settled = news.ledger.settled.get(call).copied();
        if outcome != "unknown" && was_sent && settled != Some(outcome) {
            return Err(format!(
                "{call} was settled as {settled:?}, entry {place} says {outcome}"
            ));
        }
    }
    Ok(())
}

/// When all is quiet every permitted call has its outcome, and an unknown one has a cause: an upstream
/// that said nothing, or a disturbance.
pub(crate) fn invariant_every_permit_has_an_outcome(
    record: &Record,
    ledger: &Ledger,
) -> Result<(), String> {
    for (call, places) in &record.decisions {
        let Some((permit, _)) = record.permit(call) else {
            continue;
        };
        let outcome = record
            .outcomes
            .get(call)
            .and_then(|places| record.at(*places.first()?))
            .map(|body| text(body, "outcome"))
            .ok_or_else(|| format!("{call}, permitted at entry {permit}, has no outcome"))?;
        if outcome == "unknown"
            && !ledger.disturbed
            && ledger
                .settled
                .get(call)
                .is_some_and(|told| *told != "unknown")
        {
            return Err(format!("{call} was settled, and is unknown; {places:?}"));
        }
    }
    Ok(())
}

/// States that end an approval without its call.
const ENDS: [&str; 6] = [
    "denied",
    "expired",
    "unredeemed",
    "cancelled",
    "invalidated",
    "revoked",
];

fn permit_of<'a>(news: &News<'a>, sent: &Sent) -> Option<&'a Value> {
    news.record.at(sent.seq)
}
