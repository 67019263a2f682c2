//! What a call would teach, and what an agent's past looks like to an operator.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Guard;
use crate::engine::{Matched, Requirements};
use crate::model::action::Binding;
use crate::model::call::Call;
use crate::model::history::{History, Lesson, Mark, Place, Reach, Who};
use crate::model::name::AgentName;
use crate::store::StoreError;

impl Guard {
    /// Everything kept of an agent's past: what it used for whom, which rungs, where its values are
    /// remembered, and how far its sessions have come.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn history(&self, agent: &AgentName) -> Result<History, StoreError> {
        self.store.history(agent, self.ambient.now()).await
    }

    /// What a call would teach once it is done; nothing where no rule says at which rung it stands.
    pub(super) fn lesson(
        &self,
        call: &Call,
        matched: &Matched<'_>,
        requirements: &Requirements,
        binding: &Binding,
    ) -> Option<Box<Lesson>> {
        if !matched.is_declared {
            return None;
        }
        let who = Who {
            agent: call.principal.agent.clone(),
            on_behalf_of: call.principal.on_behalf_of.clone(),
        };
        let reach = Reach::of(&call.target, binding);
        let values = self.marks(call, &who, &reach, &requirements.first_seen);
        Some(Box::new(Lesson {
            who,
            session: call.session,
            reach,
            privilege: requirements.privilege,
            values,
            is_tainted: false,
        }))
    }

    fn marks(
        &self,
        call: &Call,
        who: &Who,
        reach: &Reach,
        pointers: &BTreeSet<Arc<str>>,
    ) -> Vec<(Place, Mark)> {
        let mark = |pointer: &Arc<str>| {
            let value = call.arguments.value().pointer(pointer)?;
            let place = Place {
                reach: reach.clone(),
                pointer: Arc::clone(pointer),
            };
            let mark = Mark::of(who, &place, value, &self.match_key);
            Some((place, mark))
        };
        pointers.iter().filter_map(mark).collect()
    }
}
