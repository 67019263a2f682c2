//! What happened to a request since a page of it was made, in the record's own order.

use serde_json::Value;

use super::form::Fields;
use crate::guard::{Guard, StoreError};
use crate::limits::{ENTRIES_PER_PAGE_COUNT, RECORD_SEARCHED_COUNT};
use crate::model::id::ApprovalId;
use crate::model::json;

/// How far the record goes now: what a page shows is no older.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn place(guard: &Guard) -> Result<u64, StoreError> {
    Ok(guard.head().await?.map_or(0, |signed| signed.head.count))
}

/// How far the record went when the page was made that a form came from; nothing where it does not say.
pub(super) fn shown(fields: &Fields) -> Option<u64> {
    fields.text("after")?.parse().ok()
}

/// Each move of the request after that place, as part of a sentence; nothing where there was none.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn moves(
    guard: &Guard,
    id: ApprovalId,
    after: u64,
) -> Result<Option<String>, StoreError> {
    let id = id.to_string();
    let last = place(guard).await?;
    let mut seen = after.max(last.saturating_sub(RECORD_SEARCHED_COUNT));
    let mut moves = Vec::new();
    while seen < last {
        let entries = guard.entries(seen + 1, ENTRIES_PER_PAGE_COUNT).await?;
        let Some(newest) = entries.last().map(|entry| entry.seq) else {
            break;
        };
        for entry in &entries {
            // The record is written by the guard, so it reads back.
            let body = json::parse(&entry.body).unwrap_or(Value::Null);
            if said(&body, "kind") == "approval" && said(&body, "approval") == id {
                moves.push(told(&body));
            }
        }
        seen = newest;
    }
    Ok((!moves.is_empty()).then(|| moves.join(", ")))
}

fn said<'a>(body: &'a Value, member: &str) -> &'a str {
    body.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn told(body: &Value) -> String {
    let by = said(body, "by");
    let vote = body.get("vote").map(|vote| said(vote, "decision"));
    match (said(body, "state"), vote) {
        ("voted", Some("approve")) | ("approved", _) => format!("{by} approved"),
        ("voted", _) => format!("{by} refused"),
        ("denied", _) => format!("{by} denied it"),
        ("vote-withdrawn", _) => format!("{by} took a vote back"),
        ("vote-struck", _) => format!("the vote of {by} does not count any more"),
        (state, _) => format!("it is {state}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_move_is_told_with_who_made_it() {
        for (body, said) in [
            (
                json!({"state": "voted", "by": "bob", "vote": {"decision": "approve"}}),
                "bob approved",
            ),
            (
                json!({"state": "voted", "by": "bob", "vote": {"decision": "deny"}}),
                "bob refused",
            ),
            (
                json!({"state": "approved", "by": "bob", "vote": {"decision": "approve"}}),
                "bob approved",
            ),
            (json!({"state": "denied", "by": "bob"}), "bob denied it"),
            (
                json!({"state": "vote-withdrawn", "by": "bob"}),
                "bob took a vote back",
            ),
            (json!({"state": "cancelled"}), "it is cancelled"),
        ] {
            assert_eq!(told(&body), said);
        }
    }
}
