//! Ids of our own on everything that goes upstream, and the way back from them to the agent's.

use data_encoding::BASE32_DNSSEC;
use serde_json::{Map, Value};

use crate::ambient::Ambient;
use crate::mcp::dialect::{meta, method};
use crate::mcp::jsonrpc::{self, Id, Message, Notification};

/// What one request is called on both sides.
#[derive(Debug)]
pub(super) struct Asked {
    /// Our id.
    pub(super) id: String,
    /// The agent's id.
    pub(super) known_as: Option<Id>,
    /// The agent's progress token, where ours went upstream in its place.
    pub(super) token: Option<Value>,
}

impl Asked {
    /// Puts the agent's names in the places where a notification says ours.
    pub(super) fn readdress(&self, notification: &mut Notification) {
        let params = &mut notification.params;
        if let Some(token) = &self.token {
            self.replace(params.get_mut(meta::PROGRESS_TOKEN), token);
        }
        if let Some(known_as) = &self.known_as {
            let known_as = known_as.to_value();
            self.replace(params.get_mut("requestId"), &known_as);
            let inner = params.get_mut("_meta").and_then(Value::as_object_mut);
            self.replace(
                inner.and_then(|inner| inner.get_mut(meta::SUBSCRIPTION_ID)),
                &known_as,
            );
        }
    }

    /// Puts the agent's id where the result of a listening request says ours.
    pub(super) fn readdress_result(&self, result: &mut Value) {
        if let Some(known_as) = &self.known_as {
            self.replace(
                result
                    .get_mut("_meta")
                    .and_then(|inner| inner.get_mut(meta::SUBSCRIPTION_ID)),
                &known_as.to_value(),
            );
        }
    }

    fn replace(&self, slot: Option<&mut Value>, name: &Value) {
        if let Some(slot) = slot
            && slot.as_str() == Some(&self.id)
        {
            *slot = name.clone();
        }
    }
}

/// A new id: random, so that no upstream can guess another's.
pub(super) fn mint(ambient: &Ambient) -> String {
    format!("cs-{}", BASE32_DNSSEC.encode(&ambient.random::<16>()))
}

/// Our id in the place where a notification names the request it is about.
pub(super) fn addressee(notification: &Notification) -> Option<String> {
    let params = &notification.params;
    let slot = match notification.method.as_str() {
        method::PROGRESS => params.get(meta::PROGRESS_TOKEN),
        method::CANCELLED => params.get("requestId").filter(|id| is_ours(id)),
        _ => params
            .get("_meta")
            .and_then(|inner| inner.get(meta::SUBSCRIPTION_ID)),
    };
    slot.and_then(Value::as_str).map(str::to_owned)
}

/// The notification that nobody wants an answer any more.
pub(super) fn cancellation(id: &str, reason: &str) -> Vec<u8> {
    jsonrpc::render(&Message::Notification(Notification {
        method: method::CANCELLED.to_owned(),
        params: Map::from_iter([
            ("requestId".to_owned(), Value::from(id)),
            ("reason".to_owned(), Value::from(reason)),
        ]),
    }))
}

fn is_ours(id: &Value) -> bool {
    id.as_str().is_some_and(|id| id.starts_with("cs-"))
}
