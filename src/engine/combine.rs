//! The order in which everything that speaks of a call is heard.

use super::approvals;
use super::facts::Facts;
use super::follow_up;
use super::history::{self, Firsts};
use super::matching::Matched;
use super::patterned;
use super::pinned;
use super::requirements::Requirements;
use crate::model::call::{Call, Mode};
use crate::model::decision::{Cause, Decision, Evaluation, Step, Trace};
use crate::model::isolation::Isolation;
use crate::model::privilege::Privilege;
use crate::model::reason::Reason;
use crate::model::session::{AgentState, EndCause, SessionState};
use crate::model::target::TargetKind;
use crate::model::time::Timestamp;
use crate::scopes::{Beyond, ForbidJudgement, Judgement, Undeclared};

/// Judges one call. Most restrictive wins: whatever forbids or cannot be evaluated denies; then what
/// needs a person pauses; then what needs proof challenges; nothing left permits. A person is never
/// asked about what would be refused anyway.
#[must_use]
pub fn decide(
    call: &Call,
    matched: &Matched<'_>,
    requirements: &Requirements,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Evaluation {
    let mut steps = Vec::with_capacity(8);
    let mut notes = Vec::new();
    let decision = match judge(
        call,
        matched,
        requirements,
        facts,
        now,
        &mut steps,
        &mut notes,
    ) {
        Ok(decision) => decision,
        Err(cause) => Decision::Deny { cause },
    };
    Evaluation {
        decision,
        privilege: requirements.privilege,
        notes,
        trace: Trace { steps },
    }
}

fn judge(
    call: &Call,
    matched: &Matched<'_>,
    requirements: &Requirements,
    facts: &Facts<'_>,
    now: Timestamp,
    steps: &mut Vec<Step>,
    notes: &mut Vec<Cause>,
) -> Result<Decision, Cause> {
    stands(facts)?;
    forbids(call, matched, steps)?;
    exists(call, matched, facts, steps)?;
    kept_apart(matched, requirements, facts, steps)?;
    let mut causes = pinned::accepted(call, matched, facts.pinned, steps)?;
    causes.extend(rules(call, matched, steps)?);
    history::ordered(call, requirements, facts, steps)?;
    let firsts = Firsts::of(call, matched, requirements, facts, steps);
    causes.extend(firsts.paused);
    causes.extend(follow_up::asked(call, matched));
    let doubts = approvals::doubts(requirements, facts, steps);
    let doubted = doubts.iter().map(|one| approvals::doubted(call, *one));
    causes.extend(doubted);
    causes.sort();
    causes.dedup();
    *notes = firsts.noted;
    decidable(&causes, matched, requirements, facts)?;
    rates(matched, requirements, facts, steps)?;
    budgets(matched, requirements, facts, steps)?;
    if let Some(end) = approvals::settled(facts, now, steps) {
        return Err(end);
    }
    if let Some(grant) = approvals::granted(facts, doubts, now) {
        steps.push(Step::Grant(grant.id));
        return Ok(Decision::Permit {
            reason: Reason::Granted,
            grant: Some(grant.id),
        });
    }
    let alike = patterned::covering(call, matched, requirements, facts, &causes, doubts, now);
    match alike {
        // It answers what a person would be asked, and nothing else.
        Some(grant) => {
            steps.push(Step::Pattern(grant.id));
            causes.clear();
        }
        // What was new when a person was asked may be known by now; the person has still been asked.
        None if causes.is_empty() => causes = approvals::asked(facts, now),
        None => {}
    }
    if !causes.is_empty() {
        let user = call.principal.on_behalf_of.as_ref();
        approvals::askable(
            facts,
            &causes,
            matched.scope,
            requirements.privilege,
            user,
            now,
        )?;
        return Ok(Decision::Pause { causes, own: true });
    }
    if requirements.assurance > facts.level {
        let (required, level) = (requirements.assurance, facts.level);
        steps.push(Step::Level { required, level });
        return Ok(Decision::Challenge { required, level });
    }
    let open = facts.standing.covering.len();
    if open > 0 && requirements.privilege.rank() > 0 {
        steps.push(Step::Covered { open });
        let sentence = format!("{open} open approval of the session holds its other calls too");
        return Ok(Decision::Pause {
            causes: vec![Cause::new(Reason::SessionPaused, sentence)],
            own: false,
        });
    }
    Ok(Decision::Permit {
        reason: match alike {
            Some(_) => Reason::GrantedAlike,
            None => Reason::InScope,
        },
        grant: alike.map(|grant| grant.id),
    })
}

/// Whether agent and session may act at all.
fn stands(facts: &Facts<'_>) -> Result<(), Cause> {
    let standing = facts.standing;
    match standing.agent {
        AgentState::Running => {}
        AgentState::Paused => {
            return Err(Cause::new(
                Reason::AgentPaused,
                "an operator paused the agent",
            ));
        }
        AgentState::Revoked => {
            return Err(Cause::new(
                Reason::AgentRevoked,
                "an operator revoked the agent",
            ));
        }
    }
    let Some(session) = &standing.session else {
        return Err(Cause::new(
            Reason::SessionUnknown,
            "the store knows no such session",
        ));
    };
    match session.state {
        SessionState::Active => Ok(()),
        SessionState::Paused => Err(Cause::new(
            Reason::SessionPaused,
            "an operator paused the session",
        )),
        SessionState::Ended(EndCause::Revoked) => Err(Cause::new(
            Reason::SessionRevoked,
            "an operator ended the session",
        )),
        SessionState::Ended(cause @ (EndCause::Timeout | EndCause::Closed)) => Err(Cause::new(
            Reason::SessionExpired,
            format!("the session ended: {}", cause.name()),
        )),
    }
}

/// Forbid wins over everything, and a forbid that cannot be evaluated denies.
fn forbids(call: &Call, matched: &Matched<'_>, steps: &mut Vec<Step>) -> Result<(), Cause> {
    let mut refusal = None;
    for (index, forbid) in &matched.forbids {
        let cause = match forbid.judge(call.arguments.value()) {
            ForbidJudgement::Clear => None,
            ForbidJudgement::Applies(why) => Some(Cause::new(
                Reason::Forbidden,
                format!("{}: {why}", forbid.place),
            )),
            ForbidJudgement::Fault(why) => Some(Cause::new(
                Reason::Unevaluable,
                format!("{}: {why}", forbid.place),
            )),
        };
        steps.push(Step::Forbid {
            index: *index,
            applies: cause.is_some(),
        });
        refusal = stricter(refusal, cause);
    }
    refusal.map_or(Ok(()), Err)
}

/// Whether there is such a target for this agent, and whether the tool itself would take the arguments.
fn exists(
    call: &Call,
    matched: &Matched<'_>,
    facts: &Facts<'_>,
    steps: &mut Vec<Step>,
) -> Result<(), Cause> {
    if matched.is_hidden() {
        return Err(Cause::new(
            Reason::UnknownTarget,
            format!("{} is hidden", call.target),
        ));
    }
    let declared = matched.rules.iter().all(|(_, rule)| rule.mode == call.mode);
    if !declared || (!matched.is_declared && call.mode != Mode::Proxy) {
        let sentence = format!(
            "{} is not declared for mode {}",
            call.target,
            call.mode.name()
        );
        return Err(Cause::new(Reason::ModeRefused, sentence));
    }
    if !matched.is_declared && matched.scope.undeclared == Undeclared::Deny {
        steps.push(Step::Undeclared);
        return Err(undeclared(call, matched));
    }
    if call.target.kind != TargetKind::Tool {
        return Ok(());
    }
    let Some(schema) = facts.tool else {
        let sentence = format!("the server presents no {}", call.target);
        return Err(Cause::new(Reason::UnknownTarget, sentence));
    };
    let judgement = schema.judge(call.arguments.value());
    steps.push(Step::OwnSchema {
        fits: matches!(judgement, Judgement::Inside),
    });
    match judgement {
        Judgement::Inside => Ok(()),
        Judgement::Beyond(violations) => Err(Cause::new(
            Reason::ArgumentsInvalid,
            violations
                .iter()
                .map(|one| one.sentence.as_str())
                .collect::<Vec<_>>()
                .join("; "),
        )),
        Judgement::Fault(why) => Err(Cause::new(
            Reason::Unevaluable,
            format!("the tool's own schema: {why}"),
        )),
    }
}

fn undeclared(call: &Call, matched: &Matched<'_>) -> Cause {
    let sentence = match matched.rules.is_empty() {
        true => format!("no rule names {}", call.target),
        false => format!(
            "{} was not accepted when the scopes came into force, so that only a rule that writes it out declares it",
            call.target
        ),
    };
    Cause::new(Reason::Undeclared, sentence)
}

/// Whether what cannot be undone is kept from code that could decide it by itself: without isolation the
/// agent's own user could sign as the operator, so the manifest must accept that.
fn kept_apart(
    matched: &Matched<'_>,
    requirements: &Requirements,
    facts: &Facts<'_>,
    steps: &mut Vec<Step>,
) -> Result<(), Cause> {
    let privilege = requirements.privilege;
    if facts.isolation != Isolation::None || privilege.rank() < LOCAL_REFUSED_RANK {
        return Ok(());
    }
    let accepted = matched.scope.accept_local;
    steps.push(Step::Local { accepted });
    match accepted {
        true => Ok(()),
        false => Err(Cause::new(
            Reason::LocalRefused,
            format!("isolation is none, and the manifest does not accept that for `{privilege}`"),
        )),
    }
}

/// Whether a person's word would count: where code of the agent's own user could give it, it does for
/// nothing above `write`, unless the manifest accepts that.
fn decidable(
    causes: &[Cause],
    matched: &Matched<'_>,
    requirements: &Requirements,
    facts: &Facts<'_>,
) -> Result<(), Cause> {
    let privilege = requirements.privilege;
    let counts = facts.isolation != Isolation::None
        || privilege <= Privilege::Write
        || matched.scope.accept_local;
    match counts || causes.is_empty() {
        true => Ok(()),
        false => Err(Cause::new(
            Reason::LocalRefused,
            format!(
                "isolation is none, so that nobody can approve `{privilege}` apart from the agent itself"
            ),
        )),
    }
}

/// Every rule that names the target, together: why the call needs a person, if it does.
fn rules(call: &Call, matched: &Matched<'_>, steps: &mut Vec<Step>) -> Result<Vec<Cause>, Cause> {
    let mut causes = Vec::new();
    let mut refusal = None;
    if !matched.is_declared {
        steps.push(Step::Undeclared);
        causes.push(undeclared(call, matched));
    }
    for (index, rule) in &matched.rules {
        let judgement = match &rule.arguments {
            None => Judgement::Inside,
            Some(arguments) => arguments.judge(call.arguments.value()),
        };
        steps.push(Step::Rule {
            index: *index,
            inside: matches!(judgement, Judgement::Inside),
        });
        match judgement {
            Judgement::Inside => {}
            Judgement::Beyond(violations) => {
                for violation in violations {
                    let cause = Cause::new(Reason::Beyond, violation.sentence);
                    match rule.beyond {
                        Beyond::Pause => causes.push(cause),
                        Beyond::Deny => refusal = stricter(refusal, Some(cause)),
                    }
                }
            }
            Judgement::Fault(why) => {
                let cause = Cause::new(Reason::Unevaluable, format!("{}: {why}", rule.place));
                refusal = stricter(refusal, Some(cause));
            }
        }
    }
    match refusal {
        Some(cause) => Err(cause),
        None => Ok(causes),
    }
}

fn rates(
    matched: &Matched<'_>,
    requirements: &Requirements,
    facts: &Facts<'_>,
    steps: &mut Vec<Step>,
) -> Result<(), Cause> {
    let asked = requirements.rates.len();
    if asked > 0 {
        steps.push(Step::Rates {
            asked,
            fits: facts.exceeded.is_none(),
        });
    }
    let Some(exceeded) = &facts.exceeded else {
        return Ok(());
    };
    let quota = requirements.rates.get(exceeded.index).map(|ask| ask.quota);
    let sentence = match quota {
        Some(quota) => format!(
            "{} calls per {} s are declared, at most {} at once; {} s until the next fits",
            quota.calls,
            quota.per.as_secs(),
            quota.burst,
            exceeded.wait.as_secs_f64().ceil()
        ),
        None => format!("a rate of {} is used up", matched.scope.agent),
    };
    Err(Cause::new(Reason::RateLimited, sentence))
}

fn budgets(
    matched: &Matched<'_>,
    requirements: &Requirements,
    facts: &Facts<'_>,
    steps: &mut Vec<Step>,
) -> Result<(), Cause> {
    let mut refusal = None;
    for (at, budget) in requirements.amounts.iter().enumerate() {
        let place = matched
            .rules
            .iter()
            .find(|(index, _)| *index == budget.rule)
            .map_or_else(String::new, |(_, rule)| format!("{}: ", rule.place));
        // A sum the store did not give is a sum that cannot be checked.
        let cause = match (&budget.amount, facts.standing.spent.get(at)) {
            (None, _) => Some(Cause::new(
                Reason::Beyond,
                format!("{place}the budget needs one finite amount that is not negative"),
            )),
            (Some(_), None) => Some(Cause::new(
                Reason::Unevaluable,
                format!("{place}the sum spent is not known"),
            )),
            (Some(amount), Some(spent)) if spent.plus(amount) > budget.limit => Some(Cause::new(
                match *amount > budget.limit {
                    true => Reason::AboveBudget,
                    false => Reason::BudgetExhausted,
                },
                format!(
                    "{place}{spent} spent and {amount} asked would exceed {}",
                    budget.limit
                ),
            )),
            (Some(_), Some(_)) => None,
        };
        refusal = stricter(refusal, cause);
    }
    if !requirements.amounts.is_empty() {
        steps.push(Step::Budgets {
            asked: requirements.amounts.len(),
            fits: refusal.is_none(),
        });
    }
    refusal.map_or(Ok(()), Err)
}

/// Of two refusals the one that comes first in the table of reasons, then in the alphabet: so the
/// order of rules in a manifest never shows.
pub(super) fn stricter(one: Option<Cause>, other: Option<Cause>) -> Option<Cause> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// From `destroy` up: what a person's later no cannot bring back.
const LOCAL_REFUSED_RANK: u8 = 2;
