//! Turns the argument schema of a manifest into a closed one: JSON Schema is open by default, a scope
//! is not.
//!
//! Under a rule that allows, every object admits only the properties it names, every named property
//! must be present unless `optional` lists it, and every constrained value has a type. Under a rule
//! that forbids, and inside `not`, everything leans the other way: an absent or mistyped value matches.
//! Keywords for which no such reading is plain are refused, each with what to write instead.

use serde_json::Value;

use super::fault::Faults;
use super::keyword::{Lean, Schema};
use super::reading::{Block, brief};
use super::types::Types;
use super::vocabulary::{ELSEWHERE, KEYS, STRICT_ONLY};
use super::yaml::{Entry, Node, Shape};
use crate::limits::{SCHEMA_BYTES, SCHEMA_DEPTH_LEVELS, SCHEMA_SUBSCHEMAS_COUNT};
use crate::model::json;

/// Closes the schema of a call's arguments; `None` where a fault was added.
pub(super) fn close(node: &Node, lean: Lean, faults: &mut Faults) -> Option<Value> {
    let before = faults.len();
    let size = json::canonical(&node.to_value()).len();
    if size > SCHEMA_BYTES {
        faults.add(
            &node.at,
            format!("the schema has {size} bytes"),
            format!("keep it under {SCHEMA_BYTES}"),
        );
        return None;
    }
    let mut closer = Closer {
        faults,
        subschemas: 0,
        full: false,
    };
    let made = closer.schema(node, lean, Seat::Root, 0)?;
    (faults.len() == before).then_some(made.schema)
}

/// Where a schema stands, and so what it must say by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seat {
    /// The arguments as a whole.
    Root,
    /// A value of its own: a property, an item.
    Value,
    /// Beside others on the same value: under `allOf`, `anyOf` or `not`.
    Branch,
}

/// A schema made, and what the one above it must know.
struct Made {
    schema: Value,
    /// The types it admits, where it says so.
    types: Option<Types>,
    /// Whether it speaks of an object's properties, which are then to be closed.
    object: bool,
}

pub(super) struct Closer<'f> {
    pub(super) faults: &'f mut Faults,
    subschemas: usize,
    full: bool,
}

