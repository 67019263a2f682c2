//! Gathering what bears on a call and asking the rules: everything before the record.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;

use super::catalog::KnownTool;
use super::decide::Attempt;
use super::kinds::Known;
use super::{Guard, taint};
use crate::audit::commitment;
use crate::audit::disclosure::Disclosure;
use crate::engine::facts::{Facts, Standing};
use crate::engine::{self, Requirements};
use crate::limits::{RETRY_INTERVAL, SESSION_SEEN_INTERVAL};
use crate::model::action::{self, Binding};
use crate::model::approval::{Approval, ApprovalState};
use crate::model::call::{Call, Mode, PROTOCOL_HALF};
use crate::model::decision::{Cause, Decision, Evaluation};
use crate::model::digest::Digest;
use crate::model::history::Lesson;
use crate::model::id::{ApprovalId, GrantId};
use crate::model::json;
use crate::model::privilege::Privilege;
use crate::model::reason::{Reason, Retry};
use crate::model::session::{Session, SessionState};
use crate::model::taint::Taint;
use crate::model::time::Timestamp;
use crate::rate::Exceeded;
use crate::scopes::{ArgumentsRecord, Extras, PauseCovers, Scope};
use crate::store::{Ask, Change, StoreError, Sync};

/// A call weighed: what the rules said, and all that recording it needs.
pub(super) struct Weighed {
    pub(super) scope: Arc<Scope>,
    pub(super) requirements: Requirements,
    pub(super) known: Box<Known>,
    pub(super) standing: Standing,
    /// What the call teaches once it is done; nothing where no rule names its target.
    pub(super) lesson: Option<Box<Lesson>>,
    /// What the call lets its session hear, once it is permitted.
    pub(super) taint: Option<Taint>,
    /// The approval the call waits on, where it waits on one.
    pub(super) attached: Option<Approval>,
    pub(super) evaluation: Evaluation,
    /// The places of the rules that matched.
    pub(super) rules: Vec<String>,
    pub(super) binding: Binding,
    pub(super) salt: [u8; 16],
    pub(super) commitment: Digest,
    pub(super) disclosure: Disclosure,
    pub(super) digest: Digest,
    /// The approval the decision is about, and the grant it uses.
    pub(super) approval: Option<ApprovalId>,
    pub(super) grant: Option<GrantId>,
    /// The revision the standing was read at, where the decision depends on it.
    pub(super) expects: Option<u64>,
    pub(super) sync: Sync,
    /// How long until a used-up rate admits the call.
    wait: Option<Duration>,
    pub(super) now: Timestamp,
    pub(super) monotonic: Duration,
    pub(super) epoch: u64,
}

/// Why the rules were not asked.
pub(super) enum Turned {
    /// Something that comes before them refuses.
    Away(Cause),
    /// The agent has filled its share of the record, for so long.
    Full(Cause, Duration),
    /// The store does not answer.
    Down(StoreError),
}

impl From<StoreError> for Turned {
    fn from(fault: StoreError) -> Self {
        Self::Down(fault)
    }
}

