//! The keywords about a value itself: its type, its constants, its bounds.

use super::close::Closer;
use super::keyword::{Lean, Schema, Words, manifest_options};
use super::kinds::Kind;
use super::normal;
use super::reading::{Block, brief};
use super::types::Types;
use super::vocabulary::{FORMATS, GROUPS, OURS};
use super::yaml::{Entry, Node, Shape};
use crate::model::decimal::Decimal;

impl Closer<'_> {
    /// The keywords about the value itself; answers with the types they admit.
    pub(super) fn values(
        &mut self,
        block: &Block<'_>,
        lean: Lean,
        out: &mut Schema,
    ) -> Option<Types> {
        let declared = block.find("type").and_then(|node| self.declared(node));
        let constants = self.constants(block, out);
        self.kind(block, lean, out);
        let mut inferred = Types::ALL;
        for entry in block.entries {
            let key = entry.key.as_str();
            let Some((_, group)) = GROUPS.iter().find(|(keys, _)| keys.contains(&key)) else {
                continue;
            };
            inferred = inferred.and(*group);
            if declared
                .or(constants)
                .is_some_and(|types| !types.meets(*group))
            {
                self.faults.add(
                    &entry.at,
                    format!("`{key}` says nothing of a value of this type"),
                    "correct `type`, or leave the keyword out",
                );
            }
            self.keyword(entry, lean, out);
        }
        if declared.is_none() && constants.is_none() && inferred == Types::NONE {
            self.faults.add(
                &block.node.at,
                "the keywords speak of different types",
                "write `type`, or one branch of `anyOf` for each type",
            );
        }
        // A text where a list is not spoken of, though our keywords read lists as well.
        let inferred = match inferred.and(Types::STRING) {
            Types::STRING if inferred != Types::ALL => Types::STRING,
            _ => inferred,
        };
        let types = match (declared, constants) {
            (Some(declared), _) => declared,
            (None, Some(constants)) => return Some(constants),
            (None, None) if inferred == Types::ALL => return None,
            (None, None) => inferred,
        };
        out.insert("type".to_owned(), types.keyword());
        Some(types)
    }

    /// An annotation: it bounds nothing, and says what the value is to the world.
    fn kind(&mut self, block: &Block<'_>, lean: Lean, out: &mut Schema) {
        let Some(node) = block.find("kind") else {
            return;
        };
        let words = Kind::ALL.map(|kind| (kind.name(), kind));
        let Some(kind) = node.choice(&words, &[], self.faults) else {
            return;
        };
        if lean == Lean::Loose {
            self.faults.add(
                &node.at,
                "`kind` has no plain meaning in a forbid or under `not`",
                "write it on the argument of a rule that allows",
            );
        }
        let is_written_out = ["const", "enum"]
            .iter()
            .any(|key| block.find(key).is_some());
        if kind == Kind::Secret && is_written_out {
            self.faults.add(
                &node.at,
                "what a manifest writes out is no secret",
                "leave `kind` out, or bound the value without naming it",
            );
        }
        out.insert("kind".to_owned(), kind.name().into());
    }

    fn declared(&mut self, node: &Node) -> Option<Types> {
        const FIX: &str =
            "write null, boolean, integer, number, string, array, object, or a list of them";
        let single = std::slice::from_ref(node);
        let names = match &node.shape {
            Shape::List(items) if !items.is_empty() => items.as_slice(),
            _ => single,
        };
        let mut types = Types::NONE;
        for name in names {
            let found = match &name.shape {
                Shape::Text(text) => Types::parse(text),
                Shape::Null => {
                    self.faults.add(
                        &name.at,
                        "`null` stands here without quotes",
                        "write \"null\"",
                    );
                    return None;
                }
                _ => None,
            };
            let Some(found) = found else {
                self.faults
                    .add(&name.at, "not the name of a JSON type", FIX);
                return None;
            };
            types = types.or(found);
        }
        Some(types)
    }

    fn constants(&mut self, block: &Block<'_>, out: &mut Schema) -> Option<Types> {
        let mut types = None;
        if let Some(node) = block.find("const") {
            let value = node.to_value();
            types = Some(Types::of(&value));
            out.insert("const".to_owned(), value);
        }
        if let Some(node) = block.find("enum") {
            let items = node.items(self.faults)?;
            if items.is_empty() {
                self.faults.add(
                    &node.at,
                    "an empty `enum` allows nothing",
                    "list the values",
                );
            }
            let all = items.iter().map(|item| Types::of(&item.to_value()));
            let all = all.fold(Types::NONE, Types::or);
            types = Some(types.map_or(all, |types| all.and(types)));
            out.insert("enum".to_owned(), node.to_value());
        }
        types
    }

    fn keyword(&mut self, entry: &Entry, lean: Lean, out: &mut Schema) {
        let (key, node) = (entry.key.as_str(), &entry.value);
        if let Some(words) = OURS.iter().find(|words| words.name() == key) {
            self.ours(*words, node);
            out.insert(lean.spell(*words).to_owned(), node.to_value());
            return;
        }
        match key {
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
                let Shape::Number(number) = &node.shape else {
                    node.mistyped::<()>("write a number", self.faults);
                    return;
                };
                let zero = Decimal::parse(number.as_str()).is_none_or(|d| d <= Decimal::zero());
                if key == "multipleOf" && zero {
                    self.faults
                        .add(&node.at, "not above zero", "write a number above zero");
                }
            }
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties"
            | "maxProperties" => {
                node.count(0..=u32::MAX, self.faults);
            }
            "uniqueItems" => {
                node.flag(self.faults);
            }
            "pattern" => self.pattern(node),
            "format" => {
                if let Some(format) = node.text(self.faults)
                    && !FORMATS.contains(&format)
                {
                    self.faults.add(
                        &node.at,
                        format!("`{}` is not a format the guard checks", brief(format)),
                        format!("the formats are {}", FORMATS.join(", ")),
                    );
                }
            }
            // The rest holds schemas, which are closed on their own.
            _ => return,
        }
        out.insert(key.to_owned(), node.to_value());
    }

    fn ours(&mut self, words: Words, node: &Node) {
        let Some(items) = node.items(self.faults) else {
            return;
        };
        if items.is_empty() {
            self.faults
                .add(&node.at, "an empty list", "list what is meant");
        }
        for item in items {
            let Some(text) = item.text(self.faults) else {
                continue;
            };
            let (fits, fix) = match words {
                Words::PathUnder => (
                    normal::is_normal_path(text),
                    "write an absolute path without `.`, `..`, `%`, `~` or a slash at its end",
                ),
                Words::HostIn => (
                    normal::is_listed_host(text),
                    "write a host in lower case, as `example.com`, `*.example.com` or `example.com:8443`",
                ),
            };
            if !fits {
                self.faults.add(
                    &item.at,
                    format!("`{}` is not in normal form", brief(text)),
                    fix,
                );
            }
        }
    }

    fn pattern(&mut self, node: &Node) {
        if let Some(pattern) = node.text(self.faults) {
            self.check_pattern(node, pattern);
        }
    }

    pub(super) fn check_pattern(&mut self, node: &Node, pattern: &str) {
        let alone = serde_json::json!({ "pattern": pattern });
        if manifest_options().build(&alone).is_err() {
            self.faults.add(
                &node.at,
                "the pattern is no regular expression of the linear engine, or is too large",
                "write it without look-around and back-references, with smaller repetitions",
            );
        }
    }
}
