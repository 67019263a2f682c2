//! YAML as a small tree that knows its places, without the parts of YAML that two readers read differently.
//!
//! One document, maps with string keys, lists, and scalars whose plain form has one meaning. Anchors,
//! aliases, merge keys, tags, duplicate keys and the words and numbers that other readers convert are
//! faults. Numbers keep their digits.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

use super::Source;
use super::fault::{Faults, Place};
use crate::limits::{MANIFEST_BYTES, MANIFEST_DEPTH_LEVELS};
use crate::model::decimal::Decimal;
use crate::model::json;

/// A value of the document and where it begins.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) shape: Shape,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Shape {
    Null,
    Flag(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// A fault stands for it already, so that nobody complains twice.
    Faulty,
}

/// One key of a map with its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Place,
    pub(crate) value: Node,
}

impl Node {
    /// The value as JSON: what the digest goes over, and what constants compare with.
    pub(crate) fn to_value(&self) -> Value {
        match &self.shape {
            Shape::Null | Shape::Faulty => Value::Null,
            Shape::Flag(flag) => Value::Bool(*flag),
            Shape::Number(number) => Value::Number(number.clone()),
            Shape::Text(text) => Value::String(text.clone()),
            Shape::List(items) => items.iter().map(Self::to_value).collect(),
            Shape::Map(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    map.insert(entry.key.clone(), entry.value.to_value());
                }
                Value::Object(map)
            }
        }
    }

    /// The kind of value, as a sentence names it.
    pub(crate) const fn noun(&self) -> &'static str {
        match self.shape {
            Shape::Null => "nothing",
            Shape::Flag(_) => "true or false",
            Shape::Number(_) => "a number",
            Shape::Text(_) => "text",
            Shape::List(_) => "a list",
            Shape::Map(_) => "a map",
            Shape::Faulty => "a fault",
        }
    }
}

/// Reads one document; `None` where it broke off, with the faults that say why.
pub(crate) fn parse(source: &Source, faults: &mut Faults) -> Option<Node> {
    let mut builder = Builder {
        file: Arc::from(source.name.as_str()),
        stack: Vec::new(),
        root: None,
        documents: 0,
        faults,
    };
    let start = builder.place(1, 0);
    if source.text.len() > MANIFEST_BYTES {
        builder.faults.add(
            &start,
            format!("the file is larger than {MANIFEST_BYTES} bytes"),
            "split it by agent",
        );
        return None;
    }
    for event in Parser::new_from_str(&source.text) {
        match event {
            Ok((event, span)) => builder.take(event, span).ok()?,
            Err(error) => {
                let place = builder.mark(*error.marker());
                builder.faults.add(
                    &place,
                    format!("not YAML: {}", error.info()),
                    "correct the syntax",
                );
                return None;
            }
        }
    }
    if builder.root.is_none() {
        builder
            .faults
            .add(&start, "the file holds nothing", "begin with `version: 1`");
    }
    builder.root
}

/// The document cannot be read on; the fault is recorded.
struct Broken;

struct Builder<'f> {
    file: Arc<str>,
    stack: Vec<Frame>,
    root: Option<Node>,
    documents: usize,
    faults: &'f mut Faults,
}

enum Frame {
    List {
        at: Place,
        items: Vec<Node>,
    },
    Map {
        at: Place,
        entries: Vec<Entry>,
        seen: HashMap<String, Place>,
        key: Key,
    },
}

/// What a map waits for.
enum Key {
    Next,
    Value(String, Place),
    /// The key was a fault; its value is read and dropped.
    Dropped,
}

