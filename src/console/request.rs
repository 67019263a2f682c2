//! One request: everything that is needed to decide, in the order in which it is read.

use std::sync::Arc;

use axum::extract::{Path, State};
use data_encoding::BASE64URL_NOPAD;
use maud::{Markup, html};
use serde_json::Value;

use super::frame::Room;
use super::refusal::Refusal;
use super::tail::Sight;
use super::viewer::Viewer;
use super::{
    Console, account, calls, foreign, frame, list, moment, precedent, reviews, sessions, since,
    tier, votes,
};
use crate::guard::{Part, Precedent, sentence};
use crate::limits::{GRANT_LIFE, GRANT_USES_COUNT};
use crate::model::approval::{Approval, ApprovalState};
use crate::model::id::ApprovalId;
use crate::model::json;
use crate::model::privilege::Privilege;
use crate::model::role::Right;
use crate::model::session::Session;
use crate::model::time::Timestamp;

/// The request, beside the others.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let id = ApprovalId::parse(&id).ok_or_else(Refusal::missing)?;
    shown(&console, &viewer, id, None).await
}

/// The request with a word on what just happened to it.
pub(super) async fn shown(
    console: &Console,
    viewer: &Viewer,
    id: ApprovalId,
    word: Option<&str>,
) -> Result<Markup, Refusal> {
    let guard = &console.guard;
    let feed_place = console.feed.place();
    let after = since::place(guard).await?;
    let approval = guard.approval(id).await?.ok_or_else(Refusal::missing)?;
    let others = guard.approvals(false).await?;
    let sight = console.tail.look(guard).await?;
    let before = guard.precedents(&approval).await?;
    let session = guard.session_named(approval.session).await?;
    let part = guard.part(&approval, &viewer.proven.operator).await?;
    let now = guard.ambient().now();
    let asks = guard
        .asks_passkey(&approval, &viewer.proven.operator, part.own)
        .await?;
    let review = reviews::stands(guard, id, viewer, now).await?;
    let waiting = reviews::waiting(guard).await?;
    let is_old = guard.rights_are_old(&viewer.proven.operator).await?;
    let title = sentence(&approval);
    let also = also(&approval, &others, now);
    let body = html! {
        div .panes.one {
            (list::render(others, Some(id), &viewer.proven.operator, &waiting, now))
            main #main class={ "request " (tier::class(approval.privilege)) } data-shown=(id) {
                @if let Some(word) = word {
                    p .alert role="alert" { (word) }
                }
                p #changed .alert hidden role="alert" {
                    "This request changed since the page was made. "
                    a href={ "/requests/" (id) } { "Show it as it is now" }
                }
                h1 { (title) }
                (facts(&approval, session.as_ref(), &sight, &before, now))
                (also)
                (standing(&approval, now))
                (votes::cast(&approval, now))
                (review)
                p .meta { a href={ "/requests/" (id) "/amendment" } { "Propose a change to the manifest" } }
                @if approval.is_open(now) {
                    (votes::own(&approval, &part, viewer, now))
                    @if part.may_vote() && is_old {
                        (account::unread(viewer, &format!("/requests/{id}")))
                    } @else if part.may_vote() {
                        (verdict(&approval, &part, viewer, asks, after, guard.ambient().random::<16>()))
                    }
                    (reviews::glass(&approval, viewer))
                }
            }
        }
    };
    Ok(frame::page(Room::Inbox, &title, viewer, &feed_place, body))
}

fn facts(
    approval: &Approval,
    session: Option<&Session>,
    sight: &Sight,
    before: &[Precedent],
    now: Timestamp,
) -> Markup {
    let name = approval.session.to_string();
    let trail = sight.of_session(&name).take(TRAIL_COUNT);
    let read = |canonical: &[u8]| json::parse(canonical).unwrap_or(Value::Null);
    let claims = read(&approval.claims);
    let extras = read(&approval.extras);
    let is_empty = |value: &Value| value.as_object().is_none_or(serde_json::Map::is_empty);
    html! {
        dl .facts {
            dt { "Why it stopped" }
            dd {
                ul .plain {
                    @for (reason, sentence) in &approval.reasons {
                        li title=(reason.code()) { (foreign::text(sentence)) }
                    }
                }
            }
            dt { "What is new" }
            dd { (precedent::news(approval, before, now)) }
            dt { "Arguments" }
            dd {
                @if approval.secrets.is_empty() {
                    p .meta { "complete · " (approval.arguments.len()) " bytes" }
                } @else {
                    p .meta { "complete but for secrets, which pass as they were sent" }
                    ul .plain {
                        @for secret in &approval.secrets {
                            li { "hidden: " code { (foreign::text(secret)) } }
                        }
                    }
                }
                (foreign::tree(&read(&approval.arguments)))
                details {
                    summary { "as sent" }
                    pre { (foreign::text(&String::from_utf8_lossy(&approval.arguments))) }
                }
            }
            @if !is_empty(&extras) {
                dt { "Also sends" }
                dd { (foreign::tree(&extras)) }
            }
            dt { "Effect" }
            dd { (tier::of(approval.privilege)) " " (approval.privilege) " · " (effect(approval.privilege)) }
            dt { "Session" }
            dd {
                a href={ "/sessions/" (approval.session) } { code { (approval.session) } }
                @if let Some(user) = &approval.principal.on_behalf_of {
                    " · for " (foreign::text(user.as_str()))
                }
                " · " (approval.mode.name())
                @if approval.covers_session { " · its other calls above read wait too" }
            }
            @if let Some(session) = session {
                dt { "It has heard" }
                dd { (sessions::heard(session, now)) }
            }
            dt { "Trail" }
            dd { (calls::trail(trail, now)) }
            dt { "Precedent" }
            dd { (precedent::tally(before)) }
            dt { "Asked" }
            dd { (moment::ago(approval.opened, now)) }
            dt { "Digest" }
            dd { code .digest { (approval.digest) } }
        }
        @if !is_empty(&claims) {
            details .claims {
                summary { "The agent says (unverified)" }
                (foreign::tree(&claims))
            }
        }
    }
}

