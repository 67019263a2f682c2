//! What an agent says outside of any request, on its way to the upstream.

use std::sync::Arc;

use super::asked;
use super::jsonrpc::{Id, Notification};
use super::relation::Relation;
use super::stance::{self, Course, Stance};
use crate::model::reason::Reason;

/// Takes one notification of the agent.
pub(super) async fn take(relation: &Arc<Relation>, notification: Notification) {
    let Notification { method, params } = notification;
    let passes = match stance::of(relation.era, Course::AgentNotification, &method) {
        Stance::Pass => true,
        Stance::Cancel => {
            // The link tells the upstream, under the id it knows.
            if let Some(id) = params.get("requestId").and_then(Id::from_value) {
                relation.cancel(&id);
            }
            return;
        }
        Stance::Open
        | Stance::Filtered(_)
        | Stance::Templates
        | Stance::Listed
        | Stance::Call(_)
        | Stance::Method
        | Stance::Task
        | Stance::Answered
        | Stance::Declared
        | Stance::Refused => relation.declares(&method),
    };
    if !passes {
        let sentence = format!("the scope does not pass the notification {method:?}");
        relation.refuse(Reason::MethodRefused, sentence).await;
        return;
    }
    let params = asked::carried(&method, params, false);
    if let Err(fault) = relation.link.notify(&method, params).await {
        tracing::debug!(server = %relation.server, %fault, "a notification was not taken");
    }
}
