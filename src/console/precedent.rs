//! What is new in a request: beside the last one of its kind that a person approved, and beside all.

use maud::{Markup, html};
use serde_json::Value;

use super::{foreign, moment};
use crate::guard::Precedent;
use crate::limits::PRECEDENTS_CHANGES_COUNT;
use crate::model::approval::{Approval, ApprovalState};
use crate::model::json;
use crate::model::time::Timestamp;

/// How the arguments differ from those a person approved last.
pub(super) fn news(approval: &Approval, before: &[Precedent], now: Timestamp) -> Markup {
    let Some(last) = before.iter().find(|one| one.approved) else {
        return html! { span .meta { "nobody has approved this tool for this agent before" } };
    };
    let read = |canonical: &[u8]| json::parse(canonical).unwrap_or(Value::Null);
    let changes = changes(&read(&last.approval.arguments), &read(&approval.arguments));
    let by = by(&last.approval);
    html! {
        @if changes.is_empty() {
            "the same arguments "
        } @else {
            dl .changes {
                @for change in changes.iter().take(PRECEDENTS_CHANGES_COUNT) {
                    dt { (foreign::text(&change.at)) }
                    dd {
                        @if let Some(before) = &change.before { del { (foreign::text(before)) } }
                        @if change.before.is_some() && change.after.is_some() { " → " }
                        @if let Some(after) = &change.after { ins { (foreign::text(after)) } }
                    }
                }
            }
            @if let Some(more) = changes.len().checked_sub(PRECEDENTS_CHANGES_COUNT + 1) {
                p .meta { "and " (more + 1) " more" }
            }
        }
        p .meta {
            "beside " a href={ "/requests/" (last.approval.id) } { "the last that was approved" }
            @if let Some(by) = by { ", by " (by) }
            " " (moment::ago(last.approval.opened, now))
        }
    }
}

/// How such requests were decided.
pub(super) fn tally(before: &[Precedent]) -> Markup {
    let approved = before.iter().filter(|one| one.approved).count();
    html! {
        @if before.is_empty() {
            span .meta { "none like it was decided before" }
        } @else {
            (before.len()) " like this: "
            span .permit { (approved) " approved" } ", "
            span .deny { (before.len() - approved) " denied" }
            span .marks {
                @for one in before {
                    " " a href={ "/requests/" (one.approval.id) }
                        aria-label=(if one.approved { "an approved one" } else { "a denied one" })
                        class=(if one.approved { "permit" } else { "deny" })
                        { (if one.approved { "✓" } else { "✕" }) }
                }
            }
        }
    }
}

/// One value that is not as it was; absent on the side where it is not there.
#[derive(PartialEq, Eq, Debug)]
struct Change {
    at: String,
    before: Option<String>,
    after: Option<String>,
}

fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare("", Some(before), Some(after), &mut found);
    found
}

/// The canonical form is bounded in depth, and so is this.
fn compare(at: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Change>) {
    let below = |name: &str| match at.is_empty() {
        true => name.to_owned(),
        false => format!("{at}/{name}"),
    };
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            for (name, value) in old {
                compare(&below(name), Some(value), new.get(name), found);
            }
            for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                compare(&below(name), None, Some(value), found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for place in 0..old.len().max(new.len()) {
                compare(
                    &below(&place.to_string()),
                    old.get(place),
                    new.get(place),
                    found,
                );
            }
        }
        (before, after) if before == after => {}
        (before, after) => found.push(Change {
            at: at.to_owned(),
            before: before.map(said),
            after: after.map(said),
        }),
    }
}

fn said(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn by(approval: &Approval) -> Option<String> {
    match &approval.state {
        ApprovalState::Approved { by, .. }
        | ApprovalState::Executing { by, .. }
        | ApprovalState::Ended { by, .. } => Some(by.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value) -> Vec<String> {
        let side = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
        changes(before, after)
            .into_iter()
            .map(|change| {
                format!(
                    "{}: {} → {}",
                    change.at,
                    side(change.before),
                    side(change.after)
                )
            })
            .collect()
    }

    #[test]
    fn a_change_is_told_at_its_place_and_nothing_else_is() {
        let before =
            json!({"to": "FR76", "amount": 10, "lines": [{"id": 1}, {"id": 2}], "memo": "a"});
        let after =
            json!({"to": "DE89", "amount": 10, "lines": [{"id": 1}, {"id": 3}, 4], "note": null});
        assert_eq!(
            told(&before, &after),
            [
                "to: FR76 → DE89",
                "lines/1/id: 2 → 3",
                "lines/2: nothing → 4",
                "memo: a → nothing",
                "note: nothing → null",
            ]
        );
        assert!(told(&after, &after).is_empty());
    }

    #[test]
    fn two_spellings_of_a_number_are_told_as_the_change_they_are() {
        let read = |text: &str| json::parse(text.as_bytes()).unwrap();
        assert_eq!(
            told(&read("{\"n\":1}"), &read("{\"n\":1.0}")),
            ["n: 1 → 1.0"]
        );
    }
}
