//! `countersign approvals watch`: each approval as it is opened, decided or ends.

use reqwest::StatusCode;
use reqwest::header::{HeaderName, HeaderValue, IF_NONE_MATCH};
use serde_json::{Map, Value};

use crate::cli::failure::Failure;
use crate::cli::operator::{Operators, field, list};
use crate::cli::print;
use crate::model::text::escape;

/// Until it is interrupted.
pub(super) async fn run(operators: &Operators, as_json: bool) -> Result<(), Failure> {
    let mut seen: Option<Map<String, Value>> = None;
    let mut headers = vec![(PREFER, HeaderValue::from_static("wait=60"))];
    loop {
        let reply = operators
            .get_with("/v1/approvals?state=all", &headers)
            .await?;
        if let Some(etag) = reply.etag {
            headers.truncate(1);
            headers.push((IF_NONE_MATCH, etag));
        }
        if reply.status == StatusCode::NOT_MODIFIED {
            continue;
        }
        let mut now = Map::new();
        for approval in list(&reply.body, "approvals").iter().rev() {
            let (id, state) = (field(approval, "id"), field(approval, "state"));
            now.insert(id.to_owned(), state.into());
            let tells = match &seen {
                Some(seen) => seen.get(id).and_then(Value::as_str) != Some(state),
                // At the start only what is open matters; what ended before is history.
                None => state == "held",
            };
            if !tells {
                continue;
            }
            match as_json {
                true => print::json(approval)?,
                false => print::say(format!(
                    "{}  {}  code {}  {}",
                    escape(id),
                    escape(state),
                    escape(field(approval, "code")),
                    escape(field(approval, "sentence")),
                ))?,
            }
        }
        seen = Some(now);
    }
}

const PREFER: HeaderName = HeaderName::from_static("prefer");
