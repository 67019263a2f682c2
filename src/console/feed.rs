//! Tells open pages that something changed: which request, never what.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver};

use super::Console;
use super::refusal::Refusal;
use super::viewer::Viewer;
use crate::guard::{Guard, Wake};
use crate::limits::{FEED_HEARTBEAT, FEED_WAITING_COUNT};
use crate::model::id::BootId;

/// Changes, numbered since the guard started.
pub(super) struct Feed {
    boot: String,
    shared: Arc<Shared>,
}

struct Shared {
    count: AtomicU64,
    told: broadcast::Sender<Told>,
}

/// One change.
#[derive(Clone)]
struct Told {
    number: u64,
    kind: &'static str,
    about: String,
}

/// The place at which a page was made.
#[derive(Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    since: String,
}

impl Feed {
    /// Follows the guard until it is gone.
    pub(super) fn follow(guard: &Arc<Guard>) -> Self {
        let (told, _) = broadcast::channel(FEED_WAITING_COUNT);
        let shared = Arc::new(Shared {
            count: AtomicU64::new(0),
            told,
        });
        let boot = BootId::random(guard.ambient()).to_string();
        let following = pass_on(guard.wakes(), Arc::clone(&shared));
        let stopping = guard.stopping();
        tokio::spawn(async move { stopping.run_until_cancelled(following).await });
        Self { boot, shared }
    }

    /// The place of whoever looks now. Taken before what a page shows is read, so that nothing is
    /// missed between the two.
    pub(super) fn place(&self) -> String {
        self.spell(self.shared.count.load(Ordering::SeqCst))
    }

    fn spell(&self, number: u64) -> String {
        format!("{}.{number}", self.boot)
    }
}

/// The stream of changes since the place a page was made at, for as long as its person may see it.
pub(super) async fn stream(
    State(console): State<Arc<Console>>,
    Query(Since { since }): Query<Since>,
    headers: HeaderMap,
) -> Response {
    let watch = Watch {
        changes: console.feed.shared.told.subscribe(),
        console,
        headers,
    };
    match watch.may_see().await {
        Ok(true) => {}
        Ok(false) => return StatusCode::UNAUTHORIZED.into_response(),
        Err(refusal) => return refusal.into_response(),
    }
    let again = watch.headers.get("last-event-id");
    let again = again.and_then(|id| id.to_str().ok()).unwrap_or(&since);
    let place = watch.console.feed.place();
    // What was missed is not told one by one: the page is behind, whatever it was.
    let first = match again == place {
        true => "level",
        false => "behind",
    };
    let first = Event::default().event(first).id(place).data("-");
    let rest = stream::unfold(watch, |mut watch| async {
        let event = watch.next().await?;
        Some((Ok(event), watch))
    });
    let events = stream::iter([Ok::<_, Infallible>(first)]).chain(rest);
    Sse::new(events).into_response()
}

/// One open page.
struct Watch {
    changes: Receiver<Told>,
    console: Arc<Console>,
    headers: HeaderMap,
}

impl Watch {
    /// The next change, or a sign of life; nothing once the visit is over or the guard stops.
    async fn next(&mut self) -> Option<Event> {
        let stopping = self.console.guard.stopping();
        let told = tokio::select! {
            () = stopping.cancelled() => return None,
            told = tokio::time::timeout(FEED_HEARTBEAT, self.changes.recv()) => told,
        };
        if !self.may_see().await.unwrap_or(false) {
            return None;
        }
        let feed = &self.console.feed;
        match told {
            Ok(Ok(told)) => Some(
                Event::default()
                    .event(told.kind)
                    .id(feed.spell(told.number))
                    .data(told.about),
            ),
            Ok(Err(RecvError::Lagged(_))) => {
                Some(Event::default().event("behind").id(feed.place()).data("-"))
            }
            Ok(Err(RecvError::Closed)) => None,
            Err(_) => Some(Event::default().comment("alive")),
        }
    }

    /// An open page asks by itself; only what a person does keeps a visit alive.
    async fn may_see(&self) -> Result<bool, Refusal> {
        let found = Viewer::find(&self.console, &self.headers, false).await?;
        Ok(found.is_some())
    }
}

/// Numbers the guard's wake-ups until the guard is gone.
async fn pass_on(mut wakes: Receiver<Wake>, shared: Arc<Shared>) {
    loop {
        let (kind, about) = match wakes.recv().await {
            Ok(Wake::Approval(id)) => ("request", id.to_string()),
            Ok(Wake::Session(id)) => ("session", id.to_string()),
            Ok(Wake::Agent) => ("agent", "-".to_owned()),
            Err(RecvError::Lagged(_)) => ("behind", "-".to_owned()),
            Err(RecvError::Closed) => return,
        };
        let number = shared.count.fetch_add(1, Ordering::SeqCst) + 1;
        // Nobody may be looking.
        let _ = shared.told.send(Told {
            number,
            kind,
            about,
        });
    }
}
