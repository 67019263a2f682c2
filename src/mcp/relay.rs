//! What comes back for one request, carried to the agent until its end.

use super::dialect::{Era, method};
use super::jsonrpc::{Id, Message};
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
pub(super) async fn carry(turn: &Turn<'_>, exchange: Exchange, told: u64) -> End {
    let mut questions = Vec::new();
    let end = follow(turn, exchange, told, &mut questions).await;
    // With the request its questions are over, answered or not.
    for id in &questions {
        let _ = turn.relation.answered(id);
    }
    end
}

async fn follow(
    turn: &Turn<'_>,
    mut exchange: Exchange,
    told: u64,
    questions: &mut Vec<Id>,
) -> End {
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
                    let id = asked.id.clone();
                    match turn.answers.message(Message::Request(asked)).await {
                        true => questions.push(id),
                        false => question::unheard(turn.relation, &id).await,
                    }
                }
            }
            // The guard's own streams can always be taken up again.
            Some(Event::Resumable { .. }) => {}
            Some(Event::Parted) => turn.answers.suspended().await,
            Some(Event::Response { status, result }) => {
                let status = status.filter(|status| PASSED.contains(status));
                return End::Answered { status, result };
            }
            Some(Event::Failed(fault)) => return End::Failed(fault),
            None => return End::Failed(LinkError::Closed),
        }
    }
}

/// The statuses that the protocol gives an answer. What an upstream says with another is meant for the
/// guard: a 401 about the guard's own credential must not send the agent looking for one.
const PASSED: [u16; 3] = [200, 400, 404];
