//! A tool's own input schema, as its server declares it: open where JSON Schema is open, and hostile
//! until shown otherwise.
//!
//! It only ever refuses; what a scope allows is the manifest's matter. Nothing it refers to is fetched,
//! its patterns take linear time, and its size, depth and the work of judging by it are bounded.

use std::fmt;

use jsonschema::Validator;
use serde_json::Value;

use super::judgement::{self, Judgement};
use super::keyword::hostile_options;
use super::visits;
use crate::limits::{SCHEMA_BYTES, SCHEMA_DEPTH_LEVELS, SCHEMA_SUBSCHEMAS_COUNT};
use crate::model::json;

/// The compiled input schema of a tool.
pub struct ToolSchema {
    validator: Validator,
}

/// Why a tool's schema was refused; the tool is then not presented.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SchemaFault {
    /// More bytes than a schema may have.
    #[error("the schema has {bytes} bytes, more than {SCHEMA_BYTES}")]
    TooLarge {
        /// Its size in canonical form.
        bytes: usize,
    },
    /// Nested too deeply, or of too many parts.
    #[error(
        "the schema is deeper than {SCHEMA_DEPTH_LEVELS} levels or has more than {SCHEMA_SUBSCHEMAS_COUNT} parts"
    )]
    TooComplex,
    /// Judging by it could take unbounded work.
    #[error("the schema would visit one value without bound: {0}")]
    Unbounded(String),
    /// A reference to something outside the schema, or of a kind that is not followed.
    #[error("the schema refers to what it does not hold: {0}")]
    Reference(String),
    /// No schema of its draft, or a pattern the linear engine cannot express.
    #[error("the schema does not compile: {0}")]
    Invalid(String),
}

impl ToolSchema {
    /// Compiles a schema by the draft its `$schema` names, or 2020-12.
    ///
    /// # Errors
    /// [`SchemaFault`] says why the schema is not used.
    pub fn compile(schema: &Value) -> Result<Self, SchemaFault> {
        let bytes = json::canonical(schema).len();
        if bytes > SCHEMA_BYTES {
            return Err(SchemaFault::TooLarge { bytes });
        }
        visits::bound(schema)?;
        let validator = hostile_options()
            .build(schema)
            .map_err(|error| SchemaFault::Invalid(format!("at {}", error.schema_path())))?;
        Ok(Self { validator })
    }

    /// Judges a call's arguments; what is beyond a tool's own schema is invalid, not a matter for a
    /// person.
    #[must_use]
    pub fn judge(&self, arguments: &Value) -> Judgement {
        judgement::judge(&self.validator, arguments)
    }
}

