//! The keywords of JSON Schema that a manifest may use, and what to write instead of the others.

use super::keyword::Words;
use super::reading::Keys;
use super::types::Types;

/// The keywords of ours.
pub(super) const OURS: [Words; 2] = [Words::PathUnder, Words::HostIn];

/// Every keyword.
pub(super) const KEYS: Keys = Keys {
    what: "an argument schema",
    known: &[
        "type",
        "const",
        "enum",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "path_under",
        "host_in",
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "uniqueItems",
        "properties",
        "optional",
        "open",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "allOf",
        "anyOf",
        "not",
        "kind",
        "title",
        "description",
        "$comment",
    ],
    later: &[],
};

/// Which types a keyword speaks of.
pub(super) const GROUPS: [(&[&str], Types); 5] = [
    (
        &[
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
        ],
        Types::NUMBER,
    ),
    (
        &["minLength", "maxLength", "pattern", "format"],
        Types::STRING,
    ),
    (&["path_under", "host_in"], Types::STRING.or(Types::ARRAY)),
    (
        &[
            "items",
            "prefixItems",
            "minItems",
            "maxItems",
            "uniqueItems",
        ],
        Types::ARRAY,
    ),
    (
        &[
            "properties",
            "optional",
            "open",
            "required",
            "additionalProperties",
            "patternProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
        ],
        Types::OBJECT,
    ),
];

/// Keywords whose mirror image would be another keyword.
pub(super) const STRICT_ONLY: [&str; 13] = [
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "optional",
    "open",
    "required",
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
];

/// Keywords of JSON Schema that would open what is closed, or say it in a second way.
pub(super) const ELSEWHERE: [(&[&str], &str); 6] = [
    (
        &[
            "oneOf",
            "if",
            "then",
            "else",
            "dependentRequired",
            "dependentSchemas",
        ],
        "write `anyOf` with one branch for each case",
    ),
    (
        &[
            "$ref",
            "$defs",
            "definitions",
            "$dynamicRef",
            "$id",
            "$anchor",
            "$dynamicAnchor",
            "$schema",
            "$vocabulary",
        ],
        "write the schema out where it is used",
    ),
    (
        &[
            "unevaluatedProperties",
            "unevaluatedItems",
            "additionalItems",
        ],
        "leave it out: objects are closed unless `open: true`, lists hold what `items` says",
    ),
    (
        &["contains", "minContains", "maxContains"],
        "say with `items` what every item must be",
    ),
    (
        &["contentEncoding", "contentMediaType", "contentSchema"],
        "say it with `pattern`",
    ),
    (
        &["default", "examples", "deprecated", "readOnly", "writeOnly"],
        "leave it out: it binds nothing",
    ),
];

/// The formats that are checked.
pub(super) const FORMATS: [&str; 15] = [
    "date",
    "date-time",
    "time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uuid",
    "json-pointer",
    "regex",
];
