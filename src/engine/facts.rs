//! What is known now that bears on a call.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::model::approval::Approval;
use crate::model::approver::Approver;
use crate::model::call::Call;
use crate::model::decimal::Decimal;
use crate::model::grant::Grant;
use crate::model::id::{ApprovalId, CallId, GrantId};
use crate::model::isolation::Isolation;
use crate::model::name::AgentName;
use crate::model::privilege::Privilege;
use crate::model::session::{AgentState, Session, SessionState};
use crate::model::target::Target;
use crate::model::time::Timestamp;
use crate::rate::Exceeded;
use crate::scopes::ToolSchema;

/// Everything a decision is made from, besides the call and the scope.
#[derive(Debug)]
pub struct Facts<'a> {
    /// How the agent and its session stand.
    pub standing: &'a Standing,
    /// The approval the call itself waits on, as it stands now, where it waits on one.
    pub attached: Option<&'a Approval>,
    /// The tool's own schema; absent where the server presents no such tool.
    pub tool: Option<&'a ToolSchema>,
    /// Whether what the server presents is accepted.
    pub pinned: Pinned,
    /// The first declared rate that is used up, if one is.
    pub exceeded: Option<Exceeded>,
    /// What the session has proved, 0 to 3.
    pub level: u8,
    /// How far the agent is kept from the guard itself.
    pub isolation: Isolation,
}

/// Whether the server and the target are what people accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pinned {
    /// How the server itself stands.
    pub server: PinStanding,
    /// How the target's definition stands; accepted where the target's kind has none.
    pub target: PinStanding,
}

impl Pinned {
    /// Everything is accepted.
    pub const ACCEPTED: Self = Self {
        server: PinStanding::Accepted,
        target: PinStanding::Accepted,
    };
}

/// How a definition that a server presents stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PinStanding {
    /// It is accepted.
    Accepted,
    /// Nobody accepted any definition of that name.
    Unaccepted,
    /// Another definition of that name is or was accepted.
    Changed,
    /// An operator refused it.
    Refused,
}

impl PinStanding {
    /// The word on screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Unaccepted => "unaccepted",
            Self::Changed => "changed",
            Self::Refused => "refused",
        }
    }
}

/// How an agent, a session and earlier decisions stand, as the store knows them at one revision.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Counts every change of the agent's sessions, approvals and grants; a commit names the revision
    /// it was judged at and is refused if the agent has moved since.
    pub revision: u64,
    /// Whether the agent may act.
    pub agent: AgentState,
    /// The session of the call, if the store knows it.
    pub session: Option<Session>,
    /// The newest approval of this session for exactly this call.
    pub approval: Option<Approval>,
    /// A grant of this session for exactly this call that is still live.
    pub grant: Option<Grant>,
    /// Grants of this session for calls like this one that are still live, newest first.
    pub patterns: Vec<Patterned>,
    /// The newest refusal by a person of the same target with the same arguments, in whatever session
    /// of the agent, not older than [`crate::limits::DENIAL_MEMORY`].
    pub refused: Option<Approval>,
    /// The newest refusal by a person of a call of the same target that shares its destination and object,
    /// as old as that.
    pub refused_alike: Option<Arc<Approval>>,
    /// Whether persons refused the target so often that it is closed for the agent.
    pub closed: bool,
    /// Undeclared reaches the agent asked persons about within [`crate::limits::UNDECLARED_WINDOW`].
    pub undeclared: usize,
    /// Open approvals of this session that hold its other calls too.
    pub covering: Vec<ApprovalId>,
    /// Open approvals of the agent.
    pub open: usize,
    /// Approvals the agent opened within [`crate::limits::HOLDS_WINDOW`].
    pub opened: usize,
    /// What the asked budgets have spent, in the order they were asked.
    pub spent: Vec<Decimal>,
    /// Every operator whose token is live.
    pub approvers: Arc<[Approver]>,
    /// What the past says of the call.
    pub precedent: Precedent,
    /// Calls of the same agent, target and destination whose outcome nobody knows, each once.
    pub doubts: BTreeSet<CallId>,
}

