//! `/metrics`: how the guard stands, in the text format that Prometheus reads.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::super::problem::Problem;
use super::caller::Caller;
use crate::guard::{Figures, Guard, Spread};
use crate::model::isolation::Isolation;

/// Everything a monitor reads, at this moment.
pub(super) async fn show(
    State(guard): State<Arc<Guard>>,
    Caller(_): Caller,
) -> Result<Response, Problem> {
    let figures = guard.figures().await?;
    Ok(([(CONTENT_TYPE, TEXT)], render(&figures)).into_response())
}

fn render(figures: &Figures) -> String {
    let mut page = Page(String::new());
    page.head(
        "countersign_decisions_total",
        "counter",
        "Judgements since the start, by answer and first reason.",
    );
    for (word, reason, count) in &figures.decisions {
        let labels = format!("{{decision=\"{word}\",reason=\"{}\"}}", reason.code());
        page.row("countersign_decisions_total", &labels, count);
    }
    page.spread(
        "countersign_judging_seconds",
        "From a call's arrival to its recorded ruling.",
        &figures.judging,
    );
    page.spread(
        "countersign_commit_seconds",
        "From handing an entry to the store to its acknowledgement.",
        &figures.committing,
    );
    page.spread(
        "countersign_upstream_seconds",
        "From the write upstream to the settled outcome.",
        &figures.upstream,
    );
    page.spread(
        "countersign_vote_seconds",
        "From the opening of an approval to the vote that decided it.",
        &figures.voting,
    );
    page.gauge(
        "countersign_open_holds",
        "Approvals that wait for a person.",
        figures.open,
    );
    page.gauge(
        "countersign_oldest_hold_seconds",
        "How long the oldest of them has waited.",
        Seconds(figures.oldest),
    );
    page.gauge(
        "countersign_unsigned_entries",
        "Entries of the record after its newest signed head.",
        figures.unsigned,
    );
    page.head(
        "countersign_notifications_total",
        "counter",
        "Notifications since the start, by channel and outcome; failed counts tries.",
    );
    for channel in &figures.channels {
        for (outcome, count) in &channel.counts {
            let labels = format!("{{channel=\"{}\",outcome=\"{outcome}\"}}", channel.name);
            page.row("countersign_notifications_total", &labels, count);
        }
    }
    page.head(
        "countersign_anchored_entries",
        "gauge",
        "Entries that the newest head at each anchor counts.",
    );
    for (anchor, count, _) in &figures.anchors {
        let labels = format!("{{anchor=\"{anchor}\"}}");
        page.row("countersign_anchored_entries", &labels, count);
    }
    page.head(
        "countersign_anchor_failures_total",
        "counter",
        "Heads that did not reach an anchor, since the start.",
    );
    for (anchor, _, failures) in &figures.anchors {
        let labels = format!("{{anchor=\"{anchor}\"}}");
        page.row("countersign_anchor_failures_total", &labels, failures);
    }
    page.head(
        "countersign_isolation",
        "gauge",
        "How far agents are kept from the guard itself: 1 for what holds.",
    );
    for kind in Isolation::ALL {
        let holds = u8::from(kind == figures.isolation);
        page.row(
            "countersign_isolation",
            &format!("{{kind=\"{kind}\"}}"),
            holds,
        );
    }
    page.0
}

/// A page in the making. Names, words and codes are the guard's own, so nothing needs an escape.
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn row(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        self.line(format_args!("{name}{labels} {value}"));
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, "gauge", help);
        self.row(name, "", value);
    }

    fn spread(&mut self, name: &str, help: &str, spread: &Spread) {
        self.head(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (bound, count) in spread.buckets() {
            self.row(&bucket, &format!("{{le=\"{}\"}}", Seconds(bound)), count);
        }
        self.row(&bucket, "{le=\"+Inf\"}", spread.count());
        self.row(&format!("{name}_sum"), "", Seconds(spread.sum()));
        self.row(&format!("{name}_count"), "", spread.count());
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _ = self.0.write_fmt(line);
        self.0.push('\n');
    }
}

/// A duration in seconds, as short as it can be written.
struct Seconds(Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.as_secs_f64())
    }
}

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
