//! Rules over arguments, compiled: what an allow admits, and what a forbid applies to.

use std::fmt;

use jsonschema::Validator;
use serde_json::Value;

use super::close::close;
use super::fault::Faults;
use super::judgement::{self, Crossed, Judgement};
use super::keyword::{Lean, manifest_options};
use super::kinds::Kinds;
use super::yaml::Node;

/// What the arguments of an allowed call must be: a closed world.
///
/// Inside are exactly the arguments the manifest describes; an absent, mistyped or unnamed one is
/// beyond. A rule without `arguments` has none of these and accepts what the tool's own schema accepts.
pub struct ArgumentRule {
    validator: Validator,
    schema: Value,
    kinds: Kinds,
}

impl ArgumentRule {
    /// Judges a call's arguments.
    #[must_use]
    pub fn judge(&self, arguments: &Value) -> Judgement {
        judgement::judge(&self.validator, arguments)
    }

    /// The first bound that arguments cross; an error where the rule cannot be evaluated.
    pub(super) fn crossed(&self, arguments: &Value) -> Option<Result<Crossed, String>> {
        judgement::crossed(&self.validator, arguments)
    }

    /// The closed schema that is judged by, for explanations.
    #[must_use]
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    /// Where values of a kind stand in them.
    #[must_use]
    pub const fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    pub(super) fn compile(node: &Node, faults: &mut Faults) -> Option<Self> {
        let schema = close(node, Lean::Strict, faults)?;
        let validator = build(&schema, node, faults)?;
        Some(Self {
            kinds: Kinds::of(&schema),
            validator,
            schema,
        })
    }
}

impl fmt::Debug for ArgumentRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArgumentRule({})", self.schema)
    }
}

/// Which arguments a forbid applies to; in doubt, it applies.
pub(super) struct ForbiddenArguments {
    validator: Validator,
    schema: Value,
}

impl ForbiddenArguments {
    /// Whether it applies; an error where that could not be evaluated.
    pub(super) fn applies(&self, arguments: &Value) -> Result<bool, String> {
        judgement::matches(&self.validator, arguments)
    }

    pub(super) fn compile(node: &Node, faults: &mut Faults) -> Option<Self> {
        let schema = close(node, Lean::Loose, faults)?;
        let validator = build(&schema, node, faults)?;
        Some(Self { validator, schema })
    }
}

impl fmt::Debug for ForbiddenArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForbiddenArguments({})", self.schema)
    }
}

