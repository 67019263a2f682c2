//! Waiting for something to change.

use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::guard::Wake;

/// Returns when some approval changed, or after `longest`; a receiver that lags counts as a change.
pub(super) async fn approvals(wakes: &mut Receiver<Wake>, longest: Duration) {
    let change = async {
        loop {
            match wakes.recv().await {
                Ok(Wake::Approval(_)) | Err(RecvError::Lagged(_)) => return,
                Ok(Wake::Session(_) | Wake::Agent) => {}
                // No more changes will come; only time is left.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    // Both ends mean the same to the caller: look again.
    let _ = tokio::time::timeout(longest, change).await;
}
