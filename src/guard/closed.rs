//! Tools that persons refused so often that they are closed for an agent, until an operator reopens them.

use std::collections::BTreeSet;

use serde_json::Map;

use super::Guard;
use super::operate::OperateError;
use crate::audit::entry::EntryKind;
use crate::model::approval::Approval;
use crate::model::name::{AgentName, OperatorName};
use crate::model::target::Target;
use crate::store::{Ask, Change, StoreError, Sync, closed};

impl Guard {
    /// Lets an agent ask for a tool again that was closed for it, and use it again after a call whose
    /// outcome is unknown: earlier refusals, and what nobody knows, count no more.
    ///
    /// # Errors
    /// When the tool is open.
    pub async fn reopen_tool(
        &self,
        operator: &OperatorName,
        agent: &AgentName,
        target: &Target,
    ) -> Result<(), OperateError> {
        let name = closed::setting(agent, target);
        let is_closed = self.store.setting(&name).await?.as_deref() == Some(closed::CLOSED);
        let mut body = Map::new();
        body.insert("agent".into(), agent.as_str().into());
        body.insert("target".into(), target.to_string().into());
        body.insert("state".into(), "tool-reopened".into());
        body.insert("by".into(), operator.as_str().into());
        let reopen = || Change::Setting(name.clone(), closed::reopened(self.ambient.now()));
        let resolve = || Change::Resolve(agent.clone(), target.clone());
        let mut changes = vec![resolve()];
        changes.extend(is_closed.then(reopen));
        match self
            .write(EntryKind::Agent, body.clone(), changes, Sync::Synced)
            .await
        {
            // There was no doubt.
            Err(StoreError::Moved) if is_closed => {
                let changes = vec![reopen()];
                Ok(self
                    .write(EntryKind::Agent, body, changes, Sync::Synced)
                    .await?)
            }
            Err(StoreError::Moved) => Err(OperateError::Missing),
            written => Ok(written?),
        }
    }

    /// After a refusal: closes its tool for the agent, if that was the last of too many. The refusal
    /// stands whether or not this could be written; for an hour the refusals alone close it too.
    pub(super) async fn close_tool(&self, refused: &Approval) {
        if let Err(fault) = self.try_close(refused).await {
            tracing::error!(%fault, approval = %refused.id, "a tool could not be closed");
        }
    }

    async fn try_close(&self, refused: &Approval) -> Result<(), StoreError> {
        let (agent, target) = (&refused.principal.agent, &refused.target);
        let ask = Ask {
            agent,
            session: refused.session,
            target,
            arguments: &refused.arguments,
            aims: &refused.aims,
            key: refused.key,
            budgets: &[],
            lesson: None,
            after: &BTreeSet::new(),
            now: self.ambient.now(),
        };
        if !self.store.standing(&ask).await?.closed {
            return Ok(());
        }
        let mut body = Map::new();
        body.insert("agent".into(), agent.as_str().into());
        body.insert("target".into(), target.to_string().into());
        body.insert("state".into(), "tool-closed".into());
        body.insert("approval".into(), refused.id.to_string().into());
        let change = Change::Setting(closed::setting(agent, target), closed::CLOSED.to_owned());
        self.write(EntryKind::Agent, body, vec![change], Sync::Synced)
            .await
    }
}
