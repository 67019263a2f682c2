//! Votes on an approval: whether one still counts, and what they come to.

use std::sync::Arc;

use super::plan::Moved;
use super::{Row, State};
use crate::model::approval::{Approval, ApprovalState, Verdict};
use crate::model::ballot::Ballot;
use crate::model::id::ApprovalId;
use crate::model::name::OperatorName;
use crate::model::time::Timestamp;

impl State {
    /// What the votes come to is worked out once more in the one place that writes, so that no grant can
    /// be left by fewer people than the rule asks for.
    pub(super) fn vote(
        &self,
        id: ApprovalId,
        version: u32,
        ballot: &Ballot,
        state: &ApprovalState,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        let mut set = self.next_version(id, version)?;
        let is_now = set.stage().is_some_and(|(now, _)| now == ballot.stage);
        let is_second = set.vote_of(&ballot.person).is_some();
        if set.state != ApprovalState::Held || !is_now || is_second {
            return Err(Moved);
        }
        set.ballots.push(ballot.clone());
        // A namesake who came later has not voted.
        let stands = |name: &OperatorName, at: Timestamp| {
            let operator = self.operators.get(name);
            operator.is_some_and(|one| one.revoked.is_none() && one.added <= at)
        };
        let fits = match (set.verdict(), state) {
            (Verdict::Open, ApprovalState::Held)
            | (Verdict::Denied, ApprovalState::Denied { .. }) => true,
            (Verdict::Approved, ApprovalState::Approved { .. }) => set.ballots.iter().all(|one| {
                let lender = one.lender.as_ref();
                stands(&one.person, one.at) && lender.is_none_or(|name| stands(name, one.at))
            }),
            _ => false,
        };
        if !fits {
            return Err(Moved);
        }
        set.state = state.clone();
        self.moves(&set.principal.agent, None, rows);
        rows.push(Row::Approval(id, Some(Arc::new(set))));
        Ok(())
    }

    pub(super) fn unvote(
        &self,
        id: ApprovalId,
        version: u32,
        stage: usize,
        person: &OperatorName,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        let mut set = self.next_version(id, version)?;
        let votes = set.ballots.len();
        set.ballots
            .retain(|one| one.stage != stage || one.person != *person);
        if set.state != ApprovalState::Held || set.ballots.len() == votes {
            return Err(Moved);
        }
        self.moves(&set.principal.agent, None, rows);
        rows.push(Row::Approval(id, Some(Arc::new(set))));
        Ok(())
    }

    /// The approval at the version after the one it was read at.
    pub(super) fn next_version(&self, id: ApprovalId, version: u32) -> Result<Approval, Moved> {
        let approval = self.approvals.get(&id).ok_or(Moved)?;
        if approval.version != version {
            return Err(Moved);
        }
        let mut next = Approval::clone(approval);
        next.version = version.checked_add(1).ok_or(Moved)?;
        Ok(next)
    }
}
