//! What the store knows, in memory: answers what a decision asks without SQL, and says which rows a
//! commit would write.
//!
//! A change is planned as rows with their final values, so that the database only keeps what was
//! worked out here and both cannot disagree about a guard.

mod agent;
mod climb;
mod clock;
mod codes;
mod delegations;
mod doubt;
mod inboxes;
mod learn;
mod past;
mod plan;
mod reviews;
mod row;
mod standing;
mod sums;
mod votes;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use crate::audit::segment::Segment;
use crate::engine::facts::BudgetKey;
use crate::limits::CLOCK_SET_BACK_LONGEST;
use crate::model::approval::{Approval, ApprovalState};
use crate::model::approver::Approver;
use crate::model::call::Principal;
use crate::model::credential::{Credential, Operator};
use crate::model::delegation::Delegation;
use crate::model::digest::Digest;
use crate::model::grant::Grant;
use crate::model::history::{History, Who};
use crate::model::id::{ApprovalId, CallId, CredentialId, GrantId, ReviewId, SessionId};
use crate::model::name::{AgentName, GroupName, OperatorName};
use crate::model::pin::{Pin, PinKey};
use crate::model::proof::Proof;
use crate::model::review::Review;
use crate::model::session::{AgentState, EndCause, Session, SessionState};
use crate::model::time::Timestamp;

use super::InFlight;
use agent::Agent;
use climb::Climb;
use codes::Codes;
use doubt::Doubts;
use inboxes::Inboxes;
pub(super) use past::oldest_day;
pub(super) use row::{
    AgentRow, ClimbKey, DayKey, DelegationKey, DoubtKey, ReachKey, Row, Rows, Spent, ValueKey,
};
use sums::Sums;

/// Everything that bears on a decision.
#[derive(Default)]
pub(super) struct State {
    agents: HashMap<AgentName, Agent>,
    sessions: IndexMap<SessionId, Arc<Session>>,
    approvals: IndexMap<ApprovalId, Arc<Approval>>,
    inboxes: Inboxes,
    codes: Codes,
    grants: IndexMap<GrantId, Arc<Grant>>,
    reviews: IndexMap<ReviewId, Arc<Review>>,
    credentials: IndexMap<CredentialId, Arc<Credential>>,
    credentials_by_secret: HashMap<Digest, CredentialId>,
    operators: IndexMap<OperatorName, Arc<Operator>>,
    delegations: IndexMap<DelegationKey, Arc<Delegation>>,
    proofs: IndexMap<Digest, Arc<Proof>>,
    approvers: Approvers,
    flights: HashMap<CallId, Arc<InFlight>>,
    sums: Sums,
    rates: HashMap<Arc<str>, u64>,
    settings: HashMap<Arc<str>, Arc<str>>,
    pins: IndexMap<PinKey, Arc<Pin>>,
    climbs: HashMap<SessionId, Climb>,
    segments: IndexMap<u64, Arc<Segment>>,
    doubts: Doubts,
}

/// Who may decide, worked out when an operator or what proves one changes, and good until the first
/// token ends.
#[derive(Default)]
struct Approvers {
    people: Arc<[Approver]>,
    until: Option<Timestamp>,
}

impl State {
    /// From rows as they were kept.
    pub(super) fn of(rows: impl IntoIterator<Item = Row>, now: Timestamp) -> Self {
        let mut state = Self::default();
        for row in rows {
            state.put(row);
        }
        state.settle_approvers(now);
        state
    }

    pub(super) fn approval(&self, id: ApprovalId) -> Option<Approval> {
        self.approvals.get(&id).map(|one| Approval::clone(one))
    }

    /// Newest first.
    pub(super) fn approvals(
        &self,
        only_live_at: Option<Timestamp>,
        most: usize,
    ) -> Vec<Arc<Approval>> {
        self.approvals
            .values()
            .rev()
            .filter(|one| only_live_at.is_none_or(|now| one.is_live(now)))
            .take(most)
            .cloned()
            .collect()
    }

    pub(super) fn session(&self, id: SessionId) -> Option<Session> {
        self.sessions.get(&id).map(|one| Session::clone(one))
    }

