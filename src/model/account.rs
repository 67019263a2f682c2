//! Accounts at an identity provider: whom one stands for, and what the provider says of them.

use std::collections::BTreeSet;

use super::credential::Operator;
use super::name::GroupName;
use super::role::Role;

/// One person as an issuer knows them. A name or an address of theirs is none: both are given anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// The issuer, exactly as its tokens give it.
    pub issuer: String,
    /// Its name for the person, which it gives to nobody else.
    pub subject: String,
}

/// What an issuer says of a person now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attested {
    /// Whom.
    pub account: Account,
    /// The rights that the issuer gives and takes; all others are the guard's own affair.
    pub governed: Rights,
    /// Those of them that the person has.
    pub given: Rights,
}

/// Groups and roles.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rights {
    /// The groups.
    pub groups: BTreeSet<GroupName>,
    /// The roles.
    pub roles: BTreeSet<Role>,
}

impl Attested {
    /// The operator with the rights that the issuer gives, and without those that it gives no more.
    #[must_use]
    pub fn apply(&self, operator: &Operator) -> Operator {
        let kept = operator.groups.iter();
        let kept = kept.filter(|one| !self.governed.groups.contains(*one));
        let roles = operator.roles.difference(&self.governed.roles);
        Operator {
            groups: kept.chain(&self.given.groups).cloned().collect(),
            roles: roles.chain(&self.given.roles).copied().collect(),
            ..operator.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::OperatorName;
    use crate::model::time::Timestamp;

    #[test]
    fn an_issuer_gives_and_takes_only_what_it_governs() {
        let group = |name: &str| GroupName::parse(name).unwrap();
        let operator = Operator {
            name: OperatorName::parse("alice").unwrap(),
            groups: vec![group("finance"), group("night")],
            roles: BTreeSet::from([Role::Admin, Role::Viewer]),
            added: Timestamp::default(),
            revoked: None,
        };
        let governed = Rights {
            groups: BTreeSet::from([group("finance"), group("oncall")]),
            roles: BTreeSet::from([Role::Admin, Role::Approver]),
        };
        let given = Rights {
            groups: BTreeSet::from([group("oncall")]),
            roles: BTreeSet::from([Role::Approver]),
        };
        let account = Account {
            issuer: "https://idp.example.com".to_owned(),
            subject: "1".to_owned(),
        };
        let attested = Attested {
            account,
            governed,
            given,
        };
        let now = attested.apply(&operator);
        assert_eq!(now.groups, [group("night"), group("oncall")]);
        assert_eq!(now.roles, BTreeSet::from([Role::Viewer, Role::Approver]));
        assert_eq!(attested.apply(&now), now);
    }
}
