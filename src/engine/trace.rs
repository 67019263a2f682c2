//! A trace in sentences, for `scopes explain`, the record and the console.

use crate::model::decision::{Decision, Evaluation, Step};
use crate::scopes::Scope;

/// One sentence a step, then the answer and its reasons.
#[must_use]
pub fn render(evaluation: &Evaluation, scope: &Scope) -> Vec<String> {
    let mut lines: Vec<String> = evaluation
        .trace
        .steps
        .iter()
        .map(|step| sentence(step, scope))
        .collect();
    lines.extend(
        evaluation
            .notes
            .iter()
            .map(|note| format!("note: {} ({})", note.sentence, note.reason.code())),
    );
    match &evaluation.decision {
        Decision::Permit { reason, .. } => lines.push(format!("permit: {}", reason.row().sentence)),
        Decision::Challenge { required, level } => lines.push(format!(
            "challenge: the call needs level {required}, the session is at {level}"
        )),
        Decision::Pause { causes, .. } => lines.extend(
            causes
                .iter()
                .map(|cause| format!("pause: {} ({})", cause.sentence, cause.reason.code())),
        ),
        Decision::Deny { cause } => {
            lines.push(format!(
                "deny: {} ({})",
                cause.sentence,
                cause.reason.code()
            ));
        }
    }
    lines
}

fn sentence(step: &Step, scope: &Scope) -> String {
    match step {
        Step::Forbid { index, applies } => {
            let place = scope
                .forbids()
                .get(*index)
                .map(|forbid| forbid.place.to_string());
            let place = place.unwrap_or_default();
            match applies {
                true => format!("{place}: the forbid applies"),
                false => format!("{place}: the forbid does not apply"),
            }
        }
        Step::Undeclared => "no rule names the target".to_owned(),
        Step::Local { accepted: true } => {
            "nothing keeps the agent from the guard; the manifest accepts that".to_owned()
        }
        Step::Local { accepted: false } => {
            "nothing keeps the agent from the guard; the manifest does not accept that".to_owned()
        }
        Step::OwnSchema { fits: true } => "the tool's own schema accepts the arguments".to_owned(),
        Step::OwnSchema { fits: false } => "the tool's own schema refuses the arguments".to_owned(),
        Step::Unaccepted { is_server: true } => {
            "the server is not one that was accepted".to_owned()
        }
        Step::Unaccepted { is_server: false } => {
            "the definition is not one that was accepted".to_owned()
        }
        Step::Rule { index, inside } => {
            let place = scope.rules().get(*index).map(|rule| rule.place.to_string());
            let place = place.unwrap_or_default();
            match inside {
                true => format!("{place}: the arguments are inside the rule"),
                false => format!("{place}: the arguments are beyond the rule"),
            }
        }
        Step::Rates { asked, fits: true } => format!("the call fits {asked} declared rates"),
        Step::Rates { asked, fits: false } => format!("one of {asked} declared rates is used up"),
        Step::Budgets { asked, fits: true } => format!("the call fits {asked} declared budgets"),
        Step::Budgets { asked, fits: false } => {
            format!("one of {asked} declared budgets does not fit the call")
        }
        Step::After { met: true } => "what must come first has succeeded in the session".to_owned(),
        Step::After { met: false } => "what must come first has not succeeded".to_owned(),
        Step::History {
            paused: 0,
            noted: 0,
        } => "nothing about the call is new".to_owned(),
        Step::History { paused, noted } => {
            format!("new about the call: {paused} things to ask about, {noted} to note")
        }
        Step::Approval { id, state } => format!("{id} for exactly this call is {state}"),
        Step::Doubt(call) => format!("nobody knows what became of {call}"),
        Step::Grant(id) => format!("{id} allows exactly this call"),
        Step::Pattern(id) => format!("{id} allows calls like this one"),
        Step::Level { required, level } => {
            format!("the call needs level {required}, the session is at {level}")
        }
        Step::Covered { open } => format!("{open} open approvals hold the session"),
    }
}
