//! What waits for a person, to decide or to judge, looked up once for all channels whenever something moved.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::guard::{Guard, StoreError, Wake};
use crate::limits::{NOTICE_LOOK_INTERVAL, RETRY_INTERVAL};
use crate::model::approval::{Approval, ApprovalState};
use crate::model::time::Timestamp;

/// What people are told of, as it was last looked up.
pub(super) type Open = watch::Receiver<Arc<Matters>>;

/// What people are told of, oldest first.
#[derive(Default, Debug)]
pub(super) struct Matters {
    /// Requests that wait.
    pub(super) waiting: Vec<Arc<Approval>>,
    /// Requests for which somebody broke the glass, and when, while nobody has judged it.
    pub(super) broken: Vec<(Approval, Timestamp)>,
}

/// Follows what is open until the guard stops.
pub(super) async fn follow(guard: &Arc<Guard>) -> Result<Open, StoreError> {
    // Before the first look, so that nothing that moves meanwhile is missed.
    let wakes = guard.wakes();
    let (told, open) = watch::channel(look(guard).await?);
    tokio::spawn(pass_on(Arc::clone(guard), wakes, told));
    Ok(open)
}

async fn pass_on(
    guard: Arc<Guard>,
    mut wakes: broadcast::Receiver<Wake>,
    told: watch::Sender<Arc<Matters>>,
) {
    let stopping = guard.stopping();
    loop {
        let has_moved = tokio::select! {
            () = stopping.cancelled() => return,
            woken = wakes.recv() => match woken {
                Ok(Wake::Approval(_)) | Err(RecvError::Lagged(_)) => true,
                Ok(_) => false,
                Err(RecvError::Closed) => return,
            },
        };
        if !has_moved {
            continue;
        }
        tokio::time::sleep(NOTICE_LOOK_INTERVAL).await;
        // One look answers all that came meanwhile.
        wakes = wakes.resubscribe();
        loop {
            match look(&guard).await {
                Ok(open) => {
                    // Without channels nobody listens.
                    let _ = told.send(open);
                    break;
                }
                Err(fault) => tracing::error!(%fault, "what waits could not be looked up"),
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(RETRY_INTERVAL) => {}
            }
        }
    }
}

async fn look(guard: &Guard) -> Result<Arc<Matters>, StoreError> {
    let mut live = guard.approvals(false).await?;
    live.retain(|approval| approval.state == ApprovalState::Held);
    live.reverse();
    let mut broken = Vec::new();
    for review in guard.reviews(false).await?.into_iter().rev() {
        if let Some(approval) = guard.approval(review.approval).await? {
            broken.push((approval, review.opened));
        }
    }
    Ok(Arc::new(Matters {
        waiting: live,
        broken,
    }))
}
