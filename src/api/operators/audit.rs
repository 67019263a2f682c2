//! `/v1/audit/entries`: the record, as it stands.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::super::problem::Problem;
use super::super::query::Asked;
use super::super::reply::{self, stored};
use super::caller::Caller;
use crate::audit::entry::StoredEntry;
use crate::guard::Guard;
use crate::limits::ENTRIES_PER_PAGE_COUNT;

/// Entries from a sequence number on, oldest first.
pub(super) async fn entries(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
    mut asked: Asked,
) -> Result<Response, Problem> {
    let from = asked.number("from")?.unwrap_or(1);
    let most = asked.number("most")?.unwrap_or(u64::MAX);
    asked.done()?;
    let most = usize::try_from(most)
        .unwrap_or(usize::MAX)
        .min(ENTRIES_PER_PAGE_COUNT);
    let entries = guard.entries(from, most).await?;
    let list: Vec<Value> = entries.iter().map(render).collect();
    Ok(reply::ok(json!({"entries": list})))
}

/// The body as text is what the hash covers; the parsed one is for reading.
fn render(entry: &StoredEntry) -> Value {
    json!({
        "seq": entry.seq,
        "previous": entry.previous.to_string(),
        "hash": entry.hash.to_string(),
        "body": stored(&entry.body),
        "body_text": String::from_utf8_lossy(&entry.body),
        "disclosure": entry.disclosure.as_deref().map(stored),
    })
}
