//! One approval for people: everything that is needed to decide.

use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::operator::{field, list};
use crate::cli::print;
use crate::model::text::escape;

/// Shows it, with its code.
pub(super) fn run(approval: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(approval)?);
    }
    lines_of(approval, true).iter().try_for_each(print::say)?;
    Ok(())
}

/// What foreign words a session has heard, in one line.
pub(in crate::cli) fn heard(taint: &Value) -> String {
    let copied = match taint.get("copied") {
        Some(Value::Bool(true)) => ", in a session before it",
        _ => "",
    };
    format!(
        "{} words of {}{copied}, since {}",
        field(taint, "grade"),
        field(taint, "source"),
        field(taint, "since"),
    )
}

/// What a stage takes, and what it has.
fn needed(stage: &Value) -> String {
    let count = |name: &str| stage.get(name).and_then(Value::as_u64).unwrap_or(0);
    let groups: Vec<&str> = list(stage, "any_of")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let denials = match count("deny") {
        0 | 1 => String::new(),
        most => format!(", {} of {most} refusals", count("denials")),
    };
    format!(
        "{} of {} approvals{denials} of {}",
        count("approvals"),
        count("approve"),
        groups.join(" or "),
    )
}

/// One vote in one line.
fn cast(vote: &Value, several: bool) -> String {
    let stage = vote.get("stage").and_then(Value::as_u64).unwrap_or(1);
    let place = match several {
        true => format!(", stage {stage}"),
        false => String::new(),
    };
    let stead = match field(vote, "in_stead_of") {
        "" => String::new(),
        lender => format!(" in the stead of {lender}"),
    };
    let own = match vote.get("self_approved") {
        Some(Value::Bool(true)) => ", self-approved",
        _ => "",
    };
    let pins: Vec<&str> = list(vote, "pins")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let alike = match pins.is_empty() {
        true => String::new(),
        false => format!(", with calls like it that keep {}", pins.join(" ")),
    };
    format!(
        "{} by {}{stead} at {}{place}{own}{alike}",
        field(vote, "decision"),
        field(vote, "by"),
        field(vote, "at"),
    )
}

/// Everything that is needed to decide, the agent's own words last and marked.
pub(super) fn lines_of(approval: &Value, with_code: bool) -> Vec<String> {
    let mut lines = vec![escape(field(approval, "sentence")), String::new()];
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            lines.push(format!("{name:<14}{}", escape(value)));
        }
    };
    put("approval", field(approval, "id"));
    put("state", field(approval, "state"));
    for reason in list(approval, "reasons") {
        put("why", field(reason, "sentence"));
    }
    put("tool", field(approval, "tool"));
    put("privilege", field(approval, "privilege"));
    put("agent", field(approval, "agent"));
    put("for", field(approval, "on_behalf_of"));
    put("session", field(approval, "session"));
    if let Some(taint) = approval
        .get("session_taint")
        .filter(|taint| taint.is_object())
    {
        put("has heard", &heard(taint));
    }
    put("mode", field(approval, "mode"));
    put("arguments", field(approval, "arguments_text"));
    for secret in list(approval, "secrets").iter().filter_map(Value::as_str) {
        put("hidden", secret);
    }
    match approval.get("extras") {
        Some(Value::Object(extras)) if !extras.is_empty() => {
            put("also sends", &Value::Object(extras.clone()).to_string());
        }
        _ => {}
    }
    put("digest", field(approval, "action_digest"));
    if with_code {
        put("code", field(approval, "code"));
    }
    put("decide by", field(approval, "decide_by"));
    let groups: Vec<&str> = list(approval, "may_decide")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    put("may decide", &groups.join(", "));
    let several = list(approval, "stages").len() > 1;
    for (number, stage) in (1..).zip(list(approval, "stages")) {
        if several || !field(approval, "progress").is_empty() {
            let name = match several {
                true => format!("stage {number}"),
                false => "needs".to_owned(),
            };
            put(&name, &needed(stage));
        }
    }
    for vote in list(approval, "votes") {
        put("vote", &cast(vote, several));
    }
    if let Some(Value::Bool(true)) = approval.get("self_approved") {
        put("note", "self-approved: who approved is who it concerns");
    }
    put("you vote for", field(approval, "in_stead_of"));
    put("you may not", field(approval, "barred"));
    if let Some(decided) = approval
        .get("decided")
        .filter(|decided| decided.is_object())
    {
        put("decided by", field(decided, "by"));
        put("told", field(decided, "message_to_agent"));
    }
    let claims = approval
        .get("claims")
        .and_then(|claims| claims.get("by_the_agent"));
    if let Some(Value::Object(claims)) = claims
        && !claims.is_empty()
    {
        let words = Value::Object(claims.clone()).to_string();
        lines.push(String::new());
        lines.push("unverified, written by the agent:".to_owned());
        lines.push(format!("  {}", escape(&words)));
    }
    lines
}