impl Builder<'_> {
    fn place(&self, line: usize, column: usize) -> Place {
        Place {
            file: Arc::clone(&self.file),
            line,
            column: column.saturating_add(1),
        }
    }

    fn mark(&self, mark: Marker) -> Place {
        self.place(mark.line(), mark.col())
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Broken> {
        let at = self.mark(span.start);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return self.broken(
                        &at,
                        "a second document begins in this file",
                        "keep one document a file",
                    );
                }
                Ok(())
            }
            Event::Alias(_) => {
                self.faults.add(
                    &at,
                    "aliases are not read",
                    "write the value out where it is used",
                );
                self.put(at, Shape::Faulty)
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_marks(&at, anchor, tag.is_some());
                if self.waits_for_key() {
                    return self.key(&text, style, at);
                }
                let shape = match style {
                    ScalarStyle::Plain => self.plain(&text, &at),
                    _ => Shape::Text(text.into_owned()),
                };
                self.put(at, shape)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_marks(&at, anchor, tag.is_some());
                self.open(at, |at| Frame::List {
                    at,
                    items: Vec::new(),
                })
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_marks(&at, anchor, tag.is_some());
                self.open(at, |at| Frame::Map {
                    at,
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    key: Key::Next,
                })
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Frame::List { at, items }) => self.put(at, Shape::List(items)),
                Some(Frame::Map { at, entries, .. }) => self.put(at, Shape::Map(entries)),
                None => Ok(()),
            },
        }
    }

    fn waits_for_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame::Map { key: Key::Next, .. }))
    }

    fn open(&mut self, at: Place, frame: impl FnOnce(Place) -> Frame) -> Result<(), Broken> {
        if self.waits_for_key() {
            return self.broken(
                &at,
                "a key is a map or a list",
                "write a plain word as the key",
            );
        }
        if self.stack.len() >= MANIFEST_DEPTH_LEVELS {
            return self.broken(
                &at,
                format!("nested deeper than {MANIFEST_DEPTH_LEVELS} levels"),
                "flatten it",
            );
        }
        self.stack.push(frame(at));
        Ok(())
    }

    fn key(&mut self, text: &str, style: ScalarStyle, at: Place) -> Result<(), Broken> {
        let fault = if style == ScalarStyle::Plain && text == "<<" {
            Some(("merge keys are not read", "write the keys out"))
        } else if style == ScalarStyle::Plain && !matches!(resolve(text), Ok(Shape::Text(_))) {
            Some(("a key is not text", "put the key in quotes"))
        } else if !json::is_plain_key(text) {
            Some((
                "a key has characters that read as others",
                "write it in plain characters",
            ))
        } else {
            None
        };
        let Some(Frame::Map { seen, key, .. }) = self.stack.last_mut() else {
            return Ok(());
        };
        if let Some((message, fix)) = fault {
            *key = Key::Dropped;
            self.faults.add(&at, message, fix);
        } else if let Some(first) = seen.get(text) {
            let message = format!(
                "the key `{text}` stands twice, first at line {}",
                first.line
            );
            *key = Key::Dropped;
            self.faults.add(&at, message, "keep one of them");
        } else {
            seen.insert(text.to_owned(), at.clone());
            *key = Key::Value(text.to_owned(), at);
        }
        Ok(())
    }

    fn put(&mut self, at: Place, shape: Shape) -> Result<(), Broken> {
        let value = Node { at, shape };
        match self.stack.last_mut() {
            None => self.root = Some(value),
            Some(Frame::List { items, .. }) => items.push(value),
            Some(Frame::Map { entries, key, .. }) => match std::mem::replace(key, Key::Next) {
                Key::Value(key, at) => entries.push(Entry { key, at, value }),
                Key::Dropped => {}
                // Only an alias comes here: scalars and collections are caught before.
                Key::Next => return Err(Broken),
            },
        }
        Ok(())
    }

    fn plain(&mut self, text: &str, at: &Place) -> Shape {
        match resolve(text) {
            Ok(shape) => shape,
            Err((message, fix)) => {
                self.faults
                    .add(at, format!("`{}` {message}", shortened(text)), fix);
                Shape::Faulty
            }
        }
    }

    fn refuse_marks(&mut self, at: &Place, anchor: usize, tagged: bool) {
        if anchor > 0 {
            self.faults.add(
                at,
                "anchors are not read",
                "write the value out where it is used",
            );
        }
        if tagged {
            self.faults
                .add(at, "tags are not read", "leave the tag out");
        }
    }

    fn broken(
        &mut self,
        at: &Place,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Result<(), Broken> {
        self.faults.add(at, message, fix);
        Err(Broken)
    }
}

type Ambiguity = (&'static str, &'static str);

/// What a plain scalar means, where every reader of YAML agrees.
fn resolve(text: &str) -> Result<Shape, Ambiguity> {
    match text {
        "" | "null" | "~" => return Ok(Shape::Null),
        "true" => return Ok(Shape::Flag(true)),
        "false" => return Ok(Shape::Flag(false)),
        _ => {}
    }
    let lower = text.to_ascii_lowercase();
    if ["yes", "no", "on", "off", "y", "n", "true", "false", "null"].contains(&lower.as_str()) {
        return Err((
            "is a word that some readers take for true, false or nothing",
            "write `true` or `false`, or put it in quotes",
        ));
    }
    if !looks_numeric(&lower) {
        return Ok(Shape::Text(text.to_owned()));
    }
    // The JSON reader, so that what is a number here is a number in a call.
    match json::parse(text.as_bytes()) {
        Ok(Value::Number(number)) if Decimal::parse(number.as_str()).is_some() => {
            Ok(Shape::Number(number))
        }
        _ => Err((
            "is no number that every reader takes alike",
            "write plain decimal digits, or put it in quotes",
        )),
    }
}

