//! Whether the store's state is what its record tells: no entry without its changes, no change without
//! its entry.

use std::collections::{BTreeMap, BTreeSet};

use countersign::model::approval::ApprovalState;
use countersign::model::session::SessionState;
use countersign::store::SharedStore;

use super::errands::at_once;
use super::record::{Record, text};

/// Every commit is in force whole: approvals, grants, sessions, agents and calls on their way stand
/// where the last entry about them says.
pub(crate) fn invariant_state_and_record_tell_the_same(
    store: &SharedStore,
    record: &Record,
) -> Result<(), String> {
    approvals(store, record)?;
    grants(store, record)?;
    stands(store, record)?;
    flights(store, record)
}

fn approvals(store: &SharedStore, record: &Record) -> Result<(), String> {
    let approvals = at_once(store.approvals(None, usize::MAX)).unwrap();
    let known: BTreeSet<_> = approvals.iter().map(|one| one.id.to_string()).collect();
    if let Some(lost) = record.openers.keys().find(|id| !known.contains(*id)) {
        return Err(format!("the record opens {lost}, the state has none"));
    }
    for approval in approvals {
        let id = approval.id.to_string();
        let told = record.approvals.get(&id).into_iter().flatten();
        // A revocation of what an ended approval left changes nothing of itself.
        let told: Vec<_> = told
            .filter_map(|seq| record.at(*seq))
            .map(|body| text(body, "state"))
            .filter(|state| !VOTES.contains(state))
            .collect();
        let fits = match &approval.state {
            ApprovalState::Held => told.is_empty() && record.openers.contains_key(&id),
            ApprovalState::Executing { call, .. } => {
                told.first() == Some(&"approved") && uses(record, &call.to_string(), &id)
            }
            ApprovalState::Ended { call, outcome, .. } => {
                told.first() == Some(&"approved")
                    && uses(record, &call.to_string(), &id)
                    && outcome_of(record, &call.to_string()) == Some(outcome.name())
            }
            state => told.last() == Some(&state.name()),
        };
        if !fits {
            return Err(format!(
                "{id} is {}, the record tells {told:?}",
                approval.state.name()
            ));
        }
    }
    Ok(())
}

/// What is told of votes that decide nothing by themselves.
const VOTES: [&str; 3] = ["voted", "vote-withdrawn", "vote-struck"];

/// Whether the record permits the call on that approval.
fn uses(record: &Record, call: &str, approval: &str) -> bool {
    record
        .permit(call)
        .is_some_and(|(_, permit)| text(permit, "approval") == approval)
}

fn outcome_of<'a>(record: &'a Record, call: &str) -> Option<&'a str> {
    let place = record.outcomes.get(call)?.first()?;
    Some(text(record.at(*place)?, "outcome"))
}

fn grants(store: &SharedStore, record: &Record) -> Result<(), String> {
    let mut used: BTreeMap<&str, u32> = BTreeMap::new();
    for body in &record.bodies {
        let grant = text(body, "grant");
        if text(body, "decision") == "permit" && !grant.is_empty() {
            *used.entry(grant).or_default() += 1;
        }
    }
    for grant in at_once(store.grants(usize::MAX)).unwrap() {
        let id = grant.id.to_string();
        let told = used.remove(id.as_str()).unwrap_or(0);
        if grant.used != told || !record.grants.contains_key(&id) {
            return Err(format!(
                "{id} was used {} times, the record tells {told}",
                grant.used
            ));
        }
    }
    match used.first_key_value() {
        Some((grant, _)) => Err(format!("the record uses {grant}, the state has none")),
        None => Ok(()),
    }
}

fn stands(store: &SharedStore, record: &Record) -> Result<(), String> {
    let last = |kind: &str, member: &str, id: &str, states: &[&str]| {
        let about = record.bodies.iter().rev().filter(|body| {
            text(body, "kind") == kind
                && text(body, member) == id
                && states.contains(&text(body, "state"))
                && (kind != "agent" || body.get("credential").is_none())
        });
        about
            .map(|body| text(body, "state").to_owned())
            .next()
            .unwrap_or_default()
    };
    for session in at_once(store.sessions(usize::MAX)).unwrap() {
        let state = match session.state {
            SessionState::Active => "active",
            SessionState::Paused => "paused",
            SessionState::Ended(cause) => cause.name(),
        };
        let states = ["active", "paused", "timeout", "closed", "revoked"];
        let told = last("session", "session", &session.id.to_string(), &states);
        if told != state {
            return Err(format!(
                "{} is {state}, the record tells {told}",
                session.id
            ));
        }
    }
    let revived = |agent: &str| {
        let issued = record
            .bodies
            .iter()
            .rposition(|body| text(body, "agent") == agent && text(body, "state") == "issued");
        let revoked = record.bodies.iter().rposition(|body| {
            text(body, "agent") == agent
                && text(body, "kind") == "agent"
                && text(body, "state") == "revoked"
                && body.get("credential").is_none()
        });
        issued > revoked
    };
    for (agent, state) in at_once(store.agents()).unwrap() {
        let states = ["running", "paused", "revoked"];
        let told = last("agent", "agent", agent.as_str(), &states);
        let told = match told.as_str() {
            // A new key brings a revoked agent back, and says so by being issued.
            "" => "running",
            "revoked" if revived(agent.as_str()) => "running",
            told => told,
        };
        if told != state.name() {
            return Err(format!(
                "{agent} is {}, the record tells {told}",
                state.name()
            ));
        }
    }
    Ok(())
}

fn flights(store: &SharedStore, record: &Record) -> Result<(), String> {
    let flying = at_once(store.in_flight()).unwrap();
    let flying: BTreeSet<_> = flying.iter().map(|one| one.call.to_string()).collect();
    let open = record
        .decisions
        .keys()
        .filter(|call| record.permit(call).is_some() && !record.outcomes.contains_key(*call));
    let open: BTreeSet<_> = open.cloned().collect();
    match flying.symmetric_difference(&open).next() {
        Some(call) => Err(format!(
            "{call} is on its way in one of state and record only"
        )),
        None => Ok(()),
    }
}