fn build(schema: &Value, node: &Node, faults: &mut Faults) -> Option<Validator> {
    match manifest_options().build(schema) {
        Ok(validator) => Some(validator),
        Err(error) => {
            faults.add(
                &node.at,
                format!("the schema does not compile at {}", error.schema_path()),
                "correct it as JSON Schema 2020-12",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Source;
    use super::super::yaml;
    use super::*;
    use crate::model::decimal::Decimal;
    use crate::model::json;

    fn node(text: &str, faults: &mut Faults) -> Node {
        let source = Source {
            name: "m.yaml".to_owned(),
            text: text.to_owned(),
        };
        yaml::parse(&source, faults).unwrap()
    }

    fn rule(text: &str) -> ArgumentRule {
        let mut faults = Faults::default();
        let node = node(text, &mut faults);
        ArgumentRule::compile(&node, &mut faults).unwrap_or_else(|| panic!("{text}: {faults}"))
    }

    fn forbidden(text: &str) -> ForbiddenArguments {
        let mut faults = Faults::default();
        let node = node(text, &mut faults);
        ForbiddenArguments::compile(&node, &mut faults)
            .unwrap_or_else(|| panic!("{text}: {faults}"))
    }

    fn fault(text: &str) -> String {
        let mut faults = Faults::default();
        let node = node(text, &mut faults);
        assert!(
            ArgumentRule::compile(&node, &mut faults).is_none(),
            "{text}"
        );
        assert_eq!(faults.len(), 1, "{text}: {faults}");
        faults.to_string()
    }

    fn value(text: &str) -> Value {
        json::parse(text.as_bytes()).unwrap()
    }

    fn inside(rule: &ArgumentRule, text: &str) -> bool {
        rule.judge(&value(text)) == Judgement::Inside
    }

    fn told(rule: &ArgumentRule, text: &str) -> Vec<String> {
        match rule.judge(&value(text)) {
            Judgement::Beyond(violations) => violations.into_iter().map(|v| v.sentence).collect(),
            other => panic!("{text}: {other:?}"),
        }
    }

    const REFUND: &str = "properties:\n  amount: {exclusiveMinimum: 0, maximum: 100}\n  \
                          currency: {const: EUR}\n  to: {pattern: '^[A-Z]{2}[0-9]+$'}\noptional: [memo]\n";

    #[test]
    fn a_manifest_argument_rule_never_accepts_an_absent_mistyped_or_extra_argument() {
        let refund = rule(REFUND);
        assert!(inside(
            &refund,
            r#"{"amount": 100, "currency": "EUR", "to": "DE1"}"#
        ));
        assert!(inside(
            &refund,
            r#"{"amount": 1, "currency": "EUR", "to": "DE1", "memo": ["any", "thing"]}"#
        ));
        for text in [
            "{}",
            "[]",
            "null",
            r#"{"currency": "EUR", "to": "DE1"}"#,
            r#"{"amount": 1, "to": "DE1"}"#,
            r#"{"amount": 1, "currency": "EUR"}"#,
            r#"{"amount": "1", "currency": "EUR", "to": "DE1"}"#,
            r#"{"amount": [1], "currency": "EUR", "to": "DE1"}"#,
            r#"{"amount": null, "currency": "EUR", "to": "DE1"}"#,
            r#"{"amount": 1, "currency": ["EUR"], "to": "DE1"}"#,
            r#"{"amount": 1, "currency": "EUR", "to": ["DE1"]}"#,
            r#"{"amount": 1, "currency": "EUR", "to": 1}"#,
            r#"{"amount": 1, "currency": "EUR", "to": "DE1", "bcc": "x"}"#,
            r#"{"amount": 0, "currency": "EUR", "to": "DE1"}"#,
        ] {
            assert!(!inside(&refund, text), "{text}");
        }
        assert!(inside(&rule("{}"), "{}"));
        assert!(!inside(&rule("{}"), r#"{"a": 1}"#));
        assert!(inside(
            &rule("{open: true, properties: {a: {const: 1}}}"),
            r#"{"a": 1, "b": 2}"#
        ));
        assert!(!inside(
            &rule("{open: true, properties: {a: {const: 1}}}"),
            r#"{"b": 2}"#
        ));
    }

    #[test]
    fn inner_objects_and_lists_are_closed_too() {
        let order = rule(
            "properties: {order: {properties: {sku: {type: string}}}, \
             tags: {items: {enum: [a, b]}}, pair: {prefixItems: [{type: string}, {type: integer}]}}",
        );
        let ok = r#"{"order": {"sku": "x"}, "tags": ["a", "b"], "pair": ["x", 1]}"#;
        assert!(inside(&order, ok));
        for text in [
            r#"{"order": {"sku": "x", "free": true}, "tags": [], "pair": ["x", 1]}"#,
            r#"{"order": {}, "tags": [], "pair": ["x", 1]}"#,
            r#"{"order": {"sku": "x"}, "tags": ["c"], "pair": ["x", 1]}"#,
            r#"{"order": {"sku": "x"}, "tags": "a", "pair": ["x", 1]}"#,
            r#"{"order": {"sku": "x"}, "tags": [], "pair": ["x", 1, 2]}"#,
        ] {
            assert!(!inside(&order, text), "{text}");
        }
    }

    #[test]
    fn cases_are_branches_and_the_whole_stays_closed() {
        let pay = rule(
            "{anyOf: [{properties: {currency: {const: EUR}, amount: {maximum: 100}}}, \
             {properties: {currency: {const: SEK}, amount: {maximum: 1000}}}]}",
        );
        assert!(inside(&pay, r#"{"currency": "SEK", "amount": 500}"#));
        assert!(!inside(&pay, r#"{"currency": "EUR", "amount": 500}"#));
        assert!(!inside(&pay, r#"{"currency": "EUR", "amount": 5, "x": 1}"#));
        assert!(!inside(&pay, r#"{"amount": 5}"#));
        assert!(!inside(&pay, "{}"));
        let not = rule("properties: {name: {type: string, not: {enum: [root, admin]}}}");
        assert!(inside(&not, r#"{"name": "ann"}"#));
        assert!(!inside(&not, r#"{"name": "root"}"#));
        assert!(!inside(&not, r#"{"name": ["root"]}"#));
    }

    #[test]
    fn a_doubtful_path_or_host_is_refused_on_either_side_of_a_not() {
        let under = rule("properties: {path: {path_under: [/docs]}}");
        let outside = rule("properties: {path: {type: string, not: {path_under: [/etc]}}}");
        let both =
            rule("properties: {path: {path_under: [/srv], not: {path_under: [/srv/secret]}}}");
        for path in [
            "/docs/../etc/passwd",
            "/etc/./passwd",
            "docs",
            "/etc//x",
            "/docs/%2e%2e",
        ] {
            let call = format!(r#"{{"path": "{path}"}}"#);
            for rule in [&under, &outside, &both] {
                assert!(!inside(rule, &call), "{call}");
            }
        }
        assert!(inside(&under, r#"{"path": "/docs/a"}"#));
        assert!(!inside(&under, r#"{"path": ["/docs/a"]}"#));
        let list = rule("properties: {path: {type: [string, array], path_under: [/docs]}}");
        assert!(inside(&list, r#"{"path": "/docs/a"}"#));
        assert!(inside(&list, r#"{"path": ["/docs/a", "/docs/b"]}"#));
        assert!(!inside(&list, r#"{"path": ["/docs/a", "/etc/b"]}"#));
        assert!(!inside(&list, r#"{"path": ["/docs/a", 1]}"#));
        assert!(!inside(&list, r#"{"path": []}"#));
        assert!(!inside(&under, r#"{"path": {"a": "/docs/a"}}"#));
        assert!(inside(&outside, r#"{"path": "/docs/a"}"#));
        assert!(!inside(&outside, r#"{"path": "/etc/a"}"#));
        assert!(inside(&both, r#"{"path": "/srv/a"}"#));
        assert!(!inside(&both, r#"{"path": "/srv/secret/a"}"#));
        let host = rule("properties: {url: {host_in: [example.com]}}");
        assert!(inside(&host, r#"{"url": "https://example.com/a"}"#));
        assert!(!inside(
            &host,
            r#"{"url": "https://example.com@evil.test/"}"#
        ));
    }

    #[test]
    fn a_regex_error_under_not_denies() {
        assert!(
            fault("properties: {a: {type: string, not: {pattern: '(?=x)'}}}").contains("linear")
        );
        assert!(fault("properties: {a: {pattern: '(a)\\1'}}").contains("linear"));
        assert!(fault("properties: {a: {pattern: '('}}").contains("linear"));
        assert!(fault("properties: {a: {pattern: '(\\w{1000}){1000}'}}").contains("too large"));
        assert!(fault("{patternProperties: {'(?=x)': true}}").contains("linear"));
    }

    #[test]
    fn what_has_no_plain_closed_meaning_is_a_fault_with_a_fix() {
        for (text, said) in [
            ("properties: {a: {}}", "nothing says of which type"),
            (
                "properties: {a: {description: x}}",
                "nothing says of which type",
            ),
            ("properties: {a: false}", "leave the property out"),
            (
                "properties: {a: {minimum: 1, pattern: x}}",
                "different types",
            ),
            (
                "properties: {a: {type: string, minimum: 1}}",
                "nothing of a value of this type",
            ),
            (
                "properties: {a: {const: x, minimum: 1}}",
                "nothing of a value of this type",
            ),
            (
                "properties: {a: {type: text}}",
                "not the name of a JSON type",
            ),
            ("properties: {a: {type: array}}", "what the list holds"),
            ("properties: {a: {minItems: 1}}", "what the list holds"),
            ("properties: {a: {format: iban}}", "is not a format"),
            (
                "properties: {a: {maximun: 1, type: number}}",
                "did you mean `maximum`?",
            ),
            (
                "properties: {a: {kind: recipient, type: string}}",
                "none of the words this key knows",
            ),
            ("properties: {a: {kind: secret, enum: [x, z]}}", "no secret"),
            (
                "properties: {a: {type: string, not: {kind: secret, pattern: x}}}",
                "no plain meaning",
            ),
            ("{kind: object, properties: {a: true}}", "on one argument"),
            (
                "{propertyNames: {type: string, kind: object}}",
                "on the values",
            ),
            ("{oneOf: [{properties: {a: true}}]}", "write `anyOf`"),
            ("{$ref: '#/x'}", "write the schema out"),
            ("{additionalProperties: true}", "write `open: true`"),
            ("{unevaluatedProperties: true}", "leave it out"),
            ("{type: string}", "always an object"),
            (
                "properties: {a: {path_under: [/docs/]}}",
                "is not in normal form",
            ),
            ("properties: {a: {path_under: []}}", "an empty list"),
            (
                "properties: {a: {host_in: ['https://a.test']}}",
                "is not in normal form",
            ),
            ("properties: {a: {enum: []}}", "allows nothing"),
            ("properties: {a: {multipleOf: 0}}", "not above zero"),
            ("properties: {a: {maximum: '5'}}", "write a number"),
            (
                "{anyOf: [{open: true, properties: {a: true}}]}",
                "stands in a branch",
            ),
            ("{not: {required: [a]}}", "no plain meaning"),
            (
                "{properties: {a: true}, optional: [a], required: [a]}",
                "both required and optional",
            ),
        ] {
            assert!(fault(text).contains(said), "{text}: {}", fault(text));
        }
        let deep = format!(
            "{}type: string{}",
            "properties: {a: {".repeat(34),
            "}}".repeat(34)
        );
        assert!(fault(&format!("{{{deep}}}")).contains("deeper"));
    }

    #[test]
    fn violations_name_the_place_and_the_bound_and_never_the_value() {
        let refund = rule(REFUND);
        let secret = "S3CRET".repeat(50);
        let call = format!(
            r#"{{"amount": 123456, "currency": "{secret}", "to": "{secret}", "{secret}": 1}}"#
        );
        let told = told(&refund, &call);
        assert!(told.iter().any(|s| s == "/amount is above 100"), "{told:?}");
        assert!(
            told.iter().any(|s| s == "/currency is not \"EUR\""),
            "{told:?}"
        );
        assert!(
            told.iter().any(|s| s.starts_with("/to does not match")),
            "{told:?}"
        );
        for sentence in &told {
            assert!(
                !sentence.contains("123456") && sentence.len() < 200,
                "{sentence}"
            );
        }
        let missing = super::tests::told(&refund, "{}");
        assert!(
            missing.contains(&"/amount is missing".to_owned()),
            "{missing:?}"
        );
        let under = rule("properties: {path: {path_under: [/docs, /srv]}}");
        assert_eq!(
            super::tests::told(&under, r#"{"path": "/etc/passwd"}"#),
            ["/path is not under /docs or /srv"]
        );
        let many: String = (0..500).map(|n| format!("\"k{n}\": 1,")).collect();
        let many = format!("{{{}}}", many.trim_end_matches(','));
        assert!(super::tests::told(&refund, &many).len() <= 16);
    }

    #[test]
    fn a_forbid_applies_to_what_is_absent_mistyped_or_doubtful() {
        let path = forbidden("properties: {path: {path_under: [/etc]}}");
        for text in [
            r#"{"path": "/etc/passwd"}"#,
            r#"{"path": "/docs/../etc"}"#,
            r#"{"path": ["/docs/a", "/etc/b"]}"#,
            r#"{"path": []}"#,
            r#"{"path": 1}"#,
            "{}",
        ] {
            assert_eq!(path.applies(&value(text)), Ok(true), "{text}");
        }
        assert_eq!(path.applies(&value(r#"{"path": "/docs/a"}"#)), Ok(false));
        assert_eq!(
            path.applies(&value(r#"{"path": "/docs/a", "more": 1}"#)),
            Ok(false)
        );

        let list = forbidden("properties: {path: {type: [string, array], path_under: [/etc]}}");
        assert_eq!(
            list.applies(&value(r#"{"path": ["/docs/a", "/b"]}"#)),
            Ok(false)
        );
        assert_eq!(
            list.applies(&value(r#"{"path": ["/docs/a", "/etc"]}"#)),
            Ok(true)
        );
        assert_eq!(
            list.applies(&value(r#"{"path": ["/docs/a", "/b/.."]}"#)),
            Ok(true)
        );
        let outside = forbidden("properties: {path: {not: {path_under: [/docs]}}}");
        assert_eq!(outside.applies(&value(r#"{"path": "/docs/a"}"#)), Ok(false));
        for text in [
            r#"{"path": "/etc"}"#,
            r#"{"path": "/docs/.."}"#,
            r#"{"path": 7}"#,
            "{}",
        ] {
            assert_eq!(outside.applies(&value(text)), Ok(true), "{text}");
        }

        let big = forbidden("properties: {amount: {minimum: 1000}, currency: {const: EUR}}");
        assert_eq!(
            big.applies(&value(r#"{"amount": 5, "currency": "EUR"}"#)),
            Ok(false)
        );
        assert_eq!(
            big.applies(&value(r#"{"amount": 5000, "currency": "SEK"}"#)),
            Ok(false)
        );
        for text in [
            r#"{"amount": 1000.0, "currency": "EUR"}"#,
            r#"{"amount": "5", "currency": "EUR"}"#,
            r#"{"amount": 5000, "currency": ["SEK"]}"#,
            r#"{"amount": 5000}"#,
        ] {
            assert_eq!(big.applies(&value(text)), Ok(true), "{text}");
        }
        let nested = forbidden("properties: {o: {properties: {x: {const: 1}}}}");
        assert_eq!(nested.applies(&value(r#"{"o": {"x": 2}}"#)), Ok(false));
        for text in [r#"{"o": {"x": 1}}"#, r#"{"o": {}}"#, r#"{"o": []}"#, "{}"] {
            assert_eq!(nested.applies(&value(text)), Ok(true), "{text}");
        }
        let any = forbidden("properties: {a: {anyOf: [{pattern: ^x}, {minimum: 5}]}}");
        assert_eq!(any.applies(&value(r#"{"a": "y"}"#)), Ok(false));
        assert_eq!(any.applies(&value(r#"{"a": 4}"#)), Ok(false));
        for text in [r#"{"a": "x"}"#, r#"{"a": 5}"#, r#"{"a": []}"#, "{}"] {
            assert_eq!(any.applies(&value(text)), Ok(true), "{text}");
        }
    }

    #[test]
    fn bounds_compare_exact_decimals() {
        let exact = |schema: &str, number: &str| {
            inside(
                &rule(&format!("properties: {{a: {schema}}}")),
                &format!("{{\"a\": {number}}}"),
            )
        };
        assert!(exact("{maximum: 100}", "100.0"));
        assert!(exact("{maximum: 100}", "1e2"));
        assert!(!exact("{maximum: 100}", "100.0000000000000000000001"));
        assert!(!exact("{maximum: 9007199254740992}", "9007199254740993"));
        assert!(!exact("{exclusiveMinimum: 0.1}", "0.1000"));
        assert!(exact(
            "{exclusiveMinimum: 0.1}",
            "0.10000000000000000000001"
        ));
        assert!(exact("{const: 1}", "1.0"));
        assert!(!exact("{const: 9007199254740992}", "9007199254740993"));
        assert!(!exact("{const: 0.1}", "0.1000000000000000000000001"));
        assert!(!exact("{enum: [0.1, 5]}", "0.1000000000000000000000001"));
        assert!(exact("{enum: [0.1, 5]}", "0.10"));
        assert!(exact("{multipleOf: 0.01}", "19.99"));
        assert!(!exact("{multipleOf: 0.01}", "19.990000000000000000001"));
        assert!(exact("{type: integer}", "5.0"));
        assert!(!exact("{type: integer}", "5.00000000000000000000001"));
        assert!(exact("{maximum: 1e308}", "1e308"));
    }

    fn decimal() -> impl Strategy<Value = String> {
        let plain = (-200_i64..200, "[0-9]{0,24}").prop_map(|(whole, part)| match part.len() {
            0 => whole.to_string(),
            _ => format!("{whole}.{part}"),
        });
        let exponent = (-99_i64..99, -40_i32..40).prop_map(|(n, e)| format!("{n}e{e}"));
        let near = (0_usize..30).prop_map(|zeros| format!("100.{}1", "0".repeat(zeros)));
        prop_oneof![
            plain,
            exponent,
            near,
            Just("100".to_owned()),
            Just("-0".to_owned())
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn every_numeric_bound_agrees_with_exact_decimals(bound in decimal(), number in decimal()) {
            let (b, n) = (Decimal::parse(&bound).unwrap(), Decimal::parse(&number).unwrap());
            for (schema, holds) in [
                (format!("{{maximum: {bound}}}"), n <= b),
                (format!("{{minimum: {bound}}}"), n >= b),
                (format!("{{exclusiveMaximum: {bound}}}"), n < b),
                (format!("{{exclusiveMinimum: {bound}}}"), n > b),
                (format!("{{const: {bound}}}"), n == b),
                (format!("{{enum: [x, {bound}]}}"), n == b),
            ] {
                let rule = rule(&format!("properties: {{a: {schema}}}"));
                prop_assert_eq!(inside(&rule, &format!("{{\"a\": {number}}}")), holds, "{} {}", schema, number);
            }
        }

        #[test]
        fn narrowing_a_bound_never_accepts_more(
            bound in -50_i64..50, less in 0_i64..20, number in decimal(),
        ) {
            let call = format!("{{\"a\": {number}}}");
            for (wide, narrow) in [
                (format!("{{maximum: {bound}}}"), format!("{{maximum: {}}}", bound - less)),
                (format!("{{minimum: {bound}}}"), format!("{{minimum: {}}}", bound + less)),
                (format!("{{maximum: {bound}}}"), format!("{{maximum: {bound}, multipleOf: {}}}", less + 1)),
                (format!("{{maximum: {bound}}}"), format!("{{maximum: {bound}, not: {{minimum: {}}}}}", less)),
                (format!("{{maximum: {bound}}}"), format!("{{exclusiveMaximum: {bound}}}")),
                ("{type: number}".to_owned(), "{type: integer}".to_owned()),
            ] {
                let wide = rule(&format!("properties: {{a: {wide}}}"));
                let narrow = rule(&format!("properties: {{a: {narrow}}}"));
                prop_assert!(!inside(&narrow, &call) || inside(&wide, &call));
            }
        }
    }
}
