//! How things stand for one call.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::State;
use super::climb::Climb;
use crate::engine::facts::{Precedent, Standing};
use crate::limits::{DENIAL_MEMORY, HOLDS_WINDOW};
use crate::model::approval::Approval;
use crate::model::grant::Grant;
use crate::model::history::Lesson;
use crate::model::name::GroupName;
use crate::model::session::Session;
use crate::model::time::Timestamp;
use crate::store::Ask;

impl State {
    /// What a decision about one call depends on.
    pub(in crate::store) fn standing(&self, ask: &Ask<'_>) -> Standing {
        let now = ask.now;
        let agent = self.agents.get(ask.agent);
        let row = agent.and_then(|agent| agent.row()).unwrap_or_default();
        let mut open = 0;
        let mut covering = Vec::new();
        for held in agent.into_iter().flat_map(|agent| agent.open(now)) {
            open += 1;
            if held.covers_session && held.session == ask.session && held.key != ask.key {
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
            refused: agent
                .and_then(|agent| {
                    agent.refused(ask.target, ask.arguments, now.before(DENIAL_MEMORY))
                })
                .map(|approval| Approval::clone(approval)),
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
        }
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

    fn approvers(&self, now: Timestamp) -> Arc<BTreeSet<GroupName>> {
        match self.approvers.until {
            Some(until) if now < until => Arc::clone(&self.approvers.groups),
            _ => Arc::new(self.live_groups(now)),
        }
    }

    fn live_groups(&self, now: Timestamp) -> BTreeSet<GroupName> {
        self.operators
            .values()
            .filter(|operator| operator.revoked.is_none() && now < operator.expires)
            .flat_map(|operator| operator.groups.iter().cloned())
            .collect()
    }

    /// Works out the groups once for all decisions until an operator changes or a token ends.
    pub(in crate::store) fn settle_approvers(&mut self, now: Timestamp) {
        if self.approvers.until.is_some_and(|until| now < until) {
            return;
        }
        self.approvers.groups = Arc::new(self.live_groups(now));
        self.approvers.until = self
            .operators
            .values()
            .filter(|operator| operator.revoked.is_none() && now < operator.expires)
            .map(|operator| operator.expires)
            .min();
    }
}
