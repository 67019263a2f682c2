//! One row with its final value, and the rows of a batch, the last of each kept.

use std::sync::Arc;

use indexmap::IndexMap;

use super::BudgetKey;
use crate::audit::segment::Segment;
use crate::model::aim::Aim;
use crate::model::approval::Approval;
use crate::model::credential::{Credential, Operator};
use crate::model::decimal::Decimal;
use crate::model::delegation::Delegation;
use crate::model::digest::Digest;
use crate::model::grant::Grant;
use crate::model::history::{Mark, Place, Reach, Usage, Who};
use crate::model::id::{ApprovalId, CallId, CredentialId, GrantId, ReviewId, SessionId};
use crate::model::name::{AgentName, OperatorName};
use crate::model::pin::{Pin, PinKey};
use crate::model::privilege::Privilege;
use crate::model::proof::Proof;
use crate::model::review::Review;
use crate::model::session::{AgentState, Session};
use crate::model::target::Target;
use crate::model::time::Timestamp;
use crate::store::InFlight;

/// A row and its value; nothing where it is removed.
#[derive(Clone, Debug)]
pub(in crate::store) enum Row {
    Agent(AgentName, Option<AgentRow>),
    Credential(CredentialId, Option<Arc<Credential>>),
    Operator(OperatorName, Option<Arc<Operator>>),
    Delegation(DelegationKey, Option<Arc<Delegation>>),
    Proof(Digest, Option<Arc<Proof>>),
    Session(SessionId, Option<Arc<Session>>),
    Approval(ApprovalId, Option<Arc<Approval>>),
    Grant(GrantId, Option<Arc<Grant>>),
    Review(ReviewId, Option<Arc<Review>>),
    Spend(Arc<BudgetKey>, CallId, Option<Spent>),
    Flight(CallId, Option<Arc<InFlight>>),
    Rate(Arc<str>, Option<u64>),
    Setting(Arc<str>, Option<Arc<str>>),
    Pin(PinKey, Option<Arc<Pin>>),
    Segment(u64, Option<Arc<Segment>>),
    Reach(Arc<ReachKey>, Option<Usage>),
    Value(Arc<ValueKey>, Option<Usage>),
    Day(Arc<DayKey>, Option<u64>),
    Climb(Arc<ClimbKey>, Option<Timestamp>),
    Doubt(Arc<DoubtKey>, Option<CallId>),
}

/// Names what one operator lent to another: the lender, then the deputy.
pub(in crate::store) type DelegationKey = (OperatorName, OperatorName);

/// Names what one past used at one rung.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::store) struct ReachKey {
    pub(in crate::store) who: Who,
    pub(in crate::store) reach: Reach,
    pub(in crate::store) privilege: Privilege,
}

/// Names one value of one past.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::store) struct ValueKey {
    pub(in crate::store) who: Who,
    pub(in crate::store) place: Place,
    pub(in crate::store) mark: Mark,
}

/// Names the calls of one past on one day at one rung.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::store) struct DayKey {
    pub(in crate::store) who: Who,
    pub(in crate::store) day: i64,
    pub(in crate::store) privilege: Privilege,
}

/// Names what succeeded in one session at one rung.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::store) struct ClimbKey {
    pub(in crate::store) session: SessionId,
    pub(in crate::store) target: Target,
    pub(in crate::store) privilege: Privilege,
}

/// Names the calls of one agent on one target, and to one destination of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::store) struct DoubtKey {
    pub(in crate::store) agent: AgentName,
    pub(in crate::store) target: Target,
    pub(in crate::store) destination: Option<Aim>,
}

/// An agent's own row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::store) struct AgentRow {
    /// Whether it may act.
    pub(in crate::store) state: AgentState,
    /// Counts the changes that a decision depends on.
    pub(in crate::store) revision: u64,
}

/// What one call added to one sum.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store) struct Spent {
    /// When.
    pub(in crate::store) at: Timestamp,
    /// How much.
    pub(in crate::store) amount: Decimal,
    /// From when on no window reaches it.
    pub(in crate::store) until: Timestamp,
}

type Table<K, V> = IndexMap<K, Option<V>>;

/// The rows that a batch writes: a row that several commits changed is written once.
#[derive(Default, Debug)]
pub(in crate::store) struct Rows {
    pub(in crate::store) agents: Table<AgentName, AgentRow>,
    pub(in crate::store) credentials: Table<CredentialId, Arc<Credential>>,
    pub(in crate::store) operators: Table<OperatorName, Arc<Operator>>,
    pub(in crate::store) delegations: Table<DelegationKey, Arc<Delegation>>,
    pub(in crate::store) proofs: Table<Digest, Arc<Proof>>,
    pub(in crate::store) sessions: Table<SessionId, Arc<Session>>,
    pub(in crate::store) approvals: Table<ApprovalId, Arc<Approval>>,
    pub(in crate::store) grants: Table<GrantId, Arc<Grant>>,
    pub(in crate::store) reviews: Table<ReviewId, Arc<Review>>,
    pub(in crate::store) spends: Table<(Arc<BudgetKey>, CallId), Spent>,
    pub(in crate::store) flights: Table<CallId, Arc<InFlight>>,
    pub(in crate::store) rates: Table<Arc<str>, u64>,
    pub(in crate::store) settings: Table<Arc<str>, Arc<str>>,
    pub(in crate::store) pins: Table<PinKey, Arc<Pin>>,
    pub(in crate::store) segments: Table<u64, Arc<Segment>>,
    pub(in crate::store) reaches: Table<Arc<ReachKey>, Usage>,
    pub(in crate::store) values: Table<Arc<ValueKey>, Usage>,
    pub(in crate::store) days: Table<Arc<DayKey>, u64>,
    pub(in crate::store) climbs: Table<Arc<ClimbKey>, Timestamp>,
    pub(in crate::store) doubts: Table<Arc<DoubtKey>, CallId>,
}

