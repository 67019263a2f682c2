//! What a manifest means once it is compiled.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use countersign::model::call::Mode;
use countersign::model::credential::CredentialKind;
use countersign::model::name::AgentName;
use countersign::model::privilege::Privilege;
use countersign::model::target::{Target, TargetKind};
use countersign::scopes::{
    ArgumentsRecord, Beyond, Extras, Heed, Mrtr, PauseCovers, Scopes, Undeclared,
};

use crate::{SMALL, compile, faults, scope, target, tool};

#[test]
fn what_is_left_out_has_its_stricter_default() {
    let scope = scope(SMALL);
    assert_eq!(scope.undeclared, Undeclared::Deny);
    assert_eq!(scope.extras, Extras::Strip);
    assert_eq!(scope.pause_covers, PauseCovers::Session);
    assert_eq!(scope.record, ArgumentsRecord::Keep);
    assert_eq!(scope.client.hold, Duration::from_secs(45));
    assert_eq!(scope.client.mrtr, Mrtr::Auto);
    assert!(!scope.client.oauth && !scope.client.url_elicitation && !scope.accept_local);
    assert_eq!(scope.session.idle_timeout, Duration::from_secs(900));
    assert_eq!(scope.session.max_age, Duration::from_secs(43_200));
    assert_eq!(scope.session.accept_unbound_keys, 1);
    assert!(!scope.accepts(CredentialKind::ApiKey) && !scope.accepts(CredentialKind::Local));
    assert_eq!(
        (scope.first_use, scope.escalation),
        (Heed::Note, Heed::Note)
    );
    assert!(scope.approval_for(Privilege::Read).is_none());
    assert!(!scope.is_declared(&tool("x", "y")));
}

#[test]
fn every_key_is_read() {
    let scope = scope(
        "version: 1\nagent: a\nowner: team\ndescription: does things\n\
         credentials: {api_key: {max_age: 90d}, local: true}\n\
         session: {idle_timeout: 5m, max_age: 1h, accept_unbound_keys: 2}\n\
         tools:\n  - {tool: x/y, privilege: read, net: true, rate: {calls: 5, per: 1m}, \
         beyond: deny, assurance: 2, hide: true, mode: authorize, first_seen: [/to, /a~1b], \
         after: [z/first]}\n  - {tool: z/first, privilege: read}\n\
         extras: deny\nundeclared: pause\nfirst_use: pause\nescalation: pause\n\
         client: {hold: 30s, mrtr: \"off\", oauth: true, url_elicitation: true}\n\
         record: {arguments: {redact: [/iban, /a~1b]}}\n\
         approval:\n  default: {any_of: [ops, leads], approve: 1, decide_by: 10m, redeem_by: 2m}\n\
         \x20 money: {any_of: [finance]}\npause_covers: call\naccept_local: true\n",
    );
    assert_eq!(
        scope.credentials.api_key.expect("keys").max_age,
        Some(Duration::from_secs(90 * 86_400))
    );
    assert!(scope.accepts(CredentialKind::Local));
    assert_eq!(scope.session.accept_unbound_keys, 2);
    let rule = &scope.rules()[0];
    assert_eq!(
        (rule.privilege, rule.counted_privilege()),
        (Privilege::Read, Privilege::Send)
    );
    let rate = rule.rate.expect("a rate");
    assert_eq!(
        (rate.calls.get(), rate.burst.get(), rate.per),
        (5, 5, Duration::from_secs(60))
    );
    assert_eq!(
        (rule.beyond, rule.assurance, rule.mode),
        (Beyond::Deny, 2, Mode::Authorize)
    );
    let pointers: Vec<&str> = rule.first_seen.iter().map(|pointer| &**pointer).collect();
    assert_eq!(pointers, ["/to", "/a~1b"]);
    let (first, place) = &rule.after[0];
    assert_eq!(
        (first, place.to_string()),
        (&tool("z", "first"), "m.yaml:8:163".to_owned())
    );
    assert_eq!(
        (scope.first_use, scope.escalation),
        (Heed::Pause, Heed::Pause)
    );
    assert!(scope.is_hidden(&tool("x", "y")) && !scope.is_hidden(&tool("x", "z")));
    assert_eq!(scope.extras, Extras::Deny);
    assert_eq!(scope.client.mrtr, Mrtr::Off);
    assert_eq!(
        scope.record,
        ArgumentsRecord::Redact(vec!["/iban".to_owned(), "/a~1b".to_owned()])
    );
    let default = scope.approval_for(Privilege::Write).expect("a rule");
    assert_eq!(
        (default.groups().len(), default.decide_by),
        (2, Duration::from_secs(600))
    );
    let money = scope.approval_for(Privilege::Money).expect("a rule");
    assert_eq!(
        (money.groups()[0].as_str(), money.redeem_by),
        ("finance", Duration::from_secs(300))
    );
    assert_eq!(scope.pause_covers, PauseCovers::Call);
    assert!(scope.accept_local);
    assert_eq!(scope.rules()[0].place.to_string(), "m.yaml:8:5");
}

