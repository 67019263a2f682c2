//! The keys an issuer publishes, by name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use serde_json::Value;

use super::key::Key;
use crate::limits::JWKS_KEYS_COUNT;
use crate::model::json::{self, JsonFault};

/// Why a set of keys was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeysFault {
    /// It is not JSON, or two readers could read it differently.
    #[error("the keys are not acceptable JSON")]
    Json(#[source] JsonFault),
    /// It is no set of keys.
    #[error("the document is no set of keys")]
    Form,
    /// It has more than [`JWKS_KEYS_COUNT`].
    #[error("the set has too many keys")]
    TooMany,
    /// None of them is of use.
    #[error("the set has no key that could verify a token")]
    Empty,
}

/// The keys of one issuer that verify tokens.
pub(super) struct KeySet(BTreeMap<String, Arc<Key>>);

impl KeySet {
    /// Reads a set of keys (RFC 7517, 5). Keys of no use here are left out; a name that two keys have is
    /// nobody's.
    pub(super) fn parse(text: &[u8]) -> Result<Self, KeysFault> {
        let document = json::parse(text).map_err(KeysFault::Json)?;
        let listed = document.get("keys").and_then(Value::as_array);
        let listed = listed.ok_or(KeysFault::Form)?;
        if listed.len() > JWKS_KEYS_COUNT {
            return Err(KeysFault::TooMany);
        }
        let mut keys: BTreeMap<String, Option<Arc<Key>>> = BTreeMap::new();
        for jwk in listed {
            let Some((name, key)) = jwk.as_object().and_then(Key::read) else {
                continue;
            };
            match keys.entry(name) {
                Entry::Vacant(place) => drop(place.insert(Some(Arc::new(key)))),
                Entry::Occupied(mut place) => drop(place.insert(None)),
            }
        }
        let keys: BTreeMap<_, _> = keys
            .into_iter()
            .filter_map(|(name, key)| Some((name, key?)))
            .collect();
        match keys.is_empty() {
            true => Err(KeysFault::Empty),
            false => Ok(Self(keys)),
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Key>> {
        self.0.get(name).cloned()
    }
}
