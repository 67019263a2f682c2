//! The sentence that an operator reads first.

use serde_json::Map;

use crate::model::approval::Approval;
use crate::model::json;
use crate::model::text::{self, Surface};

/// What an approval is about, in one sentence made by the guard, never by the agent: what the agent put
/// into it is escaped and cut.
#[must_use]
pub fn sentence(approval: &Approval) -> String {
    sentence_on(approval, Surface::Line)
}

/// As [`sentence`], on another surface.
#[must_use]
pub fn sentence_on(approval: &Approval, surface: Surface) -> String {
    let show = |text: &str| text::show(text, surface);
    // What an approval keeps was read as JSON, so it reads back.
    let arguments = json::parse(&approval.arguments).unwrap_or_default();
    let empty = Map::new();
    let members = arguments.as_object().unwrap_or(&empty);
    let mut told: Vec<String> = members
        .iter()
        .filter(|(_, value)| !value.is_object() && !value.is_array())
        .take(SENTENCE_ARGUMENTS_COUNT)
        .map(|(name, value)| {
            let value = show(&value.to_string());
            format!("{} {}", show(name), text::cut(&value, SENTENCE_VALUE_CHARS))
        })
        .collect();
    if members.len() > told.len() {
        told.push(format!("{} more", members.len() - told.len()));
    }
    let user = match &approval.principal.on_behalf_of {
        Some(user) => format!(" for {}", show(user.as_str())),
        None => String::new(),
    };
    let with = match told.is_empty() {
        true => "without arguments".to_owned(),
        false => format!("with {}", told.join(", ")),
    };
    format!(
        "{}{user} wants to call {} ({}) {with}",
        approval.principal.agent,
        show(&approval.target.to_string()),
        approval.privilege,
    )
}

const SENTENCE_ARGUMENTS_COUNT: usize = 4;
const SENTENCE_VALUE_CHARS: usize = 60;
