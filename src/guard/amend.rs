//! From a request to a changed manifest that would not have asked: a patch to read, never an edit in place.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Guard;
use crate::audit::disclosure::Disclosure;
use crate::audit::entry::StoredEntry;
use crate::engine::{self, Facts, Requirements, facts::Pinned, supposed};
use crate::limits::{ENTRIES_PER_PAGE_COUNT, RECORD_SEARCHED_COUNT, REPLAYED_COUNT};
use crate::model::approval::Approval;
use crate::model::arguments::Arguments;
use crate::model::call::{Call, Mode, Principal};
use crate::model::decision::Decision;
use crate::model::digest::Digest;
use crate::model::id::{ApprovalId, CallId, CredentialId, SessionId};
use crate::model::json;
use crate::model::name::ServerName;
use crate::model::reason::Reason;
use crate::model::target::{Target, TargetKind};
use crate::scopes::{Amendment, Scope, ToolSchema, Unamendable, Wanted};
use crate::store::StoreError;

/// A changed manifest, with what it means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// The request it comes from.
    pub approval: ApprovalId,
    /// The manifest's file, as the guard loaded it.
    pub file: String,
    /// The directory in which the patch applies; empty where that is wherever the guard was started.
    pub directory: String,
    /// The unified diff.
    pub patch: String,
    /// What it lets through from now on, in one sentence.
    pub sentence: String,
    /// The same, change by change.
    pub widens: Vec<String>,
    /// The digest of the manifest that is changed.
    pub from: Digest,
    /// The digest of the changed one.
    pub to: Digest,
    /// What else stopped the call, which no rule about its tool or arguments can answer.
    pub remains: Vec<(Reason, String)>,
    /// What it would have changed before.
    pub replay: Replay,
}

/// What a changed manifest says of calls that were recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Replay {
    /// Newest calls of the agent's tools that were looked at.
    pub calls: usize,
    /// Those whose arguments are kept, so that they could be decided again.
    pub kept: usize,
    /// Those of them on which the rules now decide otherwise.
    pub changed: usize,
    /// Those of these that nobody would be asked about any more.
    pub permitted: usize,
}

/// Why nothing is proposed.
#[derive(Debug, thiserror::Error)]
pub enum AmendError {
    /// There is no such request.
    #[error("no such approval")]
    Missing,
    /// No manifest of its agent is in force.
    #[error("no manifest of this agent is in force")]
    NoScope,
    /// It is about no call of a tool.
    #[error("only calls of tools are written into a manifest this way")]
    OtherKind,
    /// There is no change that is small enough.
    #[error(transparent)]
    Unamendable(#[from] Unamendable),
    /// Over the changed manifest the call would not be permitted either.
    #[error("the call would still not be permitted: {0}")]
    Stopped(String),
    /// The guard is stopping.
    #[error("the guard is stopping")]
    Stopping,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AmendError {
    /// The row of the table it is.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Missing => Reason::NotFound,
            Self::NoScope | Self::OtherKind | Self::Unamendable(_) | Self::Stopped(_) => {
                Reason::NotAmendable
            }
            Self::Stopping => Reason::ShuttingDown,
            Self::Store(_) => Reason::StoreUnavailable,
        }
    }
}

impl Guard {
    /// The manifest of a request's agent, changed so that the rules would let exactly that call pass. The
    /// changed text was compiled, and the call decided again over it; nothing is put into force.
    ///
    /// # Errors
    /// [`AmendError`] says why there is nothing to propose.
    pub async fn amendment(&self, id: ApprovalId) -> Result<Proposal, AmendError> {
        let approval = self.store.approval(id).await?.ok_or(AmendError::Missing)?;
        let scopes = self.scopes.load_full();
        let scope = scopes.scope(&approval.principal.agent).cloned();
        let scope = scope.ok_or(AmendError::NoScope)?;
        if approval.target.kind != TargetKind::Tool || &*approval.method != "tools/call" {
            return Err(AmendError::OtherKind);
        }
        let call = self.asked_again(&approval)?;
        let is_declared = self.matched(&scope, &call.target).is_declared;
        let arguments = call.arguments.clone();
        let amended = amended(Arc::clone(&scope), arguments, approval.clone(), is_declared);
        let mut amendment = amended.await?;
        let kept = amendment.scopes.keep_out(scopes.own());
        kept.map_err(Unamendable::Faulty)?;
        let changed = amendment.scopes.scope(&scope.agent);
        let changed = changed.ok_or(AmendError::NoScope)?;
        match self.supposed(&call, changed) {
            Decision::Permit { .. } => {}
            other => return Err(AmendError::Stopped(why(&other))),
        }
        let agent = &scope.agent;
        Ok(Proposal {
            approval: id,
            sentence: format!(
                "Once it is in force, nobody is asked any more about what it adds to the scope of {agent}: {}.",
                amendment.widens.join("; ")
            ),
            from: scope.digest,
            to: changed.digest,
            remains: remains(&approval),
            replay: self.replay(&scope, changed).await?,
            file: amendment.file,
            directory: amendment.directory,
            patch: amendment.patch,
            widens: amendment.widens,
        })
    }

    /// The call of a request, as far as it is kept.
    fn asked_again(&self, approval: &Approval) -> Result<Call, AmendError> {
        let arguments = Arguments::parse(&approval.arguments);
        Ok(Call {
            id: CallId::random(&self.ambient),
            principal: approval.principal.clone(),
            session: approval.session,
            mode: approval.mode,
            method: Arc::clone(&approval.method),
            target: approval.target.clone(),
            arguments: arguments.map_err(|_| AmendError::OtherKind)?,
            extras: Map::new(),
            claims: Map::new(),
            idempotency_key: None,
            attached: None,
        })
    }

