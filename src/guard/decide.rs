//! The one door: a call is moved in and comes back only inside a permit or a hold.

use std::sync::Arc;

use aws_lc_rs::hmac;
use serde_json::Value;

use super::ruling::{Challenge, Denial, Hold, Pending, Ruling};
use super::{Guard, entries};
use crate::audit::commitment::{self, Disclosure};
use crate::engine::facts::{Facts, Spend, Standing};
use crate::engine::{self, Matched, Requirements};
use crate::limits::{DECIDE_TRIES_COUNT, SESSION_SEEN_INTERVAL};
use crate::model::action::{self, Binding, MatchKey};
use crate::model::approval::{Approval, ApprovalState};
use crate::model::call::Call;
use crate::model::decision::{Cause, Decision, Evaluation};
use crate::model::digest::Digest;
use crate::model::id::{ApprovalId, GrantId};
use crate::model::json;
use crate::model::privilege::Privilege;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::rate::{CellKey, Exceeded};
use crate::scopes::{ArgumentsRecord, Extras, PauseCovers, Scope};
use crate::store::{Ask, Change, Commit, Expect, InFlight, StoreError, Sync};

use super::permit::Permit;

/// A call as judged, on its way into the record.
pub(super) struct Judged<'a> {
    pub(super) evaluation: &'a Evaluation,
    pub(super) binding: &'a Binding,
    pub(super) commitment: Digest,
    pub(super) digest: Digest,
    pub(super) rules: Vec<String>,
    pub(super) approval: Option<ApprovalId>,
    pub(super) grant: Option<GrantId>,
    pub(super) now: Timestamp,
}

/// What is kept when facts moved and the call is judged anew.
struct Attempt {
    call: Call,
    /// Limiter cells spent for this call: a rate is spent once, however often the call is judged.
    cells: Option<Vec<(CellKey, u64)>>,
}

impl Guard {
    /// Judges a call, records the judgement, and only then gives it.
    pub async fn decide(self: &Arc<Self>, call: Call) -> Ruling {
        let id = call.id;
        if self.stopping.is_cancelled() {
            return Ruling::Deny(Denial::new(Reason::ShuttingDown, "the guard is stopping").of(id));
        }
        let mut attempt = Attempt { call, cells: None };
        for _ in 0..DECIDE_TRIES_COUNT {
            match self.judge(attempt).await {
                Ok(ruling) => return ruling,
                Err(moved) => attempt = moved,
            }
        }
        Ruling::Deny(Denial::new(Reason::Busy, "the facts moved at every try").of(id))
    }