impl Guard {
    /// Reads `now` once, gathers the facts, asks the rules, and spends the rates of a would-be permit.
    pub(super) async fn weigh(&self, attempt: &mut Attempt) -> Result<Box<Weighed>, Turned> {
        if let Some((cause, wait)) = self.filled_share(&attempt.call.principal.agent) {
            return Err(Turned::Full(cause, wait));
        }
        self.keep_time().await?;
        let (now, partings) = (self.ambient.now(), self.partings());
        if attempt.partings != partings {
            (attempt.partings, attempt.cells) = (partings, None);
        }
        let (monotonic, epoch) = (self.ambient.monotonic(), self.epoch());
        let scope = self.admitted(&attempt.call, now)?;
        shape(&mut attempt.call, scope.extras)?;
        let (binding, tool) = self.binding(&attempt.call, &scope).await?;
        let target = &attempt.call.target;
        let pinned = self.pinned(target, Some(binding.server), binding.tool);
        let matched = self.matched(&scope, target);
        let requirements = Requirements::of(&matched, &attempt.call);
        let known = Box::new(self.known(&attempt.call, &binding, &requirements));
        let mut lesson = self.lesson(&attempt.call, &matched, &requirements, &binding);
        let (standing, attached) = self
            .standing(
                &attempt.call,
                (&binding, &scope),
                &known,
                &requirements,
                lesson.as_deref(),
                now,
            )
            .await?;
        let session = standing.session.as_ref();
        let taint = taint::of(&attempt.call, &scope, matched.is_declared, session, now);
        if let Some(lesson) = &mut lesson {
            lesson.is_tainted = session.is_some_and(Session::is_tainted);
        }
        let exceeded = match attempt.cells {
            Some(_) => None,
            None => self.limits.look(&requirements.rates, now).err(),
        };
        let judge = |call: &Call, exceeded: Option<Exceeded>| {
            let facts = Facts {
                standing: &standing,
                attached: attached.as_ref(),
                tool: tool.as_ref().map(|tool| &tool.schema),
                pinned,
                exceeded,
                level: LEVEL_OF_A_KEY,
                isolation: self.isolation,
            };
            engine::decide(call, &matched, &requirements, &facts, now)
        };
        let mut wait = exceeded.as_ref().map(|exceeded| exceeded.wait);
        let mut evaluation = judge(&attempt.call, exceeded);
        if matches!(evaluation.decision, Decision::Permit { .. }) && attempt.cells.is_none() {
            match self.limits.reserve(&requirements.rates, now) {
                Ok(cells) => attempt.cells = Some(cells),
                Err(exceeded) => {
                    // Another call took the last place between the look and the reservation.
                    wait = Some(exceeded.wait);
                    evaluation = judge(&attempt.call, Some(exceeded));
                }
            }
        }
        let rules = matched
            .rules
            .iter()
            .map(|(_, rule)| rule.place.to_string())
            .collect();
        let live = standing
            .approval
            .as_ref()
            .filter(|approval| approval.is_live(now));
        let salt = live.map_or_else(|| self.ambient.random(), |approval| approval.salt);
        let (commitment, disclosure) = commitment::commit_hiding(
            &attempt.call.arguments,
            &salt,
            &known.secrets,
            &self.secret_salt(&salt),
        );
        let digest = action::digest(&attempt.call, &binding, &commitment);
        Ok(Box::new(Weighed {
            disclosure: disclosed(disclosure, &scope.record),
            sync: match requirements.privilege {
                Privilege::Read => self.reads,
                _ => Sync::Synced,
            },
            expects: Some(standing.revision),
            approval: None,
            grant: None,
            scope,
            requirements,
            known,
            standing,
            lesson,
            taint,
            attached,
            evaluation,
            rules,
            binding,
            salt,
            commitment,
            digest,
            wait,
            now,
            monotonic,
            epoch,
        }))
    }

    /// The scope of whoever calls, as long as what proved the caller lasts.
    fn admitted(&self, call: &Call, now: Timestamp) -> Result<Arc<Scope>, Turned> {
        let scope = self.scopes.load().scope(&call.principal.agent).cloned();
        let scope =
            scope.ok_or_else(|| away(Reason::NoScope, "no manifest speaks of this agent"))?;
        // A request may be held for longer than the token that began it.
        if self.proofs.is_over(&call.principal, now) {
            let sentence = "the token that proved the agent has expired";
            return Err(away(Reason::CredentialExpired, sentence));
        }
        Ok(scope)
    }

    /// What a call is bound to besides itself, and the tool it reaches, if a server presents it.
    async fn binding(
        &self,
        call: &Call,
        scope: &Scope,
    ) -> Result<(Binding, Option<Arc<KnownTool>>), Turned> {
        let target = &call.target;
        let server = self.catalog.server_pin(&target.server).ok_or_else(|| {
            away(
                Reason::UnknownTarget,
                format!("no server {} has presented itself", target.server),
            )
        })?;
        if call.mode == Mode::Authorize && !self.has_pep(&target.server).await? {
            let sentence = format!("nobody before {} could redeem a permit", target.server);
            return Err(away(Reason::NoPep, sentence));
        }
        let tool = self.catalog.tool(target);
        let binding = Binding {
            server,
            tool: match &tool {
                Some(tool) => Some(tool.pin),
                None => self.definition(target),
            },
            manifest: scope.digest,
            obligations: Vec::new(),
        };
        Ok((binding, tool))
    }

