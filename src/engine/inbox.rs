//! A group's inbox: what waits for its members, and how much of it may be of one agent.

use std::collections::BTreeMap;

use crate::limits::INBOX_OPEN_COUNT;
use crate::model::approval::Approval;
use crate::model::name::{AgentName, GroupName};

/// The first of the groups whose inbox has no room for one more request of the agent.
///
/// While an inbox has room anybody may use it. In a full one each agent that waits there, and one that
/// comes anew, has an equal share; whoever has less than that still gets in.
pub fn full<'a, 'g>(
    open: impl Iterator<Item = &'a Approval> + Clone,
    groups: &'g [GroupName],
    agent: &AgentName,
) -> Option<&'g GroupName> {
    groups.iter().find(|group| {
        let mut waiting: BTreeMap<&AgentName, usize> = BTreeMap::new();
        waiting.insert(agent, 0);
        for one in open.clone() {
            if one
                .rule
                .stages
                .iter()
                .any(|stage| stage.any_of.contains(group))
            {
                *waiting.entry(&one.principal.agent).or_default() += 1;
            }
        }
        let own = waiting.get(agent).copied().unwrap_or(0);
        let share = (INBOX_OPEN_COUNT / waiting.len()).max(1);
        waiting.values().sum::<usize>() >= INBOX_OPEN_COUNT && own >= share
    })
}
