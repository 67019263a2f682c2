//! `countersign audit prune`: seals old entries in files of their own and takes them out of the record.

use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use serde_json::Value;

use crate::cli::deed::{self, Deed};
use crate::cli::duration;
use crate::cli::failure::Failure;
use crate::cli::operator::{field, list};
use crate::cli::place::Place;
use crate::cli::print;
use crate::guard::Keep;
use crate::model::text::escape;
use crate::store::segments::DIRECTORY;

/// Which entries go, and whereto.
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// Keep entries of this time, for example 400d
    #[arg(long, value_name = "TIME", value_parser = duration::parse, required_unless_present = "before")]
    keep: Option<Duration>,
    /// Keep this entry and everything after it
    #[arg(long, value_name = "SEQ", conflicts_with = "keep")]
    before: Option<u64>,
    /// The directory of the segments [default: segments in the guard's directory]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Only say what would be taken out
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(place: &Place, args: Args, as_json: bool) -> Result<(), Failure> {
    let data = place.data()?;
    let keep = match (args.keep, args.before) {
        (Some(time), _) => Keep::For(time),
        (None, before) => Keep::From(before.unwrap_or(0)),
    };
    // The guard that does it may have been started elsewhere.
    let to = absolute(args.to.unwrap_or_else(|| data.join(DIRECTORY)))?;
    let deed = Deed::Prune {
        keep,
        to: text(&to)?,
        dry_run: args.dry_run,
    };
    told(&deed::ask(&data, deed).await?, args.dry_run, as_json)
}

fn text(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::Input(format!("{} is not UTF-8", path.display())))
}

fn told(pruned: &Value, is_dry: bool, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(pruned)?);
    }
    let count = pruned.get("count").and_then(Value::as_u64).unwrap_or(0);
    match (count, is_dry) {
        (0, _) => return Ok(print::say("nothing is old enough, or it is still needed")?),
        (count, true) => print::say(format!("{count} entries would be taken out"))?,
        (count, false) => print::say(format!("{count} entries were taken out, into:"))?,
    }
    for segment in list(pruned, "segments") {
        print::say(escape(field(segment, "file")))?;
    }
    Ok(())
}
