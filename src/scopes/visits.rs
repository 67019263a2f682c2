//! How often a schema could visit one value: references and branches can make that exponential.
//!
//! A schema is a graph: edges stay on the same value (`allOf`, `$ref`) or go to one of its parts
//! (`properties`, `items`). A cycle that stays on the same value never ends. A cycle through parts ends
//! with the value, but where two ways lead round it the visits double at each level. Both are refused
//! before the schema is compiled.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::tool_schema::SchemaFault;
use crate::limits::{
    JSON_DEPTH_LEVELS, SCHEMA_DEPTH_LEVELS, SCHEMA_SUBSCHEMAS_COUNT, SCHEMA_VISITS_COUNT,
};

/// Refuses a schema that is too deep, of too many parts, refers outside itself, or could visit one
/// value more than [`SCHEMA_VISITS_COUNT`] times.
pub(super) fn bound(schema: &Value) -> Result<(), SchemaFault> {
    let draft = schema.get("$schema").and_then(Value::as_str);
    let mut graph = Graph {
        root: schema,
        old_id: draft.is_some_and(|draft| draft.contains("draft-04")),
        nodes: Vec::new(),
        places: HashMap::new(),
    };
    graph.add("", schema, 0)?;
    graph.bound_visits()
}

struct Graph<'a> {
    root: &'a Value,
    /// Whether `id` is what later drafts spell `$id`.
    old_id: bool,
    nodes: Vec<Node<'a>>,
    /// Which schema stands at a JSON pointer.
    places: HashMap<String, usize>,
}

#[derive(Default)]
struct Node<'a> {
    pointer: String,
    /// Schemas judging the same value.
    same: Vec<usize>,
    /// How often those are asked: more than once where what they leave unevaluated is asked for.
    times: u64,
    /// Schemas of the value's parts: its members, and its items.
    parts: [Parts<'a>; 2],
}

#[derive(Default)]
struct Parts<'a> {
    /// Of one member or position alone.
    named: BTreeMap<&'a str, usize>,
    /// Of every part.
    all: Vec<usize>,
    /// Of the parts that are not named.
    other: Vec<usize>,
}

const MEMBERS: usize = 0;
const ITEMS: usize = 1;

/// Positions of a tuple, as names.
const POSITIONS: [&str; 16] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15",
];

impl<'a> Graph<'a> {
    fn add(
        &mut self,
        pointer: &str,
        schema: &'a Value,
        depth: usize,
    ) -> Result<usize, SchemaFault> {
        if let Some(known) = self.places.get(pointer) {
            return Ok(*known);
        }
        if depth > SCHEMA_DEPTH_LEVELS || self.nodes.len() >= SCHEMA_SUBSCHEMAS_COUNT {
            return Err(SchemaFault::TooComplex);
        }
        let at = self.nodes.len();
        self.places.insert(pointer.to_owned(), at);
        self.nodes.push(Node::default());
        let mut node = Node {
            pointer: pointer.to_owned(),
            times: 1,
            ..Node::default()
        };
        if let Value::Object(keywords) = schema {
            self.read(&mut node, keywords, depth + 1)?;
        }
        if let Some(place) = self.nodes.get_mut(at) {
            *place = node;
        }
        Ok(at)
    }

