//! Calls above `read` whose outcome nobody knows: the newest of each agent and target, until it is cleared
//! up.

use std::sync::Arc;

use super::plan::Moved;
use super::row::DoubtKey;
use super::{Row, State};
use crate::model::id::CallId;
use crate::model::name::AgentName;
use crate::model::outcome::Outcome;
use crate::model::privilege::Privilege;
use crate::model::target::Target;
use crate::store::InFlight;

impl State {
    /// The doubt about an agent's calls of a target.
    pub(super) fn doubt(&self, agent: &AgentName, target: &Target) -> Option<CallId> {
        self.doubts.get(&key(agent, target)).copied()
    }

    /// Ends a call. What nobody knows of it is kept, and may be cleared up by it.
    pub(super) fn end(
        &self,
        call: CallId,
        outcome: Outcome,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        let flight = self.flights.get(&call).ok_or(Moved)?;
        rows.push(Row::Flight(call, None));
        let doubt = match outcome {
            Outcome::Unknown if flight.privilege > Privilege::Read => Some(call),
            Outcome::Done | Outcome::Failed if self.clears_up(flight) => None,
            _ => return Ok(()),
        };
        self.moves(&flight.agent, None, rows);
        rows.push(Row::Doubt(
            Arc::new(key(&flight.agent, &flight.target)),
            doubt,
        ));
        Ok(())
    }

    /// An operator clears it up.
    pub(super) fn resolve(
        &self,
        agent: &AgentName,
        target: &Target,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        self.doubt(agent, target).ok_or(Moved)?;
        self.moves(agent, None, rows);
        rows.push(Row::Doubt(Arc::new(key(agent, target)), None));
        Ok(())
    }

    /// Whether a person, knowing of the doubt, let the call run.
    fn clears_up(&self, flight: &InFlight) -> bool {
        let doubt = self.doubt(&flight.agent, &flight.target);
        let approval = flight.approval.and_then(|id| self.approvals.get(&id));
        doubt.is_some_and(|doubt| approval.is_some_and(|approval| approval.knows_of(doubt)))
    }
}

fn key(agent: &AgentName, target: &Target) -> DoubtKey {
    DoubtKey {
        agent: agent.clone(),
        target: target.clone(),
    }
}
