//! Groups' inboxes: what waits in each, counted by agent, so that nobody has to look at all that waits.

use std::collections::{BTreeMap, HashMap};

use crate::engine::inbox::Load;
use crate::model::approval::{Approval, ApprovalState};
use crate::model::id::ApprovalId;
use crate::model::name::{AgentName, GroupName};
use crate::model::time::Timestamp;

/// Every inbox in which anything waits.
#[derive(Default)]
pub(super) struct Inboxes(HashMap<GroupName, Inbox>);

/// What nobody has decided, over or not.
#[derive(Default)]
struct Inbox {
    /// Each with its agent, by the moment at which its time is over.
    ends: BTreeMap<(Timestamp, ApprovalId), AgentName>,
    /// How many each agent has.
    agents: HashMap<AgentName, usize>,
}

impl Inboxes {
    /// Puts an approval into the inboxes of its groups, if it waits.
    pub(super) fn put(&mut self, approval: &Approval) {
        if approval.state != ApprovalState::Held {
            return;
        }
        for group in approval.rule.groups() {
            self.0.entry(group).or_default().put(approval);
        }
    }

    /// Takes an approval out of the inboxes of its groups, if it waits there.
    pub(super) fn take(&mut self, approval: &Approval) {
        for group in approval.rule.groups() {
            if let Some(inbox) = self.0.get_mut(&group) {
                inbox.take(approval);
                if inbox.ends.is_empty() {
                    self.0.remove(&group);
                }
            }
        }
    }

    /// What is open in a group's inbox, and how much of it is of one agent.
    pub(super) fn load(&self, group: &GroupName, agent: &AgentName, now: Timestamp) -> Load {
        self.0
            .get(group)
            .map_or_else(Load::default, |inbox| inbox.load(agent, now))
    }
}

impl Inbox {
    fn put(&mut self, approval: &Approval) {
        let agent = &approval.principal.agent;
        // A rule may name a group twice.
        let key = (approval.decide_by, approval.id);
        if self.ends.insert(key, agent.clone()).is_none() {
            *self.agents.entry(agent.clone()).or_default() += 1;
        }
    }

    fn take(&mut self, approval: &Approval) {
        let Some(agent) = self.ends.remove(&(approval.decide_by, approval.id)) else {
            return;
        };
        if let Some(count) = self.agents.get_mut(&agent) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.agents.remove(&agent);
            }
        }
    }

    fn load(&self, agent: &AgentName, now: Timestamp) -> Load {
        // Those whose time is over and of which nobody has written that down: few.
        let mut over: BTreeMap<&AgentName, usize> = BTreeMap::new();
        let ended = self.ends.iter().take_while(|((end, _), _)| *end <= now);
        for (_, name) in ended {
            *over.entry(name).or_default() += 1;
        }
        let all_over =
            |(name, count): &(&&AgentName, &usize)| self.agents.get(**name) == Some(*count);
        let of = |counts: Option<&usize>| counts.copied().unwrap_or(0);
        Load {
            open: self.ends.len().saturating_sub(over.values().sum()),
            agents: self
                .agents
                .len()
                .saturating_sub(over.iter().filter(all_over).count()),
            own: of(self.agents.get(agent)).saturating_sub(of(over.get(agent))),
        }
    }
}
