//! `countersign approvals`: what waits for a person, and a person's decisions.

mod amend;
mod decide;
mod pattern;
mod reauth;
pub(super) mod show;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, json};

use self::decide::{compare_code, decide, withdraw};
use super::duration;
use super::failure::Failure;
use super::head::OnListener;
use super::operator::{Operators, field, list};
use super::print;
use super::table::Table;

/// What to do about approvals.
pub(super) type Args = OnListener<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// List what waits for a person
    Ls {
        /// Also those that have ended
        #[arg(long)]
        all: bool,
    },
    /// Watch what waits, live on a terminal, else a line for each change, until interrupted
    Watch,
    /// Show everything about one approval
    Show {
        /// The approval, for example ap_…
        id: String,
    },
    /// Let exactly this call run, or with --pin also calls like it
    Approve {
        /// The approval
        id: String,
        /// The code that the agent's pending message shows; asked for where it is absent
        #[arg(long)]
        code: Option<String>,
        /// How often the call may run: at most 20 times, with --pin at most 50 in all
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=50))]
        uses: u32,
        /// An argument that must stay as it is, as a JSON pointer such as /recipient, while those that are
        /// not named are free inside the scope; may be given more than once
        #[arg(long = "pin", value_name = "POINTER")]
        pins: Vec<String>,
        /// How long several uses may take, for example 30m
        #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
        life: Option<Duration>,
    },
    /// Refuse this call
    Deny {
        /// The approval
        id: String,
        /// What the agent is told
        #[arg(long)]
        message: Option<String>,
    },
    /// Print a patch of the manifest that would have let this call pass
    Amend {
        /// The approval
        id: String,
        /// Write the patch into this new file
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
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

pub(super) async fn run(args: Args, as_json: bool, no_input: bool) -> Result<(), Failure> {
    let listener = args.listener();
    let (operators, deed) = args.open()?;
    match deed {
        Deed::Ls { all } => ls(&operators, all, as_json).await,
        Deed::Watch => watch::run(listener, as_json).await,
        Deed::Show { id } => {
            let reply = operators.get(&path(&id)?).await?;
            show::run(&reply.body, as_json)
        }
        Deed::Approve {
            id,
            code,
            uses,
            pins,
            life,
        } => {
            let shown = operators.get(&path(&id)?).await?;
            if !pins.is_empty() {
                pattern::preview(&operators, &id, &pins).await?;
            }
            compare_code(&shown.body, code, no_input, &id)?;
            let mut decision = Map::new();
            decision.insert("decision".to_owned(), "approve".into());
            decision.insert("uses".to_owned(), uses.into());
            if !pins.is_empty() {
                decision.insert("grant".to_owned(), "pattern".into());
                decision.insert("pins".to_owned(), pins.into());
            }
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
        Deed::Amend { id, output } => {
            amend::amend(&operators, &path(&id)?, output.as_deref(), as_json).await
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
    table.print()
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
