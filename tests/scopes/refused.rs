//! What is refused, with its place and its fix.

use std::time::Duration;

use countersign::scopes::{Scopes, Source};

use crate::{SMALL, faults, home, read, scope, source};

#[test]
fn keys_of_later_issues_are_refused_as_not_yet_supported_and_nothing_else_is() {
    let text = read(&home("tests/matrix/design.yaml"));
    let faults = Scopes::compile(&[source("design.yaml", &text)]).expect_err("faults");
    let told: Vec<String> = faults
        .iter()
        .map(|fault| {
            format!(
                "{}:{} {}",
                fault.place.line, fault.place.column, fault.message
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "8:3 `spiffe` is not yet supported",
            "12:3 `bind` is not yet supported",
            "28:5 `provenance` is not yet supported",
        ]
    );
    for fault in &faults {
        assert!(!fault.fix.is_empty());
    }
}

#[test]
fn a_manifest_says_which_tokens_speak_for_its_agent_and_never_all_of_them() {
    let jwt = |rule: &str| {
        faults(&format!(
            "version: 1\nagent: a\ncredentials: {{jwt: {rule}}}\n"
        ))
    };
    let starts = |rule: &str, expected: &[&str]| {
        let told = jwt(rule);
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        for (fault, start) in told.iter().zip(expected) {
            assert!(
                fault.starts_with(&format!("m.yaml:{start}")),
                "{fault} | {start}"
            );
        }
    };
    starts("true", &["3:20: "]);
    starts(
        "{}",
        &[
            "3:20: `audience` is missing",
            "3:20: `issuer` is missing",
            "3:20: every token of the issuer",
        ],
    );
    starts(
        "{issuer: i, audience: u}",
        &["3:20: every token of the issuer"],
    );
    starts(
        "{issuer: i, audience: u, claims: {}}",
        &["3:20: every token of the issuer"],
    );
    starts("{issuer: i, audience: [u], subject: s}", &["3:42: "]);
    starts(
        "{issuer: i, audience: u, subjects: s, subject: s}",
        &["3:45: `subjects` is not a key"],
    );
    starts(
        "{issuer: i, audience: u, subject: s, claims: {iss: x, team: 1}}",
        &["3:66: `iss` is looked at in its own way", "3:80: "],
    );
}

#[test]
fn two_manifests_that_take_the_same_tokens_are_refused() {
    let manifest = |agent: &str, subject: &str| {
        let rule = format!("{{issuer: i, audience: u, subject: {subject}}}");
        let text = format!("version: 1\nagent: {agent}\ncredentials: {{jwt: {rule}}}\n");
        source(&format!("{agent}.yaml"), &text)
    };
    assert!(Scopes::compile(&[manifest("a", "s"), manifest("b", "t")]).is_ok());
    let faults = Scopes::compile(&[manifest("a", "s"), manifest("b", "s")]).expect_err("twins");
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("b.yaml:3:20: the same tokens speak for a already"),
        "{told:?}"
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_nearest_known_one() {
    assert_eq!(
        faults("version: 1\nagent: a\ntools:\n  - tool: x/y\n    priviledge: read\n"),
        [
            "m.yaml:4:5: `privilege` is missing; say how far up the ladder it stands: \
             read, write, send, destroy, money or admin",
            "m.yaml:5:5: `priviledge` is not a key of a tool; did you mean `privilege`?",
        ]
    );
}

#[test]
fn every_fault_of_every_file_is_told_at_once_in_the_order_of_places() {
    let one = source(
        "one.yaml",
        "version: 2\nagent: A\nextends: base\nundeclared: allow\n",
    );
    let two = source(
        "two.yaml",
        "version: 1\nagent: b\nforbid: [{tool: nowhere}]\n: x\n",
    );
    let told = |sources: &[Source]| Scopes::compile(sources).expect_err("faults").to_string();
    let faults = told(&[two.clone(), one.clone()]);
    assert_eq!(faults, told(&[one, two]));
    let places: Vec<&str> = faults
        .lines()
        .map(|line| line.split(": ").next().expect("a place"))
        .collect();
    assert_eq!(
        places,
        [
            "one.yaml:1:10",
            "one.yaml:2:8",
            "one.yaml:3:1",
            "one.yaml:4:13",
            "two.yaml:3:17",
            "two.yaml:4:1"
        ]
    );
    assert!(
        faults.contains("`allow` is none of the words this key knows; write `pause` or `deny`")
    );
}

#[test]
fn a_second_file_for_an_agent_cannot_add_a_credential_tool_or_approver() {
    let root = source("a-root.yaml", SMALL);
    for more in [
        "credentials: {local: true}\n",
        "tools: [{tool: x/y, privilege: admin}]\n",
        "approval: {default: {any_of: [everybody]}}\n",
        "",
    ] {
        let second = source("b-second.yaml", &format!("{SMALL}{more}"));
        for order in [[&root, &second], [&second, &root]] {
            let faults = Scopes::compile(&order.map(Clone::clone)).expect_err("a fault");
            assert_eq!(
                faults.to_string(),
                "b-second.yaml:2:8: the agent a has a manifest already, at a-root.yaml:2:8; \
                 keep one file for each agent"
            );
        }
    }
}

#[test]
fn what_a_manifest_may_not_say_is_refused() {
    for (text, said) in [
        ("credentials: [api_key]\n", "credentials is a map of keys"),
        (
            "credentials: {api_key: yes}\n",
            "some readers take for true",
        ),
        ("session: {idle_timeout: 15}\n", "with its unit"),
        ("session: {accept_unbound_keys: 4}\n", "from 0 to 3"),
        ("client: {hold: 10m}\n", "longer than 300 seconds"),
        (
            "tools: [{tool: x/y, privilege: root}]\n",
            "none of the words",
        ),
        (
            "tools: [{tool: x/y, privilege: read, assurance: 9}]\n",
            "from 0 to 3",
        ),
        (
            "tools: [{tool: x/y, privilege: read, beyond: allow}]\n",
            "none of the words",
        ),
        (
            "tools: [{tool: x/y, privilege: read, mode: any}]\n",
            "none of the words",
        ),
        (
            "tools: [{tool: x/y, privilege: read, rate: {per: 1m}}]\n",
            "`calls` is missing",
        ),
        (
            "tools: [{tool: x/y, privilege: read, rate: {calls: 0, per: 1m}}]\n",
            "from 1 to",
        ),
        (
            "tools: [{tool: get, privilege: read}]\n",
            "by its server and its name",
        ),
        (
            "tools: [{tool: x/y, privilege: read, budget: {sum: amount, limit: 1, per: 1h}}]\n",
            "JSON pointer",
        ),
        ("approval: {default: {any_of: []}}\n", "nobody may decide"),
        (
            "approval: {default: {any_of: [g], approve: 0}}\n",
            "m.yaml:3:44: 0 is out of range",
        ),
        (
            "approval: {default: {any_of: [g], deny: 21}}\n",
            "m.yaml:3:41: 21 is out of range",
        ),
        (
            "approval: {default: {any_of: [g], stages: [{any_of: [h]}]}}\n",
            "m.yaml:3:22: `any_of` stands beside `stages`",
        ),
        (
            "approval: {default: {stages: []}}\n",
            "m.yaml:3:30: 0 stages stand here",
        ),
        (
            "approval: {default: {stages: [{any_of: []}]}}\n",
            "m.yaml:3:40: nobody may decide",
        ),
        (
            "approval: {default: {stages: [{approve: 2}]}}\n",
            "m.yaml:3:31: `any_of` is missing",
        ),
        (
            "approval: {default: {stages: [{any_of: [g], approve: 15}, {any_of: [h], approve: 6}]}}\n",
            "m.yaml:3:21: 21 approvals are needed in all",
        ),
        (
            "approval: {default: {stages: [{any_of: [g], decide_by: 1m}]}}\n",
            "m.yaml:3:45: `decide_by` is not a key of a stage",
        ),
        (
            "approval: {default: {any_of: [g], four_eyes: true}}\n",
            "m.yaml:3:46: four eyes keep the agent's owner",
        ),
        (
            "approval: {default: {any_of: [g], four_eyes: true}}\nowner: the payments team\n",
            "m.yaml:3:46: four eyes keep the agent's owner",
        ),
        (
            "approval: {default: {any_of: [g], four_eyes: true}}\nowner: g\n",
            "m.yaml:3:46: every member of `g` is kept out",
        ),
        (
            "approval: {default: {any_of: [g], four_eyes: true, self_approval: true}}\nowner: o\n",
            "m.yaml:3:21: `self_approval` and `four_eyes` contradict each other",
        ),
        (
            "approval: {default: {any_of: [g], approve: 2, self_approval: true}}\n",
            "m.yaml:3:21: `self_approval` is for an installation of one person, and 2 are needed",
        ),
        (
            "approval: {default: {any_of: [g], same_person: once}}\n",
            "m.yaml:3:21: `same_person` stands where there is one stage",
        ),
        (
            "approval: {default: {stages: [{any_of: [g]}, {any_of: [g]}], same_person: twice}}\n",
            "none of the words",
        ),
        (
            "approval: {default: {any_of: [g], step_up: sometimes}}\n",
            "none of the words",
        ),
        (
            "approval: {everything: {any_of: [g]}}\n",
            "not a key of approval",
        ),
        ("mode: shadow\n", "`mode` is not yet supported"),
        ("extends: base\n", "`extends` is not yet supported"),
        ("first_use: deny\n", "none of the words"),
        (
            "tools: [{tool: x/y, privilege: read, first_seen: [to]}]\n",
            "JSON pointer",
        ),
        (
            "tools: [{tool: x/y, privilege: read, first_seen: [/to], arguments: {optional: [to]}}]\n",
            "`/to` is remembered, but optional",
        ),
        (
            "tools: [{tool: x/y, privilege: read, first_seen: [/to], arguments: {}}]\n",
            "`arguments` does not name it",
        ),
        (
            "tools: [{tool: x/y, privilege: read, after: [x/z]}]\n",
            "no rule declares x/z",
        ),
        (
            "tools: [{tool: 'x/*', privilege: read, after: [x/y]}]\n",
            "x/y would have to come before itself",
        ),
        (
            "tools: [{tool: x/y, privilege: read, after: ['z/*']}]\n",
            "not one tool, but many",
        ),
        ("record: {arguments: {redact: [iban]}}\n", "JSON pointer"),
        (
            "resources: [{uri: '*', privilege: read}]\n",
            "`**` covers all",
        ),
        ("methods: {deny: [x]}\n", "`deny` is not yet supported"),
        (
            "forbid: [{tool: x/y, arguments: {properties: {a: {items: {const: 1}}}}}]\n",
            "no plain meaning",
        ),
        ("owner: \"a\\u202eb\"\n", "invisible"),
        (
            "forbid: [{tool: x/y, arguments: {not: {}}}]\n",
            "slips past this forbid",
        ),
    ] {
        let faults = faults(&format!("{SMALL}{text}"));
        assert!(
            faults.len() == 1 && faults[0].contains(said),
            "{text}: {faults:?}"
        );
        assert!(faults[0].starts_with("m.yaml:3:"), "{faults:?}");
    }
    assert!(faults("agent: a\n")[0].contains("`version` is missing"));
    assert!(faults("version: 1\n")[0].contains("`agent` is missing"));
    assert!(faults("- version: 1\n")[0].contains("a manifest is a map of keys"));
}

#[test]
fn a_budget_counts_what_the_rule_requires_by_what_it_bounds() {
    let rule = |properties: &str, budget: &str| {
        format!(
            "{SMALL}tools:\n  - tool: x/pay\n    privilege: money\n    \
             arguments: {properties}\n    budget: {budget}\n"
        )
    };
    let ok = "{properties: {amount: {type: number}, currency: {enum: [EUR, SEK]}}}";
    let scope = scope(&rule(
        ok,
        "{sum: /amount, by: /currency, limit: 0.5, per: 24h}",
    ));
    let budget = scope.rules()[0].budget.as_ref().expect("a budget");
    assert_eq!(
        (budget.limit.to_string().as_str(), budget.per),
        ("0.5", Duration::from_secs(86_400))
    );
    for (properties, budget, said) in [
        (ok, "{sum: /total, limit: 1, per: 1h}", "does not name it"),
        (ok, "{sum: /amount, limit: 0, per: 1h}", "not above zero"),
        (ok, "{sum: /amount, limit: -1, per: 1h}", "not above zero"),
        (
            "{properties: {amount: {type: number}}, optional: [amount]}",
            "{sum: /amount, limit: 1, per: 1h}",
            "summed, but optional",
        ),
        (
            "{properties: {amount: {type: number}, currency: {type: string}}}",
            "{sum: /amount, by: /currency, limit: 1, per: 1h}",
            "every new value would open a new budget",
        ),
    ] {
        let faults = faults(&rule(properties, budget));
        assert!(faults.len() == 1 && faults[0].contains(said), "{faults:?}");
    }
}

#[test]
fn what_is_remembered_or_counted_by_cannot_be_a_secret() {
    let rule = "version: 1\nagent: a\ntools:\n  - tool: x/y\n    privilege: money\n    \
                arguments: {properties: {sum: {type: number}, in: {properties: {key: {enum: [k, l]}, \
                pin: {type: string, kind: secret}}}}}\n";
    for (more, places) in [
        ("    first_seen: [/sum, /in/pin]\n", &["7:24"][..]),
        ("    first_seen: [/in]\n", &["7:18"]),
        (
            "    budget: {sum: /sum, by: /in/key, limit: 1, per: 1h}\n",
            &[],
        ),
        ("    first_seen: [/sum, /in/key]\n", &[]),
    ] {
        let told = match crate::compile(&format!("{rule}{more}")) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(told.len(), places.len(), "{more}: {told:#?}");
        for (fault, place) in told.iter().zip(places) {
            assert!(fault.contains(&format!(":{place}: ")), "{fault}");
            assert!(fault.contains("is a secret"), "{fault}");
        }
    }
}

#[test]
fn a_host_to_which_people_are_sent_is_listed_in_normal_form() {
    let text =
        "version: 1\nagent: a\nelicitation: {hosts: [ok.test, 'https://x.test', Upper.test]}\n";
    let told = faults(text);
    assert_eq!(told.len(), 2, "{told:#?}");
    for (fault, column) in told.iter().zip([32, 50]) {
        assert!(
            fault.contains(&format!(":3:{column}: not a host")),
            "{fault}"
        );
    }
    crate::compile("version: 1\nagent: a\nelicitation: {hosts: ['*.sso.test']}\n").unwrap();
}
