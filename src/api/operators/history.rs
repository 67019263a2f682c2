//! What an agent has done before, as an operator reads it.

use serde_json::{Value, json};

use crate::model::history::{History, Past, Usage};

/// One past for each user the agent acted for, and one for what it did for nobody.
pub(super) fn render(history: &History) -> Vec<Value> {
    history.pasts.iter().map(past).collect()
}

fn past(past: &Past) -> Value {
    let rungs: Vec<Value> = past
        .rungs()
        .iter()
        .map(|(rung, usage)| used(json!({"privilege": rung.name()}), usage))
        .collect();
    let servers: Vec<Value> = past
        .servers()
        .iter()
        .map(|(server, usage)| used(json!({"server": server.as_str()}), usage))
        .collect();
    let tools: Vec<Value> = past
        .reaches
        .iter()
        .map(|(reach, rung, usage)| {
            let named = json!({
                "tool": reach.target.to_string(),
                "kind": reach.target.kind.name(),
                "privilege": rung.name(),
                "definition": reach.definition.to_string(),
            });
            used(named, usage)
        })
        .collect();
    let values: Vec<Value> = past
        .places
        .iter()
        .map(|(place, different, usage)| {
            let named = json!({
                "tool": place.reach.target.to_string(),
                "pointer": &*place.pointer,
                "different": different,
            });
            used(named, usage)
        })
        .collect();
    let recent: serde_json::Map<String, Value> = past
        .recent
        .iter()
        .map(|(rung, calls)| (rung.name().to_owned(), (*calls).into()))
        .collect();
    json!({
        "on_behalf_of": past.on_behalf_of.as_ref().map(|user| user.as_str()),
        "rungs": rungs,
        "servers": servers,
        "tools": tools,
        "values": values,
        "recent_calls": recent,
    })
}

/// The document with how often and when.
fn used(mut named: Value, usage: &Usage) -> Value {
    if let Some(members) = named.as_object_mut() {
        members.insert("calls".into(), usage.calls.into());
        members.insert("first".into(), usage.first.to_string().into());
        members.insert("last".into(), usage.last.to_string().into());
    }
    named
}
