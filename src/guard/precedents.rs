//! What people decided before on calls like one.

use super::Guard;
use crate::limits::{PRECEDENTS_COUNT, PRECEDENTS_SEARCHED_COUNT};
use crate::model::approval::{Approval, ApprovalState};
use crate::store::StoreError;

/// A person's decision on an earlier request of the same agent for the same tool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Precedent {
    /// The earlier request.
    pub approval: Approval,
    /// Whether it was approved, whatever came of it.
    pub approved: bool,
}

impl Guard {
    /// The last decisions of people on the same tool for the same agent, newest first: at most
    /// [`PRECEDENTS_COUNT`], among the newest [`PRECEDENTS_SEARCHED_COUNT`] requests of all agents.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn precedents(&self, of: &Approval) -> Result<Vec<Precedent>, StoreError> {
        let newest = self
            .store
            .approvals(None, PRECEDENTS_SEARCHED_COUNT)
            .await?;
        let alike = newest.into_iter().filter(|one| {
            one.id != of.id
                && one.opened <= of.opened
                && one.principal.agent == of.principal.agent
                && one.target == of.target
        });
        let decided = alike.filter_map(|approval| {
            let approved = match &approval.state {
                ApprovalState::Approved { .. }
                | ApprovalState::Unredeemed
                | ApprovalState::Executing { .. }
                | ApprovalState::Ended { .. } => true,
                ApprovalState::Denied { .. } => false,
                _ => return None,
            };
            Some(Precedent { approval, approved })
        });
        Ok(decided.take(PRECEDENTS_COUNT).collect())
    }
}
