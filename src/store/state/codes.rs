//! The codes by which people compare requests that wait, so that no two of them have the same.

use std::collections::{HashMap, HashSet};

use crate::model::approval::{Approval, ApprovalState};
use crate::model::id::ApprovalId;
use crate::model::time::Timestamp;

/// Every code of a request that nobody has decided, over or not.
#[derive(Default)]
pub(super) struct Codes(HashMap<String, HashSet<(Timestamp, ApprovalId)>>);

impl Codes {
    /// Takes up the code of an approval, if it waits.
    pub(super) fn put(&mut self, approval: &Approval) {
        if approval.state == ApprovalState::Held {
            let own = self.0.entry(approval.code.clone()).or_default();
            own.insert((approval.decide_by, approval.id));
        }
    }

    /// Lets the code of an approval go, if it waited.
    pub(super) fn take(&mut self, approval: &Approval) {
        if let Some(own) = self.0.get_mut(&approval.code) {
            own.remove(&(approval.decide_by, approval.id));
            if own.is_empty() {
                self.0.remove(&approval.code);
            }
        }
    }

    /// Whether a request that is open at `now` has that code.
    pub(super) fn has(&self, code: &str, now: Timestamp) -> bool {
        let own = self.0.get(code);
        own.is_some_and(|own| own.iter().any(|(end, _)| now < *end))
    }
}
