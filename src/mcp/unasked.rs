//! What an upstream says outside of any request, on its way to the agent.

use std::sync::{Arc, Weak};

use serde_json::Value;
use tokio::sync::mpsc;

use super::dialect::Era;
use super::jsonrpc::{Id, Message, Notification};
use super::question;
use super::relation::Relation;
use super::stance::{self, Course, Stance};
use super::upstream::Incoming;
use super::voice;

/// Carries messages of an upstream until its link or its relation ends.
pub(super) async fn carry(relation: Weak<Relation>, mut incoming: mpsc::Receiver<Incoming>) {
    while let Some(message) = incoming.recv().await {
        let Some(relation) = relation.upgrade() else {
            return;
        };
        match message {
            Incoming::Notification(notification) => {
                if let Some(passed) = pass(&relation, notification).await {
                    tell(&relation, Message::Notification(passed));
                }
            }
            Incoming::Request(request) => {
                if let Some(asked) = question::screen(&relation, request).await {
                    let id = asked.id.clone();
                    if !tell(&relation, Message::Request(asked)) {
                        question::unheard(&relation, &id).await;
                    }
                }
            }
        }
    }
}

/// What of an upstream's notification the agent gets to see.
pub(super) async fn pass(
    relation: &Arc<Relation>,
    mut notification: Notification,
) -> Option<Notification> {
    let method = notification.method.as_str();
    match stance::of(relation.era, Course::UpstreamNotification, method) {
        Stance::Pass => {}
        Stance::Listed => relation.forget_listing(),
        Stance::Task => relation.tasks().rename(&mut notification.params),
        Stance::Cancel => {
            let id = notification
                .params
                .get("requestId")
                .and_then(Id::from_value)?;
            let ours = relation.taken_back(&id)?;
            notification
                .params
                .insert("requestId".to_owned(), ours.to_value());
        }
        Stance::Open
        | Stance::Filtered(_)
        | Stance::Templates
        | Stance::Call(_)
        | Stance::Method
        | Stance::Answered
        | Stance::Declared
        | Stance::Refused => {
            if !relation.declares(method) {
                tracing::debug!(server = %relation.server, method, "a notification was not passed");
                return None;
            }
        }
    }
    let mut params = Value::Object(std::mem::take(&mut notification.params));
    voice::reserve(&mut params);
    if let Value::Object(params) = params {
        notification.params = params;
    }
    relation.hears().await.then_some(notification)
}

/// Passes a message to whoever listens; whether somebody might.
fn tell(relation: &Relation, message: Message) -> bool {
    // A modern agent hears only what it listens for, and that comes on a request of its own.
    let is_heard = relation.era == Era::Legacy && relation.outbox.try_send(message).is_ok();
    if !is_heard {
        tracing::debug!(server = %relation.server, "nobody listens for what the server says");
    }
    is_heard
}