    /// One try. Gives the attempt back when the facts moved between reading and committing.
    async fn judge(self: &Arc<Self>, mut attempt: Attempt) -> Result<Ruling, Attempt> {
        let now = self.ambient.now();
        let monotonic = self.ambient.monotonic();
        let epoch = self.epoch();
        let call = &mut attempt.call;
        let scopes = self.scopes.load();
        let Some(scope) = scopes.scope(&call.principal.agent) else {
            let cause = Cause::new(Reason::NoScope, "no manifest speaks of this agent");
            return self.turn_away(attempt, cause, now).await;
        };
        if let Err(cause) = shape(call, scope.extras) {
            return self.turn_away(attempt, cause, now).await;
        }
        let Some(server) = self.catalog.server_pin(&call.target.server) else {
            let sentence = format!("no server {} has presented itself", call.target.server);
            let cause = Cause::new(Reason::UnknownTarget, sentence);
            return self.turn_away(attempt, cause, now).await;
        };
        let tool = self.catalog.tool(&call.target);
        let binding = Binding {
            server,
            tool: tool.as_ref().map(|tool| tool.pin),
            manifest: scope.digest,
            obligations: Vec::new(),
        };
        let key = action::match_key(call, &binding, &self.match_key);
        let matched = Matched::find(scope, &attempt.call.target);
        let requirements = Requirements::of(&matched, &attempt.call);
        let exceeded = match &attempt.cells {
            Some(_) => None,
            None => self.limits.look(&requirements.rates, now).err(),
        };
        let (standing, attached) = match self
            .facts(&attempt.call, scope, key, &requirements, now)
            .await
        {
            Ok(facts) => facts,
            Err(fault) => return Ok(unavailable(&attempt.call, &fault)),
        };
        let facts = Facts {
            standing: &standing,
            attached: attached.as_ref(),
            tool: tool.as_ref().map(|tool| &tool.schema),
            exceeded: exceeded.clone(),
            level: LEVEL_OF_A_KEY,
        };
        let mut evaluation = engine::decide(&attempt.call, &matched, &requirements, &facts, now);
        let mut wait = exceeded.map(|exceeded| exceeded.wait);
        if matches!(evaluation.decision, Decision::Permit { .. }) && attempt.cells.is_none() {
            match self.limits.reserve(&requirements.rates, now) {
                Ok(cells) => attempt.cells = Some(cells),
                Err(Exceeded { index, wait: until }) => {
                    // Another call took the last place between the look and the reservation.
                    wait = Some(until);
                    let facts = Facts {
                        exceeded: Some(Exceeded { index, wait: until }),
                        ..facts
                    };
                    evaluation =
                        engine::decide(&attempt.call, &matched, &requirements, &facts, now);
                }
            }
        }
        let salt = match standing
            .approval
            .as_ref()
            .filter(|approval| approval.is_live(now))
        {
            Some(approval) => approval.salt,
            None => self.ambient.random(),
        };
        let (commitment, disclosure) = commitment::commit(&attempt.call.arguments, &salt);
        let digest = action::digest(&attempt.call, &binding, &commitment);
        let mut judged = Judged {
            evaluation: &evaluation,
            binding: &binding,
            commitment,
            digest,
            rules: matched
                .rules
                .iter()
                .map(|(_, rule)| rule.place.to_string())
                .collect(),
            approval: None,
            grant: None,
            now,
        };
        let disclosure = disclosed(disclosure, &scope.record);
        let sync = match requirements.privilege {
            Privilege::Read => self.reads,
            _ => Sync::Synced,
        };
        let seen = seen(&standing, now);
        let expects = Some(Expect {
            agent: attempt.call.principal.agent.clone(),
            revision: standing.revision,
        });

        match &evaluation.decision {
            Decision::Permit { reason } => {
                let mut changes = Vec::new();
                if *reason == Reason::Granted {
                    let Some(grant) = &standing.grant else {
                        return Err(attempt);
                    };
                    judged.grant = Some(grant.id);
                    judged.approval = Some(grant.approval);
                    changes.push(Change::UseGrant(grant.id, now));
                    changes.extend(executing(&standing, grant.approval, &attempt.call));
                }
                for amount in &requirements.amounts {
                    // The engine permits no call whose amount is absent.
                    let Some(value) = amount.amount.clone() else {
                        return Err(attempt);
                    };
                    let spend = Spend {
                        ask: amount.ask.clone(),
                        amount: value,
                        limit: amount.limit.clone(),
                        at: now,
                    };
                    changes.push(Change::Spend(attempt.call.id, spend));
                }
                if requirements.privilege != Privilege::Read {
                    let cells = attempt.cells.iter().flatten();
                    changes.extend(cells.map(|(key, cell)| Change::Rate(key.text(), *cell)));
                }
                changes.push(Change::Start(InFlight {
                    call: attempt.call.id,
                    agent: attempt.call.principal.agent.clone(),
                    session: attempt.call.session,
                    target: attempt.call.target.clone(),
                    approval: judged.approval,
                    since: now,
                }));
                changes.extend(seen);
                let approval = judged.approval;
                let entry = entries::decision(&attempt.call, &judged, disclosure);
                match self
                    .store
                    .commit(Commit {
                        expects,
                        entry,
                        changes,
                        sync,
                    })
                    .await
                {
                    Ok(recorded) => Ok(Ruling::Permit(Permit::mint(
                        recorded,
                        attempt.call,
                        digest,
                        approval,
                        monotonic,
                        epoch,
                    ))),
                    Err(StoreError::Moved) => Err(attempt),
                    Err(fault) => Ok(unavailable(&attempt.call, &fault)),
                }
            }
            Decision::Pause { causes, own: true } => {
                let open = standing
                    .approval
                    .as_ref()
                    .filter(|approval| approval.is_open(now));
                let (pending, opening) = match open {
                    Some(approval) => (pending(approval, causes), None),
                    None => {
                        let Some(approval) =
                            self.open_approval(&attempt.call, scope, &judged, causes, key, salt)
                        else {
                            return Err(attempt);
                        };
                        (
                            pending(&approval, causes),
                            Some(Change::OpenApproval(Box::new(approval))),
                        )
                    }
                };
                judged.approval = Some(pending.approval);
                let entry = entries::decision(&attempt.call, &judged, disclosure);
                let changes = opening.into_iter().chain(seen).collect();
                let sync = Sync::Synced;
                match self
                    .store
                    .commit(Commit {
                        expects,
                        entry,
                        changes,
                        sync,
                    })
                    .await
                {
                    Ok(_) => {
                        attempt.call.attached = Some(pending.approval);
                        let behind = vec![pending.approval];
                        Ok(Ruling::Pause(Hold {
                            call: attempt.call,
                            pending,
                            behind,
                        }))
                    }
                    Err(StoreError::Moved) => Err(attempt),
                    Err(fault) => Ok(unavailable(&attempt.call, &fault)),
                }
            }
            Decision::Pause { causes, own: false } => {
                let Some(first) = standing.covering.first().copied() else {
                    return Err(attempt);
                };
                let shown = match self.store.approval(first).await {
                    Ok(Some(approval)) => approval,
                    Ok(None) => return Err(attempt),
                    Err(fault) => return Ok(unavailable(&attempt.call, &fault)),
                };
                judged.approval = Some(first);
                let entry = entries::decision(&attempt.call, &judged, disclosure);
                let changes = seen.into_iter().collect();
                match self
                    .store
                    .commit(Commit {
                        expects,
                        entry,
                        changes,
                        sync,
                    })
                    .await
                {
                    Ok(_) => {
                        let pending = Pending {
                            own: false,
                            code: String::new(),
                            ..pending(&shown, causes)
                        };
                        let behind = standing.covering.clone();
                        Ok(Ruling::Pause(Hold {
                            call: attempt.call,
                            pending,
                            behind,
                        }))
                    }
                    Err(StoreError::Moved) => Err(attempt),
                    Err(fault) => Ok(unavailable(&attempt.call, &fault)),
                }
            }
            Decision::Challenge { required, level } => {
                let entry = entries::decision(&attempt.call, &judged, disclosure);
                let changes = seen.into_iter().collect();
                match self
                    .store
                    .commit(Commit {
                        expects,
                        entry,
                        changes,
                        sync,
                    })
                    .await
                {
                    Ok(_) => Ok(Ruling::Challenge(Challenge {
                        call: attempt.call.id,
                        target: attempt.call.target,
                        required: *required,
                        level: *level,
                    })),
                    Err(StoreError::Moved) => Err(attempt),
                    Err(fault) => Ok(unavailable(&attempt.call, &fault)),
                }
            }
            Decision::Deny { cause } => {
                let about = facts
                    .attached
                    .or(standing.refused.as_ref())
                    .or(standing.approval.as_ref());
                judged.approval = about.map(|approval| approval.id);
                let denial = Denial {
                    call: Some(attempt.call.id),
                    cause: cause.clone(),
                    message: about.and_then(words),
                    retry_after: wait.or_else(|| patience(cause.reason)),
                    approval: judged.approval,
                };
                let entry = entries::decision(&attempt.call, &judged, disclosure);
                let changes = seen.into_iter().collect();
                // A denial holds whether or not the facts moved: nothing it says could let the call run.
                match self
                    .store
                    .commit(Commit {
                        expects: None,
                        entry,
                        changes,
                        sync,
                    })
                    .await
                {
                    Ok(_) => Ok(Ruling::Deny(denial)),
                    Err(StoreError::Moved) => Err(attempt),
                    Err(fault) => Ok(unavailable(&attempt.call, &fault)),
                }
            }
        }
    }

