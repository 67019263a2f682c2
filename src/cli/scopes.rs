//! `countersign scopes`: check manifests, explain a decision, accept a change.

mod explain;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::failure::Failure;
use super::head::Anywhere;
use super::operator::{OperatorArgs, field};
use super::owner::watch;
use super::place::read_config;
use super::print;
use crate::model::digest::Digest;
use crate::scopes::{Faults, Scopes, Source};

/// What to do about scopes.
pub(super) type Args = Anywhere<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// Compile manifests and list every fault with its place and its fix
    Check {
        /// The directory of manifests [default: that of ./countersign.yaml, else ./scopes]
        dir: Option<PathBuf>,
    },
    /// Say which rules speak of a call, in order, and why
    Explain(explain::Args),
    /// Put changed scopes into force, once they were looked at
    Accept {
        /// The digest that the guard named [default: the one that is on offer]
        digest: Option<String>,
        #[command(flatten)]
        operator: OperatorArgs,
    },
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    match args.deed {
        Deed::Check { dir } => check(dir, as_json),
        Deed::Explain(args) => explain::run(args, as_json),
        Deed::Accept { digest, operator } => accept(digest, &operator, as_json).await,
    }
}

/// The manifests of the directory that is meant.
fn sources(dir: Option<PathBuf>) -> Result<Vec<Source>, Failure> {
    let dir = match dir {
        Some(dir) => dir,
        None => match read_config(None, None)? {
            Some(config) => config.scopes,
            None => PathBuf::from("scopes"),
        },
    };
    watch::read(&dir)
}

fn check(dir: Option<PathBuf>, as_json: bool) -> Result<(), Failure> {
    let sources = sources(dir)?;
    let scopes = match Scopes::compile(&sources) {
        Ok(scopes) => scopes,
        Err(faults) if as_json => {
            print::json(&json!({"ok": false, "faults": render(&faults)}))?;
            let count = faults.len();
            return Err(Failure::Input(format!("{count} faults")));
        }
        Err(faults) => return Err(faults.into()),
    };
    let agents: Vec<&str> = scopes.agents().map(|scope| scope.agent.as_str()).collect();
    match as_json {
        true => print::json(&json!({
            "ok": true,
            "faults": [],
            "agents": agents,
            "digest": scopes.digest().to_string(),
        }))?,
        false => {
            print::say(match agents.is_empty() {
                true => "no manifest: nobody may do anything".to_owned(),
                false => format!("no faults; agents: {}", agents.join(", ")),
            })?;
            print::say(format!("digest {}", scopes.digest()))?;
        }
    }
    Ok(())
}

fn render(faults: &Faults) -> Value {
    faults
        .iter()
        .map(|fault| {
            json!({
                "file": &*fault.place.file,
                "line": fault.place.line,
                "column": fault.place.column,
                "message": fault.message,
                "fix": fault.fix,
            })
        })
        .collect()
}

async fn accept(
    digest: Option<String>,
    operator: &OperatorArgs,
    as_json: bool,
) -> Result<(), Failure> {
    let operators = operator.open()?;
    let digest = match digest {
        Some(digest) => digest,
        None => {
            let reply = operators.get("/v1/scopes").await?;
            field(&reply.body, "offered").to_owned()
        }
    };
    if digest.is_empty() {
        return Err(Failure::Missing(
            "no changed scopes are on offer".to_owned(),
        ));
    }
    if Digest::from_hex(&digest).is_none() {
        return Err(Failure::Input(
            "a digest has 64 hexadecimal digits in lower case".to_owned(),
        ));
    }
    let body = json!({"digest": digest});
    operators
        .post("/v1/scopes/accept", Some(&body), &[])
        .await?;
    match as_json {
        true => print::json(&json!({"digest": digest, "state": "in-force"}))?,
        false => print::say(format!("{digest}: in force"))?,
    }
    Ok(())
}
