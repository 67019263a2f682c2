//! Copies of the record's signed head, outside the record: in files, and at receivers that keep them.

use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::anchored::Standings;
use crate::ambient::Ambient;
use crate::audit::checkpoint::SignedHead;
use crate::audit::line::Line;
use crate::cli::failure::Failure;
use crate::config::Anchor as Target;
use crate::guard::Guard;
use crate::limits::ANCHOR_INTERVAL;
use crate::store::anchor::{Anchor, FILE};

/// One place that heads go to.
#[derive(Clone, Debug)]
pub(super) struct Post {
    /// Its name in figures and logs.
    pub(super) name: String,
    target: Target,
}

impl Post {
    /// The file in the guard's own directory, which is always there.
    pub(super) fn own(data: &Path) -> Self {
        Self {
            name: "own".to_owned(),
            target: Target::File(data.join(FILE)),
        }
    }

    /// Those of the configuration, by their numbers in it.
    pub(super) fn all(targets: Vec<Target>) -> Vec<Self> {
        let numbered = targets.into_iter().zip(1..);
        numbered
            .map(|(target, number): (_, u32)| Self {
                name: number.to_string(),
                target,
            })
            .collect()
    }

    /// Copies the head now and then, in a task of its own, until it is aborted.
    pub(super) fn follow(self, guard: Arc<Guard>, standings: Arc<Standings>) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut written = 0;
            loop {
                match guard.head().await {
                    Ok(Some(head)) if head.head.count > written => {
                        let sent = self.send(&head, guard.ambient(), false).await;
                        if sent.is_ok() {
                            written = head.head.count;
                        }
                        // It is told, and tried again with the next head.
                        let _ = self.note(&guard, &standings, &head, sent);
                    }
                    Ok(_) => {}
                    Err(error) => tracing::error!(%error, "the record's head could not be read"),
                }
                tokio::time::sleep(ANCHOR_INTERVAL).await;
            }
        })
    }

    /// Copies the last head of a guard that ends.
    pub(super) async fn last(
        &self,
        guard: &Guard,
        standings: &Standings,
        head: &SignedHead,
    ) -> Result<(), Failure> {
        let sent = self.send(head, guard.ambient(), true).await;
        self.note(guard, standings, head, sent)
    }

    async fn send(
        &self,
        head: &SignedHead,
        ambient: &Ambient,
        is_last: bool,
    ) -> Result<(), Failure> {
        match &self.target {
            Target::File(path) => append(path, head),
            Target::Webhook(webhook) => {
                let body = Line::Head(head.clone()).render();
                let sent = match is_last {
                    true => webhook.deliver_once(&body, ambient).await,
                    false => webhook.deliver(&body, ambient).await,
                };
                sent.map_err(|error| Failure::because(&error))
            }
        }
    }

    fn note(
        &self,
        guard: &Guard,
        standings: &Standings,
        head: &SignedHead,
        sent: Result<(), Failure>,
    ) -> Result<(), Failure> {
        let name = &self.name;
        match &sent {
            Ok(()) => guard.anchored(name, head.head.count),
            Err(failure) => {
                guard.anchor_failed(name);
                tracing::error!(anchor = %name, %failure, "the head could not be anchored");
            }
        }
        standings.note(name, head, sent.as_ref().err());
        sent
    }
}

fn append(path: &Path, head: &SignedHead) -> Result<(), Failure> {
    Anchor::open(path)
        .and_then(|mut anchor| anchor.append(head))
        .map_err(|error| Failure::because(&error))
}
