//! Break-glass and its reviews: the way in an emergency, and the other person who judges it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

use super::form::{Fields, Posted};
use super::frame::Room;
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, decision, foreign, frame, moment, since, stopped};
use crate::guard::{Glass, Guard, StoreError, sentence};
use crate::limits::{GLASS_LIFE, GRANT_USES_COUNT, REVIEW_TEXT_BYTES};
use crate::model::approval::Approval;
use crate::model::digest::Digest;
use crate::model::id::{ApprovalId, ReviewId};
use crate::model::review::{Review, ReviewBar, ReviewVerdict};
use crate::model::role::Right;
use crate::model::time::Timestamp;

/// Every review, those that are open on top.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let guard = &console.guard;
    let since = console.feed.place();
    let now = guard.ambient().now();
    let mut reviews = guard.reviews(true).await?;
    reviews.sort_by_key(|review| review.closing.is_some());
    reviews.truncate(SHOWN_COUNT);
    let mut told = Vec::with_capacity(reviews.len());
    for review in reviews {
        let approval = guard.approval(review.approval).await?;
        told.push((approval.as_ref().map(sentence), review));
    }
    let body = html! {
        main #main .sheet.wide {
            h1 { "Reviews" }
            @if told.is_empty() {
                div .empty {
                    p { "Nobody has broken the glass." }
                    p .meta {
                        "Whoever has the role " code { "break-glass" } " can let a held call run alone. \
                         Each time stands here until another person has judged it."
                    }
                }
            } @else {
                table {
                    thead { tr { th { "State" } th { "Call" } th { "By" } th { "Reason" } th { "Opened" } th { "Judged" } } }
                    tbody { @for (sentence, review) in &told { (row(sentence.as_deref(), review, now)) } }
                }
            }
        }
    };
    Ok(frame::page(
        Room::Decisions,
        "Reviews",
        &viewer,
        &since,
        body,
    ))
}

fn row(sentence: Option<&str>, review: &Review, now: Timestamp) -> Markup {
    html! {
        tr {
            td { (state(review)) }
            td {
                a href={ "/requests/" (review.approval) } {
                    @match sentence {
                        Some(sentence) => (foreign::text(sentence)),
                        None => "the request",
                    }
                }
            }
            td { (review.by) }
            td { (foreign::text(&review.reason)) }
            td { (moment::ago(review.opened, now)) }
            td {
                @if let Some(closing) = &review.closing {
                    (closing.by) " " (moment::ago(closing.at, now)) " · " (foreign::text(&closing.note))
                }
            }
        }
    }
}

fn state(review: &Review) -> Markup {
    let verdict = review.closing.as_ref().map(|closing| closing.verdict);
    html! {
        @match verdict {
            None => span .held { "‖ open" },
            Some(ReviewVerdict::Justified) => span .permit { "✓ justified" },
            Some(ReviewVerdict::NotJustified) => span .deny { "✕ not justified" },
        }
    }
}

/// How many reviews wait, where any do.
pub(super) async fn waiting(guard: &Guard) -> Result<Markup, StoreError> {
    let open = guard.reviews(false).await?.len();
    Ok(html! {
        @if open > 0 {
            p .band {
                a href="/reviews" {
                    @match open {
                        1 => "1 review of break-glass is open",
                        open => { (open) " reviews of break-glass are open" },
                    }
                }
            }
        }
    })
}

/// What a request page says of a glass that was broken for it, with the form for whoever may judge that.
pub(super) async fn stands(
    guard: &Guard,
    id: ApprovalId,
    viewer: &Viewer,
    now: Timestamp,
) -> Result<Markup, StoreError> {
    let Some(review) = guard.review_of(id).await? else {
        return Ok(html! {});
    };
    let bar = guard.review_bar(&review, &viewer.proven.operator).await?;
    let groups: Vec<&str> = review.groups.iter().map(|group| group.as_str()).collect();
    Ok(html! {
        section .band aria-labelledby="review" {
            h2 #review { "Break-glass " (state(&review)) }
            p {
                (review.by) " let it run alone " (moment::ago(review.opened, now))
                ", in place of " (groups.join(", ")) ": " (foreign::text(&review.reason))
            }
            @match &review.closing {
                Some(closing) => p {
                    (closing.by) " judged it " (moment::ago(closing.at, now)) ": "
                    (foreign::text(&closing.note))
                },
                None => (judge(&review, bar, viewer)),
            }
        }
    })
}

