//! A grant for calls like a held one: which arguments stay, what that would have covered, and the signature.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use data_encoding::BASE64URL_NOPAD;
use maud::{Markup, html};
use serde_json::Value;

use super::frame::Room;
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, foreign, frame, moment};
use crate::guard::{Part, Preview, PreviewError, sentence};
use crate::limits::{GRANT_LIFE, PATTERN_USES_COUNT};
use crate::model::approval::Approval;
use crate::model::id::ApprovalId;
use crate::model::json;
use crate::model::pattern::{Pins, places};
use crate::model::role::Right;

/// What the page was asked for.
struct Asked {
    pins: Vec<String>,
    uses: u32,
    minutes: u64,
}

/// Where a pattern is narrowed from a request and signed. Without pins it asks which arguments stay.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let id = ApprovalId::parse(&id).ok_or_else(Refusal::missing)?;
    let asked = read(&query.unwrap_or_default())?;
    let guard = &console.guard;
    let since = console.feed.place();
    let approval = guard.approval(id).await?.ok_or_else(Refusal::missing)?;
    let part = guard.part(&approval, &viewer.proven.operator).await?;
    let preview = match asked.pins.is_empty() {
        true => None,
        false => Some(match guard.preview(&approval, asked.pins.clone()).await {
            Ok(preview) => Ok(preview),
            Err(PreviewError::Unfit(why)) => Err(why),
            Err(PreviewError::Store(fault)) => return Err(fault.into()),
        }),
    };
    let now = guard.ambient().now();
    let body = html! {
        main #main .sheet.pattern data-shown=(id) {
            p #changed .alert hidden role="alert" {
                "This request changed since the page was made. "
                a href={ "/requests/" (id) } { "Show it as it is now" }
            }
            h1 { "Calls like this one" }
            p .lead { (sentence(&approval)) }
            p .meta {
                a href={ "/requests/" (id) } { "The request" } " · code " code .code { (approval.code) }
                " · " (moment::left(approval.decide_by, now)) " left"
            }
            @if approval.is_open(now) {
                (choose(&approval, &asked))
                @match &preview {
                    None => {}
                    Some(Err(why)) => { p .alert role="alert" { "There is no such pattern: " (why) "." } }
                    Some(Ok(preview)) => {
                        (shown(preview))
                        @if let Some(why) = bar(&part, &viewer) {
                            p .meta { (why) }
                        } @else {
                            (grant(&approval, preview, &asked, &viewer, guard.ambient().random::<16>()))
                        }
                    }
                }
            } @else {
                p { "It is decided, or ended otherwise: there is nothing to grant any more." }
            }
        }
    };
    let title = "Calls like this one";
    Ok(frame::page(Room::Inbox, title, &viewer, &since, body))
}

/// Pins in a sentence.
pub(super) fn kept(pins: &Pins) -> Markup {
    html! {
        @for (place, pin) in pins.iter().enumerate() {
            @if place > 0 { ", " }
            code { (foreign::text(pin)) }
        }
    }
}

fn choose(approval: &Approval, asked: &Asked) -> Markup {
    let arguments = json::parse(&approval.arguments).unwrap_or(Value::Null);
    let places = places(&arguments);
    let pins: BTreeSet<&str> = asked.pins.iter().map(String::as_str).collect();
    html! {
        form method="get" action={ "/requests/" (approval.id) "/pattern" } .panel {
            fieldset {
                legend { "What must stay as it is in this call" }
                @if places.is_empty() {
                    p .meta { "The call has no arguments that could stay or change." }
                }
                ul .plain.places {
                    @for (pointer, value) in &places {
                        li {
                            label {
                                // Whoever has chosen nothing yet begins with the narrowest.
                                input type="checkbox" name="pin" value=(pointer)
                                    checked[pins.is_empty() || pins.contains(pointer.as_str())];
                                " " code { (foreign::text(pointer)) } " "
                            }
                            span .value { (foreign::tree(value)) }
                        }
                    }
                }
            }
            p .meta {
                "What is left free may be anything that the scope allows there. Every other check of the scope \
                 runs on every call; forbids, rates and budgets hold as always."
            }
            div .pair {
                span {
                    label for="uses" { "How many calls at most" }
                    input #uses type="number" name="uses" min="1" max=(PATTERN_USES_COUNT) value=(asked.uses);
                }
                span {
                    label for="minutes" { "For how many minutes" }
                    input #minutes type="number" name="minutes" min="1" max=(GRANT_LIFE.as_secs() / 60)
                        value=(asked.minutes);
                }
            }
            button .quiet { "Preview" }
        }
    }
}

fn shown(preview: &Preview) -> Markup {
    html! {
        h2 { "Preview" }
        p #preview .lead { (preview) }
        dl .facts {
            dt { "Stays" }
            dd { (kept(&preview.pins)) }
            dt { "Free" }
            dd {
                @if preview.free.is_empty() { "nothing that the call has" }
                @for (place, free) in preview.free.iter().enumerate() {
                    @if place > 0 { ", " }
                    code { (foreign::text(free)) }
                }
            }
        }
    }
}

fn bar(part: &Part, viewer: &Viewer) -> Option<String> {
    if !viewer.may(Right::Decide) {
        return Some("What you signed in with does not decide.".to_owned());
    }
    let bar = part.bar.map(|bar| bar.sentence());
    let voted = part.vote.as_ref().map(|_| "you have voted already");
    let why = bar.or(voted)?;
    Some(format!("You may not decide this: {why}."))
}

fn grant(
    approval: &Approval,
    preview: &Preview,
    asked: &Asked,
    viewer: &Viewer,
    mark: [u8; 16],
) -> Markup {
    let pins: Value = preview.pins.iter().collect();
    html! {
        form #grant method="post" action={ "/requests/" (approval.id) "/decision" } .panel data-passkey {
            (frame::seal(viewer))
            input type="hidden" name="version" value=(approval.version);
            input type="hidden" name="digest" value=(approval.digest);
            input type="hidden" name="mark" value=(BASE64URL_NOPAD.encode(&mark));
            input type="hidden" name="assertion";
            input type="hidden" name="decision" value="pattern";
            input type="hidden" name="pins" value=(pins);
            input type="hidden" name="uses" value=(asked.uses);
            input type="hidden" name="minutes" value=(asked.minutes);
            p {
                "This call, and others of its session that keep " (kept(&preview.pins)) ", may run: "
                b { (asked.uses) " in all, within " (asked.minutes) " minutes" }
                ". The agent must collect this call in time, or all of it lapses."
            }
            p .meta role="status" { "You sign exactly this with your passkey." }
            button .permit { "Approve this call and others like it" }
        }
    }
}

fn read(query: &str) -> Result<Asked, Refusal> {
    let mut asked = Asked {
        pins: Vec::new(),
        uses: PROPOSED_USES_COUNT,
        minutes: GRANT_LIFE.as_secs() / 60,
    };
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "pin" => asked.pins.push(value.into_owned()),
            "uses" => {
                let uses = value.parse().ok();
                let uses = uses.filter(|uses| (1..=PATTERN_USES_COUNT).contains(uses));
                asked.uses = uses.ok_or_else(|| Refusal::bad_field("uses"))?;
            }
            "minutes" => {
                let minutes = value.parse().ok();
                let minutes = minutes.filter(|most| (1..=GRANT_LIFE.as_secs() / 60).contains(most));
                asked.minutes = minutes.ok_or_else(|| Refusal::bad_field("minutes"))?;
            }
            _ => return Err(Refusal::bad_form("it asks for more than there is")),
        }
    }
    Ok(asked)
}

const PROPOSED_USES_COUNT: u32 = 10;
