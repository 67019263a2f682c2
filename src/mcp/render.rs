//! What an agent reads when the guard answers instead of the tool: texts by the table of reasons.
//!
//! A tool call is answered with a result whose `isError` is true, because that is the one refusal every
//! client shows to its model whole; every other method with a JSON-RPC error under the guard's own
//! code. The first words are stable. No rule, argument or secret is ever in a text.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::dialect::Era;
use super::dialect::code::{HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION};
use super::jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, RpcError};
use super::voice::DECISION;
use crate::guard::{Challenge, Denial, Pending};
use crate::model::reason::{Reason, Retry};
use crate::model::target::{Target, TargetKind};
use crate::model::text::escape;

/// An answer of the guard's own.
pub type Answer = Result<Value, RpcError>;

/// A refusal of a call.
pub fn denial(era: Era, target: &Target, denial: &Denial) -> Answer {
    let reason = denial.reason();
    if reason == Reason::UnknownTarget {
        return Err(unknown(target));
    }
    let row = reason.row();
    let mut text = row.word.to_owned();
    if let Some(approval) = denial.approval {
        text.push_str(&format!(" ({approval})"));
    }
    text.push_str(&format!(": {}", row.sentence));
    if let Some(message) = &denial.message {
        let message = escape(message);
        text.push_str(&format!(" The approver says: \"{message}\"."));
    }
    // Of these the guard knows that the call went out, so it must not say that it did not run.
    if !matches!(reason, Reason::UpstreamFailed | Reason::OutcomeUnknown) {
        text.push_str(" Not executed.");
    }
    text.push_str(&format!(" {}", row.remedy));
    match (row.retry, denial.retry_after) {
        (Retry::Never, _) => text.push_str(" Do not retry with the same arguments."),
        (Retry::Later, Some(after)) => {
            text.push_str(&format!(" Retry after {} s.", seconds(after)))
        }
        (Retry::Later, None) | (Retry::Same, _) => {}
    }
    if let Some(call) = denial.call {
        text.push_str(&format!(" (decision {call})"));
    }
    let mut decision = decision("denied", reason);
    if let Some(call) = denial.call {
        decision.insert("call".to_owned(), json!(call.to_string()));
    }
    if let Some(approval) = denial.approval {
        decision.insert("approval".to_owned(), json!(approval.to_string()));
    }
    if let Some(after) = denial.retry_after {
        decision.insert("retryAfterMs".to_owned(), json!(millis(after)));
    }
    answer(era, target, reason, text, decision)
}

/// The session must prove more first.
pub fn challenge(era: Era, challenge: &Challenge) -> Answer {
    let reason = Reason::StepUpNeeded;
    let row = reason.row();
    let text = format!(
        "{}: {} It needs level {}, the session has level {}. Not executed. {} (decision {})",
        row.word, row.sentence, challenge.required, challenge.level, row.remedy, challenge.call
    );
    let mut decision = decision("challenged", reason);
    decision.insert("call".to_owned(), json!(challenge.call.to_string()));
    decision.insert("required".to_owned(), json!(challenge.required));
    decision.insert("level".to_owned(), json!(challenge.level));
    answer(era, &challenge.target, reason, text, decision)
}

/// The same for a client that can prove the session again by itself, which HTTP tells with its status.
#[must_use]
pub fn step_up(challenge: &Challenge) -> RpcError {
    let mut error = refused(Reason::StepUpNeeded, Reason::StepUpNeeded.row().sentence);
    let mut decision = decision("challenged", Reason::StepUpNeeded);
    decision.insert("call".to_owned(), json!(challenge.call.to_string()));
    decision.insert("required".to_owned(), json!(challenge.required));
    decision.insert("level".to_owned(), json!(challenge.level));
    error.data = Some(json!({DECISION: decision}));
    error
}

/// A person must still decide, and the client cannot be kept waiting any longer.
pub fn pending(era: Era, target: &Target, pending: &Pending) -> Answer {
    let reason = match pending.own {
        true => Reason::NeedsApproval,
        false => Reason::SessionPaused,
    };
    let word = reason.row().word;
    let approval = pending.approval;
    let again = seconds(ASK_AGAIN);
    let text = match pending.own {
        true => format!(
            "{word} ({approval}). Not executed. {} been asked; the code is {}. Call the same \
             tool again with exactly the same arguments in about {again} s. Do not rephrase the call or \
             use another tool to the same effect. Nobody decides after {}.",
            asked(pending),
            pending.code,
            pending.decide_by
        ),
        false => format!(
            "{word}: another call of this session waits for a person ({approval}). Not executed. Call \
             the same tool again with exactly the same arguments in about {again} s."
        ),
    };
    let mut decision = decision("pending", reason);
    decision.insert("approval".to_owned(), json!(approval.to_string()));
    decision.insert("decideBy".to_owned(), json!(pending.decide_by.to_string()));
    decision.insert("retryAfterMs".to_owned(), json!(millis(ASK_AGAIN)));
    if pending.own {
        decision.insert("code".to_owned(), json!(pending.code));
    }
    if let Some(progress) = pending.progress {
        decision.insert("approvals".to_owned(), json!(progress.to_string()));
    }
    answer(era, target, reason, text, decision)
}

