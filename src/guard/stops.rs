//! What may forbid a permit between its minting and its write: stops, and changed terms.

use std::time::Duration;

use super::Guard;
use super::ruling::Denial;
use super::sessions::{down, revoked};
use crate::limits::LISTED_COUNT;
use crate::model::action::Binding;
use crate::model::call::Call;
use crate::model::id::{GrantId, SessionId};
use crate::model::name::AgentName;
use crate::model::reason::Reason;
use crate::model::session::{AgentState, SessionState};
use crate::store::Leg;

/// What a permit was given on, besides the call itself.
#[derive(Debug)]
pub(super) struct Terms {
    /// The server, the tool's definition and the manifest that the call was judged by.
    pub(super) binding: Binding,
    /// The grant it uses, if it uses one.
    pub(super) grant: Option<GrantId>,
    /// The count of stops when judging began.
    pub(super) epoch: u64,
    /// How often the clocks had parted then.
    pub(super) partings: u64,
    /// When judging began, on the clock that nothing moves.
    pub(super) minted: Duration,
    /// Who runs the call.
    pub(super) leg: Leg,
}

impl Guard {
    /// Whether what a permit was given on has ceased, looked at again until no stop comes between the
    /// look and the answer: a store that takes its time must not let a stop slip past it.
    pub(super) async fn ceased(&self, call: &Call, terms: &Terms) -> Option<Denial> {
        let mut seen = terms.epoch;
        loop {
            let epoch = self.epoch();
            if epoch == seen {
                return None;
            }
            if let Some(denial) = self.stopped(call.session, &call.principal.agent).await {
                return Some(denial);
            }
            if let Some(denial) = self.changed(call, terms).await {
                return Some(denial);
            }
            seen = epoch;
        }
    }

    /// Whether agent or session of a call were stopped since it was judged.
    pub(super) async fn stopped(&self, id: SessionId, agent: &AgentName) -> Option<Denial> {
        let session = match self.store.session(id).await {
            Ok(session) => session,
            Err(fault) => return Some(down(&fault)),
        };
        match session.map(|session| session.state) {
            Some(SessionState::Active) => {}
            Some(SessionState::Paused) => {
                return Some(Denial::new(
                    Reason::SessionPaused,
                    "an operator paused the session",
                ));
            }
            _ => return Some(revoked(id)),
        }
        match self.agent_state(agent).await {
            Ok(AgentState::Running) => None,
            Ok(AgentState::Paused) => Some(Denial::new(
                Reason::AgentPaused,
                "an operator paused the agent",
            )),
            Ok(AgentState::Revoked) => Some(Denial::new(
                Reason::AgentRevoked,
                "an operator revoked the agent",
            )),
            Err(fault) => Some(down(&fault)),
        }
    }

    /// Whether the grant was revoked, or the call would be judged by another manifest or definition now.
    async fn changed(&self, call: &Call, terms: &Terms) -> Option<Denial> {
        let moved = |sentence: &str| Some(Denial::new(Reason::Busy, sentence));
        if terms.partings != self.partings() {
            return moved("the clock was moved before the write");
        }
        if let Some(id) = terms.grant {
            let grants = match self.store.grants(LISTED_COUNT).await {
                Ok(grants) => grants,
                Err(fault) => return Some(down(&fault)),
            };
            let grant = grants.iter().find(|grant| grant.id == id);
            if grant.is_none_or(|grant| grant.revoked.is_some()) {
                return moved("the grant was revoked before the write");
            }
        }
        let scopes = self.scopes.load();
        let scope = scopes.scope(&call.principal.agent);
        if scope.is_none_or(|scope| scope.digest != terms.binding.manifest) {
            return moved("the scopes changed before the write");
        }
        self.redefined(call, &terms.binding)
    }
}