/// A grant for calls like an approved one, with the approval that left it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patterned {
    /// The grant.
    pub grant: Grant,
    /// The approval, as it stands now.
    pub approval: Arc<Approval>,
}

/// What the past says of one call; by default it knows nothing, and so everything is new.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Precedent {
    /// Whether the target, as it is defined now, was used at this rung or above.
    pub used: bool,
    /// The pointers whose values were asked for, with what is known at each.
    pub values: Vec<(Arc<str>, Known)>,
    /// Which of the targets that must come first have succeeded in the session.
    pub done: Vec<Target>,
    /// The highest rung that the session has used.
    pub highest: Option<Privilege>,
    /// What a person should know of the past; worked out only where something is new.
    pub evidence: Evidence,
}

/// What is known of a value at one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Known {
    /// Whether it was used there before.
    pub used: bool,
    /// How many values were.
    pub values: usize,
}

/// A past in short, to judge something new by.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Evidence {
    /// Calls of the last [`crate::limits::HISTORY_WINDOW_DAYS`].
    pub calls: u64,
    /// The highest rung among them.
    pub highest: Option<Privilege>,
    /// Whether the rung of the call was ever used.
    pub rung: bool,
    /// Whether its server was.
    pub server: bool,
    /// Whether its target was, under another definition or at a lower rung.
    pub target: bool,
}

impl Precedent {
    /// Whether a call of this rung is a step up: high on the ladder, and above all its session has used.
    #[must_use]
    pub fn is_escalated_by(&self, privilege: Privilege) -> bool {
        let highest = self.highest.map_or(0, Privilege::rank);
        privilege.rank() >= ESCALATION_RANK && privilege.rank() > highest
    }
}

impl Standing {
    /// The grant of that name, if it bears on the call.
    #[must_use]
    pub fn grant(&self, id: GrantId) -> Option<&Grant> {
        let patterns = self.patterns.iter().map(|one| &one.grant);
        patterns.chain(&self.grant).find(|one| one.id == id)
    }

    /// That of an agent whose session begins with this call: nothing was asked, granted, spent or used.
    ///
    /// For judging outside a guard: embedding the rules, and explaining them. `budgets` sums are zero.
    #[must_use]
    pub fn fresh(call: &Call, approvers: Vec<Approver>, budgets: usize, now: Timestamp) -> Self {
        Self {
            revision: 0,
            agent: AgentState::Running,
            session: Some(Session {
                id: call.session,
                principal: call.principal.clone(),
                opened: now,
                seen: now,
                state: SessionState::Active,
                default: true,
                label: None,
                taint: None,
            }),
            approval: None,
            grant: None,
            patterns: Vec::new(),
            refused: None,
            refused_alike: None,
            closed: false,
            undeclared: 0,
            covering: Vec::new(),
            open: 0,
            opened: 0,
            spent: vec![Decimal::zero(); budgets],
            approvers: approvers.into(),
            precedent: Precedent::default(),
            doubts: BTreeSet::new(),
        }
    }
}

/// Names one running sum.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BudgetKey {
    /// The agent whose sum it is, across its sessions.
    pub agent: AgentName,
    /// `server/tool` with the pointer that is summed, as the manifest names them.
    pub budget: String,
    /// The value the sum is kept apart by, for example `EUR`; empty where there is none.
    pub by: String,
}

/// A budget as asked for: which sum, over which window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BudgetAsk {
    /// The sum.
    pub key: BudgetKey,
    /// How far back it reaches.
    pub window: Duration,
}

/// A reservation that a permit makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spend {
    /// The sum it adds to.
    pub ask: BudgetAsk,
    /// What it adds; never negative.
    pub amount: Decimal,
    /// What the sum must not exceed.
    pub limit: Decimal,
    /// When.
    pub at: Timestamp,
}

/// From which rank on a step up is told apart from a first use.
const ESCALATION_RANK: u8 = 2;