impl Closer<'_> {
    fn schema(&mut self, node: &Node, lean: Lean, seat: Seat, depth: usize) -> Option<Made> {
        self.subschemas += 1;
        if depth > SCHEMA_DEPTH_LEVELS || self.subschemas > SCHEMA_SUBSCHEMAS_COUNT {
            if !std::mem::replace(&mut self.full, true) {
                self.faults.add(
                    &node.at,
                    format!(
                        "the schema is deeper than {SCHEMA_DEPTH_LEVELS} levels \
                         or has more than {SCHEMA_SUBSCHEMAS_COUNT} parts"
                    ),
                    "make it smaller",
                );
            }
            return None;
        }
        match node.shape {
            Shape::Flag(true) if seat == Seat::Value => {
                return Some(Made {
                    schema: Value::Bool(true),
                    types: Some(Types::ALL),
                    object: false,
                });
            }
            Shape::Flag(_) => {
                self.faults.add(
                    &node.at,
                    "a schema of true or false says nothing here",
                    "write its keywords; to allow nothing, leave the property out",
                );
                return None;
            }
            _ => {}
        }
        let block = Block {
            node,
            entries: node.entries("a schema", self.faults)?,
        };
        let before = self.faults.len();
        self.check_keys(&block, lean);
        let mut out = Schema::new();
        let own = self.values(&block, lean, &mut out);
        let branches = self.branches(&block, lean, depth, &mut out);
        self.lists(&block, lean, depth, own, &mut out);
        let opened = self.objects(&block, lean, depth, &mut out);

        let types = own.or(branches.types);
        let said = block.find("const").is_none() && block.find("enum").is_none();
        let object = said && own.is_some_and(|types| types.meets(Types::OBJECT)) || branches.object;
        if opened.is_some() && seat == Seat::Branch {
            self.faults.add(
                &node.at,
                "`open` stands in a branch",
                "write it beside `anyOf` or `allOf`, on the object itself",
            );
        }
        if seat == Seat::Root {
            if let Some(node) = block.find("kind") {
                self.faults.add(
                    &node.at,
                    "the arguments as a whole are of no kind",
                    "write `kind` on one argument",
                );
            }
            if types.is_some_and(|types| !types.meets(Types::OBJECT)) {
                self.faults.add(
                    &node.at,
                    "the arguments of a call are always an object",
                    "write `properties`",
                );
            }
            if lean == Lean::Strict {
                out.insert("type".to_owned(), Value::from("object"));
            }
        }
        // Not said again of a schema in which something else was misspelt.
        let whole = self.faults.len() == before;
        if whole && seat == Seat::Value && lean == Lean::Strict && types.is_none() {
            self.faults.add(
                &node.at,
                "nothing says of which type the value is",
                "write `type`, or `true` in place of the schema for any value",
            );
        }
        let closes = lean == Lean::Strict && seat != Seat::Branch && opened != Some(true);
        if closes && (object || seat == Seat::Root) && !out.contains_key("additionalProperties") {
            // With `properties`, even empty, an argument that is not named is told by its name.
            out.entry("properties")
                .or_insert_with(|| Value::Object(Schema::new()));
            let key = match branches.object {
                true => "unevaluatedProperties",
                false => "additionalProperties",
            };
            out.insert(key.to_owned(), Value::Bool(false));
        }
        let mut schema = Value::Object(out);
        if seat == Seat::Value && lean == Lean::Loose {
            schema = matching_other_types(schema, own.or(branches.types));
        }
        Some(Made {
            schema,
            types,
            object,
        })
    }

    fn check_keys(&mut self, block: &Block<'_>, lean: Lean) {
        let mut rest = Vec::new();
        for entry in block.entries {
            let key = entry.key.as_str();
            if let Some((_, fix)) = ELSEWHERE.iter().find(|(keys, _)| keys.contains(&key)) {
                self.faults.add(
                    &entry.at,
                    format!("`{key}` is not a keyword of manifests"),
                    *fix,
                );
            } else if lean == Lean::Loose && STRICT_ONLY.contains(&key) {
                self.faults.add(
                    &entry.at,
                    format!("`{key}` has no plain meaning in a forbid or under `not`"),
                    "leave it out: there an absent value, and one of another type, always match",
                );
            } else {
                rest.push(entry);
            }
        }
        for entry in rest {
            let alone = Node {
                at: entry.at.clone(),
                shape: Shape::Map(vec![Entry {
                    key: entry.key.clone(),
                    at: entry.at.clone(),
                    value: Node {
                        at: entry.at.clone(),
                        shape: Shape::Null,
                    },
                }]),
            };
            Block::open(&alone, &KEYS, self.faults);
        }
    }

    fn branches(
        &mut self,
        block: &Block<'_>,
        lean: Lean,
        depth: usize,
        out: &mut Schema,
    ) -> Branches {
        let mut all = Branches {
            types: None,
            object: false,
        };
        for key in ["allOf", "anyOf"] {
            let Some(node) = block.find(key) else {
                continue;
            };
            let items = node.items(self.faults).unwrap_or_default();
            if items.is_empty() {
                self.faults.add(
                    &node.at,
                    format!("`{key}` lists nothing"),
                    "list its branches",
                );
            }
            let made: Vec<Made> = items
                .iter()
                .filter_map(|item| self.schema(item, lean, Seat::Branch, depth + 1))
                .collect();
            all.object |= made.iter().any(|made| made.object);
            let types = match key {
                "anyOf" => made
                    .iter()
                    .try_fold(Types::NONE, |sum, made| Some(sum.or(made.types?))),
                _ => made.iter().filter_map(|made| made.types).reduce(Types::and),
            };
            all.types = match (all.types, types) {
                (Some(one), Some(other)) => Some(one.and(other)),
                (one, other) => one.or(other),
            };
            let schemas = made.into_iter().map(|made| made.schema).collect();
            out.insert(key.to_owned(), schemas);
        }
        if let Some(node) = block.find("not")
            && let Some(made) = self.schema(node, lean.flipped(), Seat::Branch, depth + 1)
        {
            let inner = match lean.flipped() {
                Lean::Loose => matching_other_types(made.schema, made.types),
                Lean::Strict => made.schema,
            };
            out.insert("not".to_owned(), inner);
        }
        all
    }

    fn lists(
        &mut self,
        block: &Block<'_>,
        lean: Lean,
        depth: usize,
        own: Option<Types>,
        out: &mut Schema,
    ) {
        let prefix = block.find("prefixItems");
        if let Some(node) = prefix {
            let items = node.items(self.faults).unwrap_or_default();
            let schemas = items
                .iter()
                .filter_map(|item| self.schema(item, lean, Seat::Value, depth + 1))
                .map(|made| made.schema)
                .collect();
            out.insert("prefixItems".to_owned(), schemas);
        }
        let items = match block.find("items") {
            Some(node) => self
                .schema(node, lean, Seat::Value, depth + 1)
                .map(|made| made.schema),
            None => prefix.map(|_| Value::Bool(false)),
        };
        if let Some(items) = items {
            out.insert("items".to_owned(), items);
            return;
        }
        let known = ["items", "const", "enum", "path_under", "host_in"];
        if lean == Lean::Strict
            && own.is_some_and(|types| types.meets(Types::ARRAY))
            && !known.iter().any(|key| block.find(key).is_some())
        {
            self.faults.add(
                &block.node.at,
                "nothing says what the list holds",
                "write `items`, or `items: true` for anything",
            );
        }
    }

    /// The keywords about properties; answers what `open` says, where it stands.
    fn objects(
        &mut self,
        block: &Block<'_>,
        lean: Lean,
        depth: usize,
        out: &mut Schema,
    ) -> Option<bool> {
        let mut properties = Schema::new();
        for (name, node) in self.map_of_schemas(block, "properties") {
            if let Some(made) = self.schema(node, lean, Seat::Value, depth + 1) {
                properties.insert(name.to_owned(), made.schema);
            }
        }
        let mut patterns = Schema::new();
        for (name, node) in self.map_of_schemas(block, "patternProperties") {
            self.check_pattern(node, name);
            if let Some(made) = self.schema(node, lean, Seat::Value, depth + 1) {
                patterns.insert(name.to_owned(), made.schema);
            }
        }
        if !patterns.is_empty() {
            out.insert("patternProperties".to_owned(), Value::Object(patterns));
        }
        match block
            .find("additionalProperties")
            .map(|node| (node, &node.shape))
        {
            None | Some((_, Shape::Flag(false))) => {}
            Some((node, Shape::Flag(true))) => self.faults.add(
                &node.at,
                "`additionalProperties: true` lets every argument through",
                "write `open: true` if that is meant",
            ),
            Some((node, _)) => {
                if let Some(made) = self.schema(node, lean, Seat::Value, depth + 1) {
                    out.insert("additionalProperties".to_owned(), made.schema);
                }
            }
        }
        if let Some(node) = block.find("propertyNames")
            && let Some(made) = self.schema(node, lean, Seat::Value, depth + 1)
        {
            if let Some(name) = made.schema.get("kind") {
                self.faults.add(
                    &node.at,
                    format!("names are of no kind, and so not {name}"),
                    "write `kind` on the values",
                );
            }
            out.insert("propertyNames".to_owned(), made.schema);
        }
        let optional = self.names(block, "optional");
        let required = self.names(block, "required");
        if let Some(name) = required.iter().find(|name| optional.contains(name)) {
            self.faults.add(
                &block.node.at,
                format!("`{}` is both required and optional", brief(name)),
                "name it once",
            );
        }
        if lean == Lean::Strict {
            let mut needed: Vec<&str> = properties
                .keys()
                .map(String::as_str)
                .filter(|name| !optional.contains(name))
                .chain(required)
                .collect();
            needed.sort_unstable();
            needed.dedup();
            if !needed.is_empty() {
                out.insert(
                    "required".to_owned(),
                    needed.into_iter().map(Value::from).collect(),
                );
            }
            // Named by `optional` alone: any value, or none.
            for name in optional {
                properties
                    .entry(name.to_owned())
                    .or_insert(Value::Bool(true));
            }
        }
        if !properties.is_empty() {
            out.insert("properties".to_owned(), Value::Object(properties));
        }
        block.find("open").and_then(|node| node.flag(self.faults))
    }

    fn map_of_schemas<'a>(&mut self, block: &Block<'a>, key: &str) -> Vec<(&'a str, &'a Node)> {
        let Some(node) = block.find(key) else {
            return Vec::new();
        };
        node.entries(&format!("`{key}`"), self.faults)
            .unwrap_or_default()
            .iter()
            .map(|entry| (entry.key.as_str(), &entry.value))
            .collect()
    }

    fn names<'a>(&mut self, block: &Block<'a>, key: &str) -> Vec<&'a str> {
        let Some(node) = block.find(key) else {
            return Vec::new();
        };
        node.items(self.faults)
            .unwrap_or_default()
            .iter()
            .filter_map(|item| item.text(self.faults))
            .collect()
    }
}

struct Branches {
    types: Option<Types>,
    object: bool,
}

/// The schema, matching also every value of a type it does not speak of.
fn matching_other_types(schema: Value, types: Option<Types>) -> Value {
    match types {
        Some(types) if types != Types::ALL => {
            serde_json::json!({ "anyOf": [schema, { "not": { "type": types.keyword() } }] })
        }
        _ => schema,
    }
}