    /// The first of the groups whose inbox has no room for one more request of the agent.
    pub(super) fn crowded<'a>(
        &self,
        groups: &'a [GroupName],
        agent: &AgentName,
        now: Timestamp,
    ) -> Option<&'a GroupName> {
        groups
            .iter()
            .find(|group| self.inboxes.load(group, agent, now).is_full())
    }

    /// Those of a principal that have not ended.
    pub(super) fn sessions_of(&self, principal: &Principal) -> Vec<Session> {
        let lasting = self.sessions.values().filter(|one| !has_ended(one));
        let own = lasting.filter(|one| one.principal == *principal);
        own.map(|one| Session::clone(one)).collect()
    }

    /// Those that have not ended and as many of the others as `most` leaves room for, newest first.
    pub(super) fn sessions(&self, most: usize) -> Vec<Session> {
        let lasting = self.sessions.values().filter(|one| !has_ended(one)).count();
        let mut room = most.saturating_sub(lasting);
        self.sessions
            .values()
            .rev()
            .filter(|one| {
                if !has_ended(one) {
                    return true;
                }
                let fits = room > 0;
                room = room.saturating_sub(1);
                fits
            })
            .map(|one| Session::clone(one))
            .collect()
    }

    /// Newest first.
    pub(super) fn grants(&self, most: usize) -> Vec<Grant> {
        self.grants
            .values()
            .rev()
            .take(most)
            .map(|one| Grant::clone(one))
            .collect()
    }

    pub(super) fn agents(&self) -> Vec<(AgentName, AgentState)> {
        let mut agents: Vec<_> = self
            .agents
            .iter()
            .filter_map(|(name, agent)| Some((name.clone(), agent.row()?.state)))
            .collect();
        agents.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        agents
    }

    pub(super) fn credentials(&self) -> Vec<Credential> {
        self.credentials
            .values()
            .map(|one| Credential::clone(one))
            .collect()
    }

    pub(super) fn credential_by_secret(&self, secret: &Digest) -> Option<Credential> {
        let id = self.credentials_by_secret.get(secret)?;
        self.credentials.get(id).map(|one| Credential::clone(one))
    }

    pub(super) fn credential(&self, id: CredentialId) -> Option<Credential> {
        self.credentials.get(&id).map(|one| Credential::clone(one))
    }

    pub(super) fn operators(&self) -> Vec<Operator> {
        self.operators
            .values()
            .map(|one| Operator::clone(one))
            .collect()
    }

    pub(super) fn operator(&self, name: &OperatorName) -> Option<Operator> {
        self.operators.get(name).map(|one| Operator::clone(one))
    }

    /// In the order they were made.
    pub(super) fn delegations(&self) -> Vec<Delegation> {
        let delegations = self.delegations.values();
        delegations.map(|one| Delegation::clone(one)).collect()
    }

    /// In the order they were added.
    pub(super) fn proofs(&self) -> Vec<Proof> {
        self.proofs.values().map(|one| Proof::clone(one)).collect()
    }

    pub(super) fn proof(&self, key: &Digest) -> Option<Proof> {
        self.proofs.get(key).map(|one| Proof::clone(one))
    }

    /// Oldest first.
    pub(super) fn in_flight(&self) -> Vec<InFlight> {
        let mut flights: Vec<_> = self
            .flights
            .values()
            .map(|one| InFlight::clone(one))
            .collect();
        flights.sort_unstable_by_key(|one| (one.since, one.call));
        flights
    }

    pub(super) fn rate_cells(&self) -> Vec<(String, u64)> {
        let mut cells: Vec<_> = self
            .rates
            .iter()
            .map(|(key, cell)| (key.to_string(), *cell))
            .collect();
        cells.sort_unstable();
        cells
    }

    pub(super) fn setting(&self, name: &str) -> Option<String> {
        self.settings.get(name).map(|value| value.to_string())
    }

    /// In the order they were first seen.
    pub(super) fn pins(&self) -> Vec<Pin> {
        self.pins.values().map(|one| Pin::clone(one)).collect()
    }

    /// Oldest first.
    pub(super) fn segments(&self) -> Vec<Segment> {
        let segments = self.segments.values();
        segments.map(|one| Segment::clone(one)).collect()
    }

    /// Everything kept of one agent's past.
    pub(super) fn history(&self, agent: &AgentName, now: Timestamp) -> History {
        let mut pasts: Vec<_> = self
            .agents
            .get(agent)
            .into_iter()
            .flat_map(Agent::pasts)
            .filter(|(_, past)| past.reached() > 0)
            .map(|(user, past)| past.view(user.clone(), now))
            .collect();
        pasts.sort_unstable_by(|one, other| one.on_behalf_of.cmp(&other.on_behalf_of));
        let sessions = self.sessions.values().rev();
        History {
            pasts,
            sessions: sessions
                .filter(|session| session.principal.agent == *agent)
                .filter_map(|session| self.climbs.get(&session.id)?.view(session.id))
                .collect(),
        }
    }

    /// Puts a row in its place, with everything that is looked up through it; returns the row that
    /// stood there, which puts things back as they were.
    pub(super) fn put(&mut self, row: Row) -> Row {
        match row {
            Row::Agent(name, new) => {
                let old = self.agents.entry(name.clone()).or_default().set_row(new);
                Row::Agent(name, old)
            }
            Row::Credential(id, new) => {
                let old = place(&mut self.credentials, id, new.clone());
                if let Some(secret) = old.as_ref().and_then(|one| one.secret) {
                    self.credentials_by_secret.remove(&secret);
                }
                if let Some(secret) = new.and_then(|one| one.secret) {
                    self.credentials_by_secret.insert(secret, id);
                }
                Row::Credential(id, old)
            }
            Row::Operator(name, new) => {
                let old = place(&mut self.operators, name.clone(), new);
                // The people are worked out anew when they are next asked for.
                self.approvers.until = None;
                Row::Operator(name, old)
            }
            Row::Delegation(key, new) => {
                let old = place(&mut self.delegations, key.clone(), new);
                Row::Delegation(key, old)
            }
            Row::Proof(key, new) => {
                self.approvers.until = None;
                Row::Proof(key, place(&mut self.proofs, key, new))
            }
            Row::Session(id, new) => Row::Session(id, place(&mut self.sessions, id, new)),
            Row::Approval(id, new) => {
                let old = place(&mut self.approvals, id, new.clone());
                if let Some(old) = &old {
                    self.agent_mut(&old.principal.agent)
                        .take_approval(old, new.is_some());
                    self.inboxes.take(old);
                    self.codes.take(old);
                }
                if let Some(new) = &new {
                    self.inboxes.put(new);
                    self.codes.put(new);
                    self.agent_mut(&new.principal.agent).put_approval(new);
                }
                Row::Approval(id, old)
            }
            Row::Review(id, new) => Row::Review(id, place(&mut self.reviews, id, new)),
            Row::Grant(id, new) => {
                let old = place(&mut self.grants, id, new.clone());
                if let Some(old) = &old {
                    self.agent_mut(&old.agent).take_grant(old);
                }
                if let Some(new) = new {
                    self.agent_mut(&new.agent.clone()).put_grant(new);
                }
                Row::Grant(id, old)
            }
            Row::Spend(key, call, new) => {
                let old = self.sums.put(&key, call, new);
                Row::Spend(key, call, old)
            }
            Row::Flight(id, new) => {
                let old = match new {
                    Some(new) => self.flights.insert(id, new),
                    None => self.flights.remove(&id),
                };
                Row::Flight(id, old)
            }
            Row::Rate(key, new) => {
                let old = match new {
                    Some(new) => self.rates.insert(Arc::clone(&key), new),
                    None => self.rates.remove(&key),
                };
                Row::Rate(key, old)
            }
            Row::Setting(name, new) => {
                let old = match new {
                    Some(new) => self.settings.insert(Arc::clone(&name), new),
                    None => self.settings.remove(&name),
                };
                Row::Setting(name, old)
            }
            Row::Pin(key, new) => {
                let old = place(&mut self.pins, key.clone(), new);
                Row::Pin(key, old)
            }
            Row::Segment(first, new) => Row::Segment(first, place(&mut self.segments, first, new)),
            Row::Reach(key, new) => {
                let past = self.past_mut(&key.who);
                let old = past.put_usage(&key.reach, key.privilege, new);
                Row::Reach(key, old)
            }
            Row::Value(key, new) => {
                let old = self.past_mut(&key.who).put_value(&key.place, key.mark, new);
                Row::Value(key, old)
            }
            Row::Day(key, new) => {
                let old = self.past_mut(&key.who).put_day(key.day, key.privilege, new);
                Row::Day(key, old)
            }
            Row::Climb(key, new) => {
                let climb = self.climbs.entry(key.session).or_default();
                let old = climb.put(&key.target, key.privilege, new);
                Row::Climb(key, old)
            }
            Row::Doubt(key, new) => {
                let old = self.doubts.put(&key, new);
                Row::Doubt(key, old)
            }
        }
    }

    /// Forgets what no decision asks for any more: matters that ended more than a day ago, but for grants with a use left. A session
    /// that an operator ended is never forgotten, because it refuses new ones.
    pub(super) fn tidy(&mut self, now: Timestamp) {
        let cutoff = now.before(REMEMBERED);
        let (agents, inboxes) = (&mut self.agents, &mut self.inboxes);
        let codes = &mut self.codes;
        self.approvals.retain(|_, one| {
            let lasts = last_moment(one).is_none_or(|moment| moment >= cutoff);
            if !lasts {
                inboxes.take(one);
                codes.take(one);
                if let Some(agent) = agents.get_mut(&one.principal.agent) {
                    agent.take_approval(one, false);
                }
            }
            lasts
        });
        self.grants.retain(|_, one| {
            // Where a clock is set back they end first, so none with a use left may be out of reach.
            let lasts = one.until >= cutoff || one.revoked.is_none() && one.used < one.uses;
            if !lasts && let Some(agent) = agents.get_mut(&one.agent) {
                agent.take_grant(one);
            }
            lasts
        });
        self.sessions.retain(|_, one| {
            one.seen >= cutoff
                || !matches!(
                    one.state,
                    SessionState::Ended(EndCause::Timeout | EndCause::Closed)
                )
        });
        let sessions = &self.sessions;
        self.climbs.retain(|id, _| sessions.contains_key(id));
        for past in self.agents.values_mut().flat_map(Agent::pasts_mut) {
            past.tidy(now);
        }
        self.sums.tidy(now.before(CLOCK_SET_BACK_LONGEST));
    }

    fn past_mut(&mut self, who: &Who) -> &mut past::Past {
        self.agent_mut(&who.agent).past_mut(&who.on_behalf_of)
    }

    fn agent_mut(&mut self, name: &AgentName) -> &mut Agent {
        self.agents.entry(name.clone()).or_default()
    }
}

