//! Lock files: what one server presents, accepted in review and kept beside the manifests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::compile::Source;
use super::fault::{Faults, Place};
use super::reading::brief;
use crate::limits::LOCK_BYTES;
use crate::model::digest::Digest;
use crate::model::json::{self, JsonFault, is_deceptive};
use crate::model::name::ServerName;
use crate::model::pin::{Pin, PinKind};

/// What the name of a lock file ends with, after the name of its server.
pub(super) const ENDING: &str = ".lock";

/// The accepted definitions of one server: one for each thing that it names.
#[derive(Debug)]
pub struct Lock {
    /// The guard's name for the server.
    pub server: ServerName,
    /// The digest of its content, which layout does not move.
    pub digest: Digest,
    pins: BTreeMap<PinKind, BTreeMap<Arc<str>, Digest>>,
}

impl Lock {
    /// The definition that the lock accepts for a thing, if it names the thing.
    #[must_use]
    pub fn pin(&self, kind: PinKind, name: &str) -> Option<Digest> {
        self.pins.get(&kind)?.get(name).copied()
    }

    /// The text of a lock that accepts these pins.
    ///
    /// Keys are sorted, each stands on its own line, and every invisible character is spelt out, so
    /// that a review of the file sees what changed.
    #[must_use]
    pub fn render<'a>(server: &ServerName, pins: impl IntoIterator<Item = &'a Pin>) -> String {
        let mut pins: Vec<&Pin> = pins.into_iter().collect();
        pins.sort_by(|one, other| one.key.cmp(&other.key));
        let pins: Vec<Value> = pins
            .into_iter()
            .map(|pin| {
                json!({
                    "kind": pin.key.kind.name(),
                    "name": &*pin.key.name,
                    "digest": pin.key.digest.to_string(),
                    // What is pinned was read as JSON, so it reads back.
                    "definition": json::parse(&pin.definition).unwrap_or_default(),
                })
            })
            .collect();
        let mut text = String::new();
        let lock = json!({"version": 1, "server": server.as_str(), "pins": pins});
        spell(&mut text, &lock, 0);
        text.push('\n');
        text
    }
}

/// Reads a lock file; with any fault the result is of no use, and the caller drops it.
pub(super) fn read(source: &Source, faults: &mut Faults) -> Option<Lock> {
    let mut reader = Reader { source, faults };
    if source.text.len() > LOCK_BYTES {
        let sentence = format!("the file is larger than {LOCK_BYTES} bytes");
        reader.fault("", sentence, "accept fewer definitions in it");
        return None;
    }
    let value = reader.parse()?;
    let lock = reader.members(&value, "a lock", &["version", "server", "pins"])?;
    if lock.get("version") != Some(&json!(1)) {
        reader.fault(
            "\"version\"",
            "this version of the format is not known",
            RENEW,
        );
    }
    let server = reader.server(lock);
    let Some(Value::Array(listed)) = lock.get("pins") else {
        reader.fault("\"pins\"", "`pins` is no list", RENEW);
        return None;
    };
    let mut pins: BTreeMap<PinKind, BTreeMap<Arc<str>, Digest>> = BTreeMap::new();
    for pin in listed {
        let Some((kind, name, digest)) = reader.pin(pin) else {
            continue;
        };
        let before = pins
            .entry(kind)
            .or_default()
            .insert(Arc::from(name), digest);
        if before.is_some() {
            let sentence = format!("the {} {} stands here twice", kind.name(), brief(name));
            reader.fault(&digest.to_string(), sentence, RENEW);
        }
    }
    Some(Lock {
        server: server?,
        digest: Digest::of(&json::canonical(&value)),
        pins,
    })
}

const RENEW: &str = "write the file anew with `countersign pin lock`";

struct Reader<'a> {
    source: &'a Source,
    faults: &'a mut Faults,
}

