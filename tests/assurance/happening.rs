//! What may happen to a session, and what is drawn of it by lot.

use countersign::assurance::{Credential, KeyState, Level, Prover, Signal, Subject};
use proptest::prelude::*;

use super::world::at;

/// A call as somebody makes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    pub(crate) tool: String,
    pub(crate) args: String,
    pub(crate) amount: u64,
    pub(crate) authentic: bool,
    pub(crate) parent: Level,
}

impl Asked {
    pub(crate) fn new(tool: &str, args: &str, amount: u64) -> Self {
        Self {
            tool: tool.to_owned(),
            args: args.to_owned(),
            amount,
            authentic: true,
            parent: Level::Three,
        }
    }
}

/// One thing that happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Happening {
    Call(Asked),
    /// The call that was allowed last is looked at again, under such a parent.
    Commit(Level),
    Signal(Signal),
    News {
        id: String,
        source: String,
        subject: Subject,
        at: i64,
        cap: Option<Level>,
    },
    Proof(Level, Prover),
    ApproveLast,
    Approve(Asked),
    Refuse,
    Heartbeat(String),
    Credential(Change),
    Hold,
    Resume,
    Kill(String),
    Tick,
}

/// What changes of a credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    State(KeyState),
    Agents(u32),
    HumanUse(bool),
    Bound(bool),
    Issued(i64),
}

impl Happening {
    /// The same, with news dated to the moment at which it happens.
    pub(crate) fn dated(&self, seconds: i64) -> Self {
        let mut dated = self.clone();
        if let Self::News { at, .. } = &mut dated {
            *at = seconds;
        }
        dated
    }
}

impl Change {
    pub(crate) fn of(self, credential: &Credential) -> Credential {
        let mut changed = credential.clone();
        match self {
            Self::State(state) => changed.state = state,
            Self::Agents(agents) => changed.agents = agents,
            Self::HumanUse(human_use) => changed.human_use = human_use,
            Self::Bound(bound) => changed.bound = bound,
            Self::Issued(seconds) => changed.issued = at(seconds),
        }
        changed
    }
}

/// Happenings, each so many seconds after the one before.
pub(crate) type Course = Vec<(i64, Happening)>;

/// What may be called.
pub(crate) const TOOLS: [&str; 7] = [
    "docs.read",
    "crm.update",
    "iam.grant",
    "payments.transfer",
    "files.export",
    "shell.exec",
    "status",
];

pub(crate) fn wait() -> impl Strategy<Value = i64> {
    0_i64..4_000
}

pub(crate) fn grade() -> impl Strategy<Value = Level> {
    prop::sample::select(vec![Level::One, Level::Two, Level::Three])
}

pub(crate) fn prover() -> impl Strategy<Value = Prover> {
    prop::sample::select(vec![Prover::Machine, Prover::Person])
}

pub(crate) fn signal() -> impl Strategy<Value = Signal> {
    prop::sample::select(Signal::ALL)
}

pub(crate) fn cap() -> impl Strategy<Value = Level> {
    prop::sample::select(vec![Level::Zero, Level::One, Level::Two])
}

pub(crate) fn asked() -> impl Strategy<Value = Asked> {
    let amounts = prop::sample::select(vec![0_u64, 500, 10_000]);
    let args = prop::sample::select(vec!["a", "b"]);
    (prop::sample::select(&TOOLS[..]), args, amounts)
        .prop_map(|(tool, args, amount)| Asked::new(tool, args, amount))
}

fn origin() -> impl Strategy<Value = (String, Subject)> {
    let sources = prop::sample::select(vec!["idp".to_owned(), "edr".to_owned()]);
    let subjects = prop::sample::select(vec![Subject::Risk, Subject::Device]);
    (sources, subjects)
}

fn told(cap: impl Strategy<Value = Option<Level>>) -> impl Strategy<Value = Happening> {
    (any::<u64>(), origin(), cap).prop_map(|(id, (source, subject), cap)| Happening::News {
        id: id.to_string(),
        source,
        subject,
        at: 0,
        cap,
    })
}

/// Nothing that makes a session better.
pub(crate) fn bad() -> impl Strategy<Value = Happening> {
    let changes = prop::sample::select(vec![
        Change::Agents(2),
        Change::HumanUse(true),
        Change::State(KeyState::Grace),
        Change::State(KeyState::Leaked),
    ]);
    prop_oneof![
        3 => signal().prop_map(Happening::Signal),
        3 => asked().prop_map(Happening::Call),
        2 => told(cap().prop_map(Some)),
        1 => changes.prop_map(Happening::Credential),
        1 => Just(Happening::Refuse),
        1 => Just(Happening::Tick),
        1 => Just(Happening::Hold),
        1 => Just(Happening::Resume),
        1 => Just(Happening::Kill("revoked".to_owned())),
    ]
}

/// What may make it better.
fn good() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => (grade(), prover()).prop_map(|(grade, by)| Happening::Proof(grade, by)),
        1 => told(Just(None)),
        2 => asked().prop_map(Happening::Approve),
        1 => Just(Happening::ApproveLast),
        1 => Just(Happening::Heartbeat("idp".to_owned())),
    ]
}

pub(crate) fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![3 => bad(), 2 => good()]
}

pub(crate) fn course(most: usize) -> impl Strategy<Value = Course> {
    prop::collection::vec((wait(), happening()), 0..most)
}

pub(crate) fn bad_course(most: usize) -> impl Strategy<Value = Course> {
    prop::collection::vec((wait(), bad()), 0..most)
}
