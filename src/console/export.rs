//! The record as a file, one click away: the entries that fit a search, from the first to the newest.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::Value;

use super::filter::Filter;
use super::refusal::Refusal;
use super::viewer::Viewer;
use super::{Console, calls};
use crate::audit::entry::StoredEntry;
use crate::audit::line::Line;
use crate::guard::StoreError;
use crate::limits::ENTRIES_PER_PAGE_COUNT;
use crate::model::json;
use crate::model::text::{Surface, show};

/// What is asked for, and in which form.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    r#as: String,
}

/// The file. As JSON lines each entry is whole, with its place and hash, and the newest signed head comes
/// last: without a search that is what `countersign audit verify --file` proves.
pub(super) async fn file(
    State(console): State<Arc<Console>>,
    Query(asked): Query<Asked>,
    _: Viewer,
) -> Result<Response, Refusal> {
    let guard = &console.guard;
    let form = Form::parse(&asked.r#as).ok_or_else(|| Refusal::bad_field("as"))?;
    let filter = Filter::parse(&asked.q, guard.ambient().now());
    // Entries that come later are not in it, so that the head is that of what is.
    let head = guard.head().await?;
    let opening = match form {
        Form::Lines => {
            let segments = guard.segments().await?.into_iter();
            lines(segments.map(Line::Segment))
        }
        Form::Table => HEADINGS.to_owned().into_bytes(),
    };
    let rest = Rest {
        console: Arc::clone(&console),
        filter,
        form,
        next: 1,
        last: head.as_ref().map_or(0, |signed| signed.head.count),
    };
    let entries = stream::unfold(rest, |mut rest| async {
        let page = rest.page().await.transpose()?;
        Some((page, rest))
    });
    let closing = match (form, head) {
        (Form::Lines, Some(head)) => lines([Line::Head(head)]),
        _ => Vec::new(),
    };
    let once = |bytes: Vec<u8>| stream::iter([Ok::<_, StoreError>(Bytes::from(bytes))]);
    let all = once(opening).chain(entries).chain(once(closing));
    let headers = [
        (CONTENT_TYPE, form.kind()),
        (CONTENT_DISPOSITION, form.name()),
    ];
    Ok((headers, Body::from_stream(all)).into_response())
}

/// The two forms of the file.
#[derive(Clone, Copy)]
enum Form {
    Lines,
    Table,
}

impl Form {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "jsonl" => Some(Self::Lines),
            "csv" => Some(Self::Table),
            _ => None,
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Lines => "application/jsonl; charset=utf-8",
            Self::Table => "text/csv; charset=utf-8",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Lines => "attachment; filename=\"decisions.jsonl\"",
            Self::Table => "attachment; filename=\"decisions.csv\"",
        }
    }
}

/// What of the record has not been given yet.
struct Rest {
    console: Arc<Console>,
    filter: Filter,
    form: Form,
    next: u64,
    last: u64,
}

impl Rest {
    /// The entries of the next page that fit; nothing at the end.
    async fn page(&mut self) -> Result<Option<Bytes>, StoreError> {
        if self.next > self.last {
            return Ok(None);
        }
        let guard = &self.console.guard;
        let entries = guard.entries(self.next, ENTRIES_PER_PAGE_COUNT).await?;
        let newest = entries.last().map_or(self.last, |entry| entry.seq);
        self.next = newest.saturating_add(1);
        let mut page = Vec::new();
        for entry in entries.into_iter().filter(|entry| entry.seq <= self.last) {
            // The record is written by the guard, so it reads back.
            let body = json::parse(&entry.body).unwrap_or(Value::Null);
            if self.filter.fits(&body) {
                match self.form {
                    Form::Lines => page.extend(lines([Line::Record(entry)])),
                    Form::Table => page.extend(row(&entry, &body).into_bytes()),
                }
            }
        }
        Ok(Some(page.into()))
    }
}

fn lines(all: impl IntoIterator<Item = Line>) -> Vec<u8> {
    let mut out = Vec::new();
    for line in all {
        out.extend(line.render());
        out.push(b'\n');
    }
    out
}

/// An entry as a line of a table: what a person reads of it on the page.
fn row(entry: &StoredEntry, body: &Value) -> String {
    let said = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let reasons = body.get("reasons").and_then(Value::as_array);
    let why: Vec<&str> = reasons
        .into_iter()
        .flatten()
        .filter_map(|reason| {
            let sentence = reason.get("sentence").or_else(|| reason.get("code"));
            sentence.and_then(Value::as_str)
        })
        .chain(body.get("sentence").and_then(Value::as_str))
        .collect();
    let ended = ["decision", "state", "outcome"].map(said);
    let target = body.get("target").map(calls::target).unwrap_or_default();
    let cells = [
        said("at"),
        said("kind"),
        &ended.concat(),
        &target,
        said("agent"),
        said("on_behalf_of"),
        said("by"),
        said("session"),
        &why.join(" "),
        said("action_digest"),
    ]
    .map(|cell| format!("\"{}\"", show(cell, Surface::Cell)));
    format!("{},{}\r\n", entry.seq, cells.join(","))
}

const HEADINGS: &str =
    "entry,at,kind,ended,target,agent,on_behalf_of,by,session,why,action_digest\r\n";
