//! `countersign peps`: whoever stands before a server and runs its calls with permits of the guard.

use std::time::Duration;

use serde_json::Value;

use super::deed::{self, Deed as LocalDeed};
use super::duration;
use super::failure::Failure;
use super::head::Anywhere;
use super::operator::{field, list};
use super::place::Place;
use super::print;
use super::table::Table;
use crate::model::id::CredentialId;
use crate::model::name::ServerName;
use crate::model::text::escape;

/// What to do about enforcement points.
pub(super) type Args = Anywhere<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// Issue a key for the enforcement point of a server; it is shown once
    Add {
        /// The server it stands before, as manifests name it
        #[arg(value_parser = ServerName::parse)]
        name: ServerName,
        /// How long the key is accepted [default: 90d]
        #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
        life: Option<Duration>,
        #[command(flatten)]
        place: Place,
    },
    /// List the keys of enforcement points
    Ls {
        #[command(flatten)]
        place: Place,
    },
    /// Revoke a key of an enforcement point
    Rm {
        /// The key, as `ls` names it
        #[arg(value_parser = credential)]
        id: CredentialId,
        #[command(flatten)]
        place: Place,
    },
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    match args.deed {
        Deed::Add { name, life, place } => {
            let deed = LocalDeed::AddPepKey { name, life };
            added(&deed::ask(&place.data()?, deed).await?, as_json)
        }
        Deed::Ls { place } => ls(
            &deed::ask(&place.data()?, LocalDeed::ListPepKeys).await?,
            as_json,
        ),
        Deed::Rm { id, place } => {
            let done = deed::ask(&place.data()?, LocalDeed::RevokePepKey { id }).await?;
            match as_json {
                true => Ok(print::json(&done)?),
                false => Ok(print::say(format!("revoked {id}"))?),
            }
        }
    }
}

fn added(key: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(key)?);
    }
    print::tell(format!(
        "A key for the enforcement point of {}, accepted until {}. It is shown this once:",
        escape(field(key, "server")),
        escape(field(key, "expires"))
    ));
    Ok(print::say(field(key, "secret"))?)
}

fn ls(body: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(body)?);
    }
    let mut table = Table::new(&["KEY", "SERVER", "STATE", "EXPIRES"]);
    for key in list(body, "keys") {
        table.row(["id", "server", "state", "expires"].map(|name| field(key, name)));
    }
    table.print()
}

fn credential(text: &str) -> Result<CredentialId, String> {
    CredentialId::parse(text).ok_or_else(|| "not the name of a key".to_owned())
}
