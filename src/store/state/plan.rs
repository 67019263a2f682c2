//! Whether a commit still fits, and which rows it would write.

use std::sync::Arc;

use super::row::Spent;
use super::{Row, Rows, State, has_ended};
use crate::audit::chain::GENESIS;
use crate::audit::segment::Segment;
use crate::engine::facts::Spend;
use crate::model::approval::{Approval, ApprovalState};
use crate::model::credential::{Credential, CredentialKind, Operator};
use crate::model::grant::Grant;
use crate::model::id::{ApprovalId, CallId, CredentialId, GrantId, PermitId, SessionId};
use crate::model::name::{AgentName, OperatorName};
use crate::model::pin::Pin;
use crate::model::proof::Proof;
use crate::model::session::{AgentState, Session, SessionState};
use crate::model::taint::{Taint, TaintGrade};
use crate::model::time::Timestamp;
use crate::store::{Change, Expect, InFlight, Leg};

/// Something a commit relied on is no longer so.
#[derive(PartialEq, Eq, Debug)]
pub(in crate::store) struct Moved;

impl State {
    /// Checks a commit and takes it in, each change upon those before it; its rows join `rows`. What
    /// does not fit leaves nothing behind.
    pub(in crate::store) fn commit(
        &mut self,
        expects: Option<&Expect>,
        changes: &[Change],
        rows: &mut Rows,
    ) -> Result<(), Moved> {
        if let Some(expect) = expects
            && self.revision(&expect.agent) != expect.revision
        {
            return Err(Moved);
        }
        let mut planned = Vec::with_capacity(changes.len() * 2);
        let mut undo = Vec::with_capacity(changes.len() * 2);
        for change in changes {
            let begun = planned.len();
            if self.plan(change, &mut planned).is_err() {
                for row in undo.into_iter().rev() {
                    self.put(row);
                }
                return Err(Moved);
            }
            for row in planned.iter().skip(begun) {
                undo.push(self.put(row.clone()));
            }
        }
        for row in planned {
            rows.push(row);
        }
        Ok(())
    }

    /// Counts the agent's changes that a decision depends on.
    pub(in crate::store) fn revision(&self, agent: &AgentName) -> u64 {
        self.agents
            .get(agent)
            .and_then(|agent| agent.row())
            .unwrap_or_default()
            .revision
    }

    fn plan(&self, change: &Change, rows: &mut Vec<Row>) -> Result<(), Moved> {
        match change {
            Change::SetAgent(agent, state) => {
                self.moves(agent, Some(*state), rows);
                Ok(())
            }
            Change::AddCredential(credential) => self.add_credential(credential, rows),
            Change::RevokeCredential(id, at) => self.revoke_credential(*id, *at, rows),
            Change::SetOperator(operator) => self.set_operator(operator, rows),
            Change::RevokeOperator(name, at) => self.revoke_operator(name, *at, rows),
            Change::SetDelegation(delegation) => self.set_delegation(delegation, rows),
            Change::SetProof(proof) => self.set_proof(proof, rows),
            Change::OpenSession(session) => self.open_session(session, rows),
            Change::SeenSession(id, at) => self.seen_session(*id, *at, rows),
            Change::SetSession(id, state) => self.set_session(*id, *state, rows),
            Change::Taint(id, taint) => self.taint(*id, taint, rows),
            Change::OpenApproval(approval) => self.open_approval(approval, rows),
            Change::SetApproval { id, version, state } => {
                self.set_approval(*id, *version, state, rows)
            }
            Change::Vote {
                id,
                version,
                ballot,
                state,
            } => self.vote(*id, *version, ballot, state, rows),
            Change::Unvote {
                id,
                version,
                stage,
                person,
            } => self.unvote(*id, *version, *stage, person, rows),
            Change::BreakGlass {
                version,
                state,
                review,
            } => self.break_glass(*version, state, review, rows),
            Change::CloseReview(review) => self.close_review(review, rows),
            Change::AddGrant(grant) => self.add_grant(grant, rows),
            Change::UseGrant(id, at) => self.use_grant(*id, *at, rows),
            Change::RevokeGrant(id, at) => self.revoke_grant(*id, *at, rows),
            Change::Spend(call, spend) => self.spend(*call, spend, rows),
            Change::Release(call) => {
                rows.extend(self.sums.of(*call).map(|key| Row::Spend(key, *call, None)));
                Ok(())
            }
            Change::Start(flight) => self.start(flight, rows),
            Change::Redeem {
                call,
                permit,
                by,
                at,
                of,
            } => {
                let leg = Leg::Redeemed {
                    by: *by,
                    at: *at,
                    of: *of,
                };
                self.redeem(*call, *permit, *at, leg, rows)
            }
            Change::Lapse(call, at) => self.lapse(*call, *at),
            Change::End(call, outcome) => self.end(*call, *outcome, rows),
            Change::Resolve(agent, target) => self.resolve(agent, target, rows),
            Change::Learn(lesson, at) => {
                self.learn(lesson, *at, rows);
                Ok(())
            }
            Change::MoveClock(millis) => {
                self.move_clock(*millis, rows);
                Ok(())
            }
            Change::Rate(key, cell) => {
                rows.push(Row::Rate(Arc::from(key.as_str()), Some(*cell)));
                Ok(())
            }
            Change::Setting(name, value) => {
                let value = Arc::from(value.as_str());
                rows.push(Row::Setting(Arc::from(name.as_str()), Some(value)));
                Ok(())
            }
            Change::Prune(segment) => self.prune(segment, rows),
            // No decision depends on who signs.
            Change::RotateSigner(_) => Ok(()),
            Change::SetPin(pin) => self.set_pin(pin, rows),
        }
    }

