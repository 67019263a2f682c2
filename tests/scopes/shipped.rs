//! What ships in `scopes/`, held against golden tables that an auditor can read.

use std::fmt::Write as _;
use std::path::PathBuf;

use countersign::model::credential::CredentialKind;
use countersign::model::json;
use countersign::model::quorum::ApprovalRule;
use countersign::model::target::{Target, TargetKind};
use countersign::scopes::{Beyond, ForbidJudgement, Judgement, Scope, Scopes, Source, Undeclared};
use serde_json::Value;

use crate::{home, read, source, target};

/// Set to write the golden tables anew instead of comparing with them.
const WRITE_GOLDEN: &str = "COUNTERSIGN_WRITE_GOLDEN";

#[test]
fn every_shipped_manifest_decides_as_its_golden_table_says() {
    let mut shipped: Vec<PathBuf> = std::fs::read_dir(home("scopes"))
        .expect("the shipped manifests")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    shipped.sort();
    assert!(shipped.len() >= 5, "{shipped:?}");
    for path in shipped {
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a name");
        let file = format!("{name}.yaml");
        let scopes = Scopes::compile(&[source(&file, &read(&path))])
            .unwrap_or_else(|faults| panic!("{faults}"));
        let scope = scopes.agents().next().expect("one scope");
        let calls = read(&home(&format!("tests/matrix/{name}.calls")));
        let table = table(scope, &calls);
        let golden = home(&format!("tests/matrix/{name}.golden"));
        if std::env::var_os(WRITE_GOLDEN).is_some() {
            std::fs::write(&golden, &table).expect("the golden table is written");
        }
        assert!(
            table == read(&golden),
            "scopes/{file} decides otherwise than tests/matrix/{name}.golden says; \
             if that is meant, run again with {WRITE_GOLDEN}=1 and review the change:\n{table}"
        );
    }
}

#[test]
fn the_shipped_manifests_are_in_force_together() {
    let sources: Vec<Source> = std::fs::read_dir(home("scopes"))
        .expect("the shipped manifests")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| source(&path.display().to_string(), &read(&path)))
        .collect();
    let scopes = Scopes::compile(&sources).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(scopes.agents().count(), sources.len());
}

/// One row a call: what the rules alone say, for a reader who knows no Rust.
fn table(scope: &Scope, calls: &str) -> String {
    let mut rows =
        vec![["call", "decision", "privilege", "who approves", "why"].map(str::to_owned)];
    for line in calls.lines().filter(|line| !line.starts_with('#')) {
        rows.push(row(scope, line));
    }
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = format!(
        "Who may do what under scopes/{}, by its rules alone: rates, budgets, history aside.\n\
         agent {}, owner {}, credentials {}, undeclared: {}\n\n",
        scope.file,
        scope.agent,
        scope.owner.as_deref().unwrap_or("nobody"),
        credentials(scope),
        match scope.undeclared {
            Undeclared::Pause => "pause",
            Undeclared::Deny => "deny",
        },
    );
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            write!(line, "{cell:<width$} | ", width = *width).expect("text grows");
        }
        out.push_str(line.trim_end_matches([' ', '|']));
        out.push('\n');
    }
    out
}

fn row(scope: &Scope, line: &str) -> [String; 5] {
    let (kind, rest) = line.split_once(' ').expect("a kind and a target");
    let (target, arguments) = match kind {
        "tool" | "prompt" => {
            let (name, arguments) = rest.split_once(' ').unwrap_or((rest, "{}"));
            let (server, name) = name.split_once('/').expect("server/name");
            (
                target(TargetKind::parse(kind).expect("a kind"), server, name),
                arguments,
            )
        }
        _ => {
            let (server, name) = rest.split_once(' ').expect("a server and a name");
            (
                target(TargetKind::parse(kind).expect("a kind"), server, name),
                "{}",
            )
        }
    };
    let arguments = json::parse(arguments.as_bytes()).expect("arguments are JSON");
    let rungs = scope
        .rules_for(&target)
        .map(|(_, rule)| rule.counted_privilege());
    let rung = rungs.max();
    let (decision, why) = judge(scope, &target, &arguments);
    let approvers = match (decision, rung) {
        ("beyond, paused", Some(rung)) => approvers(scope.approval_for(rung)),
        ("undeclared, paused", _) => approvers(scope.default_approval()),
        _ => "-".to_owned(),
    };
    [
        line.to_owned(),
        decision.to_owned(),
        rung.map_or("-".to_owned(), |rung| rung.to_string()),
        approvers,
        why,
    ]
}

fn judge(scope: &Scope, target: &Target, arguments: &Value) -> (&'static str, String) {
    for (_, forbid) in scope.forbids_for(target) {
        match forbid.judge(arguments) {
            ForbidJudgement::Clear => {}
            ForbidJudgement::Applies(sentence) => return ("forbidden", sentence),
            ForbidJudgement::Fault(fault) => return ("denied: not evaluable", fault),
        }
    }
    if !scope.is_declared(target) {
        return match scope.undeclared {
            Undeclared::Pause => ("undeclared, paused", String::new()),
            Undeclared::Deny => ("undeclared, denied", String::new()),
        };
    }
    let mut beyond = None;
    for (_, rule) in scope.rules_for(target) {
        match rule.arguments.as_ref().map(|rule| rule.judge(arguments)) {
            None | Some(Judgement::Inside) => {}
            Some(Judgement::Fault(fault)) => return ("denied: not evaluable", fault),
            Some(Judgement::Beyond(violations)) => {
                let why = violations
                    .iter()
                    .map(|violation| violation.sentence.clone());
                let why = why.collect::<Vec<_>>().join("; ");
                match rule.beyond {
                    Beyond::Deny => return ("beyond, denied", why),
                    Beyond::Pause => beyond = beyond.or(Some(("beyond, paused", why))),
                }
            }
        }
    }
    beyond.unwrap_or(("inside", String::new()))
}

fn approvers(rule: Option<&ApprovalRule>) -> String {
    rule.map_or("nobody".to_owned(), |rule| {
        let groups: Vec<String> = rule.groups().iter().map(ToString::to_string).collect();
        groups.join(" or ")
    })
}

fn credentials(scope: &Scope) -> String {
    let kinds: Vec<&str> = [
        CredentialKind::ApiKey,
        CredentialKind::Jwt,
        CredentialKind::Local,
    ]
    .into_iter()
    .filter(|kind| scope.accepts(*kind))
    .map(CredentialKind::name)
    .collect();
    kinds.join(" and ")
}
