//! One issuer: its keys as last seen, looked at again when they age or lack a name, once a minute at most.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::fault::TokenFault;
use super::issuers::TokenType;
use super::key::Key;
use super::keys::KeySet;
use super::source::KeySource;
use crate::ambient::Ambient;
use crate::limits::{JWKS_FRESH, JWKS_REFRESH_INTERVAL, JWKS_STALE_LONGEST};

/// An issuer of the configuration.
pub(super) struct Issuer {
    name: String,
    pub(super) typ: TokenType,
    source: KeySource,
    seen: Mutex<Seen>,
    /// Held by whoever looks at the keys: those that come meanwhile use what is there, or wait for it.
    looking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Seen {
    keys: Option<(Arc<KeySet>, Duration)>,
    looked: Option<Duration>,
}

impl Issuer {
    pub(super) fn new(name: String, typ: TokenType, source: KeySource) -> Self {
        Self {
            name,
            typ,
            source,
            seen: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
        }
    }

    /// The issuer's key of that name.
    pub(super) async fn key(&self, name: &str, ambient: &Ambient) -> Result<Arc<Key>, TokenFault> {
        if let Some(key) = self.known(name, JWKS_FRESH, ambient) {
            return Ok(key);
        }
        match self.known(name, JWKS_STALE_LONGEST, ambient) {
            // It will do while somebody else looks.
            Some(_) => {
                if let Ok(_turn) = self.looking.try_lock() {
                    self.look(ambient).await;
                }
            }
            None => {
                let _turn = self.looking.lock().await;
                if self.known(name, JWKS_FRESH, ambient).is_none() {
                    self.look(ambient).await;
                }
            }
        }
        let is_usable = self.keys(JWKS_STALE_LONGEST, ambient).is_some();
        self.known(name, JWKS_STALE_LONGEST, ambient)
            .ok_or(match is_usable {
                true => TokenFault::Key,
                false => TokenFault::KeysUnavailable,
            })
    }

    fn known(&self, name: &str, longest: Duration, ambient: &Ambient) -> Option<Arc<Key>> {
        self.keys(longest, ambient)?.find(name)
    }

    /// The keys, if they are not older than that.
    fn keys(&self, longest: Duration, ambient: &Ambient) -> Option<Arc<KeySet>> {
        let seen = self.seen.lock();
        let (keys, at) = seen.keys.as_ref()?;
        (ambient.monotonic().saturating_sub(*at) <= longest).then(|| Arc::clone(keys))
    }

    /// Looks at the keys, unless somebody did within the last minute; what is not acceptable leaves
    /// those that are known.
    async fn look(&self, ambient: &Ambient) {
        let now = ambient.monotonic();
        {
            let mut seen = self.seen.lock();
            let is_early = seen
                .looked
                .is_some_and(|at| now.saturating_sub(at) < JWKS_REFRESH_INTERVAL);
            if is_early {
                return;
            }
            seen.looked = Some(now);
        }
        let text = match self.source.read().await {
            Ok(text) => text,
            Err(fault) => {
                let source = std::error::Error::source(&fault).map(ToString::to_string);
                tracing::warn!(%fault, ?source, issuer = %self.name, "an issuer's keys could not be read");
                return;
            }
        };
        match KeySet::parse(&text) {
            Ok(keys) => self.seen.lock().keys = Some((Arc::new(keys), now)),
            Err(fault) => {
                tracing::warn!(%fault, issuer = %self.name, "an issuer's keys are not acceptable");
            }
        }
    }
}
