//! The record: what was decided, done and changed, newest first.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::filter::Filter;
use super::frame::Room;
use super::refusal::Refusal;
use super::tail::Sight;
use super::viewer::Viewer;
use super::{Console, calls, foreign, frame, moment, plot, reviews};
use crate::limits::RECORD_SEARCHED_COUNT;
use crate::model::time::Timestamp;

/// What was typed into the search.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
}

/// The newest entries that fit what was typed.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    Query(Asked { q }): Query<Asked>,
    viewer: Viewer,
) -> Result<Markup, Refusal> {
    let guard = &console.guard;
    let since = console.feed.place();
    let filter = Filter::parse(&q, guard.ambient().now());
    let found = calls::newest(guard, SHOWN_COUNT, |body| filter.fits(body)).await?;
    let head = guard.head().await?;
    let sight = console.tail.look(guard).await?;
    let waiting = reviews::waiting(guard).await?;
    let now = guard.ambient().now();
    let asked: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("q", &q)
        .finish();
    let body = html! {
        main #main .sheet.wide {
            h1 { "Decisions" }
            (waiting)
            p .meta { a href="/reviews" { "All reviews of break-glass" } }
            @if filter.is_empty() { (overview(&sight, now)) }
            p .band {
                @match &head {
                    Some(signed) => {
                        "chained and signed up to entry " b .number { (signed.head.count) }
                        " · last head " (moment::ago(signed.head.at, now))
                        " · " code .digest { (signed.head.hash) }
                    }
                    None => "nothing is recorded yet",
                }
            }
            form method="get" action="/decisions" role="search" {
                label .visually-hidden for="q" { "Search the record" }
                input #q type="search" name="q" value=(q)
                    placeholder="agent:billing outcome:denied since:7d";
                button .quiet { "Search" }
            }
            @if let Some(time) = filter.fault() {
                p .alert role="alert" {
                    "“" (foreign::text(time)) "” is no time to search from: write " code { "since:30m" } ", "
                    code { "since:12h" } " or " code { "since:7d" } "."
                }
            }
            p .meta {
                "Export " @if filter.is_empty() { "the whole record" } @else { "what fits" } ": "
                a href={ "/decisions/export?as=jsonl&" (asked) } { "JSON lines" } ", "
                a href={ "/decisions/export?as=csv&" (asked) } { "CSV" }
                @if filter.is_empty() {
                    " · " code { "countersign audit verify --file" } " proves the lines wherever they are kept"
                } @else {
                    " · each line keeps its place and hash"
                }
            }
            @if found.is_empty() {
                div .empty {
                    p { "Nothing fits among the last " (RECORD_SEARCHED_COUNT) " entries." }
                    p .meta { "The whole record: " code { "countersign audit export" } "." }
                }
            } @else {
                table {
                    thead { tr { th { "Entry" } th { "When" } th { "What" } th { "Who" } th { "Why" } } }
                    tbody { @for (seq, body) in &found { (row(*seq, body, now)) } }
                }
            }
        }
    };
    Ok(frame::page(
        Room::Decisions,
        "Decisions",
        &viewer,
        &since,
        body,
    ))
}

/// How it goes in general: decisions by the hour, how fast people decide, what they are asked most.
fn overview(sight: &Sight, now: Timestamp) -> Markup {
    let day = sight.by_hour(now, DAY_HOURS, |_| true);
    let waits = sight.waits();
    let median = waits.get(waits.len() / 2);
    let asking = sight.asking();
    let spread: Vec<(&str, usize)> = WAITS
        .iter()
        .map(|(name, from, until)| {
            let fits = |took: &&Duration| **took >= *from && **took < *until;
            (*name, waits.iter().filter(fits).count())
        })
        .collect();
    html! {
        div .overview {
            section .card {
                h2 { "The last 24 hours" }
                (plot::hours("Decisions in 24 hours", &day))
                p .meta .axis { "24 h ago" span { "now" } }
            }
            section .card {
                h2 { "Time to decide" }
                @if let Some(median) = median {
                    (plot::lengths(&spread))
                    p .meta { "half within " (moment::rough(*median)) ", of " (waits.len()) }
                } @else {
                    p .meta { "nobody has decided a request yet" }
                }
            }
            section .card {
                h2 { "What pauses most" }
                @if asking.is_empty() {
                    p .meta { "no call has been paused yet" }
                } @else {
                    ul .plain {
                        @for one in asking.iter().take(ASKING_SHOWN_COUNT) {
                            li {
                                (foreign::text(&one.agent)) " " code { (foreign::text(&one.target)) }
                                span .meta .number {
                                    " asked " (one.asked) ", approved " (one.approved) ", denied " (one.denied)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn row(seq: u64, body: &Value, now: Timestamp) -> Markup {
    let said = |name: &str| body[name].as_str().unwrap_or_default();
    let kind = said("kind");
    let why: Vec<&str> = body["reasons"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|reason| reason["sentence"].as_str().or(reason["code"].as_str()))
        .chain(body["sentence"].as_str())
        .collect();
    html! {
        tr {
            td .number { (seq) }
            td { (calls::when(body, now)) }
            td {
                @if kind == "decision" {
                    (calls::verdict(said("decision")))
                    " " code { (foreign::text(&calls::target(&body["target"]))) }
                } @else {
                    (kind) " " (foreign::text(said("state"))) (foreign::text(said("outcome")))
                }
            }
            td { (foreign::text(match said("agent") { "" => said("by"), agent => agent })) }
            td {
                @for sentence in &why { div { (foreign::text(sentence)) } }
                details {
                    summary .meta { "the entry" }
                    (foreign::tree(body))
                }
            }
        }
    }
}

const SHOWN_COUNT: usize = 100;
const ASKING_SHOWN_COUNT: usize = 5;
const DAY_HOURS: usize = 24;

/// How long people take, in words and from when until when.
const WAITS: [(&str, Duration, Duration); 4] = [
    ("under 30 s", Duration::ZERO, Duration::from_secs(30)),
    (
        "to 2 min",
        Duration::from_secs(30),
        Duration::from_secs(120),
    ),
    (
        "to 10 min",
        Duration::from_secs(120),
        Duration::from_secs(600),
    ),
    ("longer", Duration::from_secs(600), Duration::MAX),
];
