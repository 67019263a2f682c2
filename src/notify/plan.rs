//! What a channel has to be told now, and when there will be more: a pure function of what is open, what
//! was told, and the moment.

use std::collections::HashMap;
use std::time::Duration;

use super::watch::Matters;
use super::{Channel, Route};
use crate::guard::notices::{Mark, Told};
use crate::limits::{NOTICE_GATHER, NOTICE_REMINDERS_COUNT};
use crate::model::approval::Approval;
use crate::model::id::ApprovalId;
use crate::model::name::AgentName;
use crate::model::time::Timestamp;

/// What kind of news a message is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// Somebody let a call run alone, which another person must judge.
    Glass,
    /// Time runs out, and those who were told first did not decide.
    Escalated,
    /// Something waits.
    Waiting,
    /// Something still waits.
    Reminder,
    /// Nothing waits.
    Test,
}

impl Kind {
    /// The word for it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Glass => "break-glass",
            Self::Escalated => "escalated",
            Self::Waiting => "waiting",
            Self::Reminder => "reminder",
            Self::Test => "test",
        }
    }
}

/// What one channel watches for.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    direct: Route,
    remind: Option<Duration>,
    /// What others escalate to it: how long before the end, and of which requests.
    escalations: Vec<(Duration, Route)>,
}

impl Watch {
    /// What `channel` watches for among all of them.
    pub(super) fn of(channel: &Channel, all: &[Channel]) -> Self {
        let steps = |other: &Channel| {
            let steps = other.escalate.iter();
            let steps = steps.filter(|step| step.to == channel.name);
            let steps = steps.map(|step| (step.before, other.route.clone()));
            steps.collect::<Vec<_>>()
        };
        Self {
            direct: channel.route.clone(),
            remind: channel.remind,
            escalations: all.iter().flat_map(steps).collect(),
        }
    }
}

/// One message that is due: requests of one agent, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Due<'a> {
    pub(super) kind: Kind,
    pub(super) agent: AgentName,
    pub(super) approvals: Vec<&'a Approval>,
    /// Everything that is told by it.
    pub(super) marks: Vec<(ApprovalId, Mark)>,
    /// When the last of it came about, whenever it is sent.
    pub(super) at: Timestamp,
}

/// What is due, most pressing first, and when something else will be.
#[derive(Default, Debug)]
pub(super) struct Plan<'a> {
    pub(super) due: Vec<Due<'a>>,
    pub(super) next: Option<Timestamp>,
}

/// Plans for one channel. News of an agent in `quiet` that only begins to wait gathers until that moment.
pub(super) fn plan<'a>(
    watch: &Watch,
    open: &'a Matters,
    told: &Told,
    quiet: &HashMap<AgentName, Timestamp>,
    now: Timestamp,
) -> Plan<'a> {
    let mut plan = Plan::default();
    for (approval, at) in &open.broken {
        if watch.direct.takes(approval) && !told.has(approval.id, Mark::Glass) {
            put(&mut plan.due, Kind::Glass, approval, vec![Mark::Glass], *at);
        }
    }
    for approval in open.waiting.iter().filter(|one| one.is_open(now)) {
        let mut look = Look {
            now,
            next: &mut plan.next,
            marks: Vec::new(),
        };
        look.escalations(watch, approval, told);
        let is_escalated = !look.marks.is_empty();
        if watch.direct.takes(approval) {
            let quiet = quiet.get(&approval.principal.agent).copied();
            look.waits(approval, told, quiet);
        }
        let is_new = look.marks.contains(&Mark::Waits);
        if let Some(interval) = watch.remind.filter(|_| watch.direct.takes(approval)) {
            look.reminders(approval, told, interval);
        }
        let marks = look.marks;
        if marks.is_empty() {
            continue;
        }
        let kind = match (is_escalated, is_new) {
            (true, _) => Kind::Escalated,
            (false, true) => Kind::Waiting,
            (false, false) => Kind::Reminder,
        };
        let moments = marks.iter().map(|mark| moment(*mark, approval, watch));
        let at = moments.max().unwrap_or(approval.opened);
        put(&mut plan.due, kind, approval, marks, at);
    }
    plan.due.sort_by_key(|due| due.kind);
    plan
}

/// A look at one request.
struct Look<'a> {
    now: Timestamp,
    next: &'a mut Option<Timestamp>,
    marks: Vec<Mark>,
}

impl Look<'_> {
    fn escalations(&mut self, watch: &Watch, approval: &Approval, told: &Told) {
        for (before, route) in &watch.escalations {
            let mark = Mark::Before(*before);
            let at = approval.decide_by.before(*before);
            let at = at.max(approval.opened.after(NOTICE_GATHER));
            if route.takes(approval) && !told.has(approval.id, mark) && !self.marks.contains(&mark)
            {
                self.at(at, mark);
            }
        }
    }

    fn waits(&mut self, approval: &Approval, told: &Told, quiet: Option<Timestamp>) {
        if !told.has(approval.id, Mark::Waits) {
            let at = approval.opened.after(NOTICE_GATHER);
            self.at(quiet.map_or(at, |quiet| quiet.max(at)), Mark::Waits);
        }
    }

    /// After a pause only the last of those that were missed.
    fn reminders(&mut self, approval: &Approval, told: &Told, interval: Duration) {
        let passed = self.now.since(approval.opened).as_millis();
        let count = passed.checked_div(interval.as_millis()).unwrap_or(0);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let count = count.min(NOTICE_REMINDERS_COUNT);
        if count > told.reminders(approval.id) {
            self.marks.push(Mark::Reminder(count));
        }
        if count < NOTICE_REMINDERS_COUNT {
            let next = interval.saturating_mul(count.saturating_add(1));
            self.later(approval.opened.after(next));
        }
    }

    fn at(&mut self, at: Timestamp, mark: Mark) {
        match at <= self.now {
            true => self.marks.push(mark),
            false => self.later(at),
        }
    }

    fn later(&mut self, at: Timestamp) {
        *self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

/// When there was this to tell of a request.
fn moment(mark: Mark, approval: &Approval, watch: &Watch) -> Timestamp {
    match mark {
        Mark::Waits | Mark::Glass => approval.opened,
        Mark::Reminder(count) => {
            let interval = watch.remind.unwrap_or_default();
            approval.opened.after(interval.saturating_mul(count))
        }
        Mark::Before(time) => approval.decide_by.before(time).max(approval.opened),
    }
}

fn put<'a>(
    due: &mut Vec<Due<'a>>,
    kind: Kind,
    approval: &'a Approval,
    marks: Vec<Mark>,
    at: Timestamp,
) {
    let agent = &approval.principal.agent;
    let marks = marks.into_iter().map(|mark| (approval.id, mark));
    let same = due
        .iter_mut()
        .find(|due| due.kind == kind && due.agent == *agent);
    match same {
        Some(due) => {
            due.approvals.push(approval);
            due.marks.extend(marks);
            due.at = due.at.max(at);
        }
        None => due.push(Due {
            kind,
            agent: agent.clone(),
            approvals: vec![approval],
            marks: marks.collect(),
            at,
        }),
    }
}
