//! Reviews of break-glass: what is open, and how another person closes it.

use super::Guard;
use super::approvals::Ended;
use super::entries;
use super::operate::Stopped;
use super::ruling::Denial;
use crate::audit::countersignature::REVIEW;
use crate::audit::entry::EntryKind;
use crate::limits::{DECIDE_TRIES_COUNT, LISTED_COUNT, REVIEW_TEXT_BYTES};
use crate::model::credential::Operator;
use crate::model::id::{ApprovalId, ReviewId};
use crate::model::name::OperatorName;
use crate::model::reason::Reason;
use crate::model::review::{Closing, Review, ReviewBar, ReviewVerdict};
use crate::model::time::Timestamp;
use crate::store::{Change, StoreError, Sync};

/// Why a review was not closed.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// There is no such review.
    #[error("no such review")]
    Missing,
    /// This operator may not close it.
    #[error("{}", .0.sentence())]
    Barred(ReviewBar),
    /// It is closed already.
    #[error("{by} has closed it already, at {at}, as {verdict}")]
    Closed {
        /// Who.
        by: OperatorName,
        /// When.
        at: Timestamp,
        /// As what.
        verdict: &'static str,
    },
    /// The note is none, or too long.
    #[error("closing a review takes a note of 1 to {REVIEW_TEXT_BYTES} bytes")]
    BadNote,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReviewError {
    /// The row of the table it is.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Missing => Reason::NotFound,
            Self::Barred(_) => Reason::NotEligible,
            Self::Closed { .. } => Reason::AlreadyDecided,
            Self::BadNote => Reason::Malformed,
            Self::Store(_) => Reason::StoreUnavailable,
        }
    }
}

impl Guard {
    /// Reviews, newest first: the open ones, or `all`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn reviews(&self, all: bool) -> Result<Vec<Review>, StoreError> {
        let mut reviews = self.store.reviews().await?;
        reviews.retain(|review| all || review.closing.is_none());
        reviews.truncate(LISTED_COUNT);
        Ok(reviews)
    }

    /// The review that stands behind an approval, where the glass was broken for it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn review_of(&self, approval: ApprovalId) -> Result<Option<Review>, StoreError> {
        let mut reviews = self.store.reviews().await?.into_iter();
        Ok(reviews.find(|review| review.approval == approval))
    }

    /// What keeps an operator from closing a review.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn review_bar(
        &self,
        review: &Review,
        operator: &Operator,
    ) -> Result<Option<ReviewBar>, StoreError> {
        Ok(review.bars(operator, &self.store.delegations().await?))
    }

    /// Closes a review. One that finds no justification revokes what is left of the grant, in the same
    /// entry, and names the calls that used it and were already on their way.
    ///
    /// # Errors
    /// [`ReviewError`]; nothing is changed then. Who may not is recorded.
    pub async fn close_review(
        &self,
        operator: &Operator,
        id: ReviewId,
        verdict: ReviewVerdict,
        note: &str,
    ) -> Result<(Review, Stopped), ReviewError> {
        let note = note.trim();
        if !(1..=REVIEW_TEXT_BYTES).contains(&note.len()) {
            return Err(ReviewError::BadNote);
        }
        let note = entries::clipped(note);
        for _ in 0..DECIDE_TRIES_COUNT {
            let mut reviews = self.store.reviews().await?.into_iter();
            let review = reviews.find(|review| review.id == id);
            let mut review = review.ok_or(ReviewError::Missing)?;
            if let Some(bar) = self.review_bar(&review, operator).await? {
                let denial = Denial::new(Reason::NotEligible, bar.sentence());
                self.refuse_operator(&denial).await;
                return Err(ReviewError::Barred(bar));
            }
            if let Some(closing) = review.closing {
                return Err(ReviewError::Closed {
                    by: closing.by,
                    at: closing.at,
                    verdict: closing.verdict.name(),
                });
            }
            review.closing = Some(Closing {
                by: operator.name.clone(),
                at: self.ambient.now(),
                verdict,
                note: note.clone(),
            });
            match self.write_closing(&review, operator, verdict, &note).await {
                Ok(()) => {}
                // Somebody else closed it, or the call was used meanwhile.
                Err(StoreError::Moved) => continue,
                Err(fault) => return Err(fault.into()),
            }
            let mut stopped = Stopped::default();
            if verdict == ReviewVerdict::NotJustified {
                self.recall().await;
                let approval = Some(review.approval);
                self.list_running(|left| left.approval == approval, &mut stopped)
                    .await?;
            }
            return Ok((review, stopped));
        }
        Err(StoreError::Moved.into())
    }

    async fn write_closing(
        &self,
        review: &Review,
        operator: &Operator,
        verdict: ReviewVerdict,
        note: &str,
    ) -> Result<(), StoreError> {
        let approval = self.store.approval(review.approval).await?;
        let approval = approval.ok_or(StoreError::Moved)?;
        let by = operator.name.as_str();
        let mut body = entries::approval(&approval, "reviewed", Some(by));
        body.insert(REVIEW.into(), review.id.to_string().into());
        body.insert("broken_by".into(), review.by.as_str().into());
        body.insert("verdict".into(), verdict.name().into());
        body.insert("note".into(), note.into());
        let mut changes = vec![Change::CloseReview(Box::new(review.clone()))];
        if verdict == ReviewVerdict::Justified {
            return self
                .write(EntryKind::Approval, body, changes, Sync::Synced)
                .await;
        }
        changes.extend(self.ending(&approval, Ended::Revoked).await?);
        let written = self
            .write(EntryKind::Approval, body, changes, Sync::Synced)
            .await;
        // In force perhaps even where the store did not say so.
        self.revoked_something();
        written
    }
}
