//! One stream of events towards a legacy agent, which may break off and be taken up again.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::limits::OUTLET_EVENTS_COUNT;

/// One stream of events: numbered, kept while nobody reads.
pub struct Outlet {
    /// Which of its session's streams it is.
    pub number: u64,
    state: Mutex<State>,
    moved: Notify,
    presence: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    events: VecDeque<(u64, Arc<[u8]>)>,
    next: u64,
    // Whoever took the stream up last; earlier readers end.
    reader: u64,
    is_ended: bool,
    is_suspended: bool,
}

/// What a reader gets.
pub enum Next {
    /// An event, with its number.
    Event(u64, Arc<[u8]>),
    /// Nothing more comes to this reader.
    End,
}

/// One reading of the stream; dropping it leaves the stream for another.
pub struct Reading {
    outlet: Arc<Outlet>,
    reader: u64,
    from: u64,
}

impl Outlet {
    /// An empty stream.
    #[must_use]
    pub fn new(number: u64) -> Arc<Self> {
        Arc::new(Self {
            number,
            state: Mutex::default(),
            moved: Notify::new(),
            presence: watch::Sender::new(false),
        })
    }

    /// Adds an event. Of a stream nobody reads, the oldest events are dropped first.
    pub fn push(&self, event: Vec<u8>) {
        let mut state = self.state.lock();
        // Number 0 is the beginning, before any event.
        state.next += 1;
        let number = state.next;
        if state.events.len() >= OUTLET_EVENTS_COUNT {
            state.events.pop_front();
        }
        state.events.push_back((number, event.into()));
        drop(state);
        self.moved.notify_waiters();
    }

    /// Ends the stream: its readers end once they have read everything.
    pub fn end(&self) {
        self.state.lock().is_ended = true;
        self.moved.notify_waiters();
    }

    /// Ends its present reader, who is meant to come back.
    pub fn suspend(&self) {
        self.state.lock().is_suspended = true;
        self.moved.notify_waiters();
    }

    /// Whether somebody reads it, as it changes.
    #[must_use]
    pub fn presence(&self) -> watch::Receiver<bool> {
        self.presence.subscribe()
    }

    /// Whether it is over and everything was read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let state = self.state.lock();
        state.is_ended && state.events.is_empty()
    }

    /// Reads on after event `after`. A reader before ends.
    #[must_use]
    pub fn read(self: &Arc<Self>, after: u64) -> Reading {
        let mut state = self.state.lock();
        state.reader += 1;
        state.is_suspended = false;
        let reading = Reading {
            outlet: Arc::clone(self),
            reader: state.reader,
            from: after,
        };
        drop(state);
        self.presence.send_replace(true);
        self.moved.notify_waiters();
        reading
    }
}

impl Reading {
    /// The stream's number in its session.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.outlet.number
    }

    /// The next event, once there is one.
    pub async fn next(&mut self) -> Next {
        loop {
            let moved = self.outlet.moved.notified();
            tokio::pin!(moved);
            // Registered before the look, so that what comes in between is not missed.
            moved.as_mut().enable();
            {
                let mut state = self.outlet.state.lock();
                if state.reader != self.reader {
                    return Next::End;
                }
                // What lies before the place read on from has arrived.
                while state
                    .events
                    .front()
                    .is_some_and(|(number, _)| *number <= self.from)
                {
                    state.events.pop_front();
                }
                if let Some((number, event)) = state.events.front() {
                    self.from = *number;
                    let event = (*number, Arc::clone(event));
                    // An answer is not kept once it is handed out: it may be large.
                    if state.is_ended && state.events.len() == 1 {
                        state.events.clear();
                    }
                    return Next::Event(event.0, event.1);
                }
                if state.is_ended || state.is_suspended {
                    return Next::End;
                }
            }
            moved.await;
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if self.outlet.state.lock().reader == self.reader {
            self.outlet.presence.send_replace(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn next(reading: &mut Reading) -> Option<String> {
        match reading.next().await {
            Next::Event(_, event) => Some(String::from_utf8(event.to_vec()).unwrap()),
            Next::End => None,
        }
    }

    #[tokio::test]
    async fn a_reader_that_comes_back_misses_nothing() {
        let outlet = Outlet::new(1);
        outlet.push(b"a".to_vec());
        outlet.push(b"b".to_vec());
        let mut first = outlet.read(0);
        assert!(*outlet.presence().borrow());
        assert_eq!(next(&mut first).await.as_deref(), Some("a"));
        assert_eq!(next(&mut first).await.as_deref(), Some("b"));
        // Handed out, but the agent only has the first.
        drop(first);
        assert!(!*outlet.presence().borrow());
        let mut second = outlet.read(1);
        assert_eq!(next(&mut second).await.as_deref(), Some("b"));
        outlet.push(b"c".to_vec());
        outlet.end();
        assert_eq!(next(&mut second).await.as_deref(), Some("c"));
        assert_eq!(next(&mut second).await, None);
        assert!(outlet.is_done());
    }

    #[tokio::test]
    async fn a_suspended_reader_ends_and_the_next_reads_on() {
        let outlet = Outlet::new(1);
        let mut first = outlet.read(0);
        outlet.suspend();
        assert_eq!(next(&mut first).await, None);
        drop(first);
        let mut second = outlet.read(0);
        outlet.push(b"answer".to_vec());
        outlet.end();
        assert_eq!(next(&mut second).await.as_deref(), Some("answer"));
    }

    #[tokio::test]
    async fn the_newest_reader_wins() {
        let outlet = Outlet::new(0);
        let mut first = outlet.read(0);
        let _second = outlet.read(0);
        assert_eq!(next(&mut first).await, None);
        drop(first);
        assert!(*outlet.presence().borrow());
    }
}
