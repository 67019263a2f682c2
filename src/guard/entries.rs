//! The entries of the record, one function a kind: what an auditor will read.

use serde_json::{Map, Value, json};

use super::floods::Kind;
use super::weigh::Weighed;
use super::{Guard, source};
use crate::audit::entry::{Entry, EntryKind};
use crate::model::approval::Approval;
use crate::model::ballot::{Ballot, Choice};
use crate::model::call::Call;
use crate::model::decision::{Cause, Decision};
use crate::model::digest::Digest;
use crate::model::grant::Grant;
use crate::model::name::AgentName;
use crate::model::outcome::Outcome;
use crate::model::reason::Reason;
use crate::model::redact::Redactor;
use crate::model::time::Timestamp;
use crate::store::{Change, Commit, Recorded, StoreError, Sync};

/// A request that was refused before it became a call.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The agent, if it proved who it is.
    pub agent: Option<AgentName>,
    /// Where it came in, for example `mcp-http`.
    pub edge: &'static str,
    /// What exactly.
    pub sentence: String,
}

impl Guard {
    /// Records a request that was refused before it became a call. The refusal stands whether or not it
    /// could be recorded.
    ///
    /// Those that anybody could cause are folded, and those of an agent that has filled its share of the
    /// record: whoever knocks a million times fills no disk.
    pub async fn refuse(&self, refusal: Refusal) {
        let now = self.ambient.now();
        let source = source::current();
        let agent = refusal.agent.as_ref();
        let proves_nobody = agent.is_none() || refusal.reason.row().status == 401;
        if proves_nobody || agent.is_some_and(|agent| self.filled_share(agent).is_some()) {
            let kind = Kind {
                edge: refusal.edge,
                reason: refusal.reason,
                agent: refusal.agent.clone(),
            };
            if !self.floods.is_first(kind, source, now) {
                return;
            }
        }
        let mut body = refusal_of(refusal.edge, refusal.reason, agent);
        body.insert("sentence".into(), clipped(&refusal.sentence).into());
        if let (None, Some(source)) = (agent, source) {
            body.insert("source".into(), source.to_string().into());
        }
        let recorded = self.record(EntryKind::Refusal, body, Vec::new(), self.reads);
        match recorded.await {
            Ok(recorded) => {
                if let Some(agent) = agent {
                    self.charge_share(agent, recorded.bytes());
                }
            }
            Err(fault) => tracing::error!(%fault, "a refusal could not be recorded"),
        }
    }

    /// Records what was counted and not recorded one by one.
    pub(super) async fn fold_refusals(&self, now: Timestamp) {
        for (kind, tally) in self.floods.over(now) {
            let mut body = refusal_of(kind.edge, kind.reason, kind.agent.as_ref());
            body.insert("count".into(), tally.count.into());
            let sources = tally.sources.iter();
            let sources: Map<_, _> = sources
                .map(|(source, count)| (source.to_string(), (*count).into()))
                .collect();
            if !sources.is_empty() {
                body.insert("sources".into(), sources.into());
            }
            let sentence = format!("{} more like the one before", tally.count);
            body.insert("sentence".into(), sentence.into());
            let recorded = self.record(EntryKind::Refusal, body, Vec::new(), self.reads);
            if let Err(fault) = recorded.await {
                tracing::error!(%fault, count = tally.count, "refusals could not be recorded");
            }
        }
    }

    /// Writes an entry with its changes.
    pub(super) async fn write(
        &self,
        kind: EntryKind,
        body: Map<String, Value>,
        changes: Vec<Change>,
        sync: Sync,
    ) -> Result<(), StoreError> {
        self.record(kind, body, changes, sync).await.map(drop)
    }

    /// As [`Guard::write`]; gives what was recorded.
    pub(super) async fn record(
        &self,
        kind: EntryKind,
        body: Map<String, Value>,
        changes: Vec<Change>,
        sync: Sync,
    ) -> Result<Recorded, StoreError> {
        let entry = Entry {
            kind,
            at: self.ambient.now(),
            body,
            disclosure: None,
        };
        self.commit(Commit {
            expects: None,
            entry,
            changes,
            sync,
        })
        .await
    }