    /// The agent's revision counts one more, and its state may change.
    pub(super) fn moves(&self, agent: &AgentName, state: Option<AgentState>, rows: &mut Vec<Row>) {
        let mut row = self
            .agents
            .get(agent)
            .and_then(|agent| agent.row())
            .unwrap_or_default();
        row.revision = row.revision.saturating_add(1);
        if let Some(state) = state {
            row.state = state;
        }
        rows.push(Row::Agent(agent.clone(), Some(row)));
    }

    fn add_credential(&self, credential: &Credential, rows: &mut Vec<Row>) -> Result<(), Moved> {
        let taken = |secret| self.credentials_by_secret.contains_key(secret);
        if self.credentials.contains_key(&credential.id)
            || credential.secret.as_ref().is_some_and(taken)
        {
            return Err(Moved);
        }
        let known = self
            .agents
            .get(&credential.agent)
            .and_then(|agent| agent.row());
        // An enforcement point is no agent.
        if known.is_none() && credential.kind != CredentialKind::Pep {
            rows.push(Row::Agent(
                credential.agent.clone(),
                Some(known.unwrap_or_default()),
            ));
        }
        let row = Row::Credential(credential.id, Some(Arc::new(credential.clone())));
        rows.push(row);
        Ok(())
    }

    fn revoke_credential(
        &self,
        id: CredentialId,
        at: Timestamp,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        let credential = self.credentials.get(&id).ok_or(Moved)?;
        if credential.revoked.is_some() {
            return Err(Moved);
        }
        let mut revoked = Credential::clone(credential);
        revoked.revoked = Some(at);
        rows.push(Row::Credential(id, Some(Arc::new(revoked))));
        Ok(())
    }

    fn set_operator(&self, operator: &Operator, rows: &mut Vec<Row>) -> Result<(), Moved> {
        let row = Row::Operator(operator.name.clone(), Some(Arc::new(operator.clone())));
        rows.push(row);
        Ok(())
    }

    fn set_proof(&self, proof: &Proof, rows: &mut Vec<Row>) -> Result<(), Moved> {
        let before = self.proofs.get(&proof.key);
        let version = before.map_or(0, |known| known.version);
        let is_whose = before.is_none_or(|known| known.operator == proof.operator);
        let operator = self.operators.get(&proof.operator).ok_or(Moved)?;
        if version.checked_add(1) != Some(proof.version) || !is_whose || operator.revoked.is_some()
        {
            return Err(Moved);
        }
        rows.push(Row::Proof(proof.key, Some(Arc::new(proof.clone()))));
        Ok(())
    }