impl fmt::Debug for ToolSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToolSchema(…)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(schema: &Value) -> String {
        ToolSchema::compile(schema).unwrap_err().to_string()
    }

    fn inside(schema: &Value, arguments: &Value) -> bool {
        ToolSchema::compile(schema).unwrap().judge(arguments) == Judgement::Inside
    }

    #[test]
    fn a_tools_own_schema_is_open_where_json_schema_is() {
        let schema = json!({
            "type": "object", "properties": {"path": {"type": "string", "format": "odd"}},
            "required": ["path"], "x-vendor": {"$ref": 7}
        });
        assert!(inside(&schema, &json!({"path": "a", "more": 1})));
        assert!(!inside(&schema, &json!({"path": 1})));
        assert!(!inside(&schema, &json!({})));
        assert!(inside(&json!(true), &json!({"a": 1})));
    }

    #[test]
    fn the_draft_is_the_one_the_schema_names() {
        let old = json!({
            "$schema": "http://json-schema.org/draft-04/schema#",
            "properties": {"n": {"maximum": 5, "exclusiveMaximum": true}}
        });
        assert!(!inside(&old, &json!({"n": 5})));
        assert!(inside(&old, &json!({"n": 4})));
        let unknown = json!({"$schema": "https://nowhere.test/schema"});
        assert!(ToolSchema::compile(&unknown).is_err());
    }

    #[test]
    fn nothing_is_fetched() {
        for reference in [
            "https://example.com/a.json",
            "file:///etc/passwd",
            "other.json#/a",
            "#anchor",
            "#/missing",
            "//x",
        ] {
            let schema = json!({"properties": {"a": {"$ref": reference}}});
            assert!(refused(&schema).contains("refers to"), "{reference}");
        }
        assert!(refused(&json!({"$dynamicRef": "#x"})).contains("dynamic"));
        let renamed = json!({"properties": {"a": {"$id": "https://x.test/", "$ref": "#"}}});
        assert!(refused(&renamed).contains("renames"));
    }

    #[test]
    fn a_pattern_beyond_the_linear_engine_drops_the_tool() {
        for pattern in ["(?=a)", "(a)\\1", "(", "(\\w{500}){500}"] {
            let schema = json!({"properties": {"a": {"not": {"pattern": pattern}}}});
            assert!(refused(&schema).contains("does not compile"), "{pattern}");
        }
    }

    #[test]
    fn references_inside_the_schema_are_followed() {
        let tree = json!({
            "$defs": {"node": {
                "type": "object",
                "properties": {"left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#/$defs/node"}},
                "additionalProperties": false
            }},
            "$ref": "#/$defs/node"
        });
        assert!(inside(&tree, &json!({"left": {"right": {}}})));
        assert!(!inside(&tree, &json!({"left": {"right": {"x": 1}}})));
    }

    #[test]
    fn a_filter_that_nests_in_itself_is_no_explosion() {
        let filter = json!({
            "anyOf": [
                {"properties": {"and": {"type": "array", "items": {"$ref": "#"}}}, "required": ["and"]},
                {"properties": {"or": {"type": "array", "items": {"$ref": "#"}}}, "required": ["or"]},
                {"properties": {"field": {"type": "string"}}, "required": ["field"]}
            ]
        });
        assert!(inside(&filter, &json!({"and": [{"or": [{"field": "x"}]}]})));
        assert!(!inside(&filter, &json!({"and": [{"or": [{}]}]})));
    }

    #[test]
    fn a_schema_that_never_ends_or_explodes_is_refused() {
        assert!(refused(&json!({"$ref": "#"})).contains("without bound"));
        assert!(refused(&json!({"not": {"$ref": "#"}})).contains("without bound"));
        let pair = json!({"$defs": {
            "a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}
        }, "$ref": "#/$defs/a"});
        assert!(refused(&pair).contains("without bound"));

        let mut laughs = serde_json::Map::new();
        laughs.insert("d0".to_owned(), json!({"type": "object"}));
        for level in 1..28 {
            let below = format!("#/$defs/d{}", level - 1);
            laughs.insert(
                format!("d{level}"),
                json!({"allOf": [{"$ref": below}, {"$ref": below}]}),
            );
        }
        let laughs = json!({"$defs": laughs, "$ref": "#/$defs/d14"});
        assert!(
            refused(&laughs).contains("without bound"),
            "{}",
            refused(&laughs)
        );

        let doubling = json!({"allOf": [
            {"properties": {"c": {"$ref": "#"}}}, {"properties": {"c": {"$ref": "#"}}}
        ]});
        assert!(refused(&doubling).contains("without bound"));

        let mut unevaluated = json!({"properties": {"a": true}, "unevaluatedProperties": false});
        for _ in 0..12 {
            unevaluated = json!({"allOf": [unevaluated], "unevaluatedProperties": false});
        }
        assert!(refused(&unevaluated).contains("without bound"));
    }

    #[test]
    fn parts_that_refer_to_each_other_many_times_compile_once() {
        let mut parts = serde_json::Map::new();
        parts.insert("d0".to_owned(), json!({"type": "integer"}));
        for level in 1..14 {
            let below = json!({"$ref": format!("#/$defs/d{}", level - 1)});
            let members: serde_json::Map<_, _> =
                (0..8).map(|n| (format!("p{n}"), below.clone())).collect();
            parts.insert(format!("d{level}"), json!({"properties": members}));
        }
        let schema = json!({"$defs": parts, "$ref": "#/$defs/d13"});
        assert!(inside(&schema, &json!({"p0": {"p7": {}}})));
        assert!(!inside(
            &schema,
            &json!({"p0": {"p7": {"p0": {"p0": {"p0": {"p0": {"p0": {"p0":
            {"p0": {"p0": {"p0": {"p0": {"p0": "x"}}}}}}}}}}}}})
        ));
    }

    #[test]
    fn size_depth_and_parts_are_bounded() {
        let long = json!({"description": "x".repeat(SCHEMA_BYTES)});
        assert!(matches!(
            ToolSchema::compile(&long),
            Err(SchemaFault::TooLarge { .. })
        ));
        let mut deep = json!({"type": "object"});
        for _ in 0..SCHEMA_DEPTH_LEVELS + 1 {
            deep = json!({"allOf": [deep]});
        }
        assert_eq!(
            ToolSchema::compile(&deep).unwrap_err(),
            SchemaFault::TooComplex
        );
        let mut chain = serde_json::Map::new();
        for level in 0..900 {
            let next = format!("#/$defs/{}", level + 1);
            chain.insert(level.to_string(), json!({"$ref": next}));
        }
        chain.insert("900".to_owned(), json!(true));
        let chain = json!({"$ref": "#/$defs/0", "$defs": chain});
        assert_eq!(
            ToolSchema::compile(&chain).unwrap_err(),
            SchemaFault::TooComplex
        );
        let wide: serde_json::Map<_, _> = (0..SCHEMA_SUBSCHEMAS_COUNT)
            .map(|n| (n.to_string(), json!(true)))
            .collect();
        assert_eq!(
            ToolSchema::compile(&json!({"properties": wide})).unwrap_err(),
            SchemaFault::TooComplex
        );
    }

    #[test]
    fn the_deepest_admitted_schema_judges_the_deepest_value_on_a_small_stack() {
        // Thirty schemas on each level of a value of sixty levels: what a thread of 1 MiB must bear.
        let mut level = json!({"properties": {"a": {"$ref": "#"}}});
        for _ in 0..SCHEMA_DEPTH_LEVELS - 4 {
            level = json!({"allOf": [level]});
        }
        let mut value = json!({});
        for _ in 0..60 {
            value = json!({"a": value});
        }
        let wrong = {
            let mut wrong = json!({"a": 1});
            for _ in 0..60 {
                wrong = json!({"a": wrong});
            }
            wrong
        };
        level["type"] = json!("object");
        let judged = std::thread::Builder::new()
            .stack_size(1_024 * 1_024)
            .spawn(move || (inside(&level, &value), inside(&level, &wrong)))
            .unwrap()
            .join()
            .unwrap();
        assert_eq!(judged, (true, false));
    }

    #[test]
    fn bounds_of_tools_compare_exact_decimals_too() {
        let schema = json!({"properties": {"a": {"maximum": 100}}});
        let over = json::parse(br#"{"a": 100.0000000000000000000001}"#).unwrap();
        assert!(!inside(&schema, &over));
    }
}
