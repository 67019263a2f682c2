//! A tool as the model sees it: what calling it asks of a session.

use super::level::Level;
use crate::model::decimal::Decimal;
use crate::model::privilege::Privilege;

/// What is declared and known of a tool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tool<'a> {
    /// `server/tool`.
    pub name: &'a str,
    /// The level that it asks for before anything raises it.
    pub base: Level,
    /// How far up the ladder of privileges it stands, 0 to 3.
    pub rank: u8,
    /// Whether each call needs an approval of its own.
    pub each_call: bool,
    /// Whether it can write, or carry something out.
    pub sends: bool,
    /// Whether it moves money.
    pub pays: bool,
    /// Where it acts, such as `prod`.
    pub environment: &'a str,
    /// What its server says of it, which can only raise what it asks for.
    pub hints: Hints,
    /// From which amount on a single call is asked about.
    pub limit: Option<&'a Decimal>,
    /// From which sum of 24 hours on calls are asked about.
    pub budget: Option<&'a Decimal>,
}

/// What a server says of its tool.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hints {
    /// It may destroy something.
    pub destructive: bool,
    /// It reaches beyond what its server controls.
    pub open_world: bool,
}

impl<'a> Tool<'a> {
    /// A tool that a manifest declares.
    #[must_use]
    pub const fn declared(name: &'a str, privilege: Privilege, environment: &'a str) -> Self {
        let pays = matches!(privilege, Privilege::Money);
        Self {
            name,
            base: Level::base(privilege, false),
            rank: privilege.rank(),
            each_call: pays,
            sends: !matches!(privilege, Privilege::Read),
            pays,
            environment,
            hints: Hints {
                destructive: false,
                open_world: false,
            },
            limit: None,
            budget: None,
        }
    }

    /// A tool of which nothing is known: it asks for the most.
    #[must_use]
    pub const fn unknown(name: &'a str, environment: &'a str) -> Self {
        let most = Self::declared(name, Privilege::Admin, environment);
        Self {
            each_call: true,
            ..most
        }
    }
}
