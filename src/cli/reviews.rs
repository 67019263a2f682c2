//! `countersign reviews`: who broke the glass, and another person's judgement of it.

use serde_json::{Value, json};

use super::failure::Failure;
use super::head::OnListener;
use super::operator::{field, list};
use super::print;
use super::table::Table;
use crate::model::id::ReviewId;
use crate::model::review::ReviewVerdict;
use crate::model::text::escape;

/// What to do about reviews.
pub(super) type Args = OnListener<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// List the open reviews of break-glass
    Ls {
        /// Also those that are closed
        #[arg(long)]
        all: bool,
    },
    /// Judge a use of break-glass; never one's own
    Close {
        /// The review, for example rv_…
        #[arg(value_parser = id)]
        id: ReviewId,
        /// justified, or not-justified, which revokes what is left of the grant
        #[arg(long, value_parser = verdict)]
        verdict: ReviewVerdict,
        /// Why
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    let (operators, deed) = args.open()?;
    match deed {
        Deed::Ls { all } => {
            let path = match all {
                true => "/v1/reviews?state=all",
                false => "/v1/reviews",
            };
            ls(&operators.get(path).await?.body, as_json)
        }
        Deed::Close { id, verdict, note } => {
            let path = format!("/v1/reviews/{id}/close");
            let body = json!({"verdict": verdict.name(), "note": note});
            let reply = operators.post(&path, Some(&body), &[]).await?;
            closed(id, verdict, &reply.body, as_json)
        }
    }
}

fn ls(body: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(body)?);
    }
    let mut table = Table::new(&["REVIEW", "STATE", "BY", "OPENED", "CALL", "REASON"]);
    for review in list(body, "reviews") {
        let cells = ["id", "state", "by", "opened", "sentence", "reason"];
        table.row(cells.map(|name| field(review, name)));
    }
    if table.is_empty() {
        print::tell("No review is open.");
        return Ok(());
    }
    table.print()
}

fn closed(
    id: ReviewId,
    verdict: ReviewVerdict,
    body: &Value,
    as_json: bool,
) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(body)?);
    }
    print::say(format!("{id}: {}", verdict.name()))?;
    for call in list(body, "running").iter().filter_map(Value::as_str) {
        print::tell(format!(
            "{} was already on its way and cannot be called back",
            escape(call)
        ));
    }
    Ok(())
}

fn id(text: &str) -> Result<ReviewId, String> {
    ReviewId::parse(text).ok_or_else(|| "a review's name begins with rv_".to_owned())
}

fn verdict(text: &str) -> Result<ReviewVerdict, String> {
    ReviewVerdict::parse(text).ok_or_else(|| "a verdict is justified or not-justified".to_owned())
}
