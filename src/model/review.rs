//! What somebody answers for who broke the glass, until another person has judged it.

use super::credential::Operator;
use super::delegation::Delegation;
use super::id::{ApprovalId, GrantId, ReviewId};
use super::name::{AgentName, GroupName, OperatorName};
use super::role::{Right, Role};
use super::time::Timestamp;

/// One use of break-glass, to be judged by another person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Review {
    /// Its identifier.
    pub id: ReviewId,
    /// The request that was approved alone.
    pub approval: ApprovalId,
    /// What that left.
    pub grant: GrantId,
    /// Whose call it was.
    pub agent: AgentName,
    /// The groups that should have decided; their approvers may judge it.
    pub groups: Vec<GroupName>,
    /// Who broke the glass.
    pub by: OperatorName,
    /// Why, in their own words.
    pub reason: String,
    /// When.
    pub opened: Timestamp,
    /// How it was judged, once it was.
    pub closing: Option<Closing>,
}

/// How a review was closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closing {
    /// Who judged it.
    pub by: OperatorName,
    /// When.
    pub at: Timestamp,
    /// What they found.
    pub verdict: ReviewVerdict,
    /// Why, in their own words.
    pub note: String,
}

/// What a review found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReviewVerdict {
    /// It was right to wait for nobody.
    Justified,
    /// It was not; what is left of the grant is revoked.
    NotJustified,
}

/// What keeps a person from closing a review.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReviewBar {
    /// They broke the glass themselves.
    Own,
    /// Whoever broke the glass has lent them their voice since.
    Deputy,
    /// They are neither an admin nor an approver of the groups that should have decided.
    Stranger,
}

impl ReviewVerdict {
    /// Every verdict.
    pub const ALL: [Self; 2] = [Self::Justified, Self::NotJustified];

    /// The word in commands, records and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Justified => "justified",
            Self::NotJustified => "not-justified",
        }
    }

    /// The verdict from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }
}

impl ReviewBar {
    /// Why, for the person.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Own => "whoever broke the glass does not close the review of it",
            Self::Deputy => "the operator is, or was since, the deputy of whoever broke the glass",
            Self::Stranger => {
                "the operator is neither an admin nor an approver of the groups that should have decided"
            }
        }
    }
}

impl Review {
    /// The word for how it stands.
    #[must_use]
    pub fn standing(&self) -> &'static str {
        match &self.closing {
            None => "open",
            Some(closing) => closing.verdict.name(),
        }
    }

    /// What keeps that person from closing it. Someone who is lent a voice while the review is open does
    /// not shake that off by giving it back.
    #[must_use]
    pub fn bars(&self, person: &Operator, delegations: &[Delegation]) -> Option<ReviewBar> {
        if person.name == self.by {
            return Some(ReviewBar::Own);
        }
        let is_deputy = delegations.iter().any(|one| {
            let over = one.ended.map_or(one.until, |ended| ended.min(one.until));
            one.lender == self.by && one.deputy == person.name && over > self.opened
        });
        if is_deputy {
            return Some(ReviewBar::Deputy);
        }
        let is_of = person.groups.iter().any(|one| self.groups.contains(one));
        let may = person.revoked.is_none()
            && (person.roles.contains(&Role::Admin) || (is_of && person.may(Right::Decide)));
        (!may).then_some(ReviewBar::Stranger)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ambient::Ambient;

    fn person(name: &str, group: &str, role: Role) -> Operator {
        Operator {
            name: OperatorName::parse(name).unwrap(),
            groups: vec![GroupName::parse(group).unwrap()],
            roles: BTreeSet::from([role]),
            added: Timestamp::default(),
            revoked: None,
        }
    }

    #[test]
    fn only_another_person_who_could_have_decided_or_an_admin_judges_it() {
        let ambient = Ambient::system();
        let at = Timestamp::from_millis;
        let review = Review {
            id: ReviewId::random(&ambient),
            approval: ApprovalId::random(&ambient),
            grant: GrantId::random(&ambient),
            agent: AgentName::parse("clerk").unwrap(),
            groups: vec![GroupName::parse("oncall").unwrap()],
            by: OperatorName::parse("olga").unwrap(),
            reason: "fire".to_owned(),
            opened: at(1_000),
            closing: None,
        };
        let bars = |one: &Operator| review.bars(one, &[]);
        assert_eq!(
            bars(&person("olga", "oncall", Role::Admin)),
            Some(ReviewBar::Own)
        );
        assert_eq!(bars(&person("otto", "oncall", Role::Approver)), None);
        assert_eq!(bars(&person("ada", "kitchen", Role::Admin)), None);
        for (group, role) in [
            ("kitchen", Role::Approver),
            ("oncall", Role::Viewer),
            ("oncall", Role::BreakGlass),
        ] {
            let other = person("otto", group, role);
            assert_eq!(bars(&other), Some(ReviewBar::Stranger), "{group} {role:?}");
        }
        let otto = person("otto", "oncall", Role::Approver);
        let lent = |until: i64, ended: Option<i64>| Delegation {
            lender: review.by.clone(),
            deputy: otto.name.clone(),
            since: at(0),
            until: at(until),
            ended: ended.map(at),
        };
        for (delegation, bar) in [
            (lent(2_000, None), Some(ReviewBar::Deputy)),
            (lent(2_000, Some(1_500)), Some(ReviewBar::Deputy)),
            (lent(2_000, Some(500)), None),
            (lent(900, None), None),
        ] {
            let found = review.bars(&otto, std::slice::from_ref(&delegation));
            assert_eq!(found, bar, "{delegation:?}");
        }
    }
}
