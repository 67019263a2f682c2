//! What operators may do: roles are given to people, scopes to their tokens, rights are asked by routes.

/// What a person is to this guard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Sees everything and changes nothing.
    Viewer,
    /// Decides for their groups, and may stop what runs.
    Approver,
    /// Manages agents, keys, pins, scopes and sessions, and decides nothing by that.
    Admin,
    /// May open the way in an emergency.
    BreakGlass,
}

/// What a token may be used for, of what its owner may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TokenScope {
    /// Looking.
    Read,
    /// Looking, deciding and stopping.
    Decide,
    /// Looking, managing and stopping.
    Admin,
}

/// What a route asks of whoever calls it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Right {
    /// To look.
    Read,
    /// To vote on what waits.
    Decide,
    /// To pause and revoke: whoever may say no may also stop.
    Stop,
    /// To give leave, keys and definitions, and to give back what was stopped.
    Manage,
    /// To let a call run alone and at once, and answer for it.
    BreakGlass,
    /// To judge who did.
    Review,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Approver, Self::Admin, Self::BreakGlass];

    /// The word in commands, records and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Approver => "approver",
            Self::Admin => "admin",
            Self::BreakGlass => "break-glass",
        }
    }

    /// The role from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether the role alone gives the right.
    #[must_use]
    pub const fn gives(self, right: Right) -> bool {
        match right {
            Right::Read => true,
            Right::Decide => matches!(self, Self::Approver),
            Right::Stop => !matches!(self, Self::Viewer),
            Right::Manage => matches!(self, Self::Admin),
            Right::BreakGlass => matches!(self, Self::BreakGlass),
            Right::Review => matches!(self, Self::Approver | Self::Admin),
        }
    }
}

impl TokenScope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Decide, Self::Admin];

    /// The word in commands, records and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Decide => "decide",
            Self::Admin => "admin",
        }
    }

    /// The scope from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// Whether a token of this scope alone may be used for the right.
    #[must_use]
    pub const fn covers(self, right: Right) -> bool {
        match right {
            Right::Read => true,
            Right::Decide | Right::BreakGlass => matches!(self, Self::Decide),
            Right::Stop | Right::Review => !matches!(self, Self::Read),
            Right::Manage => matches!(self, Self::Admin),
        }
    }
}

impl Right {
    /// What somebody lacks who does not have it.
    #[must_use]
    pub const fn lacking(self) -> &'static str {
        match self {
            Self::Read => "may not look",
            Self::Decide => "this takes the role `approver`, and a token of scope `decide`",
            Self::Stop => {
                "this takes a role above `viewer`, and a token of scope `decide` or `admin`"
            }
            Self::Manage => "this takes the role `admin`, and a token of scope `admin`",
            Self::BreakGlass => "this takes the role `break-glass`, and a token of scope `decide`",
            Self::Review => {
                "this takes the role `approver` or `admin`, and a token of scope `decide` or `admin`"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_back_as_itself() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()), Some(role));
        }
        for scope in TokenScope::ALL {
            assert_eq!(TokenScope::parse(scope.name()), Some(scope));
        }
        assert_eq!(Role::parse("root"), None);
    }

    #[test]
    fn a_viewer_and_a_token_to_read_change_nothing() {
        for right in [
            Right::Decide,
            Right::Stop,
            Right::Manage,
            Right::BreakGlass,
            Right::Review,
        ] {
            assert!(!Role::Viewer.gives(right));
            assert!(!TokenScope::Read.covers(right));
        }
        assert!(
            !Role::Admin.gives(Right::Decide),
            "managing is not deciding"
        );
        for role in [Role::Approver, Role::Admin] {
            assert!(!role.gives(Right::BreakGlass), "it is a role of its own");
        }
        assert!(!Role::BreakGlass.gives(Right::Decide) && !Role::BreakGlass.gives(Right::Review));
    }
}