impl Reader<'_> {
    /// Complains at the first place where the text stands; at the beginning where it does not.
    fn fault(&mut self, near: &str, message: impl Into<String>, fix: &str) {
        let before = self
            .source
            .text
            .split_once(near)
            .map_or("", |(before, _)| before);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        self.fault_at(line, column, message, fix);
    }

    fn fault_at(&mut self, line: usize, column: usize, message: impl Into<String>, fix: &str) {
        let place = Place {
            file: Arc::from(self.source.name.as_str()),
            line,
            column,
        };
        self.faults.add(&place, message, fix);
    }

    fn parse(&mut self) -> Option<Value> {
        match json::parse(self.source.text.as_bytes()) {
            Ok(value) => Some(value),
            Err(fault) => {
                let (line, column) = match &fault {
                    JsonFault::Refused(error) => (error.line(), error.column()),
                    JsonFault::ReservedKey | JsonFault::NotAnObject => (1, 1),
                };
                self.fault_at(line.max(1), column.max(1), fault.to_string(), RENEW);
                None
            }
        }
    }

    fn members<'v>(
        &mut self,
        value: &'v Value,
        what: &str,
        known: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let Value::Object(members) = value else {
            let sentence = format!("{what} is an object");
            self.fault("", sentence, RENEW);
            return None;
        };
        for key in members.keys().filter(|key| !known.contains(&key.as_str())) {
            let sentence = format!("`{}` is no key of {what}", brief(key));
            self.fault(&format!("\"{key}\""), sentence, RENEW);
        }
        Some(members)
    }

    /// The server, which the file's own name must repeat: a lock is not moved by renaming it.
    fn server(&mut self, lock: &Map<String, Value>) -> Option<ServerName> {
        let server = lock.get("server").and_then(Value::as_str);
        let Some(server) = server.and_then(|name| ServerName::parse(name).ok()) else {
            self.fault("\"server\"", "`server` names no server", RENEW);
            return None;
        };
        let name = &self.source.name;
        let file = name
            .rsplit_once('/')
            .map_or(name.as_str(), |(_, file)| file);
        if file.strip_suffix(ENDING) != Some(server.as_str()) {
            let sentence = format!("the lock is for {server}, and the file's name says otherwise");
            let fix = format!("call the file {server}{ENDING}");
            self.fault("\"server\"", sentence, &fix);
        }
        Some(server)
    }

    fn pin<'v>(&mut self, pin: &'v Value) -> Option<(PinKind, &'v str, Digest)> {
        let keys = ["kind", "name", "digest", "definition"];
        let members = self.members(pin, "a pin", &keys)?;
        let text = |key: &str| members.get(key).and_then(Value::as_str);
        let written = text("digest").unwrap_or_default();
        let (Some(kind), Some(name), Some(digest), Some(definition)) = (
            text("kind").and_then(PinKind::parse),
            text("name"),
            Digest::from_hex(written),
            members.get("definition"),
        ) else {
            let near = text("digest").or(text("name")).unwrap_or("\"pins\"");
            let sentence = "a pin needs kind, name, digest and definition";
            self.fault(near, sentence, RENEW);
            return None;
        };
        if Digest::of(&json::canonical(definition)) != digest {
            let sentence = format!(
                "the digest of the {} {} is not that of its definition",
                kind.name(),
                brief(name)
            );
            self.fault(written, sentence, RENEW);
            return None;
        }
        Some((kind, name, digest))
    }
}

/// Writes a value over several lines, keys sorted by their UTF-8 bytes.
fn spell(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| key.as_bytes());
            out.push('{');
            for (at, (key, value)) in members.into_iter().enumerate() {
                line(out, at, depth + 1);
                spell_text(out, key);
                out.push_str(": ");
                spell(out, value, depth + 1);
            }
            line(out, 0, depth);
            out.push('}');
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                line(out, at, depth + 1);
                spell(out, item, depth + 1);
            }
            line(out, 0, depth);
            out.push(']');
        }
        Value::String(text) => spell_text(out, text),
        plain => out.push_str(&String::from_utf8_lossy(&json::canonical(plain))),
    }
}

