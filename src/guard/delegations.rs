//! Lending one's groups to somebody else for a time, and taking them back.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Guard;
use super::operate::OperateError;
use crate::audit::entry::EntryKind;
use crate::limits::DELEGATION_LONGEST;
use crate::model::credential::Operator;
use crate::model::delegation::Delegation;
use crate::model::name::OperatorName;
use crate::store::{Change, StoreError, Sync};

impl Guard {
    /// Lets another operator vote in this one's stead, for `life`, in place of what was agreed before.
    ///
    /// # Errors
    /// When there is no such other operator, or the time is none that may be lent.
    pub async fn delegate(
        &self,
        lender: &Operator,
        deputy: &OperatorName,
        life: Duration,
    ) -> Result<Delegation, OperateError> {
        if *deputy == lender.name {
            return Err(OperateError::Unfit("nobody is their own deputy".to_owned()));
        }
        if life.is_zero() || life > DELEGATION_LONGEST {
            let most = DELEGATION_LONGEST.as_secs();
            let sentence = format!("groups are lent for 1 to {most} seconds");
            return Err(OperateError::Unfit(sentence));
        }
        let known = self.store.operator(deputy).await?;
        known
            .filter(|known| known.revoked.is_none())
            .ok_or(OperateError::Missing)?;
        let now = self.ambient.now();
        let delegation = Delegation {
            lender: lender.name.clone(),
            deputy: deputy.clone(),
            since: now,
            until: now.after(life),
            ended: None,
        };
        self.write_delegation(delegation, "delegated").await
    }

    /// Takes back what an operator lent to another. Votes that it carried and that have decided nothing
    /// yet count no more.
    ///
    /// # Errors
    /// When nothing is lent to them.
    pub async fn end_delegation(
        &self,
        lender: &OperatorName,
        deputy: &OperatorName,
    ) -> Result<Delegation, OperateError> {
        let now = self.ambient.now();
        let all = self.store.delegations().await?;
        let live = all
            .into_iter()
            .find(|one| one.lender == *lender && one.deputy == *deputy && one.is_live(now));
        let mut delegation = live.ok_or(OperateError::Missing)?;
        delegation.ended = Some(now);
        self.write_delegation(delegation, "delegation-ended").await
    }

    /// Every delegation, also those that are over, in the order they were made.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn delegations(&self) -> Result<Vec<Delegation>, StoreError> {
        self.store.delegations().await
    }

    async fn write_delegation(
        &self,
        delegation: Delegation,
        state: &'static str,
    ) -> Result<Delegation, OperateError> {
        let mut body: Map<String, Value> = Map::new();
        body.insert("operator".into(), delegation.lender.as_str().into());
        body.insert("deputy".into(), delegation.deputy.as_str().into());
        body.insert("until".into(), delegation.until.to_string().into());
        body.insert("state".into(), state.into());
        body.insert("by".into(), delegation.lender.as_str().into());
        let change = Change::SetDelegation(delegation.clone());
        match self
            .write(EntryKind::Operator, body, vec![change], Sync::Synced)
            .await
        {
            Ok(()) => Ok(delegation),
            // One of the two was removed meanwhile.
            Err(StoreError::Moved) => Err(OperateError::Missing),
            Err(fault) => Err(fault.into()),
        }
    }
}
