//! `countersign delegations`: who votes in whose stead. People lend what is theirs, for a time.

use std::time::Duration;

use serde_json::{Value, json};

use super::duration;
use super::failure::Failure;
use super::head::OnListener;
use super::operator::{field, list};
use super::print;
use super::table::Table;
use crate::model::name::OperatorName;
use crate::model::text::escape;

/// What to do about delegations.
pub(super) type Args = OnListener<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// List who votes in whose stead
    Ls,
    /// Let another operator vote in your stead
    Add {
        /// The other operator
        #[arg(value_parser = OperatorName::parse)]
        deputy: OperatorName,
        /// For how long, for example 7d; at most 30d
        #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
        life: Duration,
    },
    /// Take it back
    End {
        /// The other operator
        #[arg(value_parser = OperatorName::parse)]
        deputy: OperatorName,
    },
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    let (operators, deed) = args.open()?;
    match deed {
        Deed::Ls => ls(&operators.get("/v1/delegations").await?.body, as_json),
        Deed::Add { deputy, life } => {
            let body = json!({"deputy": deputy.as_str(), "life_seconds": life.as_secs()});
            let reply = operators.post("/v1/delegations", Some(&body), &[]).await?;
            match as_json {
                true => print::json(&reply.body)?,
                false => print::say(format!(
                    "{} votes in the stead of {} until {}",
                    escape(field(&reply.body, "deputy")),
                    escape(field(&reply.body, "lender")),
                    escape(field(&reply.body, "until")),
                ))?,
            }
            Ok(())
        }
        Deed::End { deputy } => {
            let path = format!("/v1/delegations/{deputy}");
            operators.delete(&path, &[]).await?;
            match as_json {
                true => print::json(&json!({"deputy": deputy.as_str(), "state": "ended"}))?,
                false => print::say(format!("{deputy}: ended"))?,
            }
            Ok(())
        }
    }
}

fn ls(body: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(body)?);
    }
    let mut table = Table::new(&["LENDER", "DEPUTY", "STATE", "UNTIL"]);
    for one in list(body, "delegations") {
        table.row([
            field(one, "lender"),
            field(one, "deputy"),
            field(one, "state"),
            field(one, "until"),
        ]);
    }
    if table.is_empty() {
        print::tell("Everybody votes for themselves: countersign delegations add NAME --for 7d");
        return Ok(());
    }
    table.print()
}