fn judge(review: &Review, bar: Option<ReviewBar>, viewer: &Viewer) -> Markup {
    if let Some(bar) = bar {
        return html! { p .meta { "You do not judge it: " (bar.sentence()) "." } };
    }
    if !viewer.may(Right::Review) {
        return html! { p .meta { "What you signed in with does not judge it." } };
    }
    html! {
        form method="post" action={ "/reviews/" (review.id) "/close" } {
            (frame::seal(viewer))
            fieldset {
                legend { "Was it right to wait for nobody?" }
                label { input type="radio" name="verdict" value="justified" required; " Justified" }
                " "
                label {
                    input type="radio" name="verdict" value="not-justified" required;
                    " Not justified: what is left of the grant is revoked"
                }
            }
            label for="note" { "Why" }
            input #note name="note" maxlength=(REVIEW_TEXT_BYTES) required autocomplete="off";
            button { "Close the review" }
        }
    }
}

/// The way to let it run alone, for whoever has that role.
pub(super) fn glass(approval: &Approval, viewer: &Viewer) -> Markup {
    if !viewer.may(Right::BreakGlass) {
        return html! {};
    }
    let groups: Vec<String> = approval
        .rule
        .groups()
        .iter()
        .map(ToString::to_string)
        .collect();
    html! {
        div .verdict {
            details #break-glass {
                summary .button.quiet { "Break the glass…" }
                form method="post" action={ "/requests/" (approval.id) "/break-glass" } .panel data-passkey {
                    (frame::seal(viewer))
                    input type="hidden" name="version" value=(approval.version);
                    input type="hidden" name="digest" value=(approval.digest);
                    input type="hidden" name="assertion";
                    p .meta role="status" { "You sign with your passkey that you break the glass, and why." }
                    p .lead { (sentence(approval)) }
                    p .alert {
                        "You let it run alone, in place of " (groups.join(", ")) ". What its scope forbids stays \
                         forbidden. Another person will judge it."
                    }
                    p {
                        "Code " code .code { (approval.code) }
                        span .meta { " must be the one that the agent shows." }
                    }
                    label for="reason" { "Why nobody can be waited for" }
                    input #reason name="reason" maxlength=(REVIEW_TEXT_BYTES) required autocomplete="off";
                    label for="glass-uses" {
                        "How often this exact call may run, within " (GLASS_LIFE.as_secs() / 60)
                        " minutes where it is more than once"
                    }
                    input #glass-uses type="number" name="uses" min="1" max=(GRANT_USES_COUNT) value="1";
                    button .deny { "Break the glass" }
                }
            }
        }
    }
}

/// Lets it run alone.
pub(super) async fn take(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response, Refusal> {
    let (viewer, fields) = posted.with(&console, Right::BreakGlass).await?;
    let id = ApprovalId::parse(&id).ok_or_else(Refusal::missing)?;
    let glass = read(&fields)?;
    let operator = &viewer.proven.operator;
    let done = console.guard.break_glass(operator, id, glass).await;
    decision::answer(
        &console,
        &viewer,
        id,
        (since::shown(&fields), &headers),
        done,
    )
    .await
}

/// Closes a review.
pub(super) async fn close(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let (viewer, fields) = posted.with(&console, Right::Review).await?;
    let id = ReviewId::parse(&id).ok_or_else(Refusal::missing)?;
    let verdict = fields.needed("verdict", ReviewVerdict::parse)?;
    let note = fields.needed("note", |note| Some(note.to_owned()))?;
    let (review, done) = console
        .guard
        .close_review(&viewer.proven.operator, id, verdict, &note)
        .await?;
    let back = format!("/requests/{}", review.approval);
    Ok(stopped::answer(
        &console,
        &viewer,
        Room::Decisions,
        &back,
        &done,
    ))
}

fn read(fields: &Fields) -> Result<Glass, Refusal> {
    Ok(Glass {
        version: fields.needed("version", |text| text.parse().ok())?,
        digest: fields.needed("digest", Digest::from_hex)?,
        uses: fields.needed("uses", |text| text.parse().ok())?,
        life: None,
        reason: fields.needed("reason", |text| Some(text.to_owned()))?,
        answer: decision::read_answer(fields)?,
    })
}

const SHOWN_COUNT: usize = 200;
