//! `countersign keys`: the guard's own keys, one a purpose, and how one is changed.

use serde_json::{Value, json};

use super::deed::{self, Deed as LocalDeed};
use super::failure::Failure;
use super::head::InDirectory;
use super::operator::field;
use super::print;
use super::table::Table;
use crate::model::text::escape;
use crate::store::keys::{DIRECTORY, Purpose, list};

/// What to do about the guard's own keys.
pub(super) type Args = InDirectory<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// List the keys by their names, which tell nothing of them
    Ls,
    /// Put a fresh key into the place of one
    Rotate {
        /// checkpoint, match, permit or code
        #[arg(value_parser = purpose)]
        purpose: Purpose,
    },
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    let (data, deed) = args.find()?;
    match deed {
        Deed::Ls => {
            let keys = list(&data).map_err(|error| Failure::because(&error))?;
            if keys.is_empty() {
                let directory = data.join(DIRECTORY);
                return Err(Failure::Missing(format!(
                    "there are no keys in {}",
                    directory.display()
                )));
            }
            let keys: Vec<Value> = keys
                .iter()
                .map(|key| {
                    json!({
                        "purpose": key.purpose.name(),
                        "key": key.id,
                        "since": key.since.to_string(),
                        "use": used_for(key.purpose),
                    })
                })
                .collect();
            ls(&keys, as_json)
        }
        Deed::Rotate { purpose } => {
            let done = deed::ask(&data, LocalDeed::RotateKey { purpose }).await?;
            rotated(purpose, &done, as_json)
        }
    }
}

fn ls(keys: &[Value], as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(&json!({"keys": keys}))?);
    }
    let mut table = Table::new(&["PURPOSE", "KEY", "SINCE", "USE"]);
    for key in keys {
        table.row(["purpose", "key", "since", "use"].map(|name| field(key, name)));
    }
    table.print()
}

fn rotated(purpose: Purpose, done: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(done)?);
    }
    let (name, key) = (purpose.name(), escape(field(done, "key")));
    print::say(format!("{name}: {key} is in force"))?;
    print::tell(match purpose {
        Purpose::Checkpoint => {
            "keep the public key of before, or checkpoint.pub of now, where the record is verified: either \
             leads to the other; copy the key with the next backup"
        }
        Purpose::Match => {
            "values that were seen before are asked once more; copy the key with the next backup"
        }
        Purpose::Permit => "permits of before end by themselves within seconds",
        Purpose::Code => "approvals that are open keep their codes",
    });
    Ok(())
}

const fn used_for(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Checkpoint => "signs heads of the record",
        Purpose::Match => "finds a call again, and a value that was seen",
        Purpose::Permit => "seals permits of enforcement points",
        Purpose::Code => "makes the codes that people compare",
    }
}

fn purpose(text: &str) -> Result<Purpose, String> {
    let names = Purpose::ALL.map(Purpose::name).join(", ");
    Purpose::parse(text).ok_or_else(|| format!("a key is for one of: {names}"))
}
