//! An approval as an operator sees it: everything that is needed to decide, and nothing redacted.

use serde_json::{Value, json};

use super::super::reply::stored;
use super::super::session::taint;
use crate::guard::sentence;
use crate::model::approval::{Approval, ApprovalState};
use crate::model::credential::Operator;
use crate::model::session::Session;
use crate::model::time::Timestamp;

/// The document of an approval.
pub(super) fn render(
    approval: &Approval,
    session: Option<&Session>,
    operator: &Operator,
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
        "may_decide": approval.rule.any_of.iter().map(|group| group.as_str()).collect::<Vec<_>>(),
        "eligible": approval.rule.admits(operator),
        "opened": approval.opened.to_string(),
        "decide_by": approval.decide_by.to_string(),
        "redeem_within_seconds": approval.rule.redeem_by.as_secs(),
        "decided": decided(&state),
    })
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
