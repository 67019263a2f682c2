//! The one door: a call is moved in and comes back only inside a permit or a hold.

use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use super::entries::Refusal;
use super::ruling::{Challenge, Denial, Hold, Pending, Ruling};
use super::weigh::{Turned, Weighed};
use super::{Guard, entries};
use crate::engine::facts::Spend;
use crate::limits::{DECIDE_TRIES_COUNT, HOLDS_PER_WINDOW_COUNT, SIGNED_PERMIT_LIFE};
use crate::model::approval::ApprovalState;
use crate::model::call::{Call, Mode};
use crate::model::decision::{Cause, Decision};
use crate::model::id::{ApprovalId, GrantId, PermitId};
use crate::model::privilege::Privilege;
use crate::model::reason::Reason;
use crate::rate::CellKey;
use crate::store::{Change, Commit, Expect, InFlight, Leg, Recorded, StoreError, Sync};

use super::permit::Permit;
use super::settle::overdue;
use super::stops::Terms;

/// A call on its way through the door.
pub(super) struct Attempt {
    pub(super) call: Call,
    /// Limiter cells spent for this call: a rate is spent once, however often the call is judged.
    pub(super) cells: Option<Vec<(CellKey, u64)>>,
    /// How often the clocks had parted when they were spent: a cell is a moment.
    pub(super) partings: u64,
}

/// Why a judgement came to no recorded ruling.
enum Interrupted {
    /// The facts moved between reading and committing: judge anew.
    Moved(Attempt),
    /// The store did not take it.
    Down(Ruling),
}

impl Guard {
    /// Judges a call, records the judgement, and only then gives it.
    ///
    /// A judgement has a place of its own while it is under way: who waits for a person judges twice, and
    /// holds no room for it between.
    pub fn decide(self: &Arc<Self>, call: Call) -> impl Future<Output = Ruling> + Send {
        let span = tracing::debug_span!(
            target: DECISIONS,
            "call",
            call = %call.id,
            agent = %call.principal.agent,
            session = %call.session,
            mode = call.mode.name(),
            target = %call.target,
        );
        Box::pin(self.decide_now(call).instrument(span))
    }

    async fn decide_now(self: &Arc<Self>, call: Call) -> Ruling {
        let began = self.ambient.monotonic();
        let ruling = self.rule(call).await;
        let took = self.ambient.monotonic().saturating_sub(began);
        self.measures.judged(&ruling, took);
        tracing::debug!(
            target: DECISIONS,
            decision = ruling.name(),
            reason = ruling.reason().code(),
            isolation = self.isolation.name(),
            micros = took.as_micros(),
            "decided"
        );
        ruling
    }

    async fn rule(&self, call: Call) -> Ruling {
        let id = call.id;
        if self.stopping.is_cancelled() {
            return Ruling::Deny(Denial::new(Reason::ShuttingDown, "the guard is stopping").of(id));
        }
        let mut attempt = Attempt {
            call,
            cells: None,
            partings: self.partings(),
        };
        for _ in 0..DECIDE_TRIES_COUNT {
            match self.judge(attempt).await {
                Ok(ruling) | Err(Interrupted::Down(ruling)) => return ruling,
                Err(Interrupted::Moved(moved)) => attempt = moved,
            }
        }
        Ruling::Deny(Denial::new(Reason::Busy, "the facts moved at every try").of(id))
    }