#[test]
fn stages_and_who_is_kept_out_are_read() {
    let scope = scope(
        "version: 1\nagent: a\nowner: team\n\
         approval:\n  default: {any_of: [ops], approve: 2, deny: 3, four_eyes: true}\n\
         \x20 money: {stages: [{any_of: [finance], approve: 2}, {any_of: [cfo, board], deny: 2}], \
         same_person: each_stage, decide_by: 1h}\n\
         \x20 read: {any_of: [ops], self_approval: true, four_eyes: false}\n",
    );
    let rule = |rung| scope.approval_for(rung).expect("a rule");
    let stages = |rung| -> Vec<(Vec<String>, u32, u32)> {
        let stages = rule(rung).stages.iter();
        stages
            .map(|stage| {
                let groups = stage.any_of.iter().map(ToString::to_string).collect();
                (groups, stage.approve, stage.deny)
            })
            .collect()
    };
    assert_eq!(stages(Privilege::Write), [(vec!["ops".to_owned()], 2, 3)]);
    assert_eq!(
        stages(Privilege::Money),
        [
            (vec!["finance".to_owned()], 2, 1),
            (vec!["cfo".to_owned(), "board".to_owned()], 1, 2)
        ]
    );
    let told = |rung| {
        let rule = rule(rung);
        (
            rule.four_eyes.as_deref(),
            rule.self_approval,
            rule.same_person,
        )
    };
    assert_eq!(told(Privilege::Write), (Some("team"), false, false));
    assert_eq!(told(Privilege::Money), (None, false, true));
    assert_eq!(told(Privilege::Read), (None, true, false));
    assert_eq!(rule(Privilege::Money).needed(), 3);
    assert_eq!(rule(Privilege::Money).decide_by, Duration::from_secs(3_600));
}

#[test]
fn the_permit_all_manifest_is_an_ordinary_one() {
    let scope = scope(
        "version: 1\nagent: a\ncredentials: {api_key: true}\n\
         tools: [{tool: \"*/*\", privilege: read}]\nresources: [{uri: \"**\", privilege: read}]\n\
         prompts: [\"*\"]\nmethods: {allow: [\"*\"]}\nextras: pass\nfirst_use: note\n\
         escalation: note\nrecord: {arguments: keep}\n",
    );
    for target in [
        tool("any", "Tool.x-y_z"),
        target(TargetKind::Resource, "any", "test://template/1/data"),
        target(TargetKind::Resource, "any", "anything"),
        target(TargetKind::Prompt, "any", "with space/and slash"),
        target(TargetKind::Method, "any", "completion/complete"),
    ] {
        assert!(scope.is_declared(&target), "{target}");
    }
}

#[test]
fn rules_that_match_apply_together_and_keep_their_positions() {
    let scope = scope(
        "version: 1\nagent: a\ntools:\n  - {tool: \"*/*\", privilege: read}\n  \
         - {tool: x/y, privilege: money}\n  - {tool: \"x/*\", privilege: write}\n  \
         - {tool: \"*/y\", privilege: send}\n  - {tool: \"x*/y\", privilege: admin}\n  \
         - {tool: z/y, privilege: admin}\nforbid: [{tool: \"*/y\"}, {tool: x/z}]\n",
    );
    let at = |target: &Target| -> BTreeSet<usize> {
        scope.rules_for(target).map(|(at, _)| at).collect()
    };
    assert_eq!(at(&tool("x", "y")), BTreeSet::from([0, 1, 2, 3, 4]));
    assert_eq!(at(&tool("x", "q")), BTreeSet::from([0, 2]));
    assert_eq!(at(&tool("q", "q")), BTreeSet::from([0]));
    let y = tool("x", "y");
    assert_eq!(
        scope.forbids_for(&y).map(|(at, _)| at).collect::<Vec<_>>(),
        [0]
    );
    let resource = target(TargetKind::Resource, "x", "y");
    assert!(at(&resource).is_empty());
}

#[test]
fn the_digest_is_of_the_content_alone() {
    let digest = |text: &str| scope(text).digest;
    let plain = digest("version: 1\nagent: a\nundeclared: pause\n");
    assert_eq!(
        plain,
        digest("# why\nundeclared: 'pause'\nagent: \"a\"   # who\nversion: 1\n")
    );
    assert_eq!(plain, digest("{agent: a, version: 1, undeclared: pause}"));
    assert_ne!(plain, digest("version: 1\nagent: a\nundeclared: deny\n"));
    assert_ne!(plain, digest("version: 1\nagent: a\n"));
    assert_ne!(
        Scopes::empty().digest(),
        compile(SMALL).expect("scopes").digest()
    );
    assert_eq!(
        Scopes::empty().digest(),
        Scopes::compile(&[]).expect("scopes").digest()
    );
    let agent = AgentName::parse("a").expect("a name");
    assert!(Scopes::empty().scope(&agent).is_none());
}

#[test]
fn ten_thousand_rules_compile_and_each_is_found() {
    let mut text = "version: 1\nagent: a\ntools:\n".to_owned();
    for n in 0..10_000 {
        writeln!(text, "  - {{tool: s{}/t{n}, privilege: read}}", n % 100).expect("text grows");
    }
    let scope = scope(&text);
    for n in (0..10_000).step_by(37) {
        let target = tool(&format!("s{}", n % 100), &format!("t{n}"));
        let found: Vec<usize> = scope.rules_for(&target).map(|(at, _)| at).collect();
        assert_eq!(found, [n]);
    }
    assert!(!scope.is_declared(&tool("s1", "t0")));
}

#[test]
fn a_file_that_is_too_large_or_too_deep_is_refused() {
    let large = format!("{SMALL}description: {}\n", "x".repeat(1_024 * 1_024));
    assert!(faults(&large)[0].contains("larger than"));
    let deep = format!(
        "{SMALL}tools: {}{}\n",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    assert!(!faults(&deep).is_empty());
}

#[test]
fn scopes_are_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<Scopes>();
}
