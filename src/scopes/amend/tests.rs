//! What a change moves, and what it leaves as it stands.

use proptest::prelude::*;

use super::*;
use crate::model::json;
use crate::model::name::{AgentName, ServerName};

const HEAD: &str =
    "# Who: the refunds team.\nversion: 1\nagent: till\ncredentials: {local: true}\n";

fn scopes(text: &str) -> Scopes {
    let source = Source {
        name: "scopes/till.yaml".to_owned(),
        text: text.to_owned(),
    };
    Scopes::compile(&[source]).unwrap_or_else(|faults| panic!("{text}: {faults}"))
}

fn target(name: &str) -> Target {
    Target::tool(ServerName::parse("pay").unwrap(), name)
}

fn amend(text: &str, tool: &str, arguments: &str) -> Result<Amendment, Unamendable> {
    amend_hiding(text, tool, arguments, &[])
}

fn amend_hiding(
    text: &str,
    tool: &str,
    arguments: &str,
    secrets: &[&str],
) -> Result<Amendment, Unamendable> {
    let scopes = scopes(text);
    let scope = scopes.scope(&AgentName::parse("till").unwrap()).unwrap();
    let target = target(tool);
    let arguments = json::parse(arguments.as_bytes()).unwrap();
    scope.amended(&Wanted {
        target: &target,
        is_declared: scope.is_declared(&target),
        privilege: Privilege::Admin,
        arguments: &arguments,
        secrets: &secrets.iter().map(|one| (*one).to_owned()).collect(),
    })
}

/// The lines that a patch takes away and adds.
fn changed(amendment: &Amendment) -> Vec<&str> {
    let lines = amendment.patch.lines().skip(2);
    lines.filter(|line| line.starts_with(['+', '-'])).collect()
}

/// The lines a rule's `arguments` need to let a call pass.
fn widened(arguments: &str, call: &str) -> Vec<String> {
    let text = format!(
        "{HEAD}tools:\n  - tool: pay/refund\n    privilege: money\n    arguments: {arguments}\n"
    );
    let amendment = amend(&text, "refund", call).unwrap_or_else(|why| panic!("{arguments}: {why}"));
    let lines = changed(&amendment).into_iter();
    lines
        .map(|line| line.replace("    arguments: ", ""))
        .collect()
}