/// How long ended matters are answered from memory.
pub(super) const REMEMBERED: Duration = Duration::from_secs(24 * 3_600);

fn has_ended(session: &Session) -> bool {
    matches!(session.state, SessionState::Ended(_))
}

/// When an approval ceases, or ceased, to matter; of one whose call is on its way, nobody knows.
fn last_moment(approval: &Approval) -> Option<Timestamp> {
    match &approval.state {
        ApprovalState::Executing { .. } => None,
        ApprovalState::Approved { redeem_by, .. } => Some(*redeem_by),
        ApprovalState::Denied { at, .. }
        | ApprovalState::Cancelled { at }
        | ApprovalState::Invalidated { at }
        | ApprovalState::Revoked { at } => Some(*at),
        ApprovalState::Held
        | ApprovalState::Expired
        | ApprovalState::Unredeemed
        | ApprovalState::Ended { .. } => Some(approval.decide_by),
    }
}

/// Sets or removes a value; the order of the others stays.
fn place<K: std::hash::Hash + Eq, V>(
    table: &mut IndexMap<K, V>,
    key: K,
    value: Option<V>,
) -> Option<V> {
    match value {
        Some(value) => table.insert(key, value),
        None => table.shift_remove(&key),
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("agents", &self.agents.len())
            .field("sessions", &self.sessions.len())
            .field("approvals", &self.approvals.len())
            .finish_non_exhaustive()
    }
}
