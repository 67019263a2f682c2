//! The calls of a session as the record tells them, newest first.

use maud::{Markup, html};
use serde_json::Value;

use super::tail::{Decided, Verdict};
use super::{foreign, moment};
use crate::guard::{Guard, StoreError};
use crate::limits::{ENTRIES_PER_PAGE_COUNT, RECORD_SEARCHED_COUNT};
use crate::model::json;
use crate::model::time::Timestamp;

/// Calls as the record tells them, in the order given.
pub(super) fn trail<'a>(decided: impl Iterator<Item = &'a Decided>, now: Timestamp) -> Markup {
    let mut decided = decided.peekable();
    html! {
        @if decided.peek().is_none() {
            span .meta { "no calls in the last " (RECORD_SEARCHED_COUNT) " entries of the record" }
        } @else {
            ol .trail {
                @for one in decided {
                    li {
                        (verdict(one.verdict.word()))
                        " " code { (foreign::text(&one.target)) }
                        span .meta { " " (moment::ago(one.at, now)) }
                    }
                }
            }
        }
    }
}

/// The newest entries that fit, with their places; only so many are looked at.
pub(super) async fn newest(
    guard: &Guard,
    most: usize,
    fits: impl Fn(&Value) -> bool,
) -> Result<Vec<(u64, Value)>, StoreError> {
    let last = guard.head().await?.map_or(0, |signed| signed.head.count);
    let first = last.saturating_sub(RECORD_SEARCHED_COUNT);
    let mut found = Vec::new();
    let mut end = last;
    while end > first && found.len() < most {
        let page = (end - first).min(ENTRIES_PER_PAGE_COUNT as u64);
        let begin = end - page;
        let size = usize::try_from(page).unwrap_or(ENTRIES_PER_PAGE_COUNT);
        let entries = guard.entries(begin + 1, size).await?;
        // Where older entries are sealed elsewhere, the store gives those after them.
        for entry in entries.iter().rev().filter(|entry| entry.seq <= end) {
            // The record is written by the guard, so it reads back.
            let body = json::parse(&entry.body).unwrap_or(Value::Null);
            if fits(&body) && found.len() < most {
                found.push((entry.seq, body));
            }
        }
        end = begin;
    }
    Ok(found)
}

/// A decision's mark and word.
pub(super) fn verdict(word: &str) -> Markup {
    let known = Verdict::parse(word);
    let (class, mark) = known.map_or(("over", "…"), |known| (known.class(), known.mark()));
    html! { span class=(class) { span aria-hidden="true" { (mark) } " " (word) } }
}

/// A target as the record spells it.
pub(super) fn target(target: &Value) -> String {
    let part = |name: &str| target[name].as_str().unwrap_or_default();
    format!("{}/{}", part("server"), part("name"))
}

/// When an entry was written.
pub(super) fn when(body: &Value, now: Timestamp) -> Markup {
    let at = body["at"].as_str().and_then(Timestamp::parse);
    html! { @if let Some(at) = at { (moment::ago(at, now)) } }
}
