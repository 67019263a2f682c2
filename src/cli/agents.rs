//! `countersign agents`: who may act, and the keys they prove themselves with.

mod show;

use std::time::Duration;

use serde_json::{Value, json};

use super::deed::{self, Deed as LocalDeed};
use super::duration;
use super::failure::Failure;
use super::head::Anywhere;
use super::operator::{OperatorArgs, field, list};
use super::place::Place;
use super::print;
use super::stopped;
use super::table::Table;
use crate::model::id::CredentialId;
use crate::model::name::AgentName;
use crate::model::text::escape;

/// What to do about agents.
pub(super) type Args = Anywhere<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// Issue a key for an agent; it is shown once. Needs the guard's directory
    Add {
        /// The agent, as its manifest names it
        #[arg(value_parser = AgentName::parse)]
        name: AgentName,
        /// How long the key is accepted [default: 90d]
        #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
        life: Option<Duration>,
        #[command(flatten)]
        place: Place,
    },
    /// List agents
    Ls {
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Show one agent: how it stands, and what it has done before
    Show {
        /// The agent
        #[arg(value_parser = AgentName::parse)]
        name: AgentName,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Let none of an agent's calls pass until it is resumed
    Pause {
        /// The agent
        #[arg(value_parser = AgentName::parse)]
        name: AgentName,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Let an agent's calls pass again
    Resume {
        /// The agent
        #[arg(value_parser = AgentName::parse)]
        name: AgentName,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Let an agent use a tool again that persons refused too often, or of whose last call nobody knows
    /// what became of it
    Reopen {
        /// The agent
        #[arg(value_parser = AgentName::parse)]
        name: AgentName,
        /// The tool, as `server/tool`
        tool: String,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// End an agent's sessions, grants and holds, and refuse its keys
    Revoke {
        /// The agent
        #[arg(value_parser = AgentName::parse)]
        name: AgentName,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Revoke one key of an agent, or one identity that tokens prove, with its sessions, grants and holds
    RevokeKey {
        /// The agent
        #[arg(value_parser = AgentName::parse)]
        name: AgentName,
        /// The credential; `agents ls --json` names it
        credential: String,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Accept the tokens of a revoked identity again
    Readmit {
        /// The agent
        #[arg(value_parser = AgentName::parse)]
        name: AgentName,
        /// The revoked credential, of kind `jwt`; `agents ls --json` names it
        credential: String,
        #[command(flatten)]
        operator: OperatorArgs,
    },
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    match args.deed {
        Deed::Add { name, life, place } => {
            let deed = LocalDeed::AddAgentKey { name, life };
            added(&deed::ask(&place.data()?, deed).await?, as_json)
        }
        Deed::Ls { operator } => {
            let reply = operator.open()?.get("/v1/agents").await?;
            ls(&reply.body, as_json)
        }
        Deed::Show { name, operator } => {
            let reply = operator.open()?.get(&format!("/v1/agents/{name}")).await?;
            show::run(&reply.body, as_json)
        }
        Deed::Pause { name, operator } => stop(&operator, &name, "pause", as_json).await,
        Deed::Resume { name, operator } => stop(&operator, &name, "resume", as_json).await,
        Deed::Reopen {
            name,
            tool,
            operator,
        } => {
            let path = format!("/v1/agents/{name}/reopen");
            let body = json!({"tool": tool});
            operator.open()?.post(&path, Some(&body), &[]).await?;
            match as_json {
                true => Ok(print::json(
                    &json!({"agent": name.as_str(), "reopened": tool}),
                )?),
                false => Ok(print::say(format!("{name} may ask for {tool} again"))?),
            }
        }
        Deed::Readmit {
            name,
            credential,
            operator,
        } => {
            let id = parse_credential(&credential)?;
            let path = format!("/v1/agents/{name}/keys/{id}/readmit");
            operator.open()?.post(&path, None, &[]).await?;
            match as_json {
                true => Ok(print::json(
                    &json!({"agent": name.as_str(), "readmitted": id.to_string()}),
                )?),
                false => Ok(print::say(format!("tokens of {id} prove {name} again"))?),
            }
        }
        Deed::RevokeKey {
            name,
            credential,
            operator,
        } => {
            let id = parse_credential(&credential)?;
            let path = format!("/v1/agents/{name}/keys/{id}");
            let reply = operator.open()?.delete(&path, &[]).await?;
            stopped::print(&id.to_string(), "revoke", &reply.body, as_json)
        }
        Deed::Revoke { name, operator } => stop(&operator, &name, "revoke", as_json).await,
    }
}

/// Only a name of the right form may stand in a path.
fn parse_credential(text: &str) -> Result<CredentialId, Failure> {
    CredentialId::parse(text).ok_or_else(|| Failure::Input(format!("{text} names no credential")))
}

async fn stop(
    operator: &OperatorArgs,
    name: &AgentName,
    verb: &str,
    as_json: bool,
) -> Result<(), Failure> {
    let path = format!("/v1/agents/{name}/{verb}");
    let reply = operator.open()?.post(&path, None, &[]).await?;
    stopped::print(name.as_str(), verb, &reply.body, as_json)
}

fn added(key: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(key)?);
    }
    print::tell(format!(
        "A key for {}, accepted until {}. It is shown this once:",
        escape(field(key, "agent")),
        escape(field(key, "expires"))
    ));
    Ok(print::say(field(key, "secret"))?)
}

fn ls(body: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(body)?);
    }
    let mut table = Table::new(&["AGENT", "STATE", "OWNER", "SCOPE", "OPEN", "KEYS"]);
    for agent in list(body, "agents") {
        let live = list(agent, "credentials")
            .iter()
            .filter(|key| field(key, "state") == "live")
            .count();
        let scope = match agent.get("has_scope") {
            Some(Value::Bool(true)) => "in force",
            _ => "none",
        };
        table.row([
            field(agent, "name"),
            field(agent, "state"),
            field(agent, "owner"),
            scope,
            &agent
                .get("open_holds")
                .map(Value::to_string)
                .unwrap_or_default(),
            &live.to_string(),
        ]);
    }
    table.print()
}
