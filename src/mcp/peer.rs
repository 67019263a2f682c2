//! What an agent is connected to: one server, or all of them joined.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::Edge;
use super::answers::Answers;
use super::dialect::Era;
use super::joined::Joined;
use super::jsonrpc::{Message, Notification, Request, Response};
use super::relation::Relation;
use super::turn::{self, Carried};
use super::upstream::LinkError;
use super::{question, told};
use crate::model::call::Principal;
use crate::model::name::ServerName;

/// What an agent is connected to.
#[derive(Clone)]
pub enum Peer {
    /// One server.
    One(Arc<Relation>),
    /// All servers, as one.
    Joined(Arc<Joined>),
}

impl Peer {
    /// Connects a principal to `server`, or to all of them joined.
    ///
    /// # Errors
    /// [`LinkError`] where the one server cannot be started or reached.
    pub async fn open(
        edge: &Arc<Edge>,
        principal: Principal,
        server: Option<&ServerName>,
        era: Era,
        outbox: mpsc::Sender<Message>,
    ) -> Result<Self, LinkError> {
        match server {
            Some(server) => {
                let relation = Relation::open(edge, principal, server, era, outbox).await?;
                Ok(Self::One(relation))
            }
            None => Ok(Self::Joined(Joined::open(edge, principal, era, outbox))),
        }
    }

    /// Answers one request; see [`turn::answer`].
    pub async fn answer(&self, request: Request, carried: Carried, answers: &Answers) {
        match self {
            Self::One(relation) => turn::answer(relation, request, carried, answers).await,
            Self::Joined(joined) => joined.answer(request, carried, answers).await,
        }
    }

    /// Takes one notification of the agent.
    pub async fn tell(&self, notification: Notification) {
        match self {
            Self::One(relation) => told::take(relation, notification).await,
            Self::Joined(joined) => {
                for relation in joined.relations().await {
                    told::take(&relation, notification.clone()).await;
                }
            }
        }
    }

    /// Takes the agent's answer to a question of an upstream.
    pub async fn respond(&self, response: Response) {
        match self {
            Self::One(relation) => question::answer(relation, response).await,
            Self::Joined(joined) => {
                let relations = joined.relations().await;
                let asker = relations.iter().find(|relation| {
                    response
                        .id
                        .as_ref()
                        .is_some_and(|id| relation.has_asked(id))
                });
                if let Some(relation) = asker {
                    question::answer(relation, response).await;
                }
            }
        }
    }

    /// Whether requests can still be sent to what it connects to.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self {
            Self::One(relation) => relation.link.is_open(),
            Self::Joined(_) => true,
        }
    }

    /// Returns once nothing is in flight.
    pub async fn landed(&self) {
        for relation in self.relations().await {
            relation.landed().await;
        }
    }

    /// The agent is gone: nothing in flight is wanted any more, and the servers are let go in peace.
    pub async fn close(&self) {
        for relation in self.relations().await {
            relation.cancel_all();
            relation.link.close().await;
        }
    }

    async fn relations(&self) -> Vec<Arc<Relation>> {
        match self {
            Self::One(relation) => vec![Arc::clone(relation)],
            Self::Joined(joined) => joined.relations().await,
        }
    }
}
