//! The way back to the agent for one request, whatever carries it.

use tokio::sync::{mpsc, watch};

use super::jsonrpc::{Id, Message, Notification, Response};
use super::render::Answer;
use crate::limits::{REPLIES_WAITING_COUNT, REPLY_TAKEN_WITHIN};

/// One thing on its way to the agent.
#[derive(Debug)]
pub enum Reply {
    /// A sign of life that is no message.
    Alive,
    /// A message that comes before the answer.
    Message(Message),
    /// The upstream closed its stream and will go on when the agent comes back.
    Suspended,
    /// The answer, after which nothing comes.
    Answer {
        /// The HTTP status the upstream gave it, where it gave one.
        status: Option<u16>,
        /// The answer.
        response: Response,
    },
}

/// The sending end.
#[derive(Clone)]
pub struct Answers {
    id: Id,
    replies: mpsc::Sender<Reply>,
    presence: watch::Receiver<bool>,
}

/// The carrier's end.
pub struct Replies {
    /// What to carry, in order.
    pub queue: mpsc::Receiver<Reply>,
    /// Whether somebody is there to read it; dropping the queue says that nobody will ever be.
    pub presence: watch::Sender<bool>,
}

impl Answers {
    /// The way back for the request `id`.
    #[must_use]
    pub fn channel(id: Id) -> (Self, Replies) {
        let (sender, queue) = mpsc::channel(REPLIES_WAITING_COUNT);
        let (presence, present) = watch::channel(true);
        let answers = Self {
            id,
            replies: sender,
            presence: present,
        };
        (answers, Replies { queue, presence })
    }

    /// The request's id, as the agent spelt it.
    #[must_use]
    pub const fn id(&self) -> &Id {
        &self.id
    }

    /// Sends a sign of life.
    pub async fn alive(&self) {
        self.send(Reply::Alive).await;
    }

    /// Sends a message that comes before the answer; whether it is on its way.
    pub async fn message(&self, message: Message) -> bool {
        self.send(Reply::Message(message)).await
    }

    /// Sends a notification that comes before the answer.
    pub async fn notification(&self, notification: Notification) {
        self.message(Message::Notification(notification)).await;
    }

    /// Says that the upstream closed its stream for now.
    pub async fn suspended(&self) {
        self.send(Reply::Suspended).await;
    }

    /// Sends the answer.
    pub async fn answer(&self, status: Option<u16>, result: Answer) {
        let response = Response {
            id: Some(self.id.clone()),
            result,
        };
        // An agent that is gone is told nothing.
        let _ = self.replies.send(Reply::Answer { status, response }).await;
    }

    /// Returns once nobody will ever read an answer.
    pub async fn gone(&self) {
        self.replies.closed().await;
    }

    /// Whether nobody will ever read an answer.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.replies.is_closed()
    }

    /// Returns whether somebody is there to read, waiting for an agent that is about to come back.
    pub async fn present(&self) -> bool {
        let mut presence = self.presence.clone();
        tokio::select! {
            () = self.gone() => false,
            present = presence.wait_for(|present| *present) => present.is_ok(),
        }
    }

    /// Sends what comes before the answer. An agent that does not read misses it: what it calls must be
    /// settled whether or not it reads.
    async fn send(&self, reply: Reply) -> bool {
        self.replies
            .send_timeout(reply, REPLY_TAKEN_WITHIN)
            .await
            .is_ok()
    }
}
