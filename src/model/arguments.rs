//! A call's arguments: parsed once, and the very bytes that go upstream.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::json::{self, JsonFault};

/// A JSON object in canonical form v1, with the value it spells.
///
/// The two never part: the value is what the rules judge, the bytes are what the upstream receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    value: Value,
    canonical: Bytes,
}

impl Arguments {
    /// No arguments: the empty object.
    #[must_use]
    pub fn none() -> Self {
        Self {
            value: Value::Object(Map::new()),
            canonical: Bytes::from_static(b"{}"),
        }
    }

    /// From an object that [`json::parse`] accepted.
    #[must_use]
    pub fn from_map(map: Map<String, Value>) -> Self {
        let value = Value::Object(map);
        let canonical = Bytes::from(json::canonical(&value));
        Self { value, canonical }
    }

    /// From the bytes of an object.
    ///
    /// # Errors
    /// Every fault of [`json::parse`], and [`JsonFault::NotAnObject`].
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonFault> {
        match json::parse(bytes)? {
            Value::Object(map) => Ok(Self::from_map(map)),
            _ => Err(JsonFault::NotAnObject),
        }
    }

    /// The object as a value; always [`Value::Object`].
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The canonical bytes.
    #[must_use]
    pub const fn canonical(&self) -> &Bytes {
        &self.canonical
    }
}