fn line(out: &mut String, at: usize, depth: usize) {
    out.push_str(if at > 0 { ",\n" } else { "\n" });
    out.extend(std::iter::repeat_n("  ", depth));
}

fn spell_text(out: &mut String, text: &str) {
    let mut quoted = Vec::with_capacity(text.len() + 2);
    json::canonical_text_into(&mut quoted, text);
    for c in String::from_utf8_lossy(&quoted).chars() {
        if is_deceptive(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::pin::{PinKey, PinState};
    use crate::model::time::Timestamp;

    fn pin(name: &str, definition: &Value) -> Pin {
        let definition = json::canonical(definition);
        Pin {
            key: PinKey {
                server: ServerName::parse("crm").unwrap(),
                kind: PinKind::Tool,
                name: Arc::from(name),
                digest: Digest::of(&definition),
            },
            identity: Digest::of(b""),
            definition: Bytes::from(definition),
            first_seen: Timestamp::default(),
            version: 1,
            state: PinState::Seen,
        }
    }

    fn read_as(name: &str, text: &str) -> Result<Lock, Vec<String>> {
        let source = Source {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        let mut faults = Faults::default();
        let lock = read(&source, &mut faults);
        match lock {
            Some(lock) if faults.is_empty() => Ok(lock),
            _ => Err(faults.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn a_lock_reads_back_and_spells_invisible_characters_out() {
        let server = ServerName::parse("crm").unwrap();
        let hidden = json!({"name": "find", "description": "find\u{200b} \u{e0041}", "n": 1.50});
        let pins = [pin("find", &hidden), pin("add", &json!({"name": "add"}))];
        let text = Lock::render(&server, &pins);
        assert!(text.contains(r"find\u200b \udb40\udc41"), "{text}");
        assert!(!text.chars().any(|c| c != '\n' && is_deceptive(c)));
        let lock = read_as("scopes/crm.lock", &text).unwrap();
        for pin in &pins {
            let found = lock.pin(PinKind::Tool, &pin.key.name);
            assert_eq!(found, Some(pin.key.digest));
        }
        assert_eq!(lock.pin(PinKind::Prompt, "find"), None);
        let other_order = [pins[1].clone(), pins[0].clone()];
        assert_eq!(Lock::render(&server, &other_order), text);
    }

    #[test]
    fn each_fault_of_a_lock_has_its_place() {
        let server = ServerName::parse("crm").unwrap();
        let good = Lock::render(&server, &[pin("add", &json!({"name": "add"}))]);
        let renamed = read_as("scopes/bank.lock", &good).unwrap_err();
        assert_eq!(
            renamed,
            [
                "scopes/bank.lock:12:3: the lock is for crm, and the file's name says otherwise; \
                 call the file crm.lock"
            ]
        );
        let edited = good.replacen("\"add\"", "\"admin\"", 1);
        let faults = read_as("crm.lock", &edited).unwrap_err();
        assert_eq!(faults.len(), 1);
        assert!(
            faults[0].starts_with("crm.lock:7:18: the digest of the tool add is not that of"),
            "{faults:?}"
        );
        let unknown = good.replace("\"version\"", "\"versions\"");
        let faults = read_as("crm.lock", &unknown).unwrap_err();
        assert_eq!(faults.len(), 2, "{faults:?}");
        let broken = read_as("crm.lock", "{\n  \"pins\": [,]\n}").unwrap_err();
        assert!(broken[0].starts_with("crm.lock:2:12: "), "{broken:?}");
        let twice = format!(
            r#"{{"version":1,"server":"crm","pins":[{0},{0}]}}"#,
            format_args!(
                r#"{{"kind":"tool","name":"a","digest":"{}","definition":1}}"#,
                Digest::of(b"1")
            )
        );
        let faults = read_as("crm.lock", &twice).unwrap_err();
        assert!(
            faults[0].contains("the tool a stands here twice"),
            "{faults:?}"
        );
    }
}