/// Who has been asked, in the words that stand before "been asked".
fn asked(pending: &Pending) -> String {
    match pending.progress {
        Some(progress) => format!("{progress} persons have approved, the others have"),
        None => "A person has".to_owned(),
    }
}

/// What a waiting client is told while it waits.
#[must_use]
pub fn waiting(pending: &Pending) -> String {
    match pending.own {
        true => {
            let (approval, code) = (pending.approval, &pending.code);
            let progress = pending.progress.map(|progress| format!(", {progress}"));
            let progress = progress.unwrap_or_default();
            format!("waiting for human approval ({approval}, code {code}{progress})")
        }
        false => format!(
            "another call of this session waits for a person ({})",
            pending.approval
        ),
    }
}

/// A request that is no call, refused.
#[must_use]
pub fn refused(reason: Reason, why: &str) -> RpcError {
    RpcError {
        code: code(reason),
        message: format!("{}: {why}", reason.row().word),
        data: Some(json!({DECISION: decision("denied", reason)})),
    }
}

/// There is no such tool, resource or prompt for this agent.
#[must_use]
pub fn unknown(target: &Target) -> RpcError {
    let message = match target.kind {
        TargetKind::Tool => format!("Unknown tool: {}", escape(&target.name)),
        TargetKind::Resource => format!("Resource not found: {}", escape(&target.name)),
        TargetKind::Prompt => format!("Unknown prompt: {}", escape(&target.name)),
        TargetKind::Method => return no_method(&target.name),
    };
    RpcError {
        code: INVALID_PARAMS,
        message,
        data: None,
    }
}

/// The method does not exist here.
#[must_use]
pub fn no_method(method: &str) -> RpcError {
    RpcError {
        code: METHOD_NOT_FOUND,
        message: format!("Method not found: {}", escape(method)),
        data: None,
    }
}

/// The parameters are not what the method takes.
#[must_use]
pub fn bad_params(why: impl Into<String>) -> RpcError {
    RpcError {
        code: INVALID_PARAMS,
        message: why.into(),
        data: None,
    }
}

/// The upstream did not answer as a server should.
#[must_use]
pub fn upstream(why: &str) -> RpcError {
    RpcError {
        code: INTERNAL_ERROR,
        message: why.to_owned(),
        data: None,
    }
}

/// The guard's own error code for a reason: outside the range the protocol reserves.
#[must_use]
pub fn code(reason: Reason) -> i64 {
    -31_000 - i64::from(reason.row().status)
}

/// The HTTP status that belongs to an error in a modern answer.
#[must_use]
pub fn status(era: Era, error: &RpcError) -> u16 {
    match (era, error.code) {
        (Era::Legacy, _) => 200,
        (Era::Modern, METHOD_NOT_FOUND) => 404,
        (Era::Modern, HEADER_MISMATCH | MISSING_CAPABILITY | UNSUPPORTED_VERSION) => 400,
        (Era::Modern, _) => 200,
    }
}

fn decision(outcome: &str, reason: Reason) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("outcome".to_owned(), json!(outcome));
    map.insert("reason".to_owned(), json!(reason.code()));
    map.insert("retry".to_owned(), json!(reason.row().retry.name()));
    map
}

fn answer(
    era: Era,
    target: &Target,
    reason: Reason,
    text: String,
    decision: Map<String, Value>,
) -> Answer {
    if target.kind != TargetKind::Tool {
        let data = Some(json!({DECISION: decision}));
        return Err(RpcError {
            code: code(reason),
            message: text,
            data,
        });
    }
    let mut result = Map::new();
    if era == Era::Modern {
        result.insert("resultType".to_owned(), json!("complete"));
    }
    result.insert(
        "content".to_owned(),
        json!([{"type": "text", "text": text}]),
    );
    result.insert("isError".to_owned(), json!(true));
    result.insert("_meta".to_owned(), json!({DECISION: decision}));
    Ok(Value::Object(result))
}

fn seconds(duration: Duration) -> u64 {
    duration
        .as_millis()
        .div_ceil(1_000)
        .try_into()
        .unwrap_or(u64::MAX)
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

/// When an agent is told to repeat a pending call.
const ASK_AGAIN: Duration = Duration::from_secs(30);
