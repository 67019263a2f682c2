//! Copies of the record's signed head, outside the record.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::audit::checkpoint::SignedHead;
use crate::cli::failure::Failure;
use crate::guard::Guard;
use crate::limits::ANCHOR_INTERVAL;
use crate::store::anchor::{Anchor, FILE};

/// Copies the head now and then, until it is aborted.
pub(super) async fn follow(data: PathBuf, guard: Arc<Guard>) {
    let mut written = 0;
    loop {
        match guard.head().await {
            Ok(Some(head)) if head.head.count > written => match append(&data, &head) {
                Ok(()) => written = head.head.count,
                Err(failure) => tracing::error!(%failure, "the head could not be anchored"),
            },
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the record's head could not be read"),
        }
        tokio::time::sleep(ANCHOR_INTERVAL).await;
    }
}

/// Appends one head.
pub(super) fn append(data: &Path, head: &SignedHead) -> Result<(), Failure> {
    Anchor::open(&data.join(FILE))
        .and_then(|mut anchor| anchor.append(head))
        .map_err(|error| Failure::because(&error))
}
