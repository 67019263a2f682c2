//! Break-glass and the reviews of it: who may, and who may not judge it.

use std::sync::Arc;

use super::plan::Moved;
use super::{Row, State};
use crate::model::approval::{Approval, ApprovalState};
use crate::model::review::Review;
use crate::model::role::Right;

impl State {
    /// Newest first.
    pub(in crate::store) fn reviews(&self) -> Vec<Review> {
        let reviews = self.reviews.values().rev();
        reviews.map(|one| Review::clone(one)).collect()
    }

    /// Nothing but the role of whoever does it stands in the place of the stages, so it is looked at once
    /// more where it is written.
    pub(super) fn break_glass(
        &self,
        version: u32,
        state: &ApprovalState,
        review: &Review,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        let mut set: Approval = self.next_version(review.approval, version)?;
        let person = self.operators.get(&review.by);
        let may = person.is_some_and(|one| one.may(Right::BreakGlass));
        let is_theirs = matches!(state, ApprovalState::Approved { by, .. } if *by == review.by);
        let is_new = review.closing.is_none() && !self.reviews.contains_key(&review.id);
        if set.state != ApprovalState::Held || !may || !is_theirs || !is_new {
            return Err(Moved);
        }
        set.state = state.clone();
        self.moves(&set.principal.agent, None, rows);
        rows.push(Row::Approval(set.id, Some(Arc::new(set))));
        rows.push(Row::Review(review.id, Some(Arc::new(review.clone()))));
        Ok(())
    }

    pub(super) fn close_review(&self, closed: &Review, rows: &mut Vec<Row>) -> Result<(), Moved> {
        let open = self.reviews.get(&closed.id).ok_or(Moved)?;
        let closing = closed.closing.as_ref().ok_or(Moved)?;
        if open.closing.is_some() || closing.by == open.by {
            return Err(Moved);
        }
        let mut set = Review::clone(open);
        set.closing = Some(closing.clone());
        rows.push(Row::Review(set.id, Some(Arc::new(set))));
        Ok(())
    }
}
