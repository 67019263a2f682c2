//! Listings: what servers present, and what agents may see of it.

use super::Guard;
use super::approvals::Ended;
use super::catalog::Catalog;
use super::presented::Presented;
use crate::audit::entry::EntryKind;
use crate::model::name::{AgentName, ServerName};
use crate::scopes::Client;
use crate::store::StoreError;

impl Guard {
    /// Takes in what a server presents, and pins what was never seen before. Approvals of a tool whose
    /// definition changed end as invalidated: what was approved is not what would run.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn present(
        &self,
        server: &ServerName,
        presented: &Presented,
    ) -> Result<(), StoreError> {
        let taken = self.catalog.present(server, presented);
        for sentence in &taken.dropped {
            tracing::warn!(%server, sentence, "a definition was left out");
        }
        if !taken.changed.is_empty() {
            // Before anything that may fail: permits for what is gone are already minted.
            self.revoked_something();
        }
        // From here on decisions see the new definitions as unaccepted, until their pins say otherwise.
        self.keep_presented(server, presented.pin(), &taken.definitions)
            .await?;
        if taken.changed.is_empty() {
            return Ok(());
        }
        let mut body = serde_json::Map::new();
        body.insert("server".into(), server.as_str().into());
        body.insert(
            "changed_tools".into(),
            taken.changed.iter().map(|name| &**name).collect(),
        );
        self.write(EntryKind::Guard, body, Vec::new(), self.reads)
            .await?;
        for approval in self.unended().await? {
            if approval.target.server == *server && taken.changed.contains(&approval.target.name) {
                self.end_approval(
                    approval.id,
                    |_| Some(Ended::Invalidated),
                    Some("changed tool"),
                )
                .await?;
            }
        }
        self.catalog.settle(server, &taken.changed);
        Ok(())
    }

    /// What the servers present.
    #[must_use]
    pub const fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// How that agent's client is answered while it waits.
    #[must_use]
    pub fn client(&self, agent: &AgentName) -> Client {
        self.scopes
            .load()
            .scope(agent)
            .map(|scope| scope.client)
            .unwrap_or_default()
    }
}