    /// Commits an entry, which says how far agents were kept from the guard when it was written.
    pub(super) async fn commit(&self, mut commit: Commit) -> Result<Recorded, StoreError> {
        let isolation = self.isolation.name();
        commit
            .entry
            .body
            .insert("isolation".into(), isolation.into());
        let began = self.ambient.monotonic();
        let committed = self.store.commit(commit).await;
        let took = self.ambient.monotonic().saturating_sub(began);
        self.measures.committed(took);
        committed
    }
}

fn refusal_of(edge: &'static str, reason: Reason, agent: Option<&AgentName>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("reason".into(), reason.code().into());
    body.insert("edge".into(), edge.into());
    if let Some(agent) = agent {
        body.insert("agent".into(), agent.as_str().into());
    }
    body
}

/// The entry of one decision.
pub(super) fn decision(call: &Call, weighed: Weighed) -> Entry {
    let mut body = who(call);
    body.insert(
        "server_pin".into(),
        weighed.binding.server.to_string().into(),
    );
    if let Some(pin) = &weighed.binding.tool {
        body.insert("tool_pin".into(), pin.to_string().into());
    }
    body.insert(
        "manifest".into(),
        weighed.binding.manifest.to_string().into(),
    );
    body.insert("action_digest".into(), weighed.digest.to_string().into());
    body.insert(
        "args_commitment".into(),
        weighed.commitment.to_string().into(),
    );
    if !weighed.known.secrets.is_empty() {
        let secrets = weighed.known.secrets.iter().map(String::as_str);
        body.insert("secrets".into(), secrets.collect());
    }
    let redactor = &weighed.known.redactor;
    if !call.extras.is_empty() {
        let extras = redactor.members(&call.extras);
        body.insert("extras".into(), Value::Object(extras));
    }
    body.insert("decision".into(), weighed.evaluation.decision.name().into());
    body.insert(
        "privilege".into(),
        weighed.evaluation.privilege.name().into(),
    );
    body.insert(
        "reasons".into(),
        reasons(&weighed.evaluation.decision, redactor),
    );
    if !weighed.evaluation.notes.is_empty() {
        let notes = weighed.evaluation.notes.iter();
        let notes = notes.map(|note| reason(note, redactor)).collect();
        body.insert("notes".into(), notes);
    }
    body.insert("rules".into(), weighed.rules.into());
    if let Some(approval) = weighed.approval {
        body.insert("approval".into(), approval.to_string().into());
    }
    if let Some(grant) = weighed.grant {
        body.insert("grant".into(), grant.to_string().into());
        let used = weighed.standing.grant(grant).map_or(0, |one| one.used);
        body.insert("use".into(), used.saturating_add(1).into());
    }
    let known = weighed.standing.session.as_ref();
    if let Some(taint) = known.and_then(|session| session.taint.as_ref()) {
        body.insert("taint".into(), taint.grade.name().into());
    }
    if let (Decision::Permit { .. }, Some(taint)) = (&weighed.evaluation.decision, &weighed.taint) {
        body.insert("taints".into(), taint.grade.name().into());
    }
    if !call.claims.is_empty() {
        let claims = redactor.members(&call.claims);
        body.insert("claims".into(), Value::Object(claims));
    }
    let disclosure = Some(weighed.disclosure);
    Entry {
        kind: EntryKind::Decision,
        at: weighed.now,
        body,
        disclosure,
    }
}

/// The entry of a call that was refused before the rules could speak of it.
pub(super) fn refused(call: &Call, cause: &Cause, now: Timestamp) -> Entry {
    let mut body = who(call);
    body.insert("decision".into(), "deny".into());
    body.insert(
        "reasons".into(),
        json!([reason(cause, &Redactor::default())]),
    );
    Entry {
        kind: EntryKind::Decision,
        at: now,
        body,
        disclosure: None,
    }
}

/// The entry of one outcome.
pub(super) fn outcome(
    call: String,
    seq: u64,
    outcome: Outcome,
    note: Option<&str>,
    redactor: &Redactor,
) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("call".into(), call.into());
    body.insert("of".into(), seq.into());
    body.insert("outcome".into(), outcome.name().into());
    if let Some(note) = note {
        body.insert("note".into(), redactor.clipped(note).into());
    }
    body
}

/// The entry of a move in an approval's life.
pub(super) fn approval(
    approval: &Approval,
    state: &'static str,
    by: Option<&str>,
) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("approval".into(), approval.id.to_string().into());
    body.insert("agent".into(), approval.principal.agent.as_str().into());
    body.insert("session".into(), approval.session.to_string().into());
    body.insert("action_digest".into(), approval.digest.to_string().into());
    body.insert("state".into(), state.into());
    if let Some(by) = by {
        body.insert("by".into(), by.into());
    }
    body
}

