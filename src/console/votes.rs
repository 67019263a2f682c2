//! The votes on a request: what it takes, what there is, and one's own, which may be taken back.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::form::Posted;
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, foreign, frame, moment, pattern, request};
use crate::guard::{Part, ResolveError};
use crate::model::approval::Approval;
use crate::model::ballot::{Ballot, Choice};
use crate::model::id::ApprovalId;
use crate::model::role::Right;
use crate::model::time::Timestamp;

/// What the stage that is open takes.
pub(super) fn needs(approval: &Approval) -> String {
    let Some((at, stage)) = approval.stage() else {
        return "needs nobody any more".to_owned();
    };
    let groups: Vec<&str> = stage.any_of.iter().map(|group| group.as_str()).collect();
    let groups = groups.join(", ");
    let stages = approval.rule.stages.len();
    let place = match stages {
        1 => String::new(),
        _ => format!("stage {} of {stages}: ", at.saturating_add(1)),
    };
    match (stage.approve, approval.tally(at).0) {
        (1, _) => format!("{place}needs one of {groups}"),
        (needed, given) => format!("{place}{given} of {needed} approvals of {groups}"),
    }
}

/// Each vote with who and when; nothing where one vote is all there can be.
pub(super) fn cast(approval: &Approval, now: Timestamp) -> Markup {
    let is_told_elsewhere =
        approval.rule.needed() == 1 && !approval.is_self_approved() && !has_pins(approval);
    if approval.ballots.is_empty() || is_told_elsewhere {
        return html! {};
    }
    html! {
        ul .plain.votes aria-label="Votes" {
            @for ballot in &approval.ballots {
                li { (line(approval, ballot, now)) }
            }
        }
    }
}

fn has_pins(approval: &Approval) -> bool {
    let mut choices = approval.ballots.iter().map(|ballot| &ballot.choice);
    choices.any(Choice::has_pins)
}

fn line(approval: &Approval, ballot: &Ballot, now: Timestamp) -> Markup {
    html! {
        @match &ballot.choice {
            Choice::Approve { uses, pins, .. } => {
                span .permit { "✓ approves" } " "
                @if *uses > 1 { "up to " (uses) " times " }
                @if let Some(pins) = pins { "and calls like it that keep " (pattern::kept(pins)) " " }
            }
            Choice::Deny { .. } => { span .deny { "✕ refuses" } " " }
        }
        (ballot.person)
        @if let Some(lender) = &ballot.lender { " in the stead of " (lender) }
        " " (moment::ago(ballot.at, now))
        @if approval.rule.stages.len() > 1 { " · stage " (ballot.stage.saturating_add(1)) }
        @if ballot.own { " · self-approved" }
        @if let Choice::Deny { message: Some(message) } = &ballot.choice {
            " · " (foreign::text(message))
        }
    }
}

/// What the viewer has to do with it, where that is not to vote.
pub(super) fn own(approval: &Approval, part: &Part, viewer: &Viewer, now: Timestamp) -> Markup {
    let Some(vote) = &part.vote else {
        return html! {
            @if let Some(bar) = part.bar {
                p .meta { "You may not decide this: " (bar.sentence()) "." }
            }
            @if let Some(lender) = &part.lender {
                p .meta { "You would vote in the stead of " (lender) "." }
            }
        };
    };
    let is_open = approval.stage().is_some_and(|(at, _)| at == vote.stage);
    html! {
        p .meta {
            "You voted to " (vote.choice.name()) " " (moment::ago(vote.at, now)) "; one person counts once."
        }
        @if is_open && viewer.may(Right::Decide) {
            form method="post" action={ "/requests/" (approval.id) "/withdraw" } {
                (frame::seal(viewer))
                input type="hidden" name="version" value=(approval.version);
                button .quiet { "Withdraw my vote" }
            }
        }
    }
}

/// Takes the viewer's vote back.
pub(super) async fn withdraw(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let (viewer, fields) = posted.with(&console, Right::Decide).await?;
    let id = ApprovalId::parse(&id).ok_or_else(Refusal::missing)?;
    let version = fields.needed("version", |text| text.parse().ok())?;
    let guard = &console.guard;
    let (status, word) = match guard
        .withdraw_vote(&viewer.proven.operator, id, version)
        .await
    {
        Ok(_) => return Ok(Redirect::to(&format!("/requests/{id}")).into_response()),
        Err(ResolveError::Stale { .. }) => (
            StatusCode::PRECONDITION_FAILED,
            "Your vote still counts: the request changed after your page was made.",
        ),
        Err(ResolveError::Decided { .. } | ResolveError::NoVote) => (
            StatusCode::CONFLICT,
            "Nothing was withdrawn: your vote has done its work, or is withdrawn already.",
        ),
        Err(other) => return Err(other.into()),
    };
    let page = request::shown(&console, &viewer, id, Some(word)).await?;
    Ok((status, page).into_response())
}