    /// The standing of the call, and the approval it waits on where that is another than its standing's.
    async fn facts(
        &self,
        call: &Call,
        scope: &Scope,
        key: MatchKey,
        requirements: &Requirements,
        now: Timestamp,
    ) -> Result<(Standing, Option<Approval>), StoreError> {
        let budgets: Vec<_> = requirements
            .amounts
            .iter()
            .map(|amount| amount.ask.clone())
            .collect();
        let ask = Ask {
            agent: &call.principal.agent,
            session: call.session,
            target: &call.target,
            arguments: call.arguments.canonical(),
            key,
            budgets: &budgets,
            now,
        };
        let mut standing = self.store.standing(&ask).await?;
        self.age(&mut standing, scope, &call.principal, now);
        let attached = match call.attached {
            Some(id) => self.store.approval(id).await?,
            None => None,
        };
        Ok((standing, attached))
    }

    fn open_approval(
        &self,
        call: &Call,
        scope: &Scope,
        judged: &Judged<'_>,
        causes: &[Cause],
        key: MatchKey,
        salt: [u8; 16],
    ) -> Option<Approval> {
        let rule = scope.approval_for(judged.evaluation.privilege)?.clone();
        let id = ApprovalId::random(&self.ambient);
        Some(Approval {
            id,
            version: 1,
            call: call.id,
            principal: call.principal.clone(),
            session: call.session,
            mode: call.mode,
            method: Arc::clone(&call.method),
            target: call.target.clone(),
            privilege: judged.evaluation.privilege,
            arguments: call.arguments.canonical().clone(),
            extras: json::canonical_map(&call.extras).into(),
            claims: json::canonical_map(&call.claims).into(),
            key,
            digest: judged.digest,
            salt,
            manifest: scope.digest,
            reasons: causes
                .iter()
                .map(|cause| (cause.reason, cause.sentence.clone()))
                .collect(),
            decide_by: judged.now.after(rule.decide_by),
            rule,
            code: self.code(id, &judged.digest),
            // An undeclared reach pauses only itself, so that injected text cannot freeze a session.
            covers_session: scope.pause_covers == PauseCovers::Session
                && !causes
                    .iter()
                    .all(|cause| cause.reason == Reason::Undeclared),
            opened: judged.now,
            state: ApprovalState::Held,
        })
    }

