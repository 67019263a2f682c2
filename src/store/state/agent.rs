//! One agent: its row, and where its approvals and grants are found.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::past::Past;
use super::row::AgentRow;
use crate::model::action::MatchKey;
use crate::model::aim::Aims;
use crate::model::approval::{Approval, ApprovalState};
use crate::model::grant::Grant;
use crate::model::id::{ApprovalId, SessionId};
use crate::model::name::UserName;
use crate::model::target::Target;
use crate::model::time::Timestamp;

/// An agent, known once it has a row.
#[derive(Default)]
pub(super) struct Agent {
    row: Option<AgentRow>,
    /// Approvals for one call of one session, in the order they were opened.
    calls: HashMap<(SessionId, MatchKey), Vec<Arc<Approval>>>,
    /// Approvals a person has not decided, over or not.
    held: BTreeMap<ApprovalId, Arc<Approval>>,
    /// Every approval by the time it was opened.
    opened: BTreeSet<(Timestamp, ApprovalId)>,
    /// Refusals by a person, by their time.
    refused: BTreeMap<(Timestamp, ApprovalId), Arc<Approval>>,
    grants: HashMap<(SessionId, MatchKey), Vec<Arc<Grant>>>,
    /// Those of them that are for other calls of their session too.
    patterns: HashMap<SessionId, Vec<Arc<Grant>>>,
    /// What it did for each user, and for nobody.
    pasts: HashMap<Option<UserName>, Past>,
}

impl Agent {
    pub(super) const fn row(&self) -> Option<AgentRow> {
        self.row
    }

    pub(super) fn set_row(&mut self, row: Option<AgentRow>) -> Option<AgentRow> {
        std::mem::replace(&mut self.row, row)
    }

    pub(super) fn past(&self, on_behalf_of: &Option<UserName>) -> Option<&Past> {
        self.pasts.get(on_behalf_of)
    }

    pub(super) fn past_mut(&mut self, on_behalf_of: &Option<UserName>) -> &mut Past {
        self.pasts.entry(on_behalf_of.clone()).or_default()
    }

    pub(super) fn pasts_mut(&mut self) -> impl Iterator<Item = &mut Past> {
        self.pasts.values_mut()
    }

    pub(super) fn pasts(&self) -> impl ExactSizeIterator<Item = (&Option<UserName>, &Past)> {
        self.pasts.iter()
    }

    pub(super) fn put_approval(&mut self, approval: &Arc<Approval>) {
        let calls = self
            .calls
            .entry((approval.session, approval.key))
            .or_default();
        match calls.iter_mut().find(|one| one.id == approval.id) {
            Some(place) => *place = Arc::clone(approval),
            None => calls.push(Arc::clone(approval)),
        }
        self.opened.insert((approval.opened, approval.id));
        match &approval.state {
            ApprovalState::Held => {
                self.held.insert(approval.id, Arc::clone(approval));
            }
            ApprovalState::Denied { at, .. } => {
                self.refused
                    .insert((*at, approval.id), Arc::clone(approval));
            }
            _ => {}
        }
    }

    /// Takes an approval out of everything; if `again`, a new value of it follows, which keeps its
    /// place among the others of its call.
    pub(super) fn take_approval(&mut self, approval: &Approval, again: bool) {
        self.held.remove(&approval.id);
        self.opened.remove(&(approval.opened, approval.id));
        if let ApprovalState::Denied { at, .. } = &approval.state {
            self.refused.remove(&(*at, approval.id));
        }
        if again {
            return;
        }
        let call = (approval.session, approval.key);
        if let Some(calls) = self.calls.get_mut(&call) {
            calls.retain(|one| one.id != approval.id);
            if calls.is_empty() {
                self.calls.remove(&call);
            }
        }
    }

    pub(super) fn put_grant(&mut self, grant: Arc<Grant>) {
        if grant.pattern.is_some() {
            let patterns = self.patterns.entry(grant.session).or_default();
            patterns.push(Arc::clone(&grant));
        }
        self.grants
            .entry((grant.session, grant.key))
            .or_default()
            .push(grant);
    }

    pub(super) fn take_grant(&mut self, grant: &Grant) {
        if let Some(patterns) = self.patterns.get_mut(&grant.session) {
            patterns.retain(|one| one.id != grant.id);
            if patterns.is_empty() {
                self.patterns.remove(&grant.session);
            }
        }
        let call = (grant.session, grant.key);
        if let Some(grants) = self.grants.get_mut(&call) {
            grants.retain(|one| one.id != grant.id);
            if grants.is_empty() {
                self.grants.remove(&call);
            }
        }
    }

    /// The newest approval of a call.
    pub(super) fn newest(&self, session: SessionId, key: MatchKey) -> Option<&Arc<Approval>> {
        self.calls.get(&(session, key))?.last()
    }

    /// Whether any approval of a call is open at `now`.
    pub(super) fn is_open(&self, session: SessionId, key: MatchKey, now: Timestamp) -> bool {
        self.calls
            .get(&(session, key))
            .is_some_and(|calls| calls.iter().any(|one| one.is_open(now)))
    }

    /// A grant of a call that is live at `now`.
    pub(super) fn grant(
        &self,
        session: SessionId,
        key: MatchKey,
        now: Timestamp,
    ) -> Option<&Arc<Grant>> {
        self.grants
            .get(&(session, key))?
            .iter()
            .rev()
            .find(|one| one.is_live(now))
    }

    /// Grants for calls like an approved one that are live at `now`, newest first.
    pub(super) fn patterns(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> impl Iterator<Item = &Arc<Grant>> {
        let patterns = self.patterns.get(&session).into_iter().flatten();
        patterns.rev().filter(move |one| one.is_live(now))
    }

    /// The newest refusal of a target with these arguments, not older than `since`.
    pub(super) fn refused(
        &self,
        target: &Target,
        arguments: &[u8],
        since: Timestamp,
    ) -> Option<&Arc<Approval>> {
        self.refused
            .iter()
            .rev()
            .take_while(|((at, _), _)| *at >= since)
            .map(|(_, one)| one)
            .find(|one| one.target == *target && one.arguments == arguments)
    }

    /// The newest refusal of a call of a target for the same, not older than `since`.
    pub(super) fn refused_alike(
        &self,
        target: &Target,
        aims: &Aims,
        since: Timestamp,
    ) -> Option<&Arc<Approval>> {
        self.refused
            .iter()
            .rev()
            .take_while(|((at, _), _)| *at >= since)
            .map(|(_, one)| one)
            .find(|one| one.target == *target && one.aims.meet(aims))
    }

    /// How many calls of a target persons refused after `since`.
    pub(super) fn refusals(&self, target: &Target, since: Timestamp) -> usize {
        self.refused
            .iter()
            .rev()
            .take_while(|((at, _), _)| *at > since)
            .filter(|(_, one)| one.target == *target)
            .count()
    }

    /// Approvals that are open at `now`.
    pub(super) fn open(&self, now: Timestamp) -> impl Iterator<Item = &Arc<Approval>> + Clone {
        self.held.values().filter(move |one| one.is_open(now))
    }

    /// How many approvals were opened after `since`.
    pub(super) fn opened_after(&self, since: Timestamp) -> usize {
        self.opened_ids_after(since).count()
    }

    /// The approvals that were opened after `since`, newest first.
    pub(super) fn opened_ids_after(&self, since: Timestamp) -> impl Iterator<Item = &ApprovalId> {
        let newest = self.opened.iter().rev();
        newest
            .take_while(move |(at, _)| *at > since)
            .map(|(_, id)| id)
    }
}