    async fn judge(&self, mut attempt: Attempt) -> Result<Ruling, Interrupted> {
        let weighed = match self.weigh(&mut attempt).await {
            Ok(weighed) => weighed,
            Err(Turned::Away(cause)) => return self.turn_away(&attempt.call, cause).await,
            Err(Turned::Full(cause, wait)) => {
                return Ok(self.turn_down(&attempt.call, cause, wait).await);
            }
            Err(Turned::Down(fault)) => return Ok(unavailable(&attempt.call, &fault)),
        };
        match weighed.evaluation.decision.clone() {
            Decision::Permit { grant, .. } => self.permit(attempt, weighed, grant).await,
            Decision::Challenge { required, level } => {
                let (call, _) = self.put(attempt, weighed, Vec::new()).await?;
                Ok(Ruling::Challenge(Challenge {
                    call: call.id,
                    target: call.target,
                    required,
                    level,
                }))
            }
            Decision::Pause { causes, own: true } => self.pause(attempt, weighed, &causes).await,
            Decision::Pause { causes, own: false } => {
                self.pause_behind(attempt, weighed, &causes).await
            }
            Decision::Deny { cause } => self.deny(attempt, weighed, cause).await,
        }
    }

    async fn permit(
        &self,
        attempt: Attempt,
        mut weighed: Box<Weighed>,
        grant: Option<GrantId>,
    ) -> Result<Ruling, Interrupted> {
        let (now, call) = (weighed.now, &attempt.call);
        let mut changes = Vec::new();
        if let Some(id) = grant {
            let Some(grant) = weighed.standing.grant(id) else {
                return Err(Interrupted::Moved(attempt));
            };
            changes.push(Change::UseGrant(id, now));
            changes.extend(executing(&weighed, grant.approval, call));
            // Nobody looked at what runs under a pattern, so the past learns nothing from it.
            let is_learned = grant.pattern.is_none();
            weighed.approval = Some(grant.approval);
            weighed.grant = Some(id);
            weighed.lesson = weighed.lesson.filter(|_| is_learned);
        }
        for amount in &weighed.requirements.amounts {
            // The engine permits no call whose amount is absent.
            let Some(value) = amount.amount.clone() else {
                return Err(Interrupted::Moved(attempt));
            };
            let (ask, limit) = (amount.ask.clone(), amount.limit.clone());
            changes.push(Change::Spend(
                call.id,
                Spend {
                    ask,
                    amount: value,
                    limit,
                    at: now,
                },
            ));
        }
        if weighed.requirements.privilege != Privilege::Read {
            let cells = attempt.cells.iter().flatten();
            changes.extend(cells.map(|(key, cell)| Change::Rate(key.text(), *cell)));
        }
        if let Some(taint) = &weighed.taint {
            changes.push(Change::Taint(call.session, taint.clone()));
        }
        let leg = match call.mode {
            Mode::Proxy => Leg::Own,
            Mode::Authorize => Leg::Signed {
                permit: PermitId::random(&self.ambient),
                until: now.after(SIGNED_PERMIT_LIFE),
            },
        };
        changes.push(Change::Start(InFlight {
            call: call.id,
            agent: call.principal.agent.clone(),
            session: call.session,
            target: call.target.clone(),
            destinations: weighed.known.aims.destinations.clone(),
            privilege: weighed.requirements.privilege,
            approval: weighed.approval,
            since: now,
            leg,
        }));
        let (digest, approval) = (weighed.digest, weighed.approval);
        let terms = Box::new(Terms {
            binding: weighed.binding.clone(),
            grant: weighed.grant,
            epoch: weighed.epoch,
            partings: attempt.partings,
            minted: weighed.monotonic,
            leg,
        });
        let lesson = weighed.lesson.take();
        let redactor = weighed.known.redactor.clone();
        let (call, recorded) = self.put(attempt, weighed, changes).await?;
        self.keep_redactor(call.id, redactor);
        Ok(Ruling::Permit(Permit::mint(
            recorded, call, digest, approval, lesson, terms,
        )))
    }