    /// Six characters that let two people see that they look at the same call.
    fn code(&self, id: ApprovalId, digest: &Digest) -> String {
        let mut text = id.as_bytes().to_vec();
        text.extend_from_slice(digest.as_bytes());
        let tag = hmac::sign(&self.code_key, &text);
        tag.as_ref()
            .iter()
            .take(6)
            .map(|byte| letter(*byte))
            .collect()
    }

    /// Records a refusal that comes before the rules.
    async fn turn_away(
        &self,
        attempt: Attempt,
        cause: Cause,
        now: Timestamp,
    ) -> Result<Ruling, Attempt> {
        let entry = entries::refused(&attempt.call, &cause, now);
        let commit = Commit {
            expects: None,
            entry,
            changes: Vec::new(),
            sync: self.reads,
        };
        match self.store.commit(commit).await {
            Ok(_) => Ok(Ruling::Deny(Denial::because(cause).of(attempt.call.id))),
            Err(fault) => Ok(unavailable(&attempt.call, &fault)),
        }
    }
}

/// What an API key or a local assertion proves until more can be proved.
const LEVEL_OF_A_KEY: u8 = 1;

/// Applies the manifest's stance on what the protocol does not define, before anything is bound.
fn shape(call: &mut Call, extras: Extras) -> Result<(), Cause> {
    if call.extras.is_empty() {
        return Ok(());
    }
    match extras {
        Extras::Pass => Ok(()),
        Extras::Strip => {
            call.extras.clear();
            Ok(())
        }
        Extras::Deny => {
            let names: Vec<_> = call
                .extras
                .values()
                .filter_map(Value::as_object)
                .flat_map(|half| half.keys())
                .map(String::as_str)
                .collect();
            let sentence = format!("the request carries {}", names.join(", "));
            Err(Cause::new(Reason::ExtrasDenied, sentence))
        }
    }
}

fn disclosed(mut disclosure: Disclosure, rule: &ArgumentsRecord) -> Disclosure {
    match rule {
        ArgumentsRecord::Keep => disclosure,
        ArgumentsRecord::Digest => disclosure.only_leaves(),
        ArgumentsRecord::Redact(pointers) => {
            disclosure.redact(pointers);
            disclosure
        }
    }
}

/// Notes that the session acted, at most once in [`SESSION_SEEN_INTERVAL`].
fn seen(standing: &Standing, now: Timestamp) -> Option<Change> {
    let session = standing.session.as_ref()?;
    (now.since(session.seen) >= SESSION_SEEN_INTERVAL).then(|| Change::SeenSession(session.id, now))
}

/// The first use of a grant moves its approval on.
fn executing(standing: &Standing, id: ApprovalId, call: &Call) -> Option<Change> {
    let approval = standing
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

fn pending(approval: &Approval, causes: &[Cause]) -> Pending {
    Pending {
        approval: approval.id,
        code: approval.code.clone(),
        opened: approval.opened,
        decide_by: approval.decide_by,
        reasons: causes.to_vec(),
        own: true,
    }
}

fn words(approval: &Approval) -> Option<String> {
    match &approval.state {
        ApprovalState::Denied { message, .. } => message.clone(),
        _ => None,
    }
}

/// How long an agent should wait where the wait is not computed.
fn patience(reason: Reason) -> Option<std::time::Duration> {
    use crate::model::reason::Retry;
    match reason.row().retry {
        Retry::Never => None,
        Retry::Later | Retry::Same => Some(std::time::Duration::from_secs(30)),
    }
}

fn unavailable(call: &Call, fault: &StoreError) -> Ruling {
    tracing::error!(call = %call.id, %fault, "a decision could not be recorded");
    Ruling::Deny(Denial::new(Reason::StoreUnavailable, fault.to_string()).of(call.id))
}

/// Letters and digits that are not taken for one another.
fn letter(byte: u8) -> char {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    LETTERS
        .get(usize::from(byte % 32))
        .map_or('0', |letter| char::from(*letter))
}
