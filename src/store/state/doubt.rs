//! Calls above `read` whose outcome nobody knows, by agent, target and destination, until they are cleared
//! up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::plan::Moved;
use super::row::DoubtKey;
use super::{Row, State};
use crate::limits::DOUBTS_PER_TARGET_COUNT;
use crate::model::aim::Aim;
use crate::model::id::CallId;
use crate::model::name::AgentName;
use crate::model::outcome::Outcome;
use crate::model::privilege::Privilege;
use crate::model::target::Target;
use crate::store::InFlight;

/// The newest doubt of each agent, target and destination; that of no destination is about the whole
/// target.
#[derive(Default)]
pub(super) struct Doubts(HashMap<(AgentName, Target), BTreeMap<Option<Aim>, CallId>>);

impl Doubts {
    pub(super) fn put(&mut self, key: &DoubtKey, new: Option<CallId>) -> Option<CallId> {
        let place = (key.agent.clone(), key.target.clone());
        let of_target = self.0.entry(place).or_default();
        let old = match new {
            Some(new) => of_target.insert(key.destination, new),
            None => of_target.remove(&key.destination),
        };
        if of_target.is_empty() {
            self.0.remove(&(key.agent.clone(), key.target.clone()));
        }
        old
    }

    /// Those of a target, each with its destination.
    fn of(&self, agent: &AgentName, target: &Target) -> Option<&BTreeMap<Option<Aim>, CallId>> {
        self.0.get(&(agent.clone(), target.clone()))
    }
}

impl State {
    /// The doubts that bear on a call: those about its destinations and about the whole target, or all of
    /// the target, where it has no destination.
    pub(super) fn doubts(
        &self,
        agent: &AgentName,
        target: &Target,
        destinations: &BTreeSet<Aim>,
    ) -> BTreeSet<CallId> {
        let Some(doubts) = self.doubts.of(agent, target) else {
            return BTreeSet::new();
        };
        let bears = |at: &Option<Aim>| {
            destinations.is_empty() || at.is_none_or(|at| destinations.contains(&at))
        };
        let bearing = doubts.iter().filter(|(at, _)| bears(at));
        bearing.map(|(_, call)| *call).collect()
    }

    /// Ends a call. What nobody knows of it is kept, and what a person knew who let it run is cleared up
    /// by it.
    pub(super) fn end(
        &self,
        call: CallId,
        outcome: Outcome,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        let flight = self.flights.get(&call).ok_or(Moved)?;
        rows.push(Row::Flight(call, None));
        let doubts: Vec<_> = match outcome {
            Outcome::Unknown if flight.privilege > Privilege::Read => {
                let places = self.places_of(flight).into_iter();
                places.map(|place| (place, Some(call))).collect()
            }
            Outcome::Done | Outcome::Failed => {
                let places = self.cleared_by(flight).into_iter();
                places.map(|place| (place, None)).collect()
            }
            _ => return Ok(()),
        };
        if !doubts.is_empty() {
            self.moves(&flight.agent, None, rows);
        }
        rows.extend(doubts.into_iter().map(|(destination, doubt)| {
            let key = key(&flight.agent, &flight.target, destination);
            Row::Doubt(Arc::new(key), doubt)
        }));
        Ok(())
    }

    /// An operator clears up everything about a target.
    pub(super) fn resolve(
        &self,
        agent: &AgentName,
        target: &Target,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        let doubts = self.doubts.of(agent, target).ok_or(Moved)?;
        self.moves(agent, None, rows);
        rows.extend(doubts.keys().map(|destination| {
            let key = key(agent, target, *destination);
            Row::Doubt(Arc::new(key), None)
        }));
        Ok(())
    }

    /// Where a doubt about the call belongs; about the whole target, where there is no room to tell more
    /// destinations apart.
    fn places_of(&self, flight: &InFlight) -> Vec<Option<Aim>> {
        let kept = self.doubts.of(&flight.agent, &flight.target);
        let kept = kept.map_or(0, BTreeMap::len);
        let count = flight.destinations.len();
        match count == 0 || kept.saturating_add(count) > DOUBTS_PER_TARGET_COUNT {
            true => vec![None],
            false => flight.destinations.iter().copied().map(Some).collect(),
        }
    }

    /// The doubts that a person knew of who let the call run.
    fn cleared_by(&self, flight: &InFlight) -> Vec<Option<Aim>> {
        let approval = flight.approval.and_then(|id| self.approvals.get(&id));
        let doubts = self.doubts.of(&flight.agent, &flight.target);
        let (Some(approval), Some(doubts)) = (approval, doubts) else {
            return Vec::new();
        };
        let known = doubts.iter().filter(|(_, call)| approval.knows_of(**call));
        known.map(|(destination, _)| *destination).collect()
    }
}

fn key(agent: &AgentName, target: &Target, destination: Option<Aim>) -> DoubtKey {
    DoubtKey {
        agent: agent.clone(),
        target: target.clone(),
        destination,
    }
}
