//! `countersign operators`: who may decide. Whoever holds the guard's directory makes operators.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::deed::{self, Deed as LocalDeed};
use super::failure::Failure;
use super::operator::{TOKEN_FILE, field, list};
use super::owner::core::make_directory;
use super::place::Place;
use super::print;
use super::table::Table;
use crate::model::name::{GroupName, OperatorName};
use crate::model::text::escape;

/// What to do about operators.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    deed: Deed,
}

#[derive(clap::Subcommand, Debug)]
enum Deed {
    /// Add an operator; the token is shown once
    Add {
        /// The person
        #[arg(value_parser = OperatorName::parse)]
        name: OperatorName,
        /// A group whose approvals they may decide; may be given again
        #[arg(long = "group", value_name = "GROUP", required = true, value_parser = GroupName::parse)]
        groups: Vec<GroupName>,
        /// Write the token to this file instead of showing it
        #[arg(long, value_name = "FILE", conflicts_with = "save")]
        token_file: Option<PathBuf>,
        /// Write the token to operator.token in the guard's directory, where commands find it
        #[arg(long)]
        save: bool,
    },
    /// List operators
    Ls,
    /// Remove an operator; their token is refused from then on
    Rm {
        /// The person
        #[arg(value_parser = OperatorName::parse)]
        name: OperatorName,
    },
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    let data = args.place.data()?;
    match args.deed {
        Deed::Add {
            name,
            groups,
            token_file,
            save,
        } => {
            if save {
                make_directory(&data)?;
            }
            let file = token_file.or_else(|| save.then(|| data.join(TOKEN_FILE)));
            add(&data, name, groups, file.as_deref(), as_json).await
        }
        Deed::Ls => ls(&deed::ask(&data, LocalDeed::ListOperators).await?, as_json),
        Deed::Rm { name } => {
            let said = format!("{name}: removed");
            let gone = deed::ask(&data, LocalDeed::RemoveOperator { name }).await?;
            match as_json {
                true => print::json(&gone)?,
                false => print::say(said)?,
            }
            Ok(())
        }
    }
}

async fn add(
    data: &Path,
    name: OperatorName,
    groups: Vec<GroupName>,
    file: Option<&Path>,
    as_json: bool,
) -> Result<(), Failure> {
    // Begun before the operator is made: a token that cannot be kept would be lost.
    let draft = file.map(Draft::begin).transpose()?;
    let mut added = deed::ask(data, LocalDeed::AddOperator { name, groups }).await?;
    let token = field(&added, "token").to_owned();
    if let (Some(draft), Some(path)) = (draft, file) {
        draft.finish(&token, path)?;
        if let Value::Object(added) = &mut added {
            added.shift_remove("token");
            added.insert("token_file".to_owned(), path.display().to_string().into());
        }
    }
    if as_json {
        return Ok(print::json(&added)?);
    }
    let until = escape(field(&added, "expires"));
    match file {
        Some(path) => print::say(format!(
            "{}: the token is in {}, accepted until {until}",
            escape(field(&added, "name")),
            path.display()
        ))?,
        None => {
            print::tell(format!(
                "A token for {}, accepted until {until}. It is shown this once:",
                escape(field(&added, "name"))
            ));
            print::say(token)?;
        }
    }
    Ok(())
}

/// A file beside its place, so that a token that stands there is replaced whole or not at all.
struct Draft {
    file: File,
    path: PathBuf,
}

impl Draft {
    fn begin(place: &Path) -> Result<Self, Failure> {
        let path = place.with_extension("draft");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| {
                Failure::Refused(format!("{} cannot be written: {error}", path.display()))
            })?;
        Ok(Self { file, path })
    }

    fn finish(mut self, token: &str, place: &Path) -> Result<(), Failure> {
        self.file.write_all(format!("{token}\n").as_bytes())?;
        self.file.sync_all()?;
        Ok(std::fs::rename(&self.path, place)?)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Renamed away when all went well.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn ls(body: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(body)?);
    }
    let mut table = Table::new(&["OPERATOR", "STATE", "GROUPS", "EXPIRES"]);
    for operator in list(body, "operators") {
        let groups: Vec<&str> = list(operator, "groups")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        table.row([
            field(operator, "name"),
            field(operator, "state"),
            &groups.join(","),
            field(operator, "expires"),
        ]);
    }
    if table.is_empty() {
        print::tell("Nobody may approve yet: countersign operators add NAME --group GROUP");
        return Ok(());
    }
    table.lines().iter().try_for_each(print::say)?;
    Ok(())
}
