//! Keys of the guard's own, changed one at a time, while it runs or while it does not.

use std::path::Path;
use std::time::Duration;

use aws_lc_rs::hmac;

use super::Guard;
use crate::ambient::Ambient;
use crate::audit::checkpoint::{SeedRefused, Signer};
use crate::audit::entry::EntryKind;
use crate::audit::rotation::Rotation;
use crate::limits::{DENIAL_MEMORY, LISTED_COUNT, SIGNED_PERMIT_LIFE};
use crate::model::approval::ApprovalState;
use crate::store::keys::{self, Heir, KeysError, Purpose};
use crate::store::{Change, StoreError, Sync};

/// Why a key was not changed, or not to its end: asked again, the guard goes on where it stood.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// Calls are compared with this key while the guard serves.
    #[error("calls are compared with this key: stop the guard, and ask again")]
    Serving,
    /// Somebody waits for what the old key finds.
    #[error(
        "{open} approvals are under way, {grants} grants are left and {refused} refusals are remembered, and only \
         the old key finds them: decide or revoke them, and ask again {} minutes after the last refusal",
        DENIAL_MEMORY.as_secs() / 60
    )]
    Needed {
        /// Approvals that are open, or approved and not used yet.
        open: usize,
        /// Grants that are not used up.
        grants: usize,
        /// Refusals that still answer the same call.
        refused: usize,
    },
    /// The files of keys could not be changed.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// What was drawn is no key.
    #[error(transparent)]
    Seed(#[from] SeedRefused),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keys that permits are sealed with: the one in force, and those before it for as long as a permit lives.
pub(super) struct PermitKeys {
    pub(super) current: hmac::Key,
    earlier: Vec<(hmac::Key, Duration)>,
}

impl PermitKeys {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        Self {
            current: hmac::Key::new(hmac::HMAC_SHA256, secret),
            earlier: Vec::new(),
        }
    }

    /// Every key that a permit of now may be sealed with.
    pub(super) fn at(&self, now: Duration) -> impl Iterator<Item = &hmac::Key> {
        let earlier = self.earlier.iter().filter(move |(_, until)| now < *until);
        std::iter::once(&self.current).chain(earlier.map(|(key, _)| key))
    }

    fn followed_by(&self, secret: &[u8; 32], now: Duration) -> Self {
        let until = now.saturating_add(SIGNED_PERMIT_LIFE);
        let earlier = self.earlier.iter().filter(|(_, until)| now < *until);
        let last = std::iter::once((self.current.clone(), until));
        Self {
            earlier: earlier.cloned().chain(last).collect(),
            ..Self::new(secret)
        }
    }
}

impl Guard {
    /// Draws a new key for a purpose, records that it is in force, and puts its file into place; gives its
    /// name. `serves` says whether calls may come meanwhile.
    ///
    /// # Errors
    /// [`RotateError`].
    pub async fn rotate_key(
        &self,
        by: &str,
        data: &Path,
        purpose: Purpose,
        serves: bool,
    ) -> Result<String, RotateError> {
        let _turn = self.rotating.lock().await;
        if purpose == Purpose::Match {
            self.refuse_needed(serves).await?;
        }
        let heir = drawn(data, purpose, &self.ambient).await?;
        self.record_heir(by, &heir).await?;
        self.take_up(&heir);
        let (id, data) = (heir.id().to_owned(), data.to_owned());
        blocking(move || keys::succeed(&data, &heir)).await?;
        Ok(id)
    }

    /// What the old key alone finds must not be waited for.
    async fn refuse_needed(&self, serves: bool) -> Result<(), RotateError> {
        if serves {
            return Err(RotateError::Serving);
        }
        let now = self.ambient.now();
        let open = self.store.approvals(Some(now), LISTED_COUNT).await?.len();
        let grants = self.store.grants(LISTED_COUNT).await?;
        let grants = grants.iter().filter(|grant| grant.is_live(now)).count();
        let all = self.store.approvals(None, LISTED_COUNT).await?;
        let is_remembered = |state: &ApprovalState| match state {
            ApprovalState::Denied { at, .. } => at.after(DENIAL_MEMORY) > now,
            _ => false,
        };
        let refused = all.iter().filter(|one| is_remembered(&one.state)).count();
        match (open, grants, refused) {
            (0, 0, 0) => Ok(()),
            (open, grants, refused) => Err(RotateError::Needed {
                open,
                grants,
                refused,
            }),
        }
    }

    /// Records the change, unless an earlier try did.
    async fn record_heir(&self, by: &str, heir: &Heir) -> Result<(), RotateError> {
        let purpose = heir.purpose();
        let setting = purpose.setting();
        if self.store.setting(&setting).await?.as_deref() == Some(heir.id()) {
            return Ok(());
        }
        let mut changes = vec![Change::Setting(setting, heir.id().to_owned())];
        if purpose == Purpose::Checkpoint {
            changes.push(Change::RotateSigner(Signer::from_seed(heir.secret())?));
        }
        let body = Rotation::body(by, purpose.name(), heir.id());
        Ok(self
            .write(EntryKind::Guard, body, changes, Sync::Synced)
            .await?)
    }

    /// Uses the new key from now on; the store has taken up one that signs heads by itself.
    fn take_up(&self, heir: &Heir) {
        match heir.purpose() {
            Purpose::Permit => {
                let keys = self.permit_keys.load();
                let now = self.ambient.monotonic();
                self.permit_keys
                    .store(keys.followed_by(heir.secret(), now).into());
            }
            Purpose::Code => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, heir.secret());
                self.code_key.store(key.into());
            }
            // Nothing is served, so nothing compares calls before the next start.
            Purpose::Checkpoint | Purpose::Match => {}
        }
    }
}

async fn drawn(data: &Path, purpose: Purpose, ambient: &Ambient) -> Result<Heir, RotateError> {
    let (data, ambient) = (data.to_owned(), ambient.clone());
    blocking(move || keys::draw(&data, purpose, &ambient)).await
}

/// Files are synced, which takes its time.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeysError> + Send + 'static,
) -> Result<T, RotateError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|fault| StoreError::Unavailable(fault.to_string()))?;
    Ok(done?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_old_key_sealed_is_opened_for_as_long_as_a_permit_lives_and_no_longer() {
        let at = Duration::from_secs;
        let keys = PermitKeys::new(&[1; 32]);
        assert_eq!(keys.at(at(0)).count(), 1);
        let keys = keys.followed_by(&[2; 32], at(100));
        let keys = keys.followed_by(&[3; 32], at(105));
        let life = SIGNED_PERMIT_LIFE.as_secs();
        assert_eq!(keys.at(at(105)).count(), 3);
        assert_eq!(keys.at(at(100 + life)).count(), 2);
        assert_eq!(keys.at(at(105 + life)).count(), 1);
        let keys = keys.followed_by(&[4; 32], at(1_000));
        assert_eq!(keys.earlier.len(), 1, "what is over is forgotten");
    }
}
