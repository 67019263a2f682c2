//! Which waits a commit ends.

use super::{Change, Wake};

/// How many wake-ups a receiver may be behind before it has to look at everything it waits for.
pub(super) const WAKES_COUNT: usize = 4_096;

/// The wake-ups of a commit.
pub(super) fn wakes(changes: &[Change]) -> impl Iterator<Item = Wake> {
    changes.iter().filter_map(|change| match change {
        Change::OpenApproval(approval) => Some(Wake::Approval(approval.id)),
        Change::SetApproval { id, .. } | Change::Vote { id, .. } | Change::Unvote { id, .. } => {
            Some(Wake::Approval(*id))
        }
        Change::BreakGlass { review, .. } | Change::CloseReview(review) => {
            Some(Wake::Approval(review.approval))
        }
        Change::SetSession(id, _) => Some(Wake::Session(*id)),
        Change::SetAgent(..) => Some(Wake::Agent),
        _ => None,
    })
}
