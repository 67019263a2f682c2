//! One channel at work: it sends what is due, tries again what failed, and records what became of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::message::Message;
use super::plan::{Due, Watch, plan};
use super::watch::Open;
use super::{Answer, Channel, Desk};
use crate::ambient::Ambient;
use crate::guard::Guard;
use crate::guard::notices::{Mark, Notice, NoticeEnd};
use crate::limits::{
    NOTICE_BURST, NOTICE_RETRY_LONGEST, NOTICE_RETRY_SHORTEST, NOTICE_STOP_GRACE,
    NOTICE_TRIES_COUNT,
};
use crate::model::id::ApprovalId;
use crate::model::name::AgentName;
use crate::model::time::Timestamp;

/// A channel with all that it works with.
pub(super) struct Worker {
    pub(super) channel: Channel,
    pub(super) watch: Watch,
    pub(super) desk: Arc<Desk>,
    pub(super) open: Open,
    pub(super) guard: Arc<Guard>,
    /// Told when the channel is switched on again.
    pub(super) enabled: Arc<Notify>,
}

/// A message that was not taken yet.
struct Pending {
    id: String,
    about: &'static str,
    marks: Vec<(ApprovalId, Mark)>,
    tries: u32,
    fault: String,
}

/// What a worker remembers of its run.
#[derive(Default)]
struct Run {
    /// Agents whose next news gathers until then.
    quiet: HashMap<AgentName, Timestamp>,
    pending: Option<Pending>,
    /// Tries that failed one after the other.
    failures: u32,
}

impl Worker {
    /// Works until the guard stops.
    pub(super) async fn run(mut self) {
        let stopping = self.guard.stopping();
        let mut run = Run::default();
        loop {
            let pause = self.round(&mut run).await;
            let passed = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            // After a try that failed nothing but time helps.
            let is_waiting = run.failures == 0;
            tokio::select! {
                () = stopping.cancelled() => return,
                () = passed => {}
                () = self.enabled.notified() => {}
                changed = self.open.changed(), if is_waiting => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Sends what is due first, if anything; how long there is nothing else to do.
    async fn round(&mut self, run: &mut Run) -> Option<Duration> {
        let name = &self.channel.name;
        let told = self.guard.told(name);
        if told.disabled.is_some() {
            *run = Run::default();
            return None;
        }
        let open = Arc::clone(&self.open.borrow_and_update());
        let now = self.guard.ambient().now();
        let waiting = open.waiting.iter().filter(|one| one.is_open(now));
        let broken = open.broken.iter().map(|(approval, _)| approval.id);
        let ids: BTreeSet<ApprovalId> = waiting.map(|one| one.id).chain(broken).collect();
        self.give_up_what_is_over(run, &ids).await;
        run.quiet.retain(|_, until| *until > now);
        let plan = plan(&self.watch, &open, &told, &run.quiet, now);
        let Some(due) = plan.due.first() else {
            run.failures = 0;
            return plan.next.map(|next| next.since(now));
        };
        let message = Message::of(due, &self.channel, &self.desk);
        let stopping = self.guard.stopping();
        let answer = tokio::select! {
            answer = self.channel.way.send(&message, &self.desk, now) => answer,
            // Sent again at the next start, under the same name.
            () = async {
                stopping.cancelled().await;
                tokio::time::sleep(NOTICE_STOP_GRACE).await;
            } => return None,
        };
        self.settle(run, due, message, answer, &ids).await
    }

    /// Records what became of a message; how long to wait before anything else is sent.
    async fn settle(
        &self,
        run: &mut Run,
        due: &Due<'_>,
        message: Message,
        answer: Answer,
        open: &BTreeSet<ApprovalId>,
    ) -> Option<Duration> {
        let earlier = run.pending.take().filter(|one| one.id == message.id);
        let mut pending = Pending {
            tries: earlier.map_or(0, |one| one.tries).saturating_add(1),
            id: message.id,
            about: due.kind.name(),
            marks: due.marks.clone(),
            fault: String::new(),
        };
        match answer {
            Answer::Taken(_) => {
                run.failures = 0;
                let until = self.guard.ambient().now().after(NOTICE_BURST);
                run.quiet.insert(due.agent.clone(), until);
                self.record(pending, NoticeEnd::Sent, open).await;
                Some(Duration::ZERO)
            }
            Answer::Gone => {
                let name = &self.channel.name;
                tracing::warn!(channel = %name, "the receiver is gone; the channel is switched off");
                pending.fault = "the receiver is gone".to_owned();
                self.record(pending, NoticeEnd::Disabled, open).await;
                Some(Duration::ZERO)
            }
            Answer::Failed { fault, pause, .. } => {
                self.guard.notice_failed(&self.channel.name, &fault);
                tracing::warn!(channel = %self.channel.name, %fault, tries = pending.tries, "nobody was told");
                pending.fault = fault;
                let backoff = backoff(run.failures, self.guard.ambient());
                run.failures = run.failures.saturating_add(1);
                if pending.tries >= NOTICE_TRIES_COUNT {
                    self.record(pending, NoticeEnd::Undelivered, open).await;
                } else {
                    run.pending = Some(pending);
                }
                let pause = pause.map(|pause| pause.min(NOTICE_RETRY_LONGEST));
                Some(pause.map_or(backoff, |pause| pause.max(backoff)))
            }
        }
    }

    /// A message that was never taken and whose requests are all over is told to nobody any more.
    async fn give_up_what_is_over(&self, run: &mut Run, open: &BTreeSet<ApprovalId>) {
        let is_over = |one: &Pending| !one.marks.iter().any(|(id, _)| open.contains(id));
        if let Some(pending) = run.pending.take_if(|one| is_over(one)) {
            self.record(pending, NoticeEnd::Undelivered, open).await;
        }
    }

    async fn record(&self, pending: Pending, end: NoticeEnd, open: &BTreeSet<ApprovalId>) {
        let notice = Notice {
            id: pending.id,
            about: pending.about,
            marks: pending.marks,
            tries: pending.tries,
            end,
            fault: (end != NoticeEnd::Sent).then_some(pending.fault),
        };
        let recorded = self.guard.noticed(&self.channel.name, &notice, open).await;
        if let Err(fault) = recorded {
            tracing::error!(%fault, channel = %self.channel.name, "a notification could not be recorded");
        }
    }
}

/// The pause after so many tries that failed and one more: doubled each time up to a bound, and between half
/// of that and all of it, so that channels which failed together do not come back together.
fn backoff(failures: u32, ambient: &Ambient) -> Duration {
    let factor = 2_u32.saturating_pow(failures);
    let longest = NOTICE_RETRY_SHORTEST
        .saturating_mul(factor)
        .min(NOTICE_RETRY_LONGEST);
    let [chance] = ambient.random::<1>();
    longest.mul_f64(0.5 + f64::from(chance) / 512.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_between_tries_grows_to_its_bound_and_is_never_quite_the_same() {
        let (ambient, _) = Ambient::played(7, Timestamp::from_millis(0));
        let mut pauses: Vec<Duration> = Vec::new();
        for failures in 0..40 {
            let pause = backoff(failures, &ambient);
            let longest = NOTICE_RETRY_SHORTEST
                .saturating_mul(2_u32.saturating_pow(failures))
                .min(NOTICE_RETRY_LONGEST);
            assert!(pause >= longest / 2 && pause <= longest, "{pause:?}");
            pauses.push(pause);
        }
        pauses.dedup();
        assert!(pauses.len() > 30, "{pauses:?}");
    }
}
