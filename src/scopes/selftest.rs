//! The self-test of a compiled scope: calls that must not be permitted, derived from its own bounds.
//!
//! It guards against a compiler that lost a bound: an undeclared tool, each forbid, and each argument
//! bound crossed by one step are judged before the scope may be in force.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::fault::Faults;
use super::forbid::ForbidJudgement;
use super::judgement::Judgement;
use super::scope::Scope;
use crate::model::decimal::Decimal;
use crate::model::json;
use crate::model::name::ServerName;
use crate::model::target::{Target, TargetKind};

/// Adds a fault for each derived call that the scope would let through.
pub(super) fn run(scope: &Scope, faults: &mut Faults) {
    undeclared(scope, faults);
    forbids(scope, faults);
    for rule in scope.rules() {
        if let Some(target) = rule.pattern.sample()
            && !scope
                .rules_for(&target)
                .any(|(_, found)| std::ptr::eq(found, rule))
        {
            faults.add(
                &rule.place,
                "the self-test did not find this rule again",
                FIX,
            );
        }
        let Some(arguments) = &rule.arguments else {
            continue;
        };
        for (crossed, call) in crossings(arguments.schema(), &example(arguments.schema())) {
            if arguments.judge(&call) == Judgement::Inside {
                faults.add(
                    &rule.place,
                    format!("the self-test got a call through: {crossed}"),
                    FIX,
                );
            }
        }
    }
}

fn undeclared(scope: &Scope, faults: &mut Faults) {
    let Ok(server) = ServerName::parse("undeclared-by-any-manifest") else {
        return;
    };
    let target = Target {
        kind: TargetKind::Tool,
        server,
        name: Arc::from("undeclared_by_any_manifest"),
    };
    let named = scope
        .rules()
        .iter()
        .any(|rule| rule.pattern.matches(&target));
    if scope.is_declared(&target) != named {
        faults.add(
            &scope.place,
            "the self-test found a tool that no rule declares",
            FIX,
        );
    }
}

fn forbids(scope: &Scope, faults: &mut Faults) {
    for forbid in scope.forbids() {
        let Some(target) = forbid.pattern.sample() else {
            continue;
        };
        if !scope
            .forbids_for(&target)
            .any(|(_, found)| std::ptr::eq(found, forbid))
        {
            faults.add(
                &forbid.place,
                "the self-test did not find this forbid again",
                FIX,
            );
        }
        if forbid.judge(&Value::Object(Map::new())) == ForbidJudgement::Clear {
            faults.add(
                &forbid.place,
                "a call without arguments slips past this forbid",
                "describe what is forbidden, so that an absent value counts as forbidden too",
            );
        }
    }
}

/// A value that a closed schema likely admits; where it does not, its crossings prove less.
fn example(schema: &Value) -> Value {
    let Value::Object(keywords) = schema else {
        return Value::from("x");
    };
    if let Some(value) = keywords.get("const") {
        return value.clone();
    }
    let first = |key: &str| keywords.get(key).and_then(|list| list.get(0));
    if let Some(value) = first("enum") {
        return value.clone();
    }
    if let Some(root) = first("path_under") {
        return root.clone();
    }
    if let Some(host) = first("host_in") {
        return Value::from(host.as_str().unwrap_or_default().replace('*', "x"));
    }
    let mut own = typed_example(keywords);
    for branch in [first("anyOf"), first("allOf")].into_iter().flatten() {
        match (&mut own, example(branch)) {
            (Value::Object(own), Value::Object(more)) => own.extend(more),
            (_, more) => own = more,
        }
    }
    own
}

fn typed_example(keywords: &Map<String, Value>) -> Value {
    let declared = match keywords.get("type") {
        Some(Value::Array(types)) => types.first().and_then(Value::as_str),
        declared => declared.and_then(Value::as_str),
    };
    match declared {
        Some("object") => {
            let properties = keywords.get("properties").and_then(Value::as_object);
            let members = properties.into_iter().flatten();
            Value::Object(
                members
                    .map(|(name, schema)| (name.clone(), example(schema)))
                    .collect(),
            )
        }
        Some("array") => {
            let least = keywords
                .get("minItems")
                .and_then(Value::as_u64)
                .unwrap_or(1)
                .min(100);
            let items = keywords.get("items").map_or(Value::Null, example);
            Value::Array((0..least.max(1)).map(|_| items.clone()).collect())
        }
        Some("number" | "integer") => {
            let bound = |key: &str| keywords.get(key).cloned();
            bound("maximum")
                .or_else(|| bound("minimum"))
                .or_else(|| moved(keywords.get("exclusiveMinimum"), "1"))
                .or_else(|| moved(keywords.get("exclusiveMaximum"), "-1"))
                .unwrap_or_else(|| Value::from(1))
        }
        Some("boolean") => Value::Bool(true),
        Some("null") => Value::Null,
        _ => {
            let least = keywords
                .get("minLength")
                .and_then(Value::as_u64)
                .unwrap_or(1)
                .min(1_000);
            Value::from("a".repeat(usize::try_from(least).unwrap_or(1)))
        }
    }
}

