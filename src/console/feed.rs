//! Tells open pages that something changed: which request, never what.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use parking_lot::Mutex;
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
    recent: Mutex<Recent>,
    told: broadcast::Sender<Told>,
}

/// The newest changes, for pages that were away for a moment.
#[derive(Default)]
struct Recent {
    count: u64,
    kept: VecDeque<Told>,
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
            recent: Mutex::default(),
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
        self.spell(self.shared.recent.lock().count)
    }

    fn spell(&self, number: u64) -> String {
        format!("{}.{number}", self.boot)
    }

    /// The number of the newest change, and every change since the place; none where that is not known,
    /// because it is of another guard or too long ago.
    fn missed(&self, place: &str) -> (u64, Option<Vec<Told>>) {
        let recent = self.shared.recent.lock();
        let seen = place
            .split_once('.')
            .filter(|(boot, _)| *boot == self.boot)
            .and_then(|(_, number)| number.parse().ok());
        (recent.count, seen.and_then(|seen| recent.since(seen)))
    }

    fn event(&self, told: &Told) -> Event {
        Event::default()
            .event(told.kind)
            .id(self.spell(told.number))
            .data(&told.about)
    }
}

impl Recent {
    fn note(&mut self, kind: &'static str, about: String) -> Told {
        self.count += 1;
        let told = Told {
            number: self.count,
            kind,
            about,
        };
        if self.kept.len() == FEED_WAITING_COUNT {
            self.kept.pop_front();
        }
        self.kept.push_back(told.clone());
        told
    }

    fn since(&self, seen: u64) -> Option<Vec<Told>> {
        let oldest = self.kept.front().map_or(self.count + 1, |told| told.number);
        let is_known = seen <= self.count && seen + 1 >= oldest;
        let after = self.kept.iter().filter(|told| told.number > seen);
        is_known.then(|| after.cloned().collect())
    }
}

/// The stream of changes since the place a page was made at, for as long as its person may see it.
pub(super) async fn stream(
    State(console): State<Arc<Console>>,
    Query(Since { since }): Query<Since>,
    headers: HeaderMap,
) -> Response {
    let mut watch = Watch {
        changes: console.feed.shared.told.subscribe(),
        last: 0,
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
    let feed = &watch.console.feed;
    let (last, missed) = feed.missed(again);
    let first = match &missed {
        // Whatever it missed, the page is behind.
        None => Event::default().event("behind").id(feed.spell(last)),
        Some(_) => Event::default().event("level"),
    };
    let missed = missed.unwrap_or_default();
    let missed = missed.iter().map(|told| feed.event(told));
    let events: Vec<_> = std::iter::once(first.data("-")).chain(missed).collect();
    watch.last = last;
    let rest = stream::unfold(watch, |mut watch| async {
        let event = watch.next().await?;
        Some((Ok(event), watch))
    });
    let events = stream::iter(events.into_iter().map(Ok::<_, Infallible>)).chain(rest);
    Sse::new(events).into_response()
}

/// One open page.
struct Watch {
    changes: Receiver<Told>,
    /// The newest change that the page was told when it came.
    last: u64,
    console: Arc<Console>,
    headers: HeaderMap,
}

impl Watch {
    /// The next change, or a sign of life; nothing once the visit is over or the guard stops.
    async fn next(&mut self) -> Option<Event> {
        let stopping = self.console.guard.stopping();
        let told = loop {
            let told = tokio::select! {
                () = stopping.cancelled() => return None,
                told = tokio::time::timeout(FEED_HEARTBEAT, self.changes.recv()) => told,
            };
            match told {
                Ok(Ok(told)) if told.number <= self.last => {}
                told => break told,
            }
        };
        if !self.may_see().await.unwrap_or(false) {
            return None;
        }
        let feed = &self.console.feed;
        match told {
            Ok(Ok(told)) => Some(feed.event(&told)),
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
        // Numbered and told under one lock, so that whoever comes meanwhile misses none.
        let mut recent = shared.recent.lock();
        let told = recent.note(kind, about);
        // Nobody may be looking.
        let _ = shared.told.send(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(recent: &Recent, seen: u64) -> Option<Vec<u64>> {
        let missed = recent.since(seen)?;
        Some(missed.iter().map(|told| told.number).collect())
    }

    #[test]
    fn who_was_away_is_told_each_change_while_it_is_known_and_otherwise_that_it_is_behind() {
        let mut recent = Recent::default();
        assert_eq!(numbers(&recent, 0), Some(vec![]));
        assert_eq!(numbers(&recent, 1), None, "of a time to come");
        for at in 0..3 {
            recent.note("request", at.to_string());
        }
        assert_eq!(numbers(&recent, 0), Some(vec![1, 2, 3]));
        assert_eq!(numbers(&recent, 2), Some(vec![3]));
        assert_eq!(numbers(&recent, 3), Some(vec![]));
        for at in 0..FEED_WAITING_COUNT {
            recent.note("request", at.to_string());
        }
        assert_eq!(recent.kept.len(), FEED_WAITING_COUNT);
        assert_eq!(numbers(&recent, 2), None, "too long ago");
        let all = numbers(&recent, 3).unwrap();
        assert_eq!((all.len(), all.first()), (FEED_WAITING_COUNT, Some(&4)));
    }
}
