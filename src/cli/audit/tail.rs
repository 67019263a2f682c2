//! `countersign audit tail`: the newest entries, one line each.

use std::collections::VecDeque;

use serde_json::Value;

use super::pages::Pages;
use crate::audit::entry::StoredEntry;
use crate::audit::line::Line;
use crate::cli::failure::Failure;
use crate::cli::print;
use crate::model::json;
use crate::model::text::{cut, escape};
use crate::store::sqlite::Reader;

pub(super) fn run(reader: &Reader, most: usize, as_json: bool) -> Result<(), Failure> {
    let count = reader
        .heads()
        .map_err(|error| Failure::because(&error))?
        .iter()
        .map(|head| head.head.count)
        .max()
        .unwrap_or(0);
    let from = count.saturating_sub(most as u64).saturating_add(1);
    let mut newest = VecDeque::new();
    for entry in Pages::new(reader, from) {
        newest.push_back(entry?);
        if newest.len() > most {
            newest.pop_front();
        }
    }
    for entry in newest {
        match as_json {
            true => print::say(String::from_utf8_lossy(&Line::Record(entry).render()))?,
            false => print::say(sentence(&entry))?,
        }
    }
    Ok(())
}

/// One line for people; the body is the guard's, but it quotes agents.
fn sentence(entry: &StoredEntry) -> String {
    let body = json::parse(&entry.body).unwrap_or(Value::Null);
    let text = |name: &str| escape(body.get(name).and_then(Value::as_str).unwrap_or_default());
    let rest: Vec<String> = body
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !["at", "kind", "v"].contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            format!("{}={}", escape(name), cut(&escape(&value), VALUE_CHARS))
        })
        .collect();
    format!(
        "{:>6}  {}  {:<9} {}",
        entry.seq,
        text("at"),
        text("kind"),
        rest.join(" ")
    )
}

const VALUE_CHARS: usize = 120;
