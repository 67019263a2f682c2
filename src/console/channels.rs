//! How people are told what waits, whether they can be, and how to switch a channel on again.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::{Markup, html};

use super::form::Posted;
use super::frame::Room;
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, frame, moment};
use crate::guard::notices::ChannelView;
use crate::model::name::ChannelName;
use crate::model::role::Right;
use crate::model::time::Timestamp;

/// The channels of the configuration.
pub(super) async fn page(State(console): State<Arc<Console>>, viewer: Viewer) -> Markup {
    let since = console.feed.place();
    let channels = console.guard.channels();
    let now = console.guard.ambient().now();
    let body = html! {
        main #main .sheet {
            h1 { "Channels" }
            @if channels.is_empty() {
                div .empty {
                    p { "Nobody is told what waits: the configuration names no channel." }
                    p .meta { "Channels stand under `notify` in countersign.yaml." }
                }
            } @else {
                table {
                    thead { tr {
                        th { "State" } th { "Channel" } th { "By" } th { "Sent" } th { "Failed tries" }
                        th { "Last failure" } th { "" }
                    } }
                    tbody { @for channel in &channels { (row(channel, &viewer, now)) } }
                }
            }
            @if let Some(key) = console.guard.notice_key() {
                p .meta { "Receivers verify webhooks with this public key: " code { (key) } }
            }
        }
    };
    frame::page(Room::Channels, "Channels", &viewer, &since, body)
}

/// Switches one on again.
pub(super) async fn enable(
    State(console): State<Arc<Console>>,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Redirect, Refusal> {
    let (viewer, _) = posted.with(&console, Right::Manage).await?;
    let name = ChannelName::parse(&name).map_err(|_| Refusal::missing())?;
    let operator = &viewer.proven.operator.name;
    console.guard.enable_channel(operator, &name).await?;
    Ok(Redirect::to("/channels"))
}

fn row(channel: &ChannelView, viewer: &Viewer, now: Timestamp) -> Markup {
    let count = |outcome: &str| {
        let found = channel.counts.iter().find(|(name, _)| *name == outcome);
        found.map_or(0, |(_, count)| *count)
    };
    html! {
        tr {
            td {
                @match channel.disabled {
                    Some(at) => { span .deny { "off" } " since " (moment::ago(at, now)) },
                    None => span .permit { "on" },
                }
            }
            td { (channel.name) }
            td { (channel.how) }
            td .number { (count("sent")) }
            td .number { (count("failed")) }
            td {
                @if let Some((at, fault)) = &channel.fault { (fault) " · " (moment::ago(*at, now)) }
            }
            td {
                @if channel.disabled.is_some() {
                    form method="post" action={ "/channels/" (channel.name) "/enable" } {
                        (frame::seal(viewer))
                        button .quiet { "Switch on" }
                    }
                }
            }
        }
    }
}
