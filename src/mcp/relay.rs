//! What comes back for one request, carried to the agent until its end.

use super::dialect::{Era, method};
use super::jsonrpc::Message;
use super::render::Answer;
use super::turn::Turn;
use super::upstream::{Event, Exchange, LinkError};
use super::{progress, question, unasked};

/// How an exchange ended.
pub(super) enum End {
    /// The upstream answered.
    Answered {
        /// The HTTP status of the answer.
        status: Option<u16>,
        /// The answer.
        result: Answer,
    },
    /// The upstream did not.
    Failed(LinkError),
    /// Nobody wants the answer any more, and the upstream was told.
    Withdrawn,
}

/// Carries everything that comes for a request. `told` signs of progress were given before.
pub(super) async fn carry(turn: &Turn<'_>, mut exchange: Exchange, told: u64) -> End {
    let stopping = turn.relation.edge.guard.stopping();
    loop {
        let event = tokio::select! {
            event = exchange.next() => event,
            () = turn.flight.cancelled.cancelled() => {
                exchange.cancel("the client withdrew the request");
                return End::Withdrawn;
            }
            // To close its stream is how a modern client withdraws; an older one may come back.
            () = turn.answers.gone(), if turn.relation.era == Era::Modern => {
                exchange.cancel("the client closed its stream");
                return End::Withdrawn;
            }
            () = stopping.cancelled(), if turn.method == method::LISTEN => {
                exchange.cancel("the guard is stopping");
                return End::Withdrawn;
            }
        };
        match event {
            Some(Event::Notification(notification)) => {
                if let Some(mut passed) = unasked::pass(turn.relation, notification).await {
                    if passed.method == method::PROGRESS {
                        progress::shift(&mut passed.params, told);
                    }
                    turn.answers.notification(passed).await;
                }
            }
            Some(Event::Request(request)) => {
                if let Some(asked) = question::screen(turn.relation, request).await {
                    turn.answers.message(Message::Request(asked)).await;
                }
            }
            // The guard's own streams can always be taken up again.
            Some(Event::Resumable { .. }) => {}
            Some(Event::Parted) => turn.answers.suspended().await,
            Some(Event::Response { status, result }) => return End::Answered { status, result },
            Some(Event::Failed(fault)) => return End::Failed(fault),
            None => return End::Failed(LinkError::Closed),
        }
    }
}