    fn revoke_operator(
        &self,
        name: &OperatorName,
        at: Timestamp,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        let operator = self.operators.get(name).ok_or(Moved)?;
        if operator.revoked.is_some() {
            return Err(Moved);
        }
        let mut revoked = Operator::clone(operator);
        revoked.revoked = Some(at);
        rows.push(Row::Operator(name.clone(), Some(Arc::new(revoked))));
        self.end_delegations(name, at, rows);
        // A namesake who comes later inherits nothing.
        let own = self.proofs.values().filter(|one| one.operator == *name);
        for proof in own.filter(|one| one.ended.is_none()) {
            let mut ended = Proof::clone(proof);
            ended.ended = Some(at);
            ended.version = ended.version.checked_add(1).ok_or(Moved)?;
            rows.push(Row::Proof(ended.key, Some(Arc::new(ended))));
        }
        Ok(())
    }

    fn open_session(&self, session: &Session, rows: &mut Vec<Row>) -> Result<(), Moved> {
        if self.sessions.contains_key(&session.id) {
            return Err(Moved);
        }
        self.moves(&session.principal.agent, None, rows);
        rows.push(Row::Session(session.id, Some(Arc::new(session.clone()))));
        Ok(())
    }

    fn seen_session(&self, id: SessionId, at: Timestamp, rows: &mut Vec<Row>) -> Result<(), Moved> {
        let session = self.sessions.get(&id).ok_or(Moved)?;
        if session.seen < at {
            let mut seen = Session::clone(session);
            seen.seen = at;
            rows.push(Row::Session(id, Some(Arc::new(seen))));
        }
        Ok(())
    }

    fn set_session(
        &self,
        id: SessionId,
        state: SessionState,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        let session = self.sessions.get(&id).ok_or(Moved)?;
        if matches!(session.state, SessionState::Ended(_)) {
            return Err(Moved);
        }
        let mut set = Session::clone(session);
        set.state = state;
        self.moves(&set.principal.agent, None, rows);
        rows.push(Row::Session(id, Some(Arc::new(set))));
        Ok(())
    }

    /// What is decided of a tainted session depends on it, so that moves the revision.
    fn taint(&self, id: SessionId, taint: &Taint, rows: &mut Vec<Row>) -> Result<(), Moved> {
        let session = self.sessions.get(&id).ok_or(Moved)?;
        if has_ended(session) {
            return Err(Moved);
        }
        if taint.adds_to(session.taint.as_ref()) {
            let mut tainted = Session::clone(session);
            tainted.taint = Some(taint.clone());
            if taint.grade == TaintGrade::Untrusted {
                self.moves(&tainted.principal.agent, None, rows);
            }
            rows.push(Row::Session(id, Some(Arc::new(tainted))));
        }
        Ok(())
    }

    fn open_approval(&self, approval: &Approval, rows: &mut Vec<Row>) -> Result<(), Moved> {
        let agent = &approval.principal.agent;
        let is_open = self
            .agents
            .get(agent)
            .is_some_and(|agent| agent.is_open(approval.session, approval.key, approval.opened));
        if is_open || self.approvals.contains_key(&approval.id) {
            return Err(Moved);
        }
        // Two people who compare codes must not compare those of two requests. Whoever tries again
        // draws another.
        if self.codes.has(&approval.code, approval.opened) {
            return Err(Moved);
        }
        if self
            .crowded(&approval.rule.groups(), agent, approval.opened)
            .is_some()
        {
            return Err(Moved);
        }
        self.moves(agent, None, rows);
        rows.push(Row::Approval(approval.id, Some(Arc::new(approval.clone()))));
        Ok(())
    }

    fn set_approval(
        &self,
        id: ApprovalId,
        version: u32,
        state: &ApprovalState,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        let mut set = self.next_version(id, version)?;
        set.state = state.clone();
        self.moves(&set.principal.agent, None, rows);
        rows.push(Row::Approval(id, Some(Arc::new(set))));
        Ok(())
    }

    fn add_grant(&self, grant: &Grant, rows: &mut Vec<Row>) -> Result<(), Moved> {
        if self.grants.contains_key(&grant.id) {
            return Err(Moved);
        }
        self.moves(&grant.agent, None, rows);
        rows.push(Row::Grant(grant.id, Some(Arc::new(grant.clone()))));
        Ok(())
    }

    fn use_grant(&self, id: GrantId, at: Timestamp, rows: &mut Vec<Row>) -> Result<(), Moved> {
        let grant = self.grants.get(&id).ok_or(Moved)?;
        if !grant.is_live(at) {
            return Err(Moved);
        }
        let mut used = Grant::clone(grant);
        used.used = used.used.checked_add(1).ok_or(Moved)?;
        self.moves(&used.agent, None, rows);
        rows.push(Row::Grant(id, Some(Arc::new(used))));
        Ok(())
    }

