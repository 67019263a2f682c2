//! `countersign approvals`: what waits for a person, and a person's decisions.

mod decide;
mod reauth;
pub(super) mod show;
mod watch;

use std::time::Duration;

use serde_json::{Map, json};

use self::decide::{compare_code, decide, withdraw};
use super::duration;
use super::failure::Failure;
use super::operator::{OperatorArgs, Operators, field, list};
use super::print;
use super::table::Table;

/// What to do about approvals.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    deed: Deed,
}

#[derive(clap::Subcommand, Debug)]
enum Deed {
    /// List what waits for a person
    Ls {
        /// Also those that have ended
        #[arg(long)]
        all: bool,
    },
    /// Print each approval as it is opened, decided or ends, until interrupted
    Watch,
    /// Show everything about one approval
    Show {
        /// The approval, for example ap_…
        id: String,
    },
    /// Let exactly this call run
    Approve {
        /// The approval
        id: String,
        /// The code that the agent's pending message shows; asked for where it is absent
        #[arg(long)]
        code: Option<String>,
        /// How often the call may run
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20))]
        uses: u32,
        /// How long several uses may take, for example 30m
        #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
        life: Option<Duration>,
        /// Ask nobody anything; without --code this ends with exit code 4
        #[arg(long)]
        no_input: bool,
    },
    /// Refuse this call
    Deny {
        /// The approval
        id: String,
        /// What the agent is told
        #[arg(long)]
        message: Option<String>,
    },
    /// Prove anew, in the console, that it is you who uses this token: it then approves for five minutes
    Reauth {
        /// Print where to confirm it, and do not wait until you have
        #[arg(long)]
        no_wait: bool,
    },
    /// Take your vote back, while it has decided nothing yet
    Withdraw {
        /// The approval
        id: String,
    },
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    let operators = args.operator.open()?;
    match args.deed {
        Deed::Ls { all } => ls(&operators, all, as_json).await,
        Deed::Watch => watch::run(&operators, as_json).await,
        Deed::Show { id } => {
            let reply = operators.get(&path(&id)?).await?;
            show::run(&reply.body, as_json)
        }
        Deed::Approve {
            id,
            code,
            uses,
            life,
            no_input,
        } => {
            let shown = operators.get(&path(&id)?).await?;
            compare_code(&shown.body, code, no_input, &id)?;
            let mut decision = Map::new();
            decision.insert("decision".to_owned(), "approve".into());
            decision.insert("uses".to_owned(), uses.into());
            if let Some(life) = life {
                decision.insert("life_seconds".to_owned(), life.as_secs().into());
            }
            decide(&operators, &id, shown, decision, as_json).await
        }
        Deed::Deny { id, message } => {
            let shown = operators.get(&path(&id)?).await?;
            let mut decision = Map::new();
            decision.insert("decision".to_owned(), "deny".into());
            if let Some(message) = message {
                decision.insert("message".to_owned(), message.into());
            }
            decide(&operators, &id, shown, decision, as_json).await
        }
        Deed::Reauth { no_wait } => reauth::run(&operators, no_wait, as_json).await,
        Deed::Withdraw { id } => withdraw(&operators, &id, as_json).await,
    }
}

async fn ls(operators: &Operators, all: bool, as_json: bool) -> Result<(), Failure> {
    let query = if all { "?state=all" } else { "" };
    let reply = operators.get(&format!("/v1/approvals{query}")).await?;
    if as_json {
        return Ok(print::json(&reply.body)?);
    }
    let mut table = Table::new(&["APPROVAL", "STATE", "CODE", "DECIDE BY", "REQUEST"]);
    for approval in list(&reply.body, "approvals") {
        table.row([
            field(approval, "id"),
            field(approval, "state"),
            field(approval, "code"),
            field(approval, "decide_by"),
            field(approval, "sentence"),
        ]);
    }
    if table.is_empty() {
        print::tell("Nothing waits for a person. A call beyond its scope would appear here.");
        return Ok(());
    }
    table.lines().iter().try_for_each(print::say)?;
    Ok(())
}

fn path(id: &str) -> Result<String, Failure> {
    match id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !id.is_empty() {
        true => Ok(format!("/v1/approvals/{id}")),
        false => Err(Failure::Missing(format!(
            "{} is no approval's name",
            json!(id)
        ))),
    }
}