    /// What a manifest alone says of a call: nothing is new, used up or unaccepted.
    fn supposed(&self, call: &Call, scope: &Scope) -> Decision {
        let now = self.ambient.now();
        let matched = self.matched(scope, &call.target);
        let requirements = Requirements::of(&matched, call);
        let standing = supposed::standing(call, scope, &requirements, now);
        let tool = self.catalog.tool(&call.target);
        let any = ToolSchema::compile(&Value::Object(Map::new())).ok();
        let facts = Facts {
            standing: &standing,
            attached: None,
            tool: tool.as_ref().map(|tool| &tool.schema).or(any.as_ref()),
            pinned: Pinned::ACCEPTED,
            exceeded: None,
            level: super::weigh::LEVEL_OF_A_KEY,
            isolation: self.isolation,
        };
        engine::decide(call, &matched, &requirements, &facts, now).decision
    }

    /// Decides the agent's newest recorded calls again, over its manifest as it is and as it would be.
    async fn replay(&self, before: &Scope, after: &Scope) -> Result<Replay, StoreError> {
        let mut replay = Replay::default();
        let newest = self
            .store
            .head()
            .await?
            .map_or(0, |signed| signed.head.count);
        let oldest = newest.saturating_sub(RECORD_SEARCHED_COUNT);
        let mut end = newest;
        while end > oldest && replay.calls < REPLAYED_COUNT {
            let start = oldest.max(end.saturating_sub(ENTRIES_PER_PAGE_COUNT as u64));
            let most = usize::try_from(end - start).unwrap_or(ENTRIES_PER_PAGE_COUNT);
            let entries = self.store.entries(start + 1, most).await?;
            for entry in entries.iter().rev() {
                if replay.calls == REPLAYED_COUNT {
                    break;
                }
                let Some((target, mode)) = called(entry, before) else {
                    continue;
                };
                replay.calls += 1;
                let Some(arguments) = kept(entry) else {
                    continue;
                };
                replay.kept += 1;
                let call = self.recorded(before, target, mode, arguments);
                let (was, is) = (self.supposed(&call, before), self.supposed(&call, after));
                if was.name() != is.name() {
                    replay.changed += 1;
                    replay.permitted += usize::from(matches!(is, Decision::Permit { .. }));
                }
            }
            end = start;
        }
        Ok(replay)
    }

    fn recorded(&self, scope: &Scope, target: Target, mode: Mode, arguments: Arguments) -> Call {
        Call {
            id: CallId::random(&self.ambient),
            principal: Principal {
                agent: scope.agent.clone(),
                credential: CredentialId::random(&self.ambient),
                on_behalf_of: None,
            },
            session: SessionId::random(&self.ambient),
            mode,
            method: Arc::from("tools/call"),
            target,
            arguments,
            extras: Map::new(),
            claims: Map::new(),
            idempotency_key: None,
            attached: None,
        }
    }
}

/// Finds the change beside everything else that runs: a manifest may be long.
async fn amended(
    scope: Arc<Scope>,
    arguments: Arguments,
    approval: Approval,
    is_declared: bool,
) -> Result<Amendment, AmendError> {
    let found = tokio::task::spawn_blocking(move || {
        scope.amended(&Wanted {
            target: &approval.target,
            is_declared,
            privilege: approval.privilege,
            arguments: arguments.value(),
            secrets: &approval.secrets,
        })
    });
    let found = found.await.map_err(|_| AmendError::Stopping)?;
    Ok(found?)
}

/// What stopped the call besides its tool and its arguments.
fn remains(approval: &Approval) -> Vec<(Reason, String)> {
    let reasons = approval.reasons.iter();
    reasons
        .filter(|(reason, _)| !matches!(reason, Reason::Beyond | Reason::Undeclared))
        .cloned()
        .collect()
}

/// Why a call is not simply permitted.
fn why(decision: &Decision) -> String {
    match decision {
        Decision::Permit { reason, .. } => reason.code().to_owned(),
        Decision::Challenge { required, .. } => {
            format!("the session must prove level {required}")
        }
        Decision::Pause { causes, .. } => {
            let causes: Vec<&str> = causes.iter().map(|cause| cause.sentence.as_str()).collect();
            causes.join("; ")
        }
        Decision::Deny { cause } => cause.sentence.clone(),
    }
}

/// Which tool an entry says that the scope's agent called.
fn called(entry: &StoredEntry, scope: &Scope) -> Option<(Target, Mode)> {
    let body = json::parse(&entry.body).ok()?;
    let said = |name: &str| body.get(name).and_then(Value::as_str);
    let is_call = said("kind") == Some("decision")
        && said("agent") == Some(scope.agent.as_str())
        && said("method") == Some("tools/call");
    let target = body.get("target").filter(|_| is_call)?;
    let server = target.get("server").and_then(Value::as_str)?;
    let name = target.get("name").and_then(Value::as_str)?;
    let target = Target::tool(ServerName::parse(server).ok()?, name);
    Some((target, said("mode").and_then(Mode::parse)?))
}

/// An entry's arguments, where all of them are kept.
fn kept(entry: &StoredEntry) -> Option<Arguments> {
    let text = std::str::from_utf8(entry.disclosure.as_deref()?).ok()?;
    match Disclosure::parse(text).ok()?.restored()? {
        Value::Object(members) => Some(Arguments::from_map(members)),
        _ => None,
    }
}