    fn revoke_grant(&self, id: GrantId, at: Timestamp, rows: &mut Vec<Row>) -> Result<(), Moved> {
        let grant = self.grants.get(&id).ok_or(Moved)?;
        if grant.revoked.is_some() {
            return Err(Moved);
        }
        let mut revoked = Grant::clone(grant);
        revoked.revoked = Some(at);
        self.moves(&revoked.agent, None, rows);
        rows.push(Row::Grant(id, Some(Arc::new(revoked))));
        Ok(())
    }

    fn spend(&self, call: CallId, spend: &Spend, rows: &mut Vec<Row>) -> Result<(), Moved> {
        let ask = &spend.ask;
        // Two rules may sum the same pointer over different windows: the call then counts once, and
        // the line is kept for the longer of them.
        let counted = self.sums.spent(&ask.key, call);
        let mut sum = self.sums.within(&ask.key, ask.window, spend.at);
        if counted.is_none() {
            sum = sum.plus(&spend.amount);
        }
        let differs = counted.is_some_and(|counted| counted.amount != spend.amount);
        if differs || spend.amount.is_negative() || sum > spend.limit {
            return Err(Moved);
        }
        let until = spend.at.after(ask.window);
        let spent = Spent {
            at: counted.map_or(spend.at, |counted| counted.at),
            amount: spend.amount.clone(),
            until: counted.map_or(until, |counted| counted.until.max(until)),
        };
        rows.push(Row::Spend(Arc::new(ask.key.clone()), call, Some(spent)));
        Ok(())
    }

    fn prune(&self, segment: &Segment, rows: &mut Vec<Row>) -> Result<(), Moved> {
        let before = self.segments.last();
        let (sealed, hash) = before.map_or((0, GENESIS), |(_, one)| (one.last, one.hash));
        let follows = segment.first == sealed.saturating_add(1) && segment.previous == hash;
        if !follows || segment.last < segment.first {
            return Err(Moved);
        }
        rows.push(Row::Segment(segment.first, Some(Arc::new(segment.clone()))));
        Ok(())
    }

    fn set_pin(&self, pin: &Pin, rows: &mut Vec<Row>) -> Result<(), Moved> {
        let before = self.pins.get(&pin.key).map_or(0, |known| known.version);
        if before.checked_add(1) != Some(pin.version) {
            return Err(Moved);
        }
        rows.push(Row::Pin(pin.key.clone(), Some(Arc::new(pin.clone()))));
        Ok(())
    }

    fn start(&self, flight: &InFlight, rows: &mut Vec<Row>) -> Result<(), Moved> {
        if self.flights.contains_key(&flight.call) {
            return Err(Moved);
        }
        rows.push(Row::Flight(flight.call, Some(Arc::new(flight.clone()))));
        Ok(())
    }

    /// Both ends of a redemption are looked at in the one place that writes: nothing that was revoked
    /// before it is redeemed, and nothing is redeemed twice.
    fn redeem(
        &self,
        call: CallId,
        permit: PermitId,
        at: Timestamp,
        leg: Leg,
        rows: &mut Vec<Row>,
    ) -> Result<(), Moved> {
        let flight = self.flights.get(&call).ok_or(Moved)?;
        let session = self.sessions.get(&flight.session).ok_or(Moved)?;
        let agent = self.agents.get(&flight.agent).and_then(|agent| agent.row());
        let credential = self.credentials.get(&session.principal.credential);
        let is_good = |until: Timestamp| {
            at < until
                && session.state == SessionState::Active
                && agent.unwrap_or_default().state == AgentState::Running
                && credential.is_some_and(|one| one.revoked.is_none())
        };
        match flight.leg {
            Leg::Signed {
                permit: signed,
                until,
            } if signed == permit && is_good(until) => {
                let mut redeemed = InFlight::clone(flight);
                redeemed.leg = leg;
                rows.push(Row::Flight(call, Some(Arc::new(redeemed))));
                Ok(())
            }
            _ => Err(Moved),
        }
    }

    fn lapse(&self, call: CallId, at: Timestamp) -> Result<(), Moved> {
        match self.flights.get(&call).ok_or(Moved)?.leg {
            Leg::Signed { until, .. } if until <= at => Ok(()),
            _ => Err(Moved),
        }
    }
}
