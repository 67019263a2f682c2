//! Groups lent by one operator to another.

use std::sync::Arc;

use super::plan::Moved;
use super::{Row, State};
use crate::model::delegation::Delegation;
use crate::model::name::OperatorName;
use crate::model::time::Timestamp;

impl State {
    pub(super) fn set_delegation(
        &self,
        delegation: &Delegation,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        let stands = |name| {
            let operator = self.operators.get(name);
            operator.is_some_and(|operator| operator.revoked.is_none())
        };
        if !stands(&delegation.lender) || !stands(&delegation.deputy) {
            return Err(Moved);
        }
        rows.push(row(delegation.clone()));
        Ok(())
    }

    /// A namesake who comes later neither lends nor votes by what was agreed before.
    pub(super) fn end_delegations(&self, name: &OperatorName, at: Timestamp, rows: &mut Vec<Row>) {
        let theirs = self
            .delegations
            .values()
            .filter(|one| one.lender == *name || one.deputy == *name);
        for one in theirs.filter(|one| one.ended.is_none()) {
            let mut ended = Delegation::clone(one);
            ended.ended = Some(at);
            rows.push(row(ended));
        }
    }
}

fn row(delegation: Delegation) -> Row {
    let key = (delegation.lender.clone(), delegation.deputy.clone());
    Row::Delegation(key, Some(Arc::new(delegation)))
}