    /// Holds a call that needs an approval of its own: joins the open one, or opens it.
    async fn pause(
        &self,
        attempt: Attempt,
        mut weighed: Box<Weighed>,
        causes: &[Cause],
    ) -> Result<Ruling, Interrupted> {
        let open = weighed
            .standing
            .approval
            .as_ref()
            .filter(|one| one.is_open(weighed.now));
        let (pending, changes) = match open {
            Some(approval) => (pending(approval, causes), Vec::new()),
            None => match self.crowded(&attempt.call, &weighed).await {
                Err(fault) => return Ok(unavailable(&attempt.call, &fault)),
                Ok(Some(cause)) => {
                    let told = cause.clone();
                    weighed.evaluation.decision = Decision::Deny { cause: told };
                    return self.deny(attempt, weighed, cause).await;
                }
                Ok(None) => match self.new_approval(&attempt.call, &weighed, causes) {
                    Some(approval) => {
                        let pending = pending(&approval, causes);
                        (pending, vec![Change::OpenApproval(Box::new(approval))])
                    }
                    None => return Err(Interrupted::Moved(attempt)),
                },
            },
        };
        weighed.approval = Some(pending.approval);
        weighed.sync = Sync::Synced;
        let (mut call, _) = self.put(attempt, weighed, changes).await?;
        call.attached = Some(pending.approval);
        let behind = vec![pending.approval];
        Ok(Ruling::Pause(Hold {
            call,
            pending,
            behind,
        }))
    }

    /// Holds a call that would pass, behind the open approvals of its session.
    async fn pause_behind(
        &self,
        attempt: Attempt,
        mut weighed: Box<Weighed>,
        causes: &[Cause],
    ) -> Result<Ruling, Interrupted> {
        let behind = weighed.standing.covering.clone();
        let Some(first) = behind.first().copied() else {
            return Err(Interrupted::Moved(attempt));
        };
        let shown = match self.store.approval(first).await {
            Ok(Some(approval)) => approval,
            Ok(None) => return Err(Interrupted::Moved(attempt)),
            Err(fault) => return Ok(unavailable(&attempt.call, &fault)),
        };
        weighed.approval = Some(first);
        let (call, _) = self.put(attempt, weighed, Vec::new()).await?;
        let pending = Pending {
            own: false,
            code: String::new(),
            ..pending(&shown, causes)
        };
        Ok(Ruling::Pause(Hold {
            call,
            pending,
            behind,
        }))
    }

    async fn deny(
        &self,
        attempt: Attempt,
        mut weighed: Box<Weighed>,
        cause: Cause,
    ) -> Result<Ruling, Interrupted> {
        let standing = &weighed.standing;
        // In the order in which the rules ask them.
        let about = standing
            .refused
            .as_ref()
            .or(weighed.attached.as_ref())
            .or(standing.refused_alike.as_deref())
            .or(standing.approval.as_ref());
        let message = about.and_then(|approval| match &approval.state {
            ApprovalState::Denied { message, .. } => message.clone(),
            _ => None,
        });
        weighed.approval = about.map(|approval| approval.id);
        // A denial holds whether or not the facts moved: nothing it says could let the call run.
        weighed.expects = None;
        let (approval, retry_after) = (weighed.approval, weighed.patience(cause.reason));
        let (lapsed, now) = (is_lapse(cause.reason), weighed.now);
        if let (Some(id), true) = (approval, lapsed) {
            // Written down before it is told: a clock that is set back must not revive it.
            let ended = self.end_approval(id, |one| overdue(one, now), None).await;
            if let Err(fault) = ended {
                return Ok(unavailable(&attempt.call, &fault));
            }
        }
        let is_flood = cause.reason == Reason::TooManyHolds
            && weighed.standing.opened >= HOLDS_PER_WINDOW_COUNT;
        let (call, _) = self.put(attempt, weighed, Vec::new()).await?;
        if is_flood {
            self.pause_flooding(call.session).await;
        }
        Ok(Ruling::Deny(Denial {
            call: Some(call.id),
            cause,
            message,
            retry_after,
            approval,
        }))
    }

    /// Records a refusal that comes before the rules.
    async fn turn_away(&self, call: &Call, cause: Cause) -> Result<Ruling, Interrupted> {
        let entry = entries::refused(call, &cause, self.ambient.now());
        let commit = Commit {
            expects: None,
            entry,
            changes: Vec::new(),
            sync: self.reads,
        };
        match self.commit(commit).await {
            Ok(recorded) => {
                self.charge_share(&call.principal.agent, recorded.bytes());
                Ok(Ruling::Deny(Denial::because(cause).of(call.id)))
            }
            Err(fault) => Err(Interrupted::Down(unavailable(call, &fault))),
        }
    }

