//! How things stand for one call.

use std::sync::Arc;

use super::State;
use super::climb::Climb;
use crate::engine::facts::{Patterned, Precedent, Standing};
use crate::limits::{
    DENIAL_MEMORY, DENIALS_CLOSE_COUNT, DENIALS_WINDOW, HOLDS_WINDOW, UNDECLARED_WINDOW,
};
use crate::model::approval::Approval;
use crate::model::approver::Approver;
use crate::model::grant::Grant;
use crate::model::history::Lesson;
use crate::model::name::OperatorName;
use crate::model::reason::Reason;
use crate::model::role::Right;
use crate::model::session::Session;
use crate::model::time::Timestamp;
use crate::store::{Ask, closed};

impl State {
    /// What a decision about one call depends on.
    pub(in crate::store) fn standing(&self, ask: &Ask<'_>) -> Standing {
        let now = ask.now;
        let agent = self.agents.get(ask.agent);
        let row = agent.and_then(|agent| agent.row()).unwrap_or_default();
        let mut open = 0;
        let mut covering = Vec::new();
        let session = self.sessions.get(&ask.session);
        for held in agent.into_iter().flat_map(|agent| agent.open(now)) {
            open += 1;
            let covers = held.session == ask.session
                || session.is_some_and(|session| was_opened_under(session, held));
            if held.covers_session && covers && held.key != ask.key {
                covering.push(held.id);
            }
        }
        Standing {
            revision: row.revision,
            agent: row.state,
            // Another agent's session is as good as none.
            session: self
                .sessions
                .get(&ask.session)
                .filter(|session| session.principal.agent == *ask.agent)
                .map(|session| Session::clone(session)),
            approval: agent
                .and_then(|agent| agent.newest(ask.session, ask.key))
                .map(|approval| Approval::clone(approval)),
            grant: agent
                .and_then(|agent| agent.grant(ask.session, ask.key, now))
                .map(|grant| Grant::clone(grant)),
            patterns: self.patterns(ask),
            refused: agent
                .and_then(|agent| {
                    agent.refused(ask.target, ask.arguments, now.before(DENIAL_MEMORY))
                })
                .map(|approval| Approval::clone(approval)),
            refused_alike: agent
                .and_then(|agent| {
                    agent.refused_alike(ask.target, ask.aims, now.before(DENIAL_MEMORY))
                })
                .cloned(),
            closed: self.is_closed(ask),
            undeclared: agent.map_or(0, |agent| {
                agent
                    .opened_ids_after(now.before(UNDECLARED_WINDOW))
                    .filter_map(|id| self.approvals.get(id))
                    .filter(|one| {
                        let mut reasons = one.reasons.iter();
                        reasons.any(|(reason, _)| *reason == Reason::Undeclared)
                    })
                    .count()
            }),
            covering,
            open,
            opened: agent.map_or(0, |agent| agent.opened_after(now.before(HOLDS_WINDOW))),
            spent: ask
                .budgets
                .iter()
                .map(|budget| self.sums.within(&budget.key, budget.window, now))
                .collect(),
            approvers: self.approvers(now),
            precedent: ask
                .lesson
                .map(|lesson| self.precedent(lesson, ask))
                .unwrap_or_default(),
            doubts: self.doubts(ask.agent, ask.target, &ask.aims.destinations),
        }
    }

    /// Grants of the session for calls of the same target; which of them is for this one, only the guard
    /// can tell.
    fn patterns(&self, ask: &Ask<'_>) -> Vec<Patterned> {
        let agent = self.agents.get(ask.agent).into_iter();
        let grants = agent.flat_map(|agent| agent.patterns(ask.session, ask.now));
        let patterned = grants.filter_map(|grant| {
            let approval = self.approvals.get(&grant.approval)?;
            let (grant, approval) = (Grant::clone(grant), Arc::clone(approval));
            Some(Patterned { grant, approval })
        });
        let own = patterned.filter(|one| one.approval.target == *ask.target);
        own.collect()
    }

    fn precedent(&self, lesson: &Lesson, ask: &Ask<'_>) -> Precedent {
        let agent = self.agents.get(&lesson.who.agent);
        let past = agent.and_then(|agent| agent.past(&lesson.who.on_behalf_of));
        let climb = self.climbs.get(&lesson.session);
        let mut precedent = match past {
            Some(past) => past.compare(lesson),
            None => Precedent::default(),
        };
        precedent.highest = climb.and_then(Climb::highest);
        precedent.done = climb
            .map(|climb| climb.done_of(ask.after))
            .unwrap_or_default();
        let seen = precedent.values.iter().all(|(_, known)| known.used);
        let new = !precedent.used || !seen || precedent.is_escalated_by(lesson.privilege);
        if new && let Some(past) = past {
            precedent.evidence = past.evidence(lesson, ask.now);
        }
        precedent
    }

    fn is_closed(&self, ask: &Ask<'_>) -> bool {
        let Some(agent) = self.agents.get(ask.agent) else {
            return false;
        };
        let value = self
            .settings
            .get(closed::setting(ask.agent, ask.target).as_str());
        let window = ask.now.before(DENIALS_WINDOW);
        let since = match value {
            Some(value) if **value == *closed::CLOSED => return true,
            Some(value) => closed::open_since(value).map_or(window, |open| open.max(window)),
            None => window,
        };
        agent.refusals(ask.target, since) >= DENIALS_CLOSE_COUNT
    }

    fn approvers(&self, now: Timestamp) -> Arc<[Approver]> {
        match self.approvers.until {
            Some(until) if now < until => Arc::clone(&self.approvers.people),
            _ => self.live_approvers(now),
        }
    }

    fn live_approvers(&self, now: Timestamp) -> Arc<[Approver]> {
        let can_decide = |operator: &OperatorName| {
            let mut own = self.proofs.values().filter(|one| one.operator == *operator);
            own.any(|one| one.is_live(now) && one.covers(Right::Decide))
        };
        self.operators
            .values()
            .filter(|operator| operator.may(Right::Decide) && can_decide(&operator.name))
            .map(|operator| Approver::from(&**operator))
            .collect()
    }

    /// Works them out once for all decisions until an operator, or what proves one, changes or ends.
    pub(in crate::store) fn settle_approvers(&mut self, now: Timestamp) {
        if self.approvers.until.is_some_and(|until| now < until) {
            return;
        }
        self.approvers.people = self.live_approvers(now);
        let live = self.proofs.values().filter(|one| one.is_live(now));
        let ends = live.map(|one| one.expires.unwrap_or(Timestamp::from_millis(i64::MAX)));
        self.approvers.until = ends.min();
    }
}

/// Whether a session was opened while an approval held another of the same credential: opening a session
/// is no way around its pause.
fn was_opened_under(session: &Session, held: &Approval) -> bool {
    held.principal.credential == session.principal.credential && held.opened <= session.opened
}