    /// How the agent stands for the call, and the approval the call waits on, where it waits on one.
    async fn standing(
        &self,
        call: &Call,
        (binding, scope): (&Binding, &Scope),
        known: &Known,
        requirements: &Requirements,
        lesson: Option<&Lesson>,
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
            arguments: &known.arguments,
            aims: &known.aims,
            key: known.key,
            budgets: &budgets,
            lesson,
            after: &requirements.after,
            now,
        };
        let mut standing = self.store.standing(&ask).await?;
        if !standing.patterns.is_empty() {
            let mould = self.mould(call, binding, &known.secrets);
            let patterns = &mut standing.patterns;
            patterns.retain(|one| self.is_alike(one, &mould, call));
        }
        let attached = match call.attached {
            Some(id) => self.store.approval(id).await?,
            None => None,
        };
        self.age(
            &mut standing,
            attached.as_ref(),
            scope,
            &call.principal,
            now,
        );
        Ok((standing, attached))
    }

    /// A new approval for a weighed call; nothing where nobody may approve it.
    pub(super) fn new_approval(
        &self,
        call: &Call,
        weighed: &Weighed,
        causes: &[Cause],
    ) -> Option<Approval> {
        let rule = weighed
            .scope
            .approval_for(weighed.evaluation.privilege)?
            .clone();
        let id = ApprovalId::random(&self.ambient);
        let redactor = &weighed.known.redactor;
        Some(Approval {
            id,
            version: 1,
            call: call.id,
            principal: call.principal.clone(),
            session: call.session,
            mode: call.mode,
            method: Arc::clone(&call.method),
            target: call.target.clone(),
            privilege: weighed.evaluation.privilege,
            arguments: weighed.known.arguments.clone(),
            secrets: weighed.known.secrets.clone(),
            aims: weighed.known.aims.clone(),
            extras: json::canonical_map(&redactor.members(&call.extras)).into(),
            claims: json::canonical_map(&redactor.members(&call.claims)).into(),
            key: weighed.known.key,
            mould: Some(self.mould(call, &weighed.binding, &weighed.known.secrets)),
            digest: weighed.digest,
            salt: weighed.salt,
            manifest: weighed.scope.digest,
            reasons: causes
                .iter()
                .map(|cause| (cause.reason, redactor.clipped(&cause.sentence)))
                .collect(),
            decide_by: weighed.now.after(rule.decide_by),
            rule,
            code: self.code(id, &weighed.digest),
            // A reach for what nobody declared or accepted pauses only itself, so that injected text
            // cannot freeze a session.
            covers_session: weighed.scope.pause_covers == PauseCovers::Session
                && causes.iter().any(|cause| {
                    !matches!(cause.reason, Reason::Undeclared | Reason::ToolUnaccepted)
                }),
            opened: weighed.now,
            state: ApprovalState::Held,
            ballots: Vec::new(),
        })
    }

    /// Six characters that let two people see that they look at the same call.
    fn code(&self, id: ApprovalId, digest: &Digest) -> String {
        const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut text = id.as_bytes().to_vec();
        text.extend_from_slice(digest.as_bytes());
        let tag = hmac::sign(&self.code_key.load(), &text);
        let letter = |byte: &u8| {
            LETTERS
                .get(usize::from(byte % 32))
                .map_or('0', |l| char::from(*l))
        };
        tag.as_ref().iter().take(6).map(letter).collect()
    }
}

impl Weighed {
    /// Notes that a live session acted, at most once in [`SESSION_SEEN_INTERVAL`]. A session that timed
    /// out is not revived by the call that finds it so.
    pub(super) fn seen(&self) -> Option<Change> {
        let session = self.standing.session.as_ref()?;
        if matches!(session.state, SessionState::Ended(_)) {
            return None;
        }
        let due = self.now.since(session.seen) >= SESSION_SEEN_INTERVAL;
        due.then(|| Change::SeenSession(session.id, self.now))
    }

    /// After which time a refused call may be tried again, if ever.
    pub(super) fn patience(&self, reason: Reason) -> Option<Duration> {
        self.wait.or_else(|| match reason.row().retry {
            Retry::Never => None,
            Retry::Later | Retry::Same => Some(RETRY_INTERVAL),
        })
    }
}

/// What an API key or a local assertion proves until more can be proved.
pub(super) const LEVEL_OF_A_KEY: u8 = 1;

/// Applies the manifest's stance on what the protocol does not define, before anything is bound.
fn shape(call: &mut Call, extras: Extras) -> Result<(), Turned> {
    match extras {
        Extras::Pass => Ok(()),
        Extras::Strip => {
            call.extras.retain(|half, _| half == PROTOCOL_HALF);
            Ok(())
        }
        Extras::Deny if call.extras.keys().all(|half| half == PROTOCOL_HALF) => Ok(()),
        Extras::Deny => {
            let halves = call
                .extras
                .iter()
                .filter(|(half, _)| *half != PROTOCOL_HALF);
            let names: Vec<_> = halves
                .filter_map(|(_, half)| half.as_object())
                .flat_map(|half| half.keys())
                .map(String::as_str)
                .collect();
            Err(away(
                Reason::ExtrasDenied,
                format!("the request carries {}", names.join(", ")),
            ))
        }
    }
}

fn away(reason: Reason, sentence: impl Into<String>) -> Turned {
    Turned::Away(Cause::new(reason, sentence))
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
