//! An approval as an operator sees it: everything that is needed to decide, and nothing redacted.

use serde_json::{Value, json};

use super::super::reply::stored;
use super::super::session::taint;
use crate::guard::{Part, sentence};
use crate::model::approval::{Approval, ApprovalState};
use crate::model::ballot::{Ballot, Choice};
use crate::model::session::Session;
use crate::model::time::Timestamp;

/// The document of an approval.
pub(super) fn render(
    approval: &Approval,
    session: Option<&Session>,
    part: &Part,
    now: Timestamp,
) -> Value {
    let arguments = stored(&approval.arguments);
    let state = approval.state_at(now);
    let reasons: Vec<Value> = approval
        .reasons
        .iter()
        .map(|(reason, sentence)| {
            json!({"code": reason.code(), "title": reason.row().sentence, "sentence": sentence})
        })
        .collect();
    json!({
        "id": approval.id.to_string(),
        "version": approval.version,
        "state": state.name(),
        "sentence": sentence(approval),
        "reasons": reasons,
        "agent": approval.principal.agent.as_str(),
        "on_behalf_of": approval.principal.on_behalf_of.as_ref().map(|user| user.as_str()),
        "credential": approval.principal.credential.to_string(),
        "session": approval.session.to_string(),
        "session_taint": session.and_then(|session| session.taint.as_ref()).map(taint),
        "call_id": approval.call.to_string(),
        "mode": approval.mode.name(),
        "method": &*approval.method,
        "target": {
            "kind": approval.target.kind.name(),
            "server": approval.target.server.as_str(),
            "name": &*approval.target.name,
        },
        "tool": approval.target.to_string(),
        "privilege": approval.privilege.name(),
        "arguments": arguments,
        "arguments_text": String::from_utf8_lossy(&approval.arguments),
        "secrets": approval.secrets,
        "extras": stored(&approval.extras),
        "claims": {"verified": false, "by_the_agent": stored(&approval.claims)},
        "action_digest": approval.digest.to_string(),
        "manifest_digest": approval.manifest.to_string(),
        "code": approval.code,
        "covers_session": approval.covers_session,
        "may_decide": may_decide(approval),
        "stages": stages(approval),
        "stage": approval.stage().map(|(at, _)| at.saturating_add(1)),
        "progress": approval.progress().map(|progress| progress.to_string()),
        "votes": approval.ballots.iter().map(vote).collect::<Vec<_>>(),
        "self_approved": approval.is_self_approved(),
        "eligible": part.bar.is_none(),
        "in_stead_of": part.lender.as_ref().map(|lender| lender.as_str()),
        "barred": part.bar.map(|bar| bar.sentence()),
        "your_vote": part.vote.as_ref().map(vote),
        "opened": approval.opened.to_string(),
        "decide_by": approval.decide_by.to_string(),
        "redeem_within_seconds": approval.rule.redeem_by.as_secs(),
        "decided": decided(&state),
    })
}

/// The groups whose members decide now, or decided last.
fn may_decide(approval: &Approval) -> Vec<&str> {
    let now = approval.stage().map(|(_, stage)| stage);
    let stage = now.or(approval.rule.stages.last());
    let groups = stage.into_iter().flat_map(|stage| &stage.any_of);
    groups.map(|group| group.as_str()).collect()
}

/// Each stage with what it takes and what it has.
fn stages(approval: &Approval) -> Vec<Value> {
    let stages = approval.rule.stages.iter().enumerate();
    stages
        .map(|(at, stage)| {
            let (approvals, denials) = approval.tally(at);
            json!({
                "any_of": stage.any_of.iter().map(|group| group.as_str()).collect::<Vec<_>>(),
                "approve": stage.approve,
                "deny": stage.deny,
                "approvals": approvals,
                "denials": denials,
            })
        })
        .collect()
}

/// One vote that counts. Stages are counted from one, as people do.
fn vote(ballot: &Ballot) -> Value {
    let mut vote = json!({
        "by": ballot.person.as_str(),
        "in_stead_of": ballot.lender.as_ref().map(|lender| lender.as_str()),
        "at": ballot.at.to_string(),
        "stage": ballot.stage.saturating_add(1),
        "decision": ballot.choice.name(),
        "self_approved": ballot.own,
    });
    if let Value::Object(vote) = &mut vote {
        match &ballot.choice {
            Choice::Approve { uses, life, pins } => {
                vote.insert("uses".to_owned(), (*uses).into());
                let life = life.map(|life| life.as_secs());
                vote.insert("life_seconds".to_owned(), life.into());
                let pins = pins.as_ref().map(|pins| pins.iter().collect::<Vec<_>>());
                vote.insert("pins".to_owned(), pins.into());
            }
            Choice::Deny { message } => {
                vote.insert("message_to_agent".to_owned(), message.clone().into());
            }
        }
    }
    vote
}

/// Who decided, what and when, as far as the state still tells it.
pub(super) fn decided(state: &ApprovalState) -> Value {
    match state {
        ApprovalState::Approved { by, at, redeem_by } => json!({
            "by": by.as_str(),
            "at": at.to_string(),
            "redeem_by": redeem_by.to_string(),
        }),
        ApprovalState::Denied { by, at, message } => json!({
            "by": by.as_str(),
            "at": at.to_string(),
            "message_to_agent": message,
        }),
        ApprovalState::Executing { call, by } => json!({
            "by": by.as_str(),
            "used_by": call.to_string(),
        }),
        ApprovalState::Ended { outcome, call, by } => json!({
            "by": by.as_str(),
            "used_by": call.to_string(),
            "outcome": outcome.name(),
        }),
        ApprovalState::Cancelled { at }
        | ApprovalState::Invalidated { at }
        | ApprovalState::Revoked { at } => json!({"at": at.to_string()}),
        ApprovalState::Held | ApprovalState::Expired | ApprovalState::Unredeemed => Value::Null,
    }
}
