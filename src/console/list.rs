//! The requests that wait, those that matter most first.

use std::sync::Arc;

use maud::{Markup, html};

use super::tier;
use super::{foreign, moment};
use crate::model::approval::{Approval, ApprovalState};
use crate::model::approver::Approver;
use crate::model::credential::Operator;
use crate::model::id::ApprovalId;
use crate::model::quorum::Bar;
use crate::model::text::escape;
use crate::model::time::Timestamp;

/// The list below its head, with the request that is shown beside it marked.
pub(super) fn render(
    mut approvals: Vec<Arc<Approval>>,
    shown: Option<ApprovalId>,
    operator: &Operator,
    head: &Markup,
    now: Timestamp,
) -> Markup {
    approvals.sort_by_key(|one| {
        let is_open = one.is_open(now);
        (
            !is_open,
            std::cmp::Reverse(one.privilege.rank()),
            one.decide_by,
        )
    });
    html! {
        section .list aria-label="Requests" {
            (head)
            label .visually-hidden for="search" { "Search the list" }
            input #search type="search" placeholder="Search  /" autocomplete="off";
            p #news .news role="status" { }
            @if approvals.is_empty() {
                div .empty {
                    p { "Nothing waits for a person." }
                    p .meta {
                        "A call beyond its agent's scope appears here. To see one, run "
                        code { "countersign demo" } "."
                    }
                }
            }
            ul {
                @for approval in &approvals {
                    (row(approval, shown == Some(approval.id), operator, now))
                }
            }
        }
    }
}

fn row(approval: &Approval, is_shown: bool, operator: &Operator, now: Timestamp) -> Markup {
    let state = approval.state_at(now);
    let until = match &state {
        ApprovalState::Approved { redeem_by, .. } => *redeem_by,
        _ => approval.decide_by,
    };
    html! {
        li data-request=(approval.id) {
            a href={ "/requests/" (approval.id) } aria-current=[is_shown.then_some("true")] {
                span .line {
                    (tier::of(approval.privilege))
                    span .who { (foreign::text(approval.principal.agent.as_str())) }
                    (moment::left(until, now))
                }
                span .line {
                    code { (foreign::text(&approval.target.to_string())) }
                    span .meta {
                        @match &state {
                            ApprovalState::Held if is_for_others(approval, operator) => "for others",
                            ApprovalState::Held => {
                                @if let Some(progress) = approval.progress() { (progress) " · " }
                                @match approval.vote_of(&operator.name) {
                                    Some(_) => "you voted",
                                    None => (gist(approval)),
                                }
                            },
                            ApprovalState::Approved { by, .. } => { "✓ " (by) },
                            other => (other.name()),
                        }
                    }
                }
            }
        }
    }
}

/// Whether others must decide it. Whether somebody is the only person there is shows on its own page.
fn is_for_others(approval: &Approval, operator: &Operator) -> bool {
    match approval.bars(&Approver::from(operator)) {
        None => false,
        Some(Bar::Group) => true,
        Some(Bar::Owner | Bar::User) => !approval.rule.self_approval,
    }
}

/// Why it stopped, as far as there is room; the whole of it stands on the request's own page.
fn gist(approval: &Approval) -> Markup {
    let first = approval
        .reasons
        .first()
        .map(|(_, sentence)| sentence.as_str());
    let said = escape(first.unwrap_or_default());
    html! { span title=(said) { (said) } }
}
