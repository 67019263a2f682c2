//! What a grant for calls like an approved one covers: never more than the approved call itself crossed,
//! and nothing where its arguments are free.

use std::collections::BTreeSet;

use serde_json::Value;

use super::approvals;
use super::facts::{Facts, Patterned};
use super::history;
use super::matching::Matched;
use super::requirements::Requirements;
use crate::limits::VIOLATIONS_COUNT;
use crate::model::approval::Approval;
use crate::model::call::Call;
use crate::model::decision::Cause;
use crate::model::grant::Grant;
use crate::model::id::CallId;
use crate::model::pattern::Pins;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::scopes::Judgement;

/// The grant that answers everything a person would be asked about this call, if there is one. A call about
/// which a person is being asked already waits for that person.
pub(super) fn covering<'a>(
    call: &Call,
    matched: &Matched<'_>,
    requirements: &Requirements,
    facts: &Facts<'a>,
    causes: &[Cause],
    doubts: &BTreeSet<CallId>,
    now: Timestamp,
) -> Option<&'a Grant> {
    let own = facts.standing.approval.as_ref();
    if causes.is_empty() || own.is_some_and(|approval| approval.is_open(now)) {
        return None;
    }
    let mut patterns = facts.standing.patterns.iter();
    let covers = |one: &&Patterned| {
        let pins = one.grant.pattern.as_ref().map(|pattern| &pattern.pins);
        pins.is_some_and(|pins| {
            approvals::gives_leave(&one.grant, &one.approval, doubts, now)
                && causes.iter().all(|cause| answers(&one.approval, cause))
                && crosses_nothing_new(call.arguments.value(), matched, pins, &one.approval)
                && is_known(call, requirements, facts, pins)
        })
    };
    patterns.find(covers).map(|one| &one.grant)
}

/// Whether arguments are beyond no bound that the approved call was not beyond as well, and none at all
/// where they are free.
#[must_use]
pub fn crosses_nothing_new(
    arguments: &Value,
    matched: &Matched<'_>,
    pins: &Pins,
    approval: &Approval,
) -> bool {
    let rules = matched.rules.iter();
    let mut bounds = rules.filter_map(|(_, rule)| rule.arguments.as_ref());
    bounds.all(|bounds| match bounds.judge(arguments) {
        Judgement::Inside => true,
        // Where so many are told, there may be more.
        Judgement::Beyond(violations) if violations.len() < VIOLATIONS_COUNT => {
            violations.iter().all(|one| {
                let mut crossed = approval.reasons.iter();
                pins.cover(&one.pointer)
                    && crossed.any(|(reason, sentence)| {
                        *reason == Reason::Beyond && *sentence == one.sentence
                    })
            })
        }
        Judgement::Beyond(_) | Judgement::Fault(_) => false,
    })
}

/// Whether a person said yes to that already, when they approved the call that the pattern is narrowed
/// from. A tool that nobody declared or accepted bounds nothing, so nothing in it can be free; an answer to
/// an upstream is about that one question.
fn answers(approval: &Approval, cause: &Cause) -> bool {
    let was_asked = |reason| approval.reasons.iter().any(|(asked, _)| *asked == reason);
    match cause.reason {
        // Each of these is looked at by itself.
        Reason::Beyond | Reason::EarlierUnknown => true,
        reason @ (Reason::FirstUse | Reason::FirstSeen | Reason::Escalation) => was_asked(reason),
        _ => false,
    }
}

/// Whether every value that is to be known before it is used is known, or pinned.
fn is_known(call: &Call, requirements: &Requirements, facts: &Facts<'_>, pins: &Pins) -> bool {
    let mut pointers = requirements.first_seen.iter();
    pointers
        .all(|pointer| pins.cover(pointer) || history::first_seen(call, pointer, facts).is_none())
}