#[test]
fn the_one_bound_that_was_crossed_moves_as_far_as_the_value_and_no_further() {
    for (schema, call, after) in [
        (
            "{properties: {a: {maximum: 100}}}",
            r#"{"a": 120.50}"#,
            "{properties: {a: {maximum: 120.50}}}",
        ),
        (
            "{properties: {a: {minimum: 5, maximum: 9}}}",
            r#"{"a": -1}"#,
            "{properties: {a: {minimum: -1, maximum: 9}}}",
        ),
        (
            "{properties: {a: {exclusiveMinimum: 0}}}",
            r#"{"a": 0}"#,
            "{properties: {a: {minimum: 0}}}",
        ),
        (
            "{properties: {a: {exclusiveMaximum: 7}}}",
            r#"{"a": 8}"#,
            "{properties: {a: {maximum: 8}}}",
        ),
        (
            "{properties: {a: {const: EUR}}}",
            r#"{"a": "USD"}"#,
            "{properties: {a: {enum: [EUR, USD]}}}",
        ),
        (
            "{properties: {a: {enum: [x, 'y']}}}",
            r#"{"a": "no"}"#,
            "{properties: {a: {enum: [x, 'y', \"no\"]}}}",
        ),
        (
            "{properties: {a: {type: string, maxLength: 2}}}",
            r#"{"a": "äöü"}"#,
            "{properties: {a: {type: string, maxLength: 3}}}",
        ),
        (
            "{properties: {a: {items: true, maxItems: 1}}}",
            r#"{"a": [1, 2, 3]}"#,
            "{properties: {a: {items: true, maxItems: 3}}}",
        ),
        (
            "{properties: {a: {path_under: [/srv]}}}",
            r#"{"a": "/etc/hosts"}"#,
            "{properties: {a: {path_under: [/srv, /etc/hosts]}}}",
        ),
        (
            "{properties: {a: {host_in: [x.org]}}}",
            r#"{"a": "https://y.org:8443/z?q"}"#,
            "{properties: {a: {host_in: [x.org, \"y.org:8443\"]}}}",
        ),
        (
            "{properties: {a: {pattern: '^[A-Z]+$', maxLength: 9}}}",
            r#"{"a": "b"}"#,
            "{properties: {a: {anyOf: [{pattern: '^[A-Z]+$'}, {const: b}], maxLength: 9}}}",
        ),
        (
            "{properties: {a: {anyOf: [{const: 1}, {const: 2}]}}}",
            r#"{"a": 3}"#,
            "{properties: {a: {anyOf: [{const: 1}, {const: 2}, {const: 3}]}}}",
        ),
        (
            "{properties: {a: {type: string}}}",
            r#"{"a": "x", "b": [1]}"#,
            "{properties: {a: {type: string}, b: {const: [1]}}, optional: [b]}",
        ),
        (
            "{properties: {a: {type: string}}}",
            "{}",
            "{properties: {a: {type: string}}, optional: [a]}",
        ),
        (
            "{}",
            r#"{"b": 1}"#,
            "{properties: {b: {const: 1}}, optional: [b]}",
        ),
        (
            "{properties: {o: {properties: {in: {maximum: 1}}}}}",
            r#"{"o": {"in": 2}}"#,
            "{properties: {o: {properties: {in: {maximum: 2}}}}}",
        ),
        (
            "{properties: {l: {items: {maximum: 1}}}}",
            r#"{"l": [0, 4, 2]}"#,
            "{properties: {l: {items: {maximum: 4}}}}",
        ),
    ] {
        assert_eq!(
            widened(schema, call),
            [format!("-{schema}"), format!("+{after}")],
            "{schema}"
        );
    }
}

#[test]
fn several_bounds_move_together_and_each_is_told() {
    let text = format!(
        "{HEAD}tools:\n  - tool: pay/refund # small ones\n    privilege: money\n    arguments:\n      properties:\n        \
         amount:\n          type: number\n          maximum: 100 # EUR\n        currency: {{const: EUR}}\n\n        # who\n        \
         to:\n          pattern: '^DE'\nforbid:\n  - tool: \"*/delete_*\"\n"
    );
    let call = r#"{"amount": 300, "currency": "USD", "to": "DE1", "memo": "x"}"#;
    let amendment = amend(&text, "refund", call).unwrap();
    assert_eq!(
        changed(&amendment),
        [
            "-          maximum: 100 # EUR",
            "-        currency: {const: EUR}",
            "+          maximum: 300 # EUR",
            "+        currency: {enum: [EUR, USD]}",
            "+        memo: {const: x}",
            "+      optional: [memo]",
        ]
    );
    let mut widens = amendment.widens.clone();
    widens.sort();
    assert_eq!(
        widens,
        [
            "/amount: `maximum` becomes 300, was 100",
            "/currency may also be USD",
            "/memo may be given, as x",
        ]
    );
    assert!(
        amendment
            .patch
            .starts_with("--- a/scopes/till.yaml\n+++ b/scopes/till.yaml\n@@ ")
    );
    assert!(
        amendment.patch.contains("\n         # who\n"),
        "{}",
        amendment.patch
    );
}

