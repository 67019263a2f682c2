//! What manifests ask for that nobody can give, and what they switch off.

use std::collections::BTreeSet;
use std::path::Path;

use super::people::People;
use super::report::Report;
use crate::cli::owner::watch;
use crate::model::isolation::Isolation;
use crate::model::privilege::Privilege;
use crate::model::time::Timestamp;
use crate::scopes::{Beyond, Scope, Scopes, Undeclared};

pub(super) fn examine(
    directory: &Path,
    data: &Path,
    people: &People,
    now: Timestamp,
    isolation: Isolation,
    report: &mut Report,
) {
    let sources = match watch::read(directory) {
        Ok(sources) => sources,
        // That the directory is not there was said already.
        Err(_) if !directory.is_dir() => return,
        Err(failure) => return report.wrong(failure.to_string()),
    };
    match Scopes::compile(&sources) {
        Ok(mut scopes) => {
            let kept = scopes.keep_out(&watch::own(directory, data));
            for fault in kept.err().iter().flatten() {
                report.wrong(fault.to_string());
            }
            for scope in scopes.agents() {
                approvers(scope, people, now, report);
                credentials(scope, people, now, report);
                accepted(scope, isolation, report);
            }
        }
        Err(faults) => {
            for fault in faults.iter() {
                report.wrong(fault.to_string());
            }
        }
    }
}

/// Every rung on which a person may be asked needs somebody who can answer.
fn approvers(scope: &Scope, people: &People, now: Timestamp, report: &mut Report) {
    let mut asked: BTreeSet<Privilege> = scope
        .rules()
        .iter()
        .filter(|rule| rule.arguments.is_some() && rule.beyond == Beyond::Pause)
        .map(|rule| rule.counted_privilege())
        .collect();
    if scope.undeclared == Undeclared::Pause {
        asked.insert(Privilege::Admin);
    }
    let people = people.approvers(now);
    let mut named = BTreeSet::new();
    for rung in asked {
        let Some(rule) = scope.approval_for(rung) else {
            report.wrong(format!(
                "{}: nobody may approve `{rung}`, so its calls are refused where a person should be asked",
                scope.file
            ));
            continue;
        };
        let Some(stage) = rule.unmet(&people, None) else {
            continue;
        };
        let groups: Vec<&str> = stage.any_of.iter().map(|group| group.as_str()).collect();
        if !named.insert(groups.clone()) {
            continue;
        }
        let groups = groups.join(" or ");
        let file = &scope.file;
        report.wrong(
            match people.iter().any(|person| person.is_of(&stage.any_of)) {
                true => format!(
                    "{file}: {} of {groups} must approve `{rung}`, of {} in all, and too few operators may, so \
                     nobody can be asked",
                    stage.approve,
                    rule.needed(),
                ),
                false => {
                    format!("{file}: no operator belongs to {groups}, so nobody can be asked")
                }
            },
        );
    }
}

fn credentials(scope: &Scope, people: &People, now: Timestamp, report: &mut Report) {
    if scope.credentials.api_key.is_none() {
        return;
    }
    match people.keys_of(&scope.agent, now) {
        (_, true) => {}
        (true, false) => report.wrong(format!("every key of {} has expired", scope.agent)),
        (false, false) => report.note(format!("{} has no key yet", scope.agent)),
    }
}

/// The guarantees that the manifest gives up, and what local mode refuses of it.
fn accepted(scope: &Scope, isolation: Isolation, report: &mut Report) {
    let file = &scope.file;
    if scope.accept_local {
        report.off(format!(
            "{file}: accept_local: what cannot be undone may run and be approved where code of the same user \
             could approve it by itself"
        ));
    } else if isolation == Isolation::None {
        report.note(format!(
            "{file}: `destroy`, `money`, `admin` and undeclared tools are refused, since nothing keeps {} from \
             the guard",
            scope.agent
        ));
    }
    let level = scope.session.accept_unbound_keys;
    if level > 1 {
        report.off(format!(
            "{file}: accept_unbound_keys: whoever reads a key of {} reaches level {level} with it",
            scope.agent
        ));
    }
}