    fn read(
        &mut self,
        node: &mut Node<'a>,
        keywords: &'a Map<String, Value>,
        depth: usize,
    ) -> Result<(), SchemaFault> {
        let here = node.pointer.clone();
        for (key, value) in keywords {
            let under = format!("{here}/{}", escaped(key));
            match key.as_str() {
                "$ref" => {
                    let (target, schema) = self.resolve(value)?;
                    node.same.push(self.add(&target, schema, depth)?);
                }
                "$dynamicRef" | "$recursiveRef" => {
                    return Err(SchemaFault::Reference(format!("{under} is dynamic")));
                }
                // It would move the base that references are read against.
                "$id" if !here.is_empty() && value.is_string() => {
                    return Err(SchemaFault::Reference(format!("{under} renames a part")));
                }
                "id" if self.old_id && !here.is_empty() && value.is_string() => {
                    return Err(SchemaFault::Reference(format!("{under} renames a part")));
                }
                "allOf" | "anyOf" | "oneOf" => node.same.extend(self.list(&under, value, depth)?),
                "not" | "if" | "then" | "else" => node.same.push(self.add(&under, value, depth)?),
                "dependentSchemas" => {
                    node.same
                        .extend(self.members(&under, value, depth)?.into_values());
                }
                "dependencies" => {
                    let members = self.members(&under, value, depth)?;
                    node.same.extend(members.into_values());
                }
                "properties" => parts(node, MEMBERS).named = self.members(&under, value, depth)?,
                "patternProperties" => {
                    let members = self.members(&under, value, depth)?;
                    parts(node, MEMBERS).all.extend(members.into_values());
                }
                "propertyNames" => {
                    let child = self.add(&under, value, depth)?;
                    parts(node, MEMBERS).all.push(child);
                }
                "additionalProperties" => {
                    let child = self.add(&under, value, depth)?;
                    parts(node, MEMBERS).other.push(child);
                }
                "unevaluatedProperties" | "unevaluatedItems" => {
                    node.times = 3;
                    let child = self.add(&under, value, depth)?;
                    let kind = if key == "unevaluatedItems" {
                        ITEMS
                    } else {
                        MEMBERS
                    };
                    parts(node, kind).all.push(child);
                }
                "contains" => {
                    let child = self.add(&under, value, depth)?;
                    parts(node, ITEMS).all.push(child);
                }
                "items" | "prefixItems" if value.is_array() => {
                    let children = self.list(&under, value, depth)?;
                    let mut positions = POSITIONS.iter();
                    for child in children {
                        match positions.next() {
                            Some(name) => drop(parts(node, ITEMS).named.insert(name, child)),
                            None => parts(node, ITEMS).all.push(child),
                        }
                    }
                }
                "items" | "additionalItems" => {
                    let child = self.add(&under, value, depth)?;
                    parts(node, ITEMS).other.push(child);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn list(
        &mut self,
        under: &str,
        value: &'a Value,
        depth: usize,
    ) -> Result<Vec<usize>, SchemaFault> {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        items
            .iter()
            .enumerate()
            .map(|(at, item)| self.add(&format!("{under}/{at}"), item, depth))
            .collect()
    }

    fn members(
        &mut self,
        under: &str,
        value: &'a Value,
        depth: usize,
    ) -> Result<BTreeMap<&'a str, usize>, SchemaFault> {
        let mut members = BTreeMap::new();
        for (name, schema) in value.as_object().into_iter().flatten() {
            let child = self.add(&format!("{under}/{}", escaped(name)), schema, depth)?;
            members.insert(name.as_str(), child);
        }
        Ok(members)
    }

    /// Follows `#` and `#/…`; every other form could name something elsewhere.
    fn resolve(&self, reference: &Value) -> Result<(String, &'a Value), SchemaFault> {
        let outside = || SchemaFault::Reference(super::reading::brief(&reference.to_string()));
        let pointer = reference
            .as_str()
            .and_then(|text| text.strip_prefix('#'))
            .filter(|pointer| !pointer.contains('%'))
            .ok_or_else(outside)?;
        let schema = self.root.pointer(pointer).ok_or_else(outside)?;
        Ok((pointer.to_owned(), schema))
    }

    fn bound_visits(&self) -> Result<(), SchemaFault> {
        let mut reached = Reached {
            graph: self,
            memo: vec![None; self.nodes.len()],
            open: vec![false; self.nodes.len()],
        };
        for at in 0..self.nodes.len() {
            reached.from(at)?;
        }
        let reached: Vec<BTreeMap<usize, u64>> = reached
            .memo
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        // Visits of one value at the bottom, then one level of nesting above it, and so on.
        let mut visits = vec![0_u64; self.nodes.len()];
        for _ in 0..=JSON_DEPTH_LEVELS {
            let next: Vec<u64> = reached
                .iter()
                .map(|reached| self.visits(reached, &visits))
                .collect();
            let over = next.iter().position(|visits| *visits > SCHEMA_VISITS_COUNT);
            if let Some(at) = over {
                return Err(self.unbounded(at));
            }
            if next == visits {
                break;
            }
            visits = next;
        }
        Ok(())
    }

    /// Visits along the worst path downwards, given those of one level of nesting less.
    fn visits(&self, reached: &BTreeMap<usize, u64>, below: &[u64]) -> u64 {
        let of = |children: &[usize]| -> u64 {
            children.iter().filter_map(|child| below.get(*child)).sum()
        };
        let here: u64 = reached.values().sum();
        let deepest = [MEMBERS, ITEMS].into_iter().map(|kind| {
            let mut base = 0_u64;
            let mut named: BTreeMap<&str, i128> = BTreeMap::new();
            for (at, times) in reached {
                let Some(parts) = self.nodes.get(*at).and_then(|node| node.parts.get(kind)) else {
                    continue;
                };
                let other = of(&parts.other);
                base = base.saturating_add(times.saturating_mul(of(&parts.all) + other));
                for (name, child) in &parts.named {
                    let own = i128::from(of(&[*child])) - i128::from(other);
                    *named.entry(name).or_default() += own * i128::from(*times);
                }
            }
            let most = named.into_values().max().unwrap_or(0).max(0);
            base.saturating_add(u64::try_from(most).unwrap_or(u64::MAX))
        });
        here.saturating_add(deepest.max().unwrap_or(0))
    }

    fn unbounded(&self, at: usize) -> SchemaFault {
        let pointer = self.nodes.get(at).map_or("", |node| node.pointer.as_str());
        SchemaFault::Unbounded(format!("#{}", super::reading::brief(pointer)))
    }
}

/// Which schemas judge the same value as one does, and how often.
struct Reached<'g, 'a> {
    graph: &'g Graph<'a>,
    memo: Vec<Option<BTreeMap<usize, u64>>>,
    open: Vec<bool>,
}

impl Reached<'_, '_> {
    fn from(&mut self, at: usize) -> Result<BTreeMap<usize, u64>, SchemaFault> {
        if let Some(Some(known)) = self.memo.get(at) {
            return Ok(known.clone());
        }
        match self.open.get_mut(at) {
            Some(open) if !*open => *open = true,
            _ => return Err(self.graph.unbounded(at)),
        }
        let mut reached = BTreeMap::from([(at, 1)]);
        if let Some(node) = self.graph.nodes.get(at) {
            for child in &node.same {
                for (other, times) in self.from(*child)? {
                    let sum = reached.entry(other).or_insert(0);
                    *sum = times.saturating_mul(node.times).saturating_add(*sum);
                }
            }
        }
        if reached
            .values()
            .fold(0_u64, |sum, times| sum.saturating_add(*times))
            > SCHEMA_VISITS_COUNT
        {
            return Err(self.graph.unbounded(at));
        }
        if let Some(open) = self.open.get_mut(at) {
            *open = false;
        }
        if let Some(memo) = self.memo.get_mut(at) {
            *memo = Some(reached.clone());
        }
        Ok(reached)
    }
}

fn parts<'n, 'a>(node: &'n mut Node<'a>, kind: usize) -> &'n mut Parts<'a> {
    let [members, items] = &mut node.parts;
    if kind == ITEMS { items } else { members }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