#[test]
fn a_tool_that_no_rule_declares_gets_a_rule_with_exactly_these_arguments() {
    let text = format!(
        "{HEAD}undeclared: pause\ntools:\n- tool: pay/refund\n  privilege: money\n# the end\n"
    );
    let amendment = amend(&text, "list", r#"{"page": 2, "of": "a: b"}"#).unwrap();
    assert_eq!(
        changed(&amendment),
        [
            "+- tool: pay/list",
            "+  privilege: admin # nobody has said how far up it stands; lower it only if you know",
            "+  arguments:",
            "+    properties:",
            "+      page: {const: 2}",
            "+      of: {const: \"a: b\"}",
        ]
    );
    assert_eq!(
        amendment.widens,
        ["pay/list may be called, as `admin`, with exactly these arguments"]
    );
    for text in [
        format!("{HEAD}undeclared: pause"),
        format!("{HEAD}undeclared: pause\ntools: []\n"),
        "{version: 1, agent: till, credentials: {local: true}, undeclared: pause}".to_owned(),
        format!("{HEAD}undeclared: pause\r\ntools:\r\n  - {{tool: pay/x, privilege: read}}\r\n"),
    ] {
        let amendment = amend(&text, "list", "{}").unwrap_or_else(|why| panic!("{text}: {why}"));
        let scope = amendment.scopes.agents().next().unwrap();
        assert!(scope.is_declared(&target("list")), "{}", amendment.patch);
        let bare = amendment
            .patch
            .split('\n')
            .filter(|line| line.ends_with('\r'));
        assert_eq!(bare.count() > 0, text.contains('\r'), "{}", amendment.patch);
    }
}

#[test]
fn what_cannot_be_moved_a_little_is_not_proposed() {
    let rule = |arguments: &str| {
        format!(
            "{HEAD}tools:\n  - {{tool: pay/refund, privilege: money, arguments: {arguments}}}\n"
        )
    };
    let refused = |arguments: &str, call: &str| {
        amend(&rule(arguments), "refund", call)
            .unwrap_err()
            .to_string()
    };
    let typed = refused("{properties: {a: {type: string}}}", r#"{"a": 1}"#);
    assert!(
        typed.contains("/a is not of the type string: that is no bound"),
        "{typed}"
    );
    let doubtful = refused(
        "{properties: {a: {path_under: [/srv]}}}",
        r#"{"a": "/srv/../etc"}"#,
    );
    assert!(doubtful.contains("would not compile"), "{doubtful}");
    let excluded = refused(
        "{properties: {a: {type: string, not: {const: x}}}}",
        r#"{"a": "x"}"#,
    );
    assert!(excluded.contains("no bound"), "{excluded}");
    let inside = refused("{properties: {a: {type: string}}}", r#"{"a": "x"}"#);
    assert!(inside.contains("already admits"), "{inside}");
    let hidden = "{properties: {pin: {type: string, kind: secret, maxLength: 4}}}";
    let call = r#"{"pin": "[hidden: a text of 1 to 8 characters]"}"#;
    let secret = amend_hiding(&rule(hidden), "refund", call, &["/pin"]).unwrap_err();
    assert!(matches!(secret, Unamendable::Secret(_)), "{secret}");
}

#[test]
fn a_manifest_named_by_its_whole_path_is_patched_where_it_lies() {
    assert_eq!(
        placed("/srv/scopes/a.yaml"),
        ("/srv/scopes".to_owned(), "a.yaml".to_owned())
    );
    assert_eq!(
        placed("./scopes/a.yaml"),
        (String::new(), "scopes/a.yaml".to_owned())
    );
}

/// One argument's schema, and values for it, some inside and some not.
fn argument() -> impl Strategy<Value = (String, Vec<Value>)> {
    prop_oneof![
        (0..50_i64).prop_map(|most| {
            let values = [most - 1, most, most + 3].map(Value::from);
            (
                format!("{{type: integer, maximum: {most}}}"),
                values.to_vec(),
            )
        }),
        (1..50_i64).prop_map(|least| {
            let values = [least, least + 1, least - 5].map(Value::from);
            (format!("{{exclusiveMinimum: {least}}}"), values.to_vec())
        }),
        Just(("{enum: [x, \"y z\"]}", ["x", "y z", "on", "a: b"])).prop_map(texts),
        Just(("{const: x}", ["x", "z", "15", "#"])).prop_map(texts),
        Just(("{type: string, maxLength: 2}", ["a", "ab", "abc", "äöüß"])).prop_map(texts),
        Just(("{pattern: '^a'}", ["a", "ab", "b", "'b'"])).prop_map(texts),
        Just(("{path_under: [/srv]}", ["/srv", "/srv/a", "/etc/a", "/x-y"])).prop_map(texts),
    ]
}

fn texts((schema, values): (&str, [&str; 4])) -> (String, Vec<Value>) {
    (schema.to_owned(), values.map(Value::from).to_vec())
}

/// A manifest of one tool with these arguments, in braces or on lines of their own.
fn manifest(arguments: &[(String, Vec<Value>)], in_braces: bool, optional: bool) -> String {
    let named = (0..)
        .zip(arguments)
        .map(|(at, (schema, _)): (usize, _)| format!("a{at}: {schema}"));
    let named: Vec<String> = named.collect();
    let rule = match in_braces {
        true => format!("{{properties: {{{}}}}}", named.join(", ")),
        false => {
            let more = if optional {
                "\n      optional: # may be absent\n        - a0"
            } else {
                ""
            };
            format!(
                "\n      properties:\n        # each\n        {}{more}",
                named.join(" # so\n        ")
            )
        }
    };
    format!(
        "{HEAD}tools:\n  - tool: pay/refund\n    privilege: money\n    arguments: {rule}\nforbid:\n  - tool: pay/burn\n"
    )
}

/// A call whose arguments are of these, by the numbers; one beyond the last is left out or made up.
fn call(arguments: &[(String, Vec<Value>)], choice: &[usize]) -> Value {
    let mut members = serde_json::Map::new();
    for ((at, (_, values)), choice) in (0..).zip(arguments).zip(choice) {
        let at: usize = at;
        match values.get(*choice) {
            Some(value) => drop(members.insert(format!("a{at}"), value.clone())),
            None if *choice == values.len() => {}
            None => drop(members.insert(format!("more {at}"), Value::from(*choice))),
        }
    }
    Value::Object(members)
}

fn is_inside(scope: &Scope, arguments: &Value) -> bool {
    let target = target("refund");
    let mut rules = scope.rules_for(&target);
    rules.all(|(_, rule)| {
        let rule = rule.arguments.as_ref().unwrap();
        rule.judge(arguments) == super::super::Judgement::Inside
    })
}

proptest! {
    #[test]
    fn a_change_admits_the_call_keeps_whatever_was_admitted_and_touches_nothing_else(
        arguments in proptest::collection::vec(argument(), 1..4),
        wanted in proptest::collection::vec(0..6_usize, 3),
        others in proptest::collection::vec(proptest::collection::vec(0..6_usize, 3), 8),
        in_braces in any::<bool>(),
        optional in any::<bool>(),
    ) {
        let text = manifest(&arguments, in_braces, optional);
        let before = scopes(&text);
        let before = before.agents().next().unwrap();
        let wanted = call(&arguments, &wanted);
        let amended = amend(&text, "refund", &wanted.to_string());
        if is_inside(before, &wanted) {
            prop_assert!(matches!(amended, Err(Unamendable::Inside)));
            return Ok(());
        }
        let amended = match amended {
            Ok(amended) => amended,
            Err(why) => panic!("{text}\n{wanted}\n{why}"),
        };
        let after = amended.scopes.agents().next().unwrap();
        prop_assert!(is_inside(after, &wanted), "{}", amended.patch);
        for other in &others {
            let other = call(&arguments, other);
            prop_assert!(!is_inside(before, &other) || is_inside(after, &other), "{other}\n{}", amended.patch);
        }
        // Every comment stays.
        let comments = |text: &str| text.matches('#').count();
        let (old, new) = (&*before.text, &*after.text);
        prop_assert_eq!(comments(old) - old.matches("\"#\"").count(), comments(new) - new.matches("\"#\"").count());
        prop_assert_eq!(after.forbids().len(), 1);
    }
}
