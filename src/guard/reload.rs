//! New scopes: offered whole, in force at once or once an operator accepts them, for the very next call.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::approvals::Ended;
use super::operate::OperateError;
use super::{Guard, entries};
use crate::audit::entry::EntryKind;
use crate::model::digest::Digest;
use crate::model::name::OperatorName;
use crate::model::time::Timestamp;
use crate::scopes::Scopes;
use crate::store::{Change, StoreError, Sync};

/// Who puts changed scopes into force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reload {
    /// An operator.
    Accept,
    /// The guard itself: for local work.
    Auto,
}

/// What became of scopes that were offered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Offered {
    /// They are those in force.
    Unchanged,
    /// They are in force now.
    InForce,
    /// They wait for an operator.
    Waiting(Digest),
}

impl Guard {
    /// Offers scopes that compiled.
    ///
    /// # Errors
    /// When the change could not be recorded; the old scopes then stay in force.
    pub async fn offer(&self, scopes: Scopes) -> Result<Offered, StoreError> {
        let digest = scopes.digest();
        if digest == self.scopes.load().digest() {
            *self.offered.lock() = None;
            return Ok(Offered::Unchanged);
        }
        match self.reload {
            Reload::Auto => {
                self.put_in_force(scopes, "reload: auto").await?;
                Ok(Offered::InForce)
            }
            Reload::Accept => {
                let known = self.offered.lock().as_ref().map(Scopes::digest);
                if known != Some(digest) {
                    let body = entries::scopes("offered", digest, "guard");
                    self.write(EntryKind::Scopes, body, Vec::new(), Sync::Synced)
                        .await?;
                    *self.offered.lock() = Some(scopes);
                }
                Ok(Offered::Waiting(digest))
            }
        }
    }

    /// Puts offered scopes into force; or those in force once more, so that their patterns cover what was
    /// accepted since.
    ///
    /// # Errors
    /// When no scopes of that digest are on offer or in force.
    pub async fn accept_scopes(
        &self,
        operator: &OperatorName,
        digest: Digest,
    ) -> Result<(), OperateError> {
        let is_it = |offered: &Scopes| offered.digest() == digest;
        let scopes = self.offered.lock().clone().filter(is_it);
        if let Some(scopes) = scopes {
            self.put_in_force(scopes, operator.as_str()).await?;
            // Only now: where it could not be recorded it can be accepted again.
            self.offered.lock().take_if(|offered| is_it(offered));
            return Ok(());
        }
        let scopes = self.scopes.load_full();
        if scopes.digest() != digest {
            return Err(OperateError::Missing);
        }
        let now = self.ambient.now();
        Ok(self
            .put_in_force_at(Scopes::clone(&scopes), operator.as_str(), now)
            .await?)
    }

    /// When the scopes in force were put into force.
    #[must_use]
    pub fn scopes_since(&self) -> Timestamp {
        Timestamp::from_millis(self.since.load(Ordering::SeqCst))
    }

    /// What is to be written of the scopes that the guard starts with.
    pub(super) async fn begin_scopes(&self) -> Result<Vec<Change>, StoreError> {
        let scopes = self.scopes.load_full();
        if scopes.agents().next().is_none() {
            return Ok(Vec::new());
        }
        let since = self.in_force_since(&scopes).await?;
        self.since.store(since.millis(), Ordering::SeqCst);
        Ok(settings(scopes.digest(), since))
    }

    /// The scopes in force.
    #[must_use]
    pub fn scopes(&self) -> Arc<Scopes> {
        self.scopes.load_full()
    }

    /// The digest of scopes that wait for an operator.
    #[must_use]
    pub fn offered(&self) -> Option<Digest> {
        self.offered.lock().as_ref().map(Scopes::digest)
    }

    async fn put_in_force(&self, scopes: Scopes, by: &str) -> Result<(), StoreError> {
        let since = self.in_force_since(&scopes).await?;
        self.put_in_force_at(scopes, by, since).await
    }

    async fn put_in_force_at(
        &self,
        scopes: Scopes,
        by: &str,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        let digest = scopes.digest();
        let body = entries::scopes("in-force", digest, by);
        self.write(
            EntryKind::Scopes,
            body,
            settings(digest, since),
            Sync::Synced,
        )
        .await?;
        self.scopes.store(Arc::new(scopes));
        self.since.store(since.millis(), Ordering::SeqCst);
        self.revoked_something();
        // They are in force all the same: what could not be accepted stays hidden, and no call matches
        // approvals of other manifests any more.
        if let Err(fault) = self.accept_locked().await {
            tracing::error!(%fault, "what locks accept could not be kept yet");
        }
        if let Err(fault) = self.invalidate_outdated().await {
            tracing::error!(%fault, "outdated approvals could not be ended yet");
        }
        Ok(())
    }

    /// When the scopes came into force: now, unless they are those that were in force last. A guard that
    /// starts again with them puts nothing into force that was not.
    async fn in_force_since(&self, scopes: &Scopes) -> Result<Timestamp, StoreError> {
        let now = self.ambient.now();
        if self.store.setting(ACCEPTED).await? != Some(scopes.digest().to_string()) {
            return Ok(now);
        }
        let since = self.store.setting(SINCE).await?;
        Ok(since
            .and_then(|text| Timestamp::parse(&text))
            .map_or(now, |since| since.min(now)))
    }

    /// Ends approvals whose manifest is not in force any more: what was approved would not be what runs.
    pub(super) async fn invalidate_outdated(&self) -> Result<(), StoreError> {
        let scopes = self.scopes.load_full();
        for approval in self.unended().await? {
            let scope = scopes.scope(&approval.principal.agent);
            if scope.is_none_or(|scope| scope.digest != approval.manifest) {
                self.end_approval(approval.id, |_| Some(Ended::Invalidated), Some("reload"))
                    .await?;
            }
        }
        Ok(())
    }
}

/// The setting that names the scopes last put into force.
const ACCEPTED: &str = "scopes accepted";
/// The setting that says when they were.
const SINCE: &str = "scopes in force since";

fn settings(digest: Digest, since: Timestamp) -> Vec<Change> {
    vec![
        Change::Setting(ACCEPTED.to_owned(), digest.to_string()),
        Change::Setting(SINCE.to_owned(), since.to_string()),
    ]
}