impl Rows {
    /// Adds a row, in place of an earlier value of the same one.
    pub(in crate::store) fn push(&mut self, row: Row) {
        match row {
            Row::Agent(key, value) => drop(self.agents.insert(key, value)),
            Row::Credential(key, value) => drop(self.credentials.insert(key, value)),
            Row::Operator(key, value) => drop(self.operators.insert(key, value)),
            Row::Delegation(key, value) => drop(self.delegations.insert(key, value)),
            Row::Proof(key, value) => drop(self.proofs.insert(key, value)),
            Row::Session(key, value) => drop(self.sessions.insert(key, value)),
            Row::Approval(key, value) => drop(self.approvals.insert(key, value)),
            Row::Grant(key, value) => drop(self.grants.insert(key, value)),
            Row::Review(key, value) => drop(self.reviews.insert(key, value)),
            Row::Spend(key, call, value) => drop(self.spends.insert((key, call), value)),
            Row::Flight(key, value) => drop(self.flights.insert(key, value)),
            Row::Rate(key, value) => drop(self.rates.insert(key, value)),
            Row::Setting(key, value) => drop(self.settings.insert(key, value)),
            Row::Pin(key, value) => drop(self.pins.insert(key, value)),
            Row::Segment(key, value) => drop(self.segments.insert(key, value)),
            Row::Reach(key, value) => drop(self.reaches.insert(key, value)),
            Row::Value(key, value) => drop(self.values.insert(key, value)),
            Row::Day(key, value) => drop(self.days.insert(key, value)),
            Row::Climb(key, value) => drop(self.climbs.insert(key, value)),
            Row::Doubt(key, value) => drop(self.doubts.insert(key, value)),
        }
    }

    /// Each row, for the memory that readers see.
    pub(in crate::store) fn into_rows(self) -> impl Iterator<Item = Row> {
        let agents = self.agents.into_iter().map(|(k, v)| Row::Agent(k, v));
        let credentials = self.credentials.into_iter();
        let operators = self.operators.into_iter();
        let delegations = self.delegations.into_iter();
        let proofs = self.proofs.into_iter();
        let sessions = self.sessions.into_iter();
        let approvals = self.approvals.into_iter();
        let grants = self.grants.into_iter();
        let reviews = self.reviews.into_iter();
        let spends = self.spends.into_iter();
        let flights = self.flights.into_iter();
        let rates = self.rates.into_iter();
        let settings = self.settings.into_iter();
        let pins = self.pins.into_iter();
        let segments = self.segments.into_iter();
        let reaches = self.reaches.into_iter();
        let values = self.values.into_iter();
        let days = self.days.into_iter();
        let climbs = self.climbs.into_iter();
        let doubts = self.doubts.into_iter();
        agents
            .chain(credentials.map(|(k, v)| Row::Credential(k, v)))
            .chain(operators.map(|(k, v)| Row::Operator(k, v)))
            .chain(delegations.map(|(k, v)| Row::Delegation(k, v)))
            .chain(proofs.map(|(k, v)| Row::Proof(k, v)))
            .chain(sessions.map(|(k, v)| Row::Session(k, v)))
            .chain(approvals.map(|(k, v)| Row::Approval(k, v)))
            .chain(grants.map(|(k, v)| Row::Grant(k, v)))
            .chain(reviews.map(|(k, v)| Row::Review(k, v)))
            .chain(spends.map(|((k, call), v)| Row::Spend(k, call, v)))
            .chain(flights.map(|(k, v)| Row::Flight(k, v)))
            .chain(rates.map(|(k, v)| Row::Rate(k, v)))
            .chain(settings.map(|(k, v)| Row::Setting(k, v)))
            .chain(pins.map(|(k, v)| Row::Pin(k, v)))
            .chain(segments.map(|(k, v)| Row::Segment(k, v)))
            .chain(reaches.map(|(k, v)| Row::Reach(k, v)))
            .chain(values.map(|(k, v)| Row::Value(k, v)))
            .chain(days.map(|(k, v)| Row::Day(k, v)))
            .chain(climbs.map(|(k, v)| Row::Climb(k, v)))
            .chain(doubts.map(|(k, v)| Row::Doubt(k, v)))
    }
}
