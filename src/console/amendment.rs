//! A change of the manifest, proposed from a request: a patch to read and to take along.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::frame::Room;
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, foreign, frame};
use crate::guard::{AmendError, Proposal, sentence};
use crate::model::id::ApprovalId;
use crate::model::text::escape;

/// The patch, what it lets through, and what it would have changed before.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let id = ApprovalId::parse(&id).ok_or_else(Refusal::missing)?;
    let since = console.feed.place();
    let approval = console.guard.approval(id).await?;
    let approval = approval.ok_or_else(Refusal::missing)?;
    let proposed = match console.guard.amendment(id).await {
        Ok(proposal) => shown(&proposal),
        Err(AmendError::Store(fault)) => return Err(fault.into()),
        Err(other) => html! {
            p .lead { "There is no small change to propose." }
            p { (foreign::text(&other.to_string())) }
            p .meta { "Whoever keeps the manifest can see what it makes of a call with "
                code { "countersign scopes explain" } "." }
        },
    };
    let body = html! {
        main #main .sheet.wide {
            h1 { "A change to the manifest" }
            p { "From " a href={ "/requests/" (id) } { (sentence(&approval)) } }
            (proposed)
        }
    };
    Ok(frame::page(
        Room::Scopes,
        "A change to the manifest",
        &viewer,
        &since,
        body,
    ))
}

/// The patch as a file.
pub(super) async fn patch(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    _: Viewer,
) -> Result<Response, Refusal> {
    let id = ApprovalId::parse(&id).ok_or_else(Refusal::missing)?;
    let proposal = console.guard.amendment(id).await?;
    let name = format!("attachment; filename=\"{id}.patch\"");
    let headers = [
        (CONTENT_TYPE, "text/x-diff; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((headers, proposal.patch).into_response())
}

fn shown(proposal: &Proposal) -> Markup {
    let replay = proposal.replay;
    html! {
        p .lead { (foreign::text(&proposal.sentence)) }
        @if !proposal.remains.is_empty() {
            section .part {
                h2 { "What it does not answer" }
                ul .plain {
                    @for (reason, sentence) in &proposal.remains {
                        li title=(reason.code()) { (foreign::text(sentence)) }
                    }
                }
            }
        }
        section .part {
            h2 { "What it would have changed" }
            @if replay.changed == 0 {
                p { "Nothing among the last " (replay.calls) " calls of this agent." }
            } @else {
                p { (replay.changed) " of the last " (replay.calls) " calls of this agent would be decided otherwise; "
                    (replay.permitted) " of them would pass without a person." }
            }
            @if replay.kept < replay.calls {
                p .meta { "The arguments of " (replay.calls - replay.kept) " of them are not kept, so that nobody can tell." }
            }
        }
        section .part {
            h2 { "The patch of " code { (foreign::text(&proposal.file)) } }
            pre .patch tabindex="0" role="region" aria-label="The patch" {
                @for line in proposal.patch.lines() {
                    (marked(line)) "\n"
                }
            }
            p { a .button.main href={ "/requests/" (proposal.approval) "/amendment.patch" } download { "Take the patch along" } }
            p .meta {
                "It compiles, and over it this call is permitted. Nothing is changed yet: apply it "
                @if proposal.directory.is_empty() { "where the guard was started" }
                @else { "in " code { (foreign::text(&proposal.directory)) } }
                " with " code { "patch -p1" } " or " code { "git apply" }
                ", have it reviewed like any change, and accept the changed manifest under "
                a href="/scopes" { "Scopes" } "."
            }
        }
    }
}

/// A line in its colour, with its mark.
fn marked(line: &str) -> Markup {
    let text = escape(line);
    let is_head = line.starts_with("---") || line.starts_with("+++");
    match line.as_bytes().first() {
        Some(b'+') if !is_head => html! { span .added { (text) } },
        Some(b'-') if !is_head => html! { span .removed { (text) } },
        _ => html! { (text) },
    }
}