/// What else of the agent waits: an agent that asks for much at once asks for something else.
fn also(approval: &Approval, others: &[Arc<Approval>], now: Timestamp) -> Markup {
    let agent = &approval.principal.agent;
    let own: Vec<_> = others
        .iter()
        .filter(|one| one.id != approval.id && one.principal.agent == *agent && one.is_open(now))
        .collect();
    html! {
        @if !own.is_empty() {
            dl .facts {
                dt { "Also waiting" }
                dd {
                    (own.len()) @if own.len() == 1 { " more call" } @else { " more calls" } " of this agent:"
                    @for one in own.iter().take(ALSO_COUNT) {
                        " " a href={ "/requests/" (one.id) } { code { (foreign::text(&one.target.to_string())) } }
                    }
                    @if own.len() > ALSO_COUNT { " …" }
                }
            }
        }
    }
}

const fn effect(privilege: Privilege) -> &'static str {
    match privilege {
        Privilege::Read => "leaves nothing changed",
        Privilege::Write => "changes something of the system's own",
        Privilege::Send => "something leaves the system",
        Privilege::Destroy => "cannot be brought back",
        Privilege::Money => "moves money",
        Privilege::Admin => "changes who may do what",
    }
}

fn standing(approval: &Approval, now: Timestamp) -> Markup {
    let state = approval.state_at(now);
    html! {
        p .standing {
            @match &state {
                ApprovalState::Held => {
                    span .held { "‖ held" } " · " (votes::needs(approval))
                    @if approval.rule.step_up { " · passkey" }
                    " · code " code .code { (approval.code) }
                    " · " (moment::left(approval.decide_by, now)) " left"
                }
                ApprovalState::Approved { by, at, redeem_by } => {
                    span .permit { "✓ approved" } " by " (by) " " (moment::ago(*at, now))
                    " · the agent must use it within " (moment::left(*redeem_by, now))
                }
                ApprovalState::Denied { by, at, message } => {
                    span .deny { "✕ denied" } " by " (by) " " (moment::ago(*at, now))
                    @if let Some(message) = message { " · the agent was told: " (foreign::text(message)) }
                }
                ApprovalState::Executing { by, .. } => {
                    span .permit { "✓ approved" } " by " (by) " · it is running"
                }
                ApprovalState::Ended { outcome, by, .. } => {
                    span .permit { "✓ approved" } " by " (by) " · it ended: " (outcome.name())
                }
                other => { span .over { "… " (other.name()) } }
            }
        }
    }
}

fn verdict(
    approval: &Approval,
    part: &Part,
    viewer: &Viewer,
    asks: bool,
    after: u64,
    mark: [u8; 16],
) -> Markup {
    if !viewer.may(Right::Decide) {
        return html! {
            p .meta { "What you signed in with does not decide." }
        };
    }
    let action = format!("/requests/{}/decision", approval.id);
    let bound = html! {
        (frame::seal(viewer))
        input type="hidden" name="version" value=(approval.version);
        input type="hidden" name="digest" value=(approval.digest);
        input type="hidden" name="after" value=(after);
        input type="hidden" name="mark" value=(BASE64URL_NOPAD.encode(&mark));
    };
    html! {
        div .verdict {
            details #deny {
                summary .button.quiet { "Deny…" }
                form method="post" action=(action) .panel {
                    (bound)
                    input type="hidden" name="decision" value="deny";
                    label for="message" { "What the agent is told (may stay empty)" }
                    input #message name="message" maxlength="500" list="quick" autocomplete="off";
                    datalist #quick {
                        option value="Not part of this task." { }
                        option value="Ask the person you work for first." { }
                        option value="The arguments look wrong." { }
                    }
                    button .deny { "Deny" }
                }
            }
            details #approve {
                summary .button.main { "Approve…" }
                form method="post" action=(action) .panel data-passkey[asks] {
                    (bound)
                    @if asks {
                        input type="hidden" name="assertion";
                        p .meta role="status" { "You sign exactly this with your passkey." }
                    }
                    input type="hidden" name="decision" value="approve";
                    p .lead { (sentence(approval)) }
                    @if part.own {
                        p .alert {
                            "It concerns yourself. You may approve it, because nobody else could; the record \
                             will say that you approved your own matter."
                        }
                    }
                    p {
                        "Code " code .code { (approval.code) }
                        span .meta { " must be the one that the agent shows." }
                    }
                    label for="uses" { "How often this exact call may run, within "
                        (GRANT_LIFE.as_secs() / 60) " minutes where it is more than once" }
                    input #uses type="number" name="uses" min="1" max=(GRANT_USES_COUNT) value="1";
                    button .permit { "Approve this call" }
                }
                @if approval.mould.is_some() {
                    p .meta {
                        a href={ "/requests/" (approval.id) "/pattern" } { "Also let calls like it run…" }
                    }
                }
            }
        }
    }
}

const TRAIL_COUNT: usize = 10;
const ALSO_COUNT: usize = 5;
