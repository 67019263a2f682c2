//! One person's groups lent to another, for a time.

use super::name::OperatorName;
use super::time::Timestamp;

/// While it is live its deputy may vote in its lender's stead, for the lender's own groups: what was
/// lent to the lender is not lent on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delegation {
    /// Whose groups they are.
    pub lender: OperatorName,
    /// Who may vote for them.
    pub deputy: OperatorName,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// When it was ended before, if it was.
    pub ended: Option<Timestamp>,
}

impl Delegation {
    /// Whether it holds at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.since <= now && now < self.until
    }

    /// The word for how it stands at `now`, in answers and on screens.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> &'static str {
        match self.ended {
            Some(_) => "ended",
            None if self.until <= now => "expired",
            None => "live",
        }
    }
}
