//! What every agent's relation shares: the guard, the upstreams, the seal, what was listed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::listing::Listing;
use super::round::Rounds;
use super::seal::Seal;
use super::upstream::{LinkError, UpstreamSpec};
use super::waiting::Waiting;
use crate::guard::Guard;
use crate::model::name::ServerName;

/// The edge that speaks the Model Context Protocol.
pub struct Edge {
    /// Who decides.
    pub guard: Arc<Guard>,
    /// Every upstream the operator configured, by the guard's name for it.
    pub upstreams: BTreeMap<ServerName, UpstreamSpec>,
    /// What the upstreams present, shared with whatever else runs calls on them.
    pub listing: Arc<Listing>,
    pub(super) rounds: Rounds,
    pub(super) seal: Arc<Seal>,
    pub(super) waiting: Waiting,
}

/// Why an edge cannot begin.
#[derive(Debug, thiserror::Error)]
#[error("the platform's cipher refuses its own key")]
pub struct EdgeError;

impl Edge {
    /// An edge in front of `upstreams`, with the listing that all edges share.
    ///
    /// # Errors
    /// [`EdgeError`] where the platform has no cipher for states.
    pub fn new(
        guard: Arc<Guard>,
        upstreams: BTreeMap<ServerName, UpstreamSpec>,
        listing: Arc<Listing>,
    ) -> Result<Arc<Self>, EdgeError> {
        let ambient = guard.ambient().clone();
        let seal = Arc::new(Seal::new(&ambient).ok_or(EdgeError)?);
        Ok(Arc::new(Self {
            rounds: Rounds::new(Arc::clone(&seal), ambient),
            seal,
            listing,
            waiting: Waiting::default(),
            guard,
            upstreams,
        }))
    }

    pub(super) fn upstream(&self, server: &ServerName) -> Result<&UpstreamSpec, LinkError> {
        self.upstreams
            .get(server)
            .ok_or_else(|| LinkError::Unacceptable(format!("there is no upstream {server}")))
    }
}
