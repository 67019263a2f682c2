//! Links the guard opens on its own account: one for each principal and upstream, bounded and aged.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::fault::LinkError;
use super::greeting::{Greeted, greet};
use super::link::{Incoming, Link};
use super::spec::UpstreamSpec;
use crate::ambient::Ambient;
use crate::limits::{UPSTREAM_IDLE_LONGEST, UPSTREAM_LINKS_COUNT};
use crate::mcp::dialect::method;
use crate::mcp::jsonrpc::{METHOD_NOT_FOUND, RpcError};
use crate::mcp::listing::Listing;
use crate::model::call::Principal;
use crate::model::name::ServerName;

/// The open links.
#[derive(Default)]
pub(super) struct Pool {
    seats: Mutex<HashMap<(Principal, ServerName), Seat>>,
}

/// A link that stands ready.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) link: Arc<Link>,
    /// The `_meta` that each request must carry.
    pub(super) meta: Arc<Map<String, Value>>,
}

impl Pool {
    /// The principal's link to the upstream, opened where there is none that lives. Requests of one
    /// principal that come together wait for one opening.
    pub(super) async fn ready(
        &self,
        principal: &Principal,
        spec: &UpstreamSpec,
        listing: &Arc<Listing>,
        ambient: &Ambient,
    ) -> Result<Ready, LinkError> {
        let place = self.place(principal, &spec.name, ambient.monotonic());
        let mut place = place.lock().await;
        if let Some(ready) = place.as_ref()
            && ready.link.is_open()
        {
            return Ok(ready.clone());
        }
        let greeted = greet(spec, ambient).await?;
        let Greeted {
            link,
            meta,
            incoming,
        } = greeted;
        let answering = answer(
            Arc::downgrade(&link),
            incoming,
            spec.name.clone(),
            Arc::clone(listing),
        );
        tokio::spawn(answering);
        let ready = Ready {
            link,
            meta: Arc::new(meta),
        };
        *place = Some(ready.clone());
        Ok(ready)
    }

    /// Ends every link in peace.
    pub(super) async fn close(&self) {
        let seats: Vec<Seat> = self.seats.lock().drain().map(|(_, seat)| seat).collect();
        for seat in seats {
            if let Some(ready) = seat.place.lock().await.take() {
                ready.link.close().await;
            }
        }
    }

    fn place(&self, principal: &Principal, server: &ServerName, now: Duration) -> Place {
        let mut seats = self.seats.lock();
        seats.retain(|_, seat| now.saturating_sub(seat.used) < UPSTREAM_IDLE_LONGEST);
        let key = (principal.clone(), server.clone());
        if seats.len() >= UPSTREAM_LINKS_COUNT && !seats.contains_key(&key) {
            let oldest = seats.iter().min_by_key(|(_, seat)| seat.used);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                seats.remove(&oldest);
            }
        }
        let seat = seats.entry(key).or_default();
        seat.used = now;
        Arc::clone(&seat.place)
    }
}

type Place = Arc<tokio::sync::Mutex<Option<Ready>>>;

#[derive(Default)]
struct Seat {
    place: Place,
    used: Duration,
}

/// Hears what belongs to no request. The guard declares no capability of a client, so whatever an
/// upstream asks is refused, but for whether anybody is there.
async fn answer(
    link: Weak<Link>,
    mut incoming: mpsc::Receiver<Incoming>,
    server: ServerName,
    listing: Arc<Listing>,
) {
    while let Some(message) = incoming.recv().await {
        match message {
            Incoming::Notification(told) if told.method == method::TOOLS_CHANGED => {
                listing.note_change(&server);
            }
            Incoming::Notification(_) => {}
            Incoming::Request(request) => {
                let result = refuse(&request.method);
                let Some(link) = link.upgrade() else { return };
                if let Err(fault) = link.respond(request.id, result).await {
                    tracing::debug!(%server, %fault, "an upstream's question could not be answered");
                }
            }
        }
    }
}

/// The answer to a question of an upstream that no agent stands behind.
pub(super) fn refuse(method: &str) -> Result<Value, RpcError> {
    if method == method::PING {
        return Ok(json!({}));
    }
    Err(RpcError::new(METHOD_NOT_FOUND, "nobody here answers this"))
}
