//! `countersign grants`: what approvals have left.

use serde_json::Value;

use super::failure::Failure;
use super::head::OnListener;
use super::operator::{field, list};
use super::print;
use super::stopped;
use super::table::Table;
use crate::model::id::GrantId;

/// What to do about grants.
pub(super) type Args = OnListener<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// List grants
    Ls,
    /// Revoke what is left of a grant
    Revoke {
        /// The grant, for example gr_…
        #[arg(value_parser = id)]
        id: GrantId,
    },
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    let (operators, deed) = args.open()?;
    match deed {
        Deed::Ls => {
            let reply = operators.get("/v1/grants").await?;
            ls(&reply.body, as_json)
        }
        Deed::Revoke { id } => {
            let path = format!("/v1/grants/{id}/revoke");
            let reply = operators.post(&path, None, &[]).await?;
            stopped::print(&id.to_string(), "revoke", &reply.body, as_json)
        }
    }
}

fn ls(body: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(body)?);
    }
    let mut table = Table::new(&[
        "GRANT", "AGENT", "STATE", "USED", "UNTIL", "APPROVAL", "KEEPS",
    ]);
    let count = |grant: &Value, name: &str| grant.get(name).map(Value::to_string);
    for grant in list(body, "grants") {
        let used = count(grant, "used").unwrap_or_default();
        let uses = count(grant, "uses").unwrap_or_default();
        let pins: Vec<&str> = list(grant, "pins")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let keeps = match field(grant, "kind") {
            "pattern" => pins.join(" "),
            _ => "everything".to_owned(),
        };
        table.row([
            field(grant, "id"),
            field(grant, "agent"),
            field(grant, "state"),
            &format!("{used} of {uses}"),
            field(grant, "until"),
            field(grant, "approval"),
            &keeps,
        ]);
    }
    table.print()
}

fn id(text: &str) -> Result<GrantId, String> {
    GrantId::parse(text).ok_or_else(|| "a grant's name begins with gr_".to_owned())
}
