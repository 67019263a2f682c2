//! Small edits of a text that is laid out: what stands there stays as it is written.

use std::ops::Range;

use super::layout::{Form, Member, Piece};
use super::write;

/// Some bytes, and what stands in their place afterwards.
#[derive(Debug)]
pub(super) struct Edit {
    at: Range<usize>,
    text: String,
}

impl Edit {
    /// Writes something else in the place of what stands there.
    pub(super) fn replace(at: &Range<usize>, text: String) -> Self {
        Self {
            at: at.clone(),
            text,
        }
    }

    /// Adds an item to a list: `lines` where the list stands on lines of its own, else `flow`.
    pub(super) fn append(text: &str, list: &Piece, flow: &str, lines: &[String]) -> Option<Self> {
        let Form::List(items) = &list.form else {
            return None;
        };
        if list.is_flow(text) {
            return Some(Self::within(list, items.last(), flow));
        }
        let last = items.last()?;
        let line = text
            .get(..last.span.start)?
            .rfind('\n')
            .map_or(0, |at| at + 1);
        let before = text.get(line..last.span.start)?;
        let dash = before.rfind('-')?;
        let margin = " ".repeat(before.get(..dash)?.chars().count());
        let marks = std::iter::once("- ").chain(std::iter::repeat("  "));
        let lines = marks
            .zip(lines)
            .map(|(mark, line)| format!("{margin}{mark}{line}"));
        Some(Self::after(text, last.span.end, lines.collect()))
    }

    /// Adds a key to a map, as `append` adds an item to a list.
    pub(super) fn insert(
        text: &str,
        map: &Piece,
        key: &str,
        flow: &str,
        lines: &[String],
    ) -> Option<Self> {
        let Form::Map(members) = &map.form else {
            return None;
        };
        let last = members.last().map(|member| &member.value);
        let key = write::text(key);
        if map.is_flow(text) {
            return Some(Self::within(map, last, &format!("{key}: {flow}")));
        }
        let margin = margin(text, members.first()?)?;
        let mut added = match lines.is_empty() {
            true => vec![format!("{margin}{key}: {flow}")],
            false => vec![format!("{margin}{key}:")],
        };
        added.extend(lines.iter().map(|line| format!("{margin}  {line}")));
        Some(Self::after(text, last?.span.end, added))
    }

    fn within(outer: &Piece, last: Option<&Piece>, flow: &str) -> Self {
        let (at, text) = match last {
            Some(last) => (last.span.end, format!(", {flow}")),
            None => (outer.span.start + 1, flow.to_owned()),
        };
        Self { at: at..at, text }
    }

    /// New lines below the one on which `end` lies.
    fn after(text: &str, end: usize, lines: Vec<String>) -> Self {
        let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let below = text.get(end..).unwrap_or_default();
        let (at, text) = match below.find('\n') {
            Some(line) => (end + line + 1, format!("{}{ending}", lines.join(ending))),
            None => (text.len(), format!("{ending}{}", lines.join(ending))),
        };
        Self { at: at..at, text }
    }
}

/// The text after all edits, which do not overlap; of two at one place the first stands first.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.at.start);
    let mut edited = text.to_owned();
    for edit in edits.iter().rev() {
        edited.replace_range(edit.at.clone(), &edit.text);
    }
    edited
}

/// What stands before a map's keys on a line of their own.
fn margin(text: &str, first: &Member) -> Option<String> {
    let before = text.get(..first.at.start)?;
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    Some(" ".repeat(before.get(line..)?.chars().count()))
}