/// The entry of a vote that decides nothing by itself.
pub(super) fn vote(of: &Approval, ballot: &Ballot) -> Map<String, Value> {
    let mut body = approval(of, "voted", Some(ballot.person.as_str()));
    let mut vote = Map::new();
    vote.insert("decision".into(), ballot.choice.name().into());
    // People count from one.
    vote.insert("stage".into(), ballot.stage.saturating_add(1).into());
    match &ballot.choice {
        Choice::Approve { uses, life, pins } => {
            vote.insert("uses".into(), (*uses).into());
            if let Some(life) = life {
                vote.insert("life_seconds".into(), life.as_secs().into());
            }
            if let Some(pins) = pins {
                vote.insert("pins".into(), pins.iter().collect());
            }
        }
        Choice::Deny { message } => {
            if let Some(message) = message {
                vote.insert("message".into(), message.as_str().into());
            }
        }
    }
    if let Some(lender) = &ballot.lender {
        vote.insert("in_stead_of".into(), lender.as_str().into());
    }
    if ballot.own {
        vote.insert("self_approved".into(), true.into());
    }
    body.insert("vote".into(), vote.into());
    body
}

/// Makes the entry of a vote that of the approval which it completes.
pub(super) fn approved(body: &mut Map<String, Value>, counted: &Approval, grant: &Grant) {
    body.insert("state".into(), "approved".into());
    body.insert("grant".into(), grant.id.to_string().into());
    body.insert("uses".into(), grant.uses.into());
    body.insert("until".into(), grant.until.to_string().into());
    if let Some(pattern) = &grant.pattern {
        body.insert("pins".into(), pattern.pins.iter().collect());
    }
    let yes = |one: &&Ballot| matches!(one.choice, Choice::Approve { .. });
    let votes = counted.ballots.iter().filter(yes);
    let people = votes.map(|one| one.person.as_str()).collect();
    body.insert("approvers".into(), people);
    if counted.is_self_approved() {
        body.insert("self_approved".into(), true.into());
    }
}

/// Makes the entry of a vote that of the refusal which it completes.
pub(super) fn denied(body: &mut Map<String, Value>, message: Option<&str>) {
    body.insert("state".into(), "denied".into());
    if let Some(message) = message {
        body.insert("message".into(), message.into());
    }
}

/// The entry of a change of scopes.
pub(super) fn scopes(state: &'static str, digest: Digest, by: &str) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("state".into(), state.into());
    body.insert("digest".into(), digest.to_string().into());
    body.insert("by".into(), by.into());
    body
}

/// What is kept of a foreign text: no secrets, and at most [`crate::limits::TEXT_BYTES`] of it.
pub(super) fn clipped(text: &str) -> String {
    Redactor::default().clipped(text)
}

fn who(call: &Call) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("call".into(), call.id.to_string().into());
    body.insert("agent".into(), call.principal.agent.as_str().into());
    if let Some(user) = &call.principal.on_behalf_of {
        body.insert("on_behalf_of".into(), user.as_str().into());
    }
    body.insert(
        "credential".into(),
        call.principal.credential.to_string().into(),
    );
    body.insert("session".into(), call.session.to_string().into());
    body.insert("mode".into(), call.mode.name().into());
    body.insert("method".into(), (*call.method).into());
    let target = json!({
        "kind": call.target.kind.name(),
        "server": call.target.server.as_str(),
        "name": &*call.target.name,
    });
    body.insert("target".into(), target);
    body
}

fn reasons(decision: &Decision, redactor: &Redactor) -> Value {
    match decision {
        Decision::Permit { reason, .. } => json!([{"code": reason.code()}]),
        Decision::Challenge { required, level } => {
            json!([{"code": Reason::StepUpNeeded.code(), "required": required, "level": level}])
        }
        Decision::Pause { causes, .. } => {
            let causes = causes.iter();
            causes.map(|cause| reason(cause, redactor)).collect()
        }
        Decision::Deny { cause } => json!([reason(cause, redactor)]),
    }
}

fn reason(cause: &Cause, redactor: &Redactor) -> Value {
    json!({"code": cause.reason.code(), "sentence": redactor.clipped(&cause.sentence)})
}
