//! What earlier decisions of people mean for a call.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::requirements::Requirements;
use crate::limits::{
    DENIALS_CLOSE_COUNT, ENDED_MEMORY, HOLDS_PER_WINDOW_COUNT, OPEN_HOLDS_PER_AGENT_COUNT,
    UNDECLARED_ASKED_COUNT,
};
use crate::model::approval::{Approval, ApprovalState};
use crate::model::approver::Approver;
use crate::model::call::Call;
use crate::model::decision::{Cause, Step};
use crate::model::grant::Grant;
use crate::model::id::CallId;
use crate::model::name::UserName;
use crate::model::privilege::Privilege;
use crate::model::quorum::{ApprovalRule, Stage};
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::scopes::Scope;

/// A refusal, an end or a use of an earlier approval that answers this call.
pub(super) fn settled(facts: &Facts<'_>, now: Timestamp, steps: &mut Vec<Step>) -> Option<Cause> {
    if let Some(refused) = &facts.standing.refused {
        steps.push(step(refused, now));
        return Some(Cause::new(
            Reason::ApprovalDenied,
            format!("{} was refused by {}", refused.id, decider(refused)),
        ));
    }
    if facts.standing.closed {
        let sentence = format!("{DENIALS_CLOSE_COUNT} calls of it were refused within an hour");
        return Some(Cause::new(Reason::ToolClosed, sentence));
    }
    if let Some(attached) = facts.attached {
        steps.push(step(attached, now));
        return end(attached, now);
    }
    if let Some(refused) = alike(facts, now) {
        steps.push(step(refused, now));
        let sentence = format!(
            "{}, for the same destination and object, was refused by {}",
            refused.id,
            decider(refused)
        );
        return Some(Cause::new(Reason::ApprovalDenied, sentence));
    }
    let recent = facts.standing.approval.as_ref()?;
    steps.push(step(recent, now));
    let ended = match recent.state_at(now) {
        ApprovalState::Expired => recent.decide_by,
        ApprovalState::Cancelled { at } | ApprovalState::Invalidated { at } => at,
        // Used, lapsed or still live: a new call is a new matter, or joins the open one.
        _ => return None,
    };
    (now.since(ended) < ENDED_MEMORY)
        .then(|| end(recent, now))
        .flatten()
}

/// A refusal that answers whatever is for the same, said in other words. It answers no call about which a
/// person is being asked, or has said yes.
fn alike<'a>(facts: &Facts<'a>, now: Timestamp) -> Option<&'a Approval> {
    let approval = facts.standing.approval.as_ref();
    let is_asked = approval.is_some_and(|approval| approval.is_live(now));
    let grant = facts.standing.grant.as_ref();
    let is_granted = grant.is_some_and(|grant| grant.is_live(now));
    let refused = facts.standing.refused_alike.as_deref();
    refused.filter(|_| !is_asked && !is_granted)
}

/// Why a person is being asked about this very call, while nobody has answered. What an operator answers
/// by accepting a definition, or the scopes once more, is answered when it is no cause any longer.
pub(super) fn asked(facts: &Facts<'_>, now: Timestamp) -> Vec<Cause> {
    facts
        .standing
        .approval
        .iter()
        .filter(|approval| approval.is_open(now))
        .flat_map(|approval| &approval.reasons)
        .filter(|(reason, _)| {
            !matches!(
                reason,
                Reason::Undeclared | Reason::ToolUnaccepted | Reason::ToolChanged
            )
        })
        .map(|(reason, sentence)| Cause::new(*reason, sentence.as_str()))
        .collect()
}

/// Earlier calls of the same agent, target and destination of which nobody knows what became of them. They
/// matter to calls that do something to the world: sent again in other words, they could do it twice.
pub(super) fn doubts<'a>(
    requirements: &Requirements,
    facts: &Facts<'a>,
    steps: &mut Vec<Step>,
) -> &'a BTreeSet<CallId> {
    if requirements.privilege == Privilege::Read {
        return &NONE;
    }
    let doubts = &facts.standing.doubts;
    steps.extend(doubts.iter().copied().map(Step::Doubt));
    doubts
}

/// Why a person is asked because of a doubt.
pub(super) fn doubted(call: &Call, earlier: CallId) -> Cause {
    let sentence = format!(
        "nobody knows whether {earlier}, also of {}, took effect",
        call.target
    );
    Cause::new(Reason::EarlierUnknown, sentence)
}

/// The grant that lets this call run, if there is one. It lives only as long as the approval that left
/// it: one that lapsed or ended otherwise gives no leave, whatever time its grant had. One that was given
/// in ignorance of a doubt gives none while the doubt lasts.
pub(super) fn granted<'a>(
    facts: &Facts<'a>,
    doubts: &BTreeSet<CallId>,
    now: Timestamp,
) -> Option<&'a Grant> {
    let grant = facts.standing.grant.as_ref()?;
    let approval = facts.standing.approval.as_ref()?;
    gives_leave(grant, approval, doubts, now).then_some(grant)
}

