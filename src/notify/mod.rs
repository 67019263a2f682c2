//! Telling people that a request waits for them: webhooks, chats and mail.
//!
//! A message carries the guard's own sentence, how much the matter weighs, the code to compare and a link;
//! it decides nothing and nobody can decide by it. Every channel has a worker of its own that looks at what
//! is open and at what was told already, so that nothing here ever holds a decision up, a slow receiver
//! delays no other, and a guard that starts anew tells what was not told yet and nothing twice.

mod channel;
mod mail;
mod message;
mod plan;
mod shape;
mod sign;
mod watch;
mod webhook;
mod worker;

use std::sync::Arc;

use url::Url;

pub use channel::{Channel, Escalation, Route, Way};
pub use mail::{Mail, MailError, MailTls};
pub use shape::Shape;
pub use sign::{NoSigner, NoticeSigner};
pub use webhook::{Webhook, WebhookError};

use self::message::Message;
use self::worker::Worker;
use crate::ambient::Ambient;
use crate::guard::{Guard, StoreError};
use crate::model::id::ApprovalId;

/// What a receiver said to a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It took it; with what it said.
    Taken(String),
    /// It did not take it, or was not reached.
    Failed {
        /// What was the matter, in the guard's own words.
        fault: String,
        /// How long it asks to be left alone.
        pause: Option<std::time::Duration>,
        /// What it said, in its own words.
        said: String,
    },
    /// It is gone for good.
    Gone,
}

/// What every channel needs to tell people anything.
#[derive(Clone)]
pub struct Desk {
    /// Where the console is reached.
    pub console: Url,
    /// Signs messages.
    pub signer: NoticeSigner,
}

impl Desk {
    /// The page of a request.
    fn page(&self, id: ApprovalId) -> String {
        let mut url = self.console.clone();
        url.set_path(&format!(
            "{}/requests/{id}",
            url.path().trim_end_matches('/')
        ));
        url.to_string()
    }
}

/// Begins to tell people by these channels what waits in the guard, until it stops.
///
/// # Errors
/// When the store does not say what was told before.
pub async fn start(
    guard: &Arc<Guard>,
    channels: Vec<Channel>,
    desk: Desk,
) -> Result<(), StoreError> {
    guard.set_notice_key(&desk.signer.public());
    if channels.is_empty() {
        return Ok(());
    }
    let open = watch::follow(guard).await?;
    let desk = Arc::new(desk);
    let channels = Arc::new(channels);
    for channel in channels.iter() {
        let address = channel.way.address();
        let enabled = guard.open_channel(&channel.name, channel.way.name(), address);
        let worker = Worker {
            enabled: enabled.await?,
            watch: plan::Watch::of(channel, &channels),
            channel: channel.clone(),
            desk: Arc::clone(&desk),
            open: open.clone(),
            guard: Arc::clone(guard),
        };
        guard.spawn(worker.run());
    }
    Ok(())
}

/// Sends a message that says it is a test, and tells what the receiver answered.
pub async fn test(channel: &Channel, desk: &Desk, ambient: &Ambient) -> Answer {
    let message = Message::test(channel, desk, ambient);
    channel.way.send(&message, desk, ambient.now()).await
}