/// Values each of which crosses one bound of the schema, with what was crossed.
fn crossings(schema: &Value, example: &Value) -> Vec<(String, Value)> {
    let Value::Object(keywords) = schema else {
        return Vec::new();
    };
    let mut crossed = Vec::new();
    if let Some(other) = mistyped(keywords, example) {
        crossed.push(("a value of another type".to_owned(), other));
    }
    let plus = |key: &str, step: &str| moved(keywords.get(key), step);
    let numbers = [
        ("maximum", plus("maximum", STEP)),
        ("minimum", plus("minimum", STEP_BACK)),
        ("exclusiveMaximum", plus("exclusiveMaximum", "0")),
        ("exclusiveMinimum", plus("exclusiveMinimum", "0")),
        ("maxLength", longer(keywords)),
    ];
    for (key, value) in numbers {
        if let Some(value) = value {
            crossed.push((format!("`{key}` crossed by one step"), value));
        }
    }
    if let Some(root) = keywords.get("path_under").and_then(|roots| roots.get(0)) {
        let root = root.as_str().unwrap_or_default();
        crossed.push((
            "a path out of its root".to_owned(),
            Value::from(format!("{root}/../x")),
        ));
    }
    if keywords.contains_key("host_in") {
        crossed.push((
            "a host not listed".to_owned(),
            Value::from("https://unlisted.invalid/"),
        ));
    }
    if let Value::Object(members) = example {
        members_crossed(keywords, members, &mut crossed);
    }
    crossed
}

fn members_crossed(
    keywords: &Map<String, Value>,
    members: &Map<String, Value>,
    crossed: &mut Vec<(String, Value)>,
) {
    let closed = ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|key| keywords.get(*key) == Some(&Value::Bool(false)))
        && !keywords.contains_key("patternProperties");
    if closed {
        let mut extra = members.clone();
        extra.insert("named_by_no_manifest".to_owned(), Value::from("x"));
        crossed.push((
            "an argument that is not named".to_owned(),
            Value::Object(extra),
        ));
    }
    let required = keywords.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        let mut fewer = members.clone();
        fewer.shift_remove(name);
        crossed.push((format!("`{name}` absent"), Value::Object(fewer)));
    }
    let properties = keywords.get("properties").and_then(Value::as_object);
    for (name, schema) in properties.into_iter().flatten() {
        let Some(member) = members.get(name) else {
            continue;
        };
        for (what, value) in crossings(schema, member) {
            let mut changed = members.clone();
            changed.insert(name.clone(), value);
            crossed.push((format!("`{name}`: {what}"), Value::Object(changed)));
        }
    }
}

/// A value of a type the schema does not name, where it names any.
fn mistyped(keywords: &Map<String, Value>, example: &Value) -> Option<Value> {
    let names = match keywords.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(name)) => vec![name.as_str()],
        _ if keywords.contains_key("const") => return Some(Value::Array(vec![example.clone()])),
        _ => return None,
    };
    let mut others = [
        ("array", Value::Array(vec![example.clone()])),
        ("string", Value::from("x")),
        ("boolean", Value::Bool(true)),
    ]
    .into_iter();
    others
        .find(|(name, _)| !names.contains(name))
        .map(|(_, value)| value)
}

fn moved(bound: Option<&Value>, step: &str) -> Option<Value> {
    let bound = bound.and_then(Decimal::from_value)?;
    let moved = bound.plus(&Decimal::parse(step)?);
    json::parse(moved.to_string().as_bytes()).ok()
}

fn longer(keywords: &Map<String, Value>) -> Option<Value> {
    let most = keywords.get("maxLength").and_then(Value::as_u64)?;
    let most = usize::try_from(most).ok().filter(|most| *most <= 10_000)?;
    Some(Value::from("a".repeat(most + 1)))
}

const STEP: &str = "0.0000000000000000000000000001";
const STEP_BACK: &str = "-0.0000000000000000000000000001";
const FIX: &str = "do not use this manifest: the guard does not compile the rule as written";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_of_a_schema_is_crossed_once() {
        let schema = serde_json::json!({
            "type": "object",
            "properties": {
                "amount": {"type": ["number"], "exclusiveMinimum": 0, "maximum": 100},
                "currency": {"const": "EUR"},
                "path": {"type": ["string"], "path_under": ["/docs"]},
                "name": {"type": ["string"], "maxLength": 3}
            },
            "required": ["amount"],
            "additionalProperties": false
        });
        let example = example(&schema);
        assert_eq!(
            example.to_string(),
            r#"{"amount":100,"currency":"EUR","path":"/docs","name":"a"}"#
        );
        let crossed: Vec<String> = crossings(&schema, &example)
            .into_iter()
            .map(|(what, call)| format!("{what}: {call}"))
            .collect();
        for said in [
            r#""amount":100.0000000000000000000000000001"#,
            r#""amount":0,"#,
            r#""amount":[100]"#,
            r#""currency":["EUR"]"#,
            r#""path":"/docs/../x""#,
            r#""name":"aaaa""#,
            "`amount` absent",
            "named_by_no_manifest",
        ] {
            assert!(
                crossed.iter().any(|line| line.contains(said)),
                "{said}: {crossed:#?}"
            );
        }
    }
}
