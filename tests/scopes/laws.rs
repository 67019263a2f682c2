//! What never matters, and what always holds.

use countersign::scopes::{ForbidJudgement, Judgement, Scopes};
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::{scope, source};

/// A manifest of the design's shapes as lines of top-level keys, which may stand in any order.
fn lines(agent: &str) -> Vec<String> {
    [
        "version: 1",
        &format!("agent: {agent}"),
        "undeclared: pause",
        "credentials: {api_key: true}",
        "tools: [{tool: x/y, privilege: send, arguments: {properties: {a: {maximum: 5}}}}]",
        "forbid: [{tool: '*/delete_*'}]",
        "approval: {default: {any_of: [ops]}}",
    ]
    .map(str::to_owned)
    .to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_order_of_keys_and_files_never_matters(
        one in Just(lines("one")).prop_shuffle(),
        two in Just(lines("two")).prop_shuffle(),
        swapped in any::<bool>(),
    ) {
        let mut sources = vec![source("1.yaml", &one.join("\n")), source("2.yaml", &two.join("\n"))];
        if swapped {
            sources.reverse();
        }
        let scopes = Scopes::compile(&sources).expect("scopes");
        let plain = Scopes::compile(&[
            source("x.yaml", &lines("one").join("\n")),
            source("y.yaml", &lines("two").join("\n")),
        ]).expect("scopes");
        prop_assert_eq!(scopes.digest(), plain.digest());
        let agents: Vec<_> = scopes.agents().map(|scope| scope.agent.to_string()).collect();
        prop_assert_eq!(agents, ["one", "two"]);
    }

    #[test]
    fn a_fault_anywhere_gives_no_scopes(
        at in 0_usize..7,
        first in any::<bool>(),
        fault in prop_oneof![
            Just("nonsense: 1"), Just("version: 1"), Just("extends: x"), Just("owner: yes"),
            Just("&a owner: x"), Just("tools: [{tool: x/y}]"), Just("}"), Just("owner: !!str x"),
        ],
    ) {
        let mut bad = lines("bad");
        bad.insert(at, fault.to_owned());
        let mut sources = vec![source("bad.yaml", &bad.join("\n")), source("good.yaml", &lines("good").join("\n"))];
        if first {
            sources.reverse();
        }
        let faults = Scopes::compile(&sources).expect_err("a fault");
        prop_assert!(!faults.is_empty());
        prop_assert!(faults.iter().all(|fault| &*fault.place.file == "bad.yaml"));
    }

    #[test]
    fn a_removed_or_added_argument_is_never_inside(
        present in proptest::collection::btree_set(0_usize..5, 0..5), extra in any::<bool>(),
    ) {
        let scope = scope(
            "version: 1\nagent: a\ntools:\n  - tool: x/y\n    privilege: write\n    arguments:\n      \
             properties: {a0: {type: integer}, a1: {type: integer}, a2: {type: integer}, a3: {type: integer}}\n      \
             optional: [a3, a4]\n",
        );
        let mut arguments = Map::new();
        for n in &present {
            arguments.insert(format!("a{n}"), Value::from(*n));
        }
        if extra {
            arguments.insert("extra".to_owned(), Value::from(1));
        }
        let whole = [0, 1, 2].iter().all(|n| present.contains(n)) && !extra;
        let rule = scope.rules()[0].arguments.as_ref().expect("a rule");
        let inside = rule.judge(&Value::Object(arguments)) == Judgement::Inside;
        prop_assert_eq!(inside, whole);
    }

    #[test]
    fn what_an_allow_admits_a_forbid_in_the_same_words_forbids(
        words in words(), arguments in proptest::collection::vec(value(), 0..3),
    ) {
        let scope = scope(&format!(
            "version: 1\nagent: a\ntools: [{{tool: x/y, privilege: write, arguments: {{properties: {{p0: {words}}}}}}}]\n\
             forbid: [{{tool: x/y, arguments: {{properties: {{p0: {words}}}}}}}]\n"
        ));
        let members = arguments.into_iter().enumerate().map(|(n, value)| (format!("p{n}"), value));
        let call = Value::Object(members.collect());
        let allowed = scope.rules()[0].arguments.as_ref().expect("a rule").judge(&call);
        let forbidden = scope.forbids()[0].judge(&call);
        prop_assert!(
            allowed != Judgement::Inside || matches!(forbidden, ForbidJudgement::Applies(_)),
            "{} {:?} {:?}", call, allowed, forbidden
        );
        // What is absent or of no type the words speak of is doubtful, and both are strict about it.
        if matches!(call.get("p0"), None | Some(Value::Null | Value::Object(_))) {
            prop_assert!(allowed != Judgement::Inside);
            prop_assert!(matches!(forbidden, ForbidJudgement::Applies(_)));
        }
    }
}

/// Schemas that say the same in an allow and in a forbid.
fn words() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "{maximum: 5}",
        "{exclusiveMinimum: 0, multipleOf: 2}",
        "{const: 7}",
        "{enum: [a, b, 7]}",
        "{pattern: '^a'}",
        "{type: string, not: {pattern: '^a'}}",
        "{path_under: [/docs]}",
        "{type: [string, array], path_under: [/docs]}",
        "{type: string, not: {path_under: [/docs]}}",
        "{host_in: [a.test]}",
        "{anyOf: [{pattern: '^a'}, {minimum: 3}]}",
        "{allOf: [{minimum: 1}, {maximum: 9}]}",
        "{format: uuid}",
    ])
}

fn value() -> impl Strategy<Value = Value> {
    proptest::sample::select(
        [
            "null",
            "true",
            "0",
            "4",
            "7",
            "7.0",
            "-1e2",
            r#""a""#,
            r#""b""#,
            r#""/docs/a""#,
            r#""/docs/../a""#,
            r#""/etc""#,
            r#"["/docs/a"]"#,
            r#"["/docs/a", "/etc"]"#,
            "[]",
            "{}",
            r#""https://a.test/""#,
            r#""a.test""#,
            r#""https://a.test@b.test/""#,
        ]
        .map(|text| countersign::model::json::parse(text.as_bytes()).expect("JSON"))
        .to_vec(),
    )
}
