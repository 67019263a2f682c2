//! What is new about a call: what its agent, or its session, has never done before.

use super::facts::Facts;
use super::matching::Matched;
use super::requirements::Requirements;
use crate::limits::HISTORY_WINDOW_DAYS;
use crate::model::call::Call;
use crate::model::decision::{Cause, Step};
use crate::model::history::Who;
use crate::model::privilege::Privilege;
use crate::model::reason::Reason;
use crate::model::target::{Target, TargetKind};
use crate::scopes::Heed;

/// First reaches, apart by what the scope does with them.
#[derive(Default)]
pub(super) struct Firsts {
    /// Those a person is asked about.
    pub(super) paused: Vec<Cause>,
    /// Those the record notes.
    pub(super) noted: Vec<Cause>,
}

impl Firsts {
    /// Finds them. What no rule declares is not a first reach but an undeclared one.
    pub(super) fn of(
        call: &Call,
        matched: &Matched<'_>,
        requirements: &Requirements,
        facts: &Facts<'_>,
        steps: &mut Vec<Step>,
    ) -> Self {
        let mut firsts = Self::default();
        if !matched.is_declared {
            return firsts;
        }
        let precedent = &facts.standing.precedent;
        let privilege = requirements.privilege;
        if precedent.is_escalated_by(privilege) {
            let sentence = escalation(call, privilege, facts);
            firsts.add(matched.scope.escalation, Reason::Escalation, sentence);
        }
        if !precedent.used {
            let sentence = first_use(call, privilege, facts);
            firsts.add(matched.scope.first_use, Reason::FirstUse, sentence);
        }
        for pointer in &requirements.first_seen {
            if let Some(sentence) = first_seen(call, pointer, facts) {
                firsts.add(Heed::Pause, Reason::FirstSeen, sentence);
            }
        }
        steps.push(Step::History {
            paused: firsts.paused.len(),
            noted: firsts.noted.len(),
        });
        firsts
    }

    fn add(&mut self, heed: Heed, reason: Reason, sentence: String) {
        let cause = Cause::new(reason, sentence);
        match heed {
            Heed::Pause => self.paused.push(cause),
            Heed::Note => self.noted.push(cause),
        }
    }
}

/// Whether everything that must come first has succeeded in the session.
pub(super) fn ordered(
    call: &Call,
    requirements: &Requirements,
    facts: &Facts<'_>,
    steps: &mut Vec<Step>,
) -> Result<(), Cause> {
    let done = &facts.standing.precedent.done;
    let missing: Vec<_> = requirements
        .after
        .iter()
        .filter(|target| !done.contains(target))
        .map(Target::to_string)
        .collect();
    if !requirements.after.is_empty() {
        steps.push(Step::After {
            met: missing.is_empty(),
        });
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Cause::new(
            Reason::AfterUnmet,
            format!(
                "{} comes only after {}, which has not succeeded in this session",
                call.target,
                missing.join(" and ")
            ),
        )),
    }
}

fn escalation(call: &Call, privilege: Privilege, facts: &Facts<'_>) -> String {
    let climbed = match facts.standing.precedent.highest {
        Some(highest) => format!("which has used nothing above `{highest}`"),
        None => "which has used nothing yet".to_owned(),
    };
    format!(
        "first `{privilege}` call of this session, {climbed}; {}",
        past(call, facts)
    )
}

fn first_use(call: &Call, privilege: Privilege, facts: &Facts<'_>) -> String {
    let (who, target) = (who(call), named(&call.target));
    let evidence = &facts.standing.precedent.evidence;
    let first = if !evidence.rung {
        format!("first `{privilege}` call of {who}")
    } else if !evidence.server {
        format!(
            "first call of {who} to the server {}",
            call.target.server.as_str()
        )
    } else if evidence.target {
        format!("first call of {who} to {target} as it is defined and declared now")
    } else {
        format!("first call of {who} to {target}")
    };
    format!("{first}; {}", past(call, facts))
}

pub(super) fn first_seen(call: &Call, pointer: &str, facts: &Facts<'_>) -> Option<String> {
    if call.arguments.value().pointer(pointer).is_none() {
        return Some(format!(
            "{pointer} is missing, so it cannot be compared with what was used before"
        ));
    }
    // A value the store did not speak of is a value nobody has seen.
    let values = facts.standing.precedent.values.iter();
    let known = values
        .filter(|(asked, _)| **asked == *pointer)
        .map(|(_, known)| *known)
        .next()
        .unwrap_or_default();
    let others = match known.values {
        0 => "no value is known there".to_owned(),
        1 => "1 other is known there".to_owned(),
        many => format!("{many} others are known there"),
    };
    (!known.used).then(|| {
        format!(
            "{pointer} holds a value that {} has never used in {}; {others}",
            who(call),
            named(&call.target)
        )
    })
}

/// The past in half a sentence.
fn past(call: &Call, facts: &Facts<'_>) -> String {
    let evidence = &facts.standing.precedent.evidence;
    let calls = match evidence.calls {
        0 => return format!("no call of {} in {HISTORY_WINDOW_DAYS} days", who(call)),
        1 => "1 call".to_owned(),
        many => format!("{many} calls"),
    };
    match evidence.highest {
        Some(highest) => format!("{calls} in {HISTORY_WINDOW_DAYS} days, none above `{highest}`"),
        None => format!("{calls} in {HISTORY_WINDOW_DAYS} days"),
    }
}

fn who(call: &Call) -> Who {
    Who {
        agent: call.principal.agent.clone(),
        on_behalf_of: call.principal.on_behalf_of.clone(),
    }
}

/// The target as history counts it.
fn named(target: &Target) -> String {
    match target.kind {
        TargetKind::Tool | TargetKind::Method => target.to_string(),
        TargetKind::Resource | TargetKind::Prompt => {
            format!("a {} of the server {}", target.kind.name(), target.server)
        }
    }
}