    /// Refuses a call of an agent whose share of the record is full: counted, and not recorded itself.
    async fn turn_down(&self, call: &Call, cause: Cause, wait: Duration) -> Ruling {
        self.refuse(Refusal {
            reason: cause.reason,
            agent: Some(call.principal.agent.clone()),
            edge: "record",
            sentence: cause.sentence.clone(),
        })
        .await;
        let mut denial = Denial::because(cause).of(call.id);
        denial.retry_after = Some(wait);
        Ruling::Deny(denial)
    }

    /// Why the people who would decide have no room for one more call of its agent, if they have none.
    async fn crowded(&self, call: &Call, weighed: &Weighed) -> Result<Option<Cause>, StoreError> {
        let Some(rule) = weighed.scope.approval_for(weighed.evaluation.privilege) else {
            return Ok(None);
        };
        let agent = &call.principal.agent;
        let full = self
            .store
            .crowded(&rule.groups(), agent, weighed.now)
            .await?;
        Ok(full.map(|group| {
            let sentence = format!("the inbox of {group} has no room for this agent");
            Cause::new(Reason::InboxFull, sentence)
        }))
    }

    /// Writes the decision with its changes, in one transaction.
    async fn put(
        &self,
        attempt: Attempt,
        weighed: Box<Weighed>,
        mut changes: Vec<Change>,
    ) -> Result<(Call, Recorded), Interrupted> {
        changes.extend(weighed.seen());
        let (expects, sync) = (weighed.expects, weighed.sync);
        let agent = &attempt.call.principal.agent;
        let expects = expects.map(|revision| Expect {
            agent: agent.clone(),
            revision,
        });
        let entry = entries::decision(&attempt.call, *weighed);
        match self
            .commit(Commit {
                expects,
                entry,
                changes,
                sync,
            })
            .await
        {
            Ok(recorded) => {
                self.charge_share(&attempt.call.principal.agent, recorded.bytes());
                Ok((attempt.call, recorded))
            }
            Err(StoreError::Moved) => Err(Interrupted::Moved(attempt)),
            Err(fault) => Err(Interrupted::Down(unavailable(&attempt.call, &fault))),
        }
    }
}

/// Where the events of calls go: one `call` span from judgement to outcome, `decided` and `settled` in it.
pub(super) const DECISIONS: &str = "countersign::decisions";

/// The first use of a grant moves its approval on.
fn executing(weighed: &Weighed, id: ApprovalId, call: &Call) -> Option<Change> {
    let approval = weighed
        .standing
        .approval
        .as_ref()
        .filter(|approval| approval.id == id)?;
    let ApprovalState::Approved { by, .. } = &approval.state else {
        return None;
    };
    let state = ApprovalState::Executing {
        call: call.id,
        by: by.clone(),
    };
    Some(Change::SetApproval {
        id,
        version: approval.version,
        state,
    })
}

fn pending(approval: &crate::model::approval::Approval, causes: &[Cause]) -> Pending {
    Pending {
        approval: approval.id,
        code: approval.code.clone(),
        opened: approval.opened,
        decide_by: approval.decide_by,
        progress: approval.progress(),
        reasons: causes.to_vec(),
        own: true,
    }
}

/// Whether an approval is refused only because of the time.
const fn is_lapse(reason: Reason) -> bool {
    matches!(reason, Reason::ApprovalExpired | Reason::ApprovalUnredeemed)
}

fn unavailable(call: &Call, fault: &StoreError) -> Ruling {
    tracing::error!(call = %call.id, %fault, "a decision could not be recorded");
    Ruling::Deny(Denial::new(Reason::StoreUnavailable, fault.to_string()).of(call.id))
}
