//! Concurrency that repeats: errands are futures, and the dice say which of the ready ones goes on.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::dice::Dice;

/// Everything that is under way at once.
#[derive(Default)]
pub(crate) struct Errands(Vec<Errand>);

struct Errand {
    ready: Arc<Ready>,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

struct Ready(AtomicBool);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Errands {
    /// Begins another one.
    pub(crate) fn begin(&mut self, future: impl Future<Output = ()> + 'static) {
        self.0.push(Errand {
            ready: Arc::new(Ready(AtomicBool::new(true))),
            future: Box::pin(future),
        });
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Lets one that is ready go on until it waits again; whether there was one.
    pub(crate) fn go_on(&mut self, dice: &mut Dice) -> bool {
        let ready: Vec<usize> = (0..self.0.len())
            .filter(|at| self.0[*at].ready.0.load(Ordering::SeqCst))
            .collect();
        let Some(at) = dice.pick(&ready).copied() else {
            return false;
        };
        let errand = &mut self.0[at];
        errand.ready.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&errand.ready));
        let polled = errand
            .future
            .as_mut()
            .poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            drop(self.0.remove(at));
        }
        true
    }

    /// Drops all of them where they stand, as a crash does.
    pub(crate) fn break_off(&mut self) {
        self.0.clear();
    }
}

/// Lets others go first, so many times.
pub(crate) async fn hesitate(times: u64) {
    for _ in 0..times {
        let mut asked = false;
        std::future::poll_fn(|context| {
            if asked {
                return Poll::Ready(());
            }
            asked = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// Finishes a future here and now, whatever thread it waits for: nothing of the world happens meanwhile.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    struct Thread(std::thread::Thread);
    impl Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Thread(std::thread::current())));
    // A budget would let it wait for a turn that cannot come.
    let mut future = pin!(tokio::task::unconstrained(future));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => std::thread::park(),
        }
    }
}
