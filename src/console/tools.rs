//! What servers present: what was accepted of it, and what changed since.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Deserialize;

use super::form::{Fields, Posted};
use super::frame::Room;
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, foreign, frame, moment};
use crate::guard::{MemberDiff, PinView, Word};
use crate::model::digest::Digest;
use crate::model::name::ServerName;
use crate::model::pin::{PinKey, PinKind};
use crate::model::role::Right;
use crate::model::time::Timestamp;

/// Which definition.
#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    server: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
}

/// What servers present now; what needs a person stands on top.
pub(super) async fn page(State(console): State<Arc<Console>>, viewer: Viewer) -> Markup {
    let since = console.feed.place();
    let mut pins = console.guard.pins();
    pins.retain(|view| view.is_presented);
    pins.sort_by_key(|view| view.standing.name() == "accepted");
    let now = console.guard.ambient().now();
    let body = html! {
        main #main .sheet.wide {
            h1 { "Tools" }
            @if pins.is_empty() {
                div .empty {
                    p { "No server has presented anything." }
                    p .meta { "Definitions appear once the guard has spoken with an upstream." }
                }
            } @else {
                table {
                    thead { tr {
                        th { "Standing" } th { "Server" } th { "Kind" } th { "Name" } th { "First seen" } th { "" }
                    } }
                    tbody { @for view in &pins { (row(view, now)) } }
                }
            }
        }
    };
    frame::page(Room::Tools, "Tools", &viewer, &since, body)
}

/// What is presented now beside what was accepted, word by word.
pub(super) async fn diff(
    State(console): State<Arc<Console>>,
    Query(which): Query<Which>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let since = console.feed.place();
    let server = ServerName::parse(&which.server).map_err(|_| Refusal::missing())?;
    let kind = PinKind::parse(&which.kind).ok_or_else(Refusal::missing)?;
    let diff = console.guard.pin_diff(&server, kind, &which.name);
    let diff = diff.ok_or_else(Refusal::missing)?;
    let key = &diff.presented.key;
    let is_accepted = diff.presented.acceptance().is_some();
    let body = html! {
        main #main .sheet {
            h1 { (kind.name()) " " code { (foreign::text(&format!("{server}/{}", which.name))) } }
            p .meta {
                @if diff.accepted.is_some() { "What is presented now, against what was accepted last." }
                @else { "Nobody has accepted this yet: all of it is new." }
                " Invisible characters are spelt out."
            }
            @if diff.members.is_empty() { p { "Nothing differs." } }
            dl .diff {
                @for member in &diff.members { (words(member)) }
            }
            @if viewer.may(Right::Manage) { div .deeds {
                @if !is_accepted { (deed(key, &viewer, "accept", "Accept this definition")) }
                (deed(key, &viewer, "refuse", "Refuse it"))
            } }
        }
    };
    Ok(frame::page(
        Room::Tools,
        "Definition",
        &viewer,
        &since,
        body,
    ))
}

/// Accepts or refuses the definition whose digest was shown.
pub(super) async fn take(
    State(console): State<Arc<Console>>,
    Path(deed): Path<String>,
    posted: Posted,
) -> Result<Redirect, Refusal> {
    let (viewer, fields) = posted.with(&console, Right::Manage).await?;
    let key = key(&fields)?;
    let (guard, operator) = (&console.guard, &viewer.proven.operator.name);
    match deed.as_str() {
        "accept" => guard.accept_pin(operator, &key).await?,
        "refuse" => guard.refuse_pin(operator, &key).await?,
        _ => return Err(Refusal::missing()),
    }
    Ok(Redirect::to("/tools"))
}

fn key(fields: &Fields) -> Result<PinKey, Refusal> {
    Ok(PinKey {
        server: fields.needed("server", |text| ServerName::parse(text).ok())?,
        kind: fields.needed("kind", PinKind::parse)?,
        name: fields.text("name").unwrap_or_default().into(),
        digest: fields.needed("digest", Digest::from_hex)?,
    })
}

fn row(view: &PinView, now: Timestamp) -> Markup {
    let pin = &view.pin;
    let standing = view.standing.name();
    let class = match standing {
        "accepted" => "permit",
        "refused" => "deny",
        _ => "held",
    };
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("server", pin.key.server.as_str())
        .append_pair("kind", pin.key.kind.name())
        .append_pair("name", &pin.key.name)
        .finish();
    html! {
        tr {
            td { span class=(class) { (standing) } }
            td { (pin.key.server) }
            td { (pin.key.kind.name()) }
            td { code { (foreign::text(&pin.key.name)) } }
            td { (moment::ago(pin.first_seen, now)) }
            td { a href={ "/tools/diff?" (query) } { "look" } }
        }
    }
}

fn words(member: &MemberDiff) -> Markup {
    html! {
        dt { (member.member) }
        dd {
            @for word in &member.words {
                @match word {
                    Word::Same(text) => span { (text) },
                    Word::Removed(text) => del { (text) },
                    Word::Added(text) => ins { (text) },
                }
            }
        }
    }
}

fn deed(key: &PinKey, viewer: &Viewer, deed: &str, name: &str) -> Markup {
    html! {
        form method="post" action={ "/tools/" (deed) } {
            (frame::seal(viewer))
            input type="hidden" name="server" value=(key.server);
            input type="hidden" name="kind" value=(key.kind.name());
            input type="hidden" name="name" value=(key.name);
            input type="hidden" name="digest" value=(key.digest);
            button .quiet { (name) }
        }
    }
}
