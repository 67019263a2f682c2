//! A group's inbox: what waits for its members, and how much of it may be of one agent.

use crate::limits::INBOX_OPEN_COUNT;

/// How full an inbox is, as one agent finds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Load {
    /// Requests that wait.
    pub open: usize,
    /// Agents they are of.
    pub agents: usize,
    /// Requests of the agent that asks.
    pub own: usize,
}

impl Load {
    /// Whether there is no room for one more request of the agent.
    ///
    /// While an inbox has room anybody may use it. In a full one each agent that waits there, and one
    /// that comes anew, has an equal share; whoever has less than that still gets in.
    #[must_use]
    pub fn is_full(self) -> bool {
        let agents = self.agents + usize::from(self.own == 0);
        let share = (INBOX_OPEN_COUNT / agents.max(1)).max(1);
        self.open >= INBOX_OPEN_COUNT && self.own >= share
    }
}
