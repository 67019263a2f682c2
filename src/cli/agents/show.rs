//! One agent: how it stands, and what it has done before.

use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::operator::{field, list};
use crate::cli::print;
use crate::cli::table::Table;
use crate::model::text::escape;

/// Shows it.
pub(super) fn run(agent: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(agent)?);
    }
    lines_of(agent).iter().try_for_each(print::say)?;
    Ok(())
}

fn lines_of(agent: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, value) in [
        ("agent", field(agent, "name")),
        ("state", field(agent, "state")),
        ("owner", field(agent, "owner")),
    ] {
        if !value.is_empty() {
            lines.push(format!("{name:<14}{}", escape(value)));
        }
    }
    let mut keys = Table::new(&["KEY", "KIND", "STATE", "EXPIRES"]);
    for key in list(agent, "credentials") {
        keys.row(["id", "kind", "state", "expires"].map(|name| field(key, name)));
    }
    section(&mut lines, "keys", &keys, list(agent, "credentials"));
    let mut sessions = Table::new(&["SESSION", "STATE", "FOR", "OPENED", "SEEN"]);
    for session in list(agent, "sessions") {
        sessions.row(
            ["id", "state", "on_behalf_of", "opened", "seen"].map(|name| field(session, name)),
        );
    }
    section(&mut lines, "sessions", &sessions, list(agent, "sessions"));
    let pasts = list(agent, "history");
    if pasts.is_empty() {
        lines.push(String::new());
        lines.push("it has done nothing yet that teaches anything".to_owned());
    }
    for past in pasts {
        lines.push(String::new());
        lines.push(match field(past, "on_behalf_of") {
            "" => "what it did for nobody in particular".to_owned(),
            user => format!("what it did for {}", escape(user)),
        });
        for (name, rows, columns) in [
            ("rungs", "rungs", &["privilege"][..]),
            ("servers", "servers", &["server"]),
            ("tools", "tools", &["tool", "privilege"]),
            ("values", "values", &["tool", "pointer", "different"]),
        ] {
            let rows = list(past, rows);
            let columns: Vec<&str> = columns.iter().copied().chain(USED).collect();
            let headings: Vec<String> = columns.iter().map(|name| name.to_uppercase()).collect();
            let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
            let mut table = Table::new(&headings);
            for row in rows {
                let cells: Vec<String> = columns.iter().map(|name| cell(row, name)).collect();
                table.row(cells.iter().map(String::as_str));
            }
            section(&mut lines, name, &table, rows);
        }
    }
    lines
}

/// A titled table, where it has rows.
fn section(lines: &mut Vec<String>, title: &str, table: &Table, rows: &[Value]) {
    if !rows.is_empty() {
        lines.push(String::new());
        lines.push(title.to_owned());
        lines.extend(table.lines().iter().map(|line| format!("  {line}")));
    }
}

fn cell(row: &Value, name: &str) -> String {
    match row.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

const USED: [&str; 3] = ["calls", "first", "last"];