/// Whether every reader takes a plain scalar for text.
pub(super) fn is_text(text: &str) -> bool {
    matches!(resolve(text), Ok(Shape::Text(_)))
}

/// Whether some reader of YAML, old or new, could take the text for a number.
fn looks_numeric(lower: &str) -> bool {
    let bare = lower.strip_prefix(['+', '-']).unwrap_or(lower);
    if [".inf", ".nan"].contains(&bare) {
        return true;
    }
    let digits = bare.strip_prefix('.').unwrap_or(bare);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let (radix, rest) = match digits.get(..2) {
        Some("0x") => (16, digits.get(2..)),
        Some("0o" | "0b") => (8, digits.get(2..)),
        _ => (10, Some(digits)),
    };
    let rest = rest.unwrap_or_default();
    match radix {
        10 => {
            // Digits with separators, one exponent; "15m" and "2026-11-01" are text.
            let (mantissa, exponent) = rest.split_once('e').unwrap_or((rest, "0"));
            mantissa
                .bytes()
                .all(|b| b.is_ascii_digit() || b"_.:,".contains(&b))
                && mantissa.matches('.').count() <= 1
                && exponent
                    .strip_prefix(['+', '-'])
                    .unwrap_or(exponent)
                    .bytes()
                    .all(|b| b.is_ascii_digit())
        }
        _ => rest.chars().all(|c| c.is_digit(radix) || c == '_'),
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Node>, Vec<String>) {
        let source = Source {
            name: "m.yaml".to_owned(),
            text: text.to_owned(),
        };
        let mut faults = Faults::default();
        let node = parse(&source, &mut faults);
        let faults = faults.sorted().iter().map(ToString::to_string).collect();
        (node, faults)
    }

    fn value(text: &str) -> Value {
        let (node, faults) = read(text);
        assert!(faults.is_empty(), "{text:?}: {faults:?}");
        node.unwrap().to_value()
    }

    fn refused(text: &str) -> String {
        let (_, faults) = read(text);
        assert_eq!(faults.len(), 1, "{text:?}: {faults:?}");
        faults.into_iter().next().unwrap()
    }

    #[test]
    fn numbers_keep_every_digit() {
        assert_eq!(
            value("a: 100.0000000000000000000001").to_string(),
            r#"{"a":100.0000000000000000000001}"#
        );
        assert_eq!(value("a: 1.0").to_string(), r#"{"a":1.0}"#);
        assert_eq!(value("a: -7e-3").to_string(), r#"{"a":-7e-3}"#);
    }

    #[test]
    fn what_readers_convert_differently_is_refused() {
        for text in [
            "yes", "No", "ON", "off", "y", "True", "NULL", "0x1F", "0o17", "1_000", ".5", "+1",
            "01", "1.", ".inf", "-.NaN", "12:30", "1,000", "1e400",
        ] {
            assert!(
                refused(&format!("a: {text}")).starts_with("m.yaml:1:4: "),
                "{text}"
            );
            assert!(value(&format!("a: \"{text}\"")).is_object(), "{text}");
        }
    }

    #[test]
    fn text_that_only_begins_like_a_number_stays_text() {
        for text in [
            "15m",
            "90d",
            "2026-11-01",
            "10.0.0.1",
            "1.2.3",
            "1st",
            "0xyz",
            "v1",
        ] {
            assert_eq!(value(&format!("a: {text}"))["a"], text);
        }
    }

    #[test]
    fn the_parts_of_yaml_that_hide_meaning_are_refused_with_their_place() {
        assert!(refused("a: 1\na: 2").starts_with("m.yaml:2:1: the key `a` stands twice"));
        assert!(refused("a: &x 1").contains("anchors"));
        assert!(
            read("a: &x 1\nb: *x")
                .1
                .iter()
                .any(|f| f.contains("aliases"))
        );
        assert!(
            read("a: {<<: {b: 1}}")
                .1
                .iter()
                .any(|f| f.contains("merge keys"))
        );
        assert!(refused("a: !!str 1").contains("tags"));
        assert!(refused("1: a").contains("a key is not text"));
        assert!(refused("on: a").contains("a key is not text"));
        assert!(refused("? [a]\n: b").contains("a key is a map or a list"));
        assert!(refused("a: 1\n---\nb: 2").contains("second document"));
        assert!(refused("a: [1").contains("not YAML"));
        assert!(refused("").contains("holds nothing"));
        assert!(refused("\"a\\u200b\": 1").contains("read as others"));
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        assert!(read(&deep).0.is_none());
    }

    #[test]
    fn every_fault_is_told_at_once() {
        assert_eq!(read("a: yes\nb: no\nb: 1\n").1.len(), 3);
    }
}
