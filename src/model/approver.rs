//! People as far as deciding needs them.

use super::credential::Operator;
use super::name::{GroupName, OperatorName, UserName};

/// A person who may decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approver {
    /// Their name.
    pub name: OperatorName,
    /// The groups they decide for.
    pub groups: Vec<GroupName>,
}

impl From<&Operator> for Approver {
    fn from(operator: &Operator) -> Self {
        Self {
            name: operator.name.clone(),
            groups: operator.groups.clone(),
        }
    }
}

impl Approver {
    /// Whether they belong to one of the groups.
    #[must_use]
    pub fn is_of(&self, any_of: &[GroupName]) -> bool {
        any_of.iter().any(|group| self.groups.contains(group))
    }

    /// Whether an owner, a person or a group, is them or their group.
    #[must_use]
    pub fn owns(&self, owner: &str) -> bool {
        self.name.as_str() == owner || self.groups.iter().any(|group| group.as_str() == owner)
    }

    /// Whether they are the user on whose behalf an agent acts: by their whole name, or by what stands
    /// before its `@`. Somebody else of that name is kept out too, which is the safe side.
    #[must_use]
    pub fn is_user(&self, user: &UserName) -> bool {
        let local = user.as_str().split('@').next().unwrap_or_default();
        [user.as_str(), local]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(self.name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_known_by_the_whole_name_and_by_what_stands_before_the_at() {
        let olga = Approver {
            name: OperatorName::parse("olga").unwrap(),
            groups: vec![GroupName::parse("finance").unwrap()],
        };
        for (user, is) in [
            ("olga", true),
            ("Olga@example.com", true),
            ("olga.b@example.com", false),
            ("example.com@olga", false),
        ] {
            assert_eq!(olga.is_user(&UserName::parse(user).unwrap()), is, "{user}");
        }
        assert!(olga.owns("olga") && olga.owns("finance") && !olga.owns("fin"));
    }
}
