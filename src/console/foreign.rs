//! Foreign text on a page: everything that could deceive is spelt out, and nothing is cut unseen.

use maud::{Markup, html};
use serde_json::Value;

use crate::model::digest::Digest;
use crate::model::text::escape;

/// A text of an agent, an upstream or a manifest. A long one shows head, tail, length and hash, and
/// opens whole.
pub(super) fn text(raw: &str) -> Markup {
    let shown = escape(raw);
    let length = shown.chars().count();
    if length <= SHOWN_CHARS {
        return html! { span .foreign { (shown) } };
    }
    let head: String = shown.chars().take(EDGE_CHARS).collect();
    let tail: String = shown.chars().skip(length - EDGE_CHARS).collect();
    let hash: String = Digest::of(raw.as_bytes())
        .to_string()
        .chars()
        .take(16)
        .collect();
    html! {
        details .long {
            summary {
                span .foreign { (head) " … " (tail) }
                span .meta { " " (length) " characters, SHA-256 " (hash) "…: open to read" }
            }
            span .foreign { (shown) }
        }
    }
}

/// A JSON value as a tree, complete.
pub(super) fn tree(value: &Value) -> Markup {
    match value {
        Value::Object(members) if members.is_empty() => html! { span .meta { "{} empty" } },
        Value::Object(members) => html! {
            dl .tree {
                @for (name, value) in members {
                    dt { (text(name)) }
                    dd { (tree(value)) }
                }
            }
        },
        Value::Array(items) if items.is_empty() => html! { span .meta { "[] empty" } },
        Value::Array(items) => html! {
            ol .tree {
                @for item in items {
                    li { (tree(item)) }
                }
            }
        },
        Value::String(said) => text(said),
        Value::Number(number) => html! { span .number { (number) } },
        Value::Bool(yes) => html! { span .word { (yes) } },
        Value::Null => html! { span .word { "null" } },
    }
}

const SHOWN_CHARS: usize = 400;
const EDGE_CHARS: usize = 120;