/// Whether a grant lets anything run now: it, and the approval that left it, live, and whoever approved knew
/// of every doubt.
pub(super) fn gives_leave(
    grant: &Grant,
    approval: &Approval,
    doubts: &BTreeSet<CallId>,
    now: Timestamp,
) -> bool {
    let stands = matches!(
        approval.state_at(now),
        ApprovalState::Approved { .. }
            | ApprovalState::Executing { .. }
            | ApprovalState::Ended { .. }
    );
    let knows = doubts.iter().all(|doubt| approval.knows_of(*doubt));
    grant.is_live(now) && approval.id == grant.approval && stands && knows
}

/// Whether a person can be asked at all.
pub(super) fn askable(
    facts: &Facts<'_>,
    causes: &[Cause],
    scope: &Scope,
    privilege: Privilege,
    user: Option<&UserName>,
    now: Timestamp,
) -> Result<(), Cause> {
    if facts
        .standing
        .approval
        .as_ref()
        .is_some_and(|approval| approval.is_open(now))
    {
        return Ok(());
    }
    let standing = facts.standing;
    // Injected text must not be able to ask people over and over.
    let is_undeclared = causes
        .iter()
        .any(|cause| cause.reason == Reason::Undeclared);
    if is_undeclared && standing.undeclared >= UNDECLARED_ASKED_COUNT {
        let sentence = format!(
            "no rule names the target, and {} such reaches were asked about within an hour",
            standing.undeclared
        );
        return Err(Cause::new(Reason::Undeclared, sentence));
    }
    if standing.open >= OPEN_HOLDS_PER_AGENT_COUNT || standing.opened >= HOLDS_PER_WINDOW_COUNT {
        return Err(Cause::new(
            Reason::TooManyHolds,
            format!(
                "{} requests are open, {} were opened lately",
                standing.open, standing.opened
            ),
        ));
    }
    let Some(rule) = scope.approval_for(privilege) else {
        return Err(Cause::new(
            Reason::NoApprover,
            format!("the manifest names nobody who may approve `{privilege}`"),
        ));
    };
    // Nobody is kept waiting for people who are not there.
    match rule.unmet(&standing.approvers, user) {
        None => Ok(()),
        Some(stage) => Err(Cause::new(
            Reason::NoApprover,
            too_few(rule, stage, &standing.approvers),
        )),
    }
}

static NONE: BTreeSet<CallId> = BTreeSet::new();
/// Why a stage could not be passed by the people there are.
fn too_few(rule: &ApprovalRule, stage: &Stage, people: &[Approver]) -> String {
    let groups: Vec<_> = stage.any_of.iter().map(|group| group.as_str()).collect();
    let groups = groups.join(" or ");
    if !people.iter().any(|person| person.is_of(&stage.any_of)) {
        return format!("no operator belongs to {groups}");
    }
    format!(
        "{} of {groups} must approve, of {} in all, and too few of them may",
        stage.approve,
        rule.needed(),
    )
}

/// How an approval that a call waits on ended, if it did.
fn end(approval: &Approval, now: Timestamp) -> Option<Cause> {
    let id = approval.id;
    match approval.state_at(now) {
        ApprovalState::Held | ApprovalState::Approved { .. } => None,
        ApprovalState::Denied { by, .. } => Some(Cause::new(
            Reason::ApprovalDenied,
            format!("{id} was refused by {by}"),
        )),
        ApprovalState::Expired => Some(Cause::new(
            Reason::ApprovalExpired,
            format!("nobody decided {id} by {}", approval.decide_by),
        )),
        ApprovalState::Unredeemed => Some(Cause::new(
            Reason::ApprovalUnredeemed,
            format!("{id} was approved and not collected in time"),
        )),
        ApprovalState::Cancelled { .. } => Some(Cause::new(
            Reason::ApprovalCancelled,
            format!("the agent withdrew {id}"),
        )),
        ApprovalState::Invalidated { .. } => Some(Cause::new(
            Reason::ApprovalInvalidated,
            format!("the scope, the tool or the clock changed after {id} was opened"),
        )),
        ApprovalState::Revoked { .. } => Some(Cause::new(
            Reason::SessionRevoked,
            format!("the session was revoked while {id} was open"),
        )),
        ApprovalState::Executing { call, .. } | ApprovalState::Ended { call, .. } => {
            Some(Cause::new(Reason::Superseded, format!("{call} used {id}")))
        }
    }
}

fn step(approval: &Approval, now: Timestamp) -> Step {
    Step::Approval {
        id: approval.id,
        state: approval.state_at(now).name(),
    }
}

fn decider(approval: &Approval) -> &str {
    match &approval.state {
        ApprovalState::Denied { by, .. } => by.as_str(),
        _ => "a person",
    }
}
