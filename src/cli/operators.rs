//! `countersign operators`: who may decide. Whoever holds the guard's directory makes operators.

mod tokens;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::deed::{self, Deed as LocalDeed, PeopleDeed};
use super::failure::Failure;
use super::head::InDirectory;
use super::operator::{TOKEN_FILE, field, list};
use super::owner::core::make_directory;
use super::print;
use super::table::Table;
use crate::model::name::{GroupName, OperatorName};
use crate::model::role::Role;
use crate::model::text::escape;

/// What to do about operators.
pub(super) type Args = InDirectory<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// Add an operator; token and link are shown once
    Add {
        /// The person
        #[arg(value_parser = OperatorName::parse)]
        name: OperatorName,
        /// A group whose approvals they may decide; may be given again
        #[arg(long = "group", value_name = "GROUP", required = true, value_parser = GroupName::parse)]
        groups: Vec<GroupName>,
        /// What they are: viewer, approver, admin or break-glass; may be given again [default:
        /// approver and admin]
        #[arg(long = "role", value_name = "ROLE", value_parser = role)]
        roles: Vec<Role>,
        /// Make no token: they sign in with a passkey
        #[arg(long, conflicts_with_all = ["token_file", "save"])]
        no_token: bool,
        /// Write the token to this file instead of showing it
        #[arg(long, value_name = "FILE", conflicts_with = "save")]
        token_file: Option<PathBuf>,
        /// Write the token to operator.token in the guard's directory, where commands find it
        #[arg(long)]
        save: bool,
    },
    /// List operators
    Ls,
    /// Remove an operator; everything that proves them is refused from then on
    Rm {
        /// The person
        #[arg(value_parser = OperatorName::parse)]
        name: OperatorName,
    },
    /// Make a link with which an operator adds a passkey within 15 minutes
    Link {
        /// The person
        #[arg(value_parser = OperatorName::parse)]
        name: OperatorName,
    },
    /// Vouch that an operator's new passkeys are theirs: they need not wait for a day
    Confirm {
        /// The person
        #[arg(value_parser = OperatorName::parse)]
        name: OperatorName,
    },
    /// Print the public keys of all passkeys, for `audit verify --operators`
    Export,
    /// Tokens for commands and programs
    Tokens {
        #[command(subcommand)]
        deed: tokens::Deed,
    },
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    let (data, deed) = args.find()?;
    match deed {
        Deed::Add {
            name,
            groups,
            roles,
            no_token,
            token_file,
            save,
        } => {
            if save {
                make_directory(&data)?;
            }
            let file = token_file.or_else(|| save.then(|| data.join(TOKEN_FILE)));
            let roles = match roles.is_empty() {
                true => BTreeSet::from([Role::Approver, Role::Admin]),
                false => roles.into_iter().collect(),
            };
            let deed = PeopleDeed::Add {
                name,
                groups,
                roles,
                token: !no_token,
                link: true,
            };
            add(&data, deed, file.as_deref(), as_json).await
        }
        Deed::Ls => ls(&ask(&data, PeopleDeed::List).await?, as_json),
        Deed::Rm { name } => {
            let said = format!("{name}: removed");
            tell(&ask(&data, PeopleDeed::Remove(name)).await?, &said, as_json)
        }
        Deed::Link { name } => {
            let made = ask(&data, PeopleDeed::Link(name)).await?;
            match as_json {
                true => print::json(&made)?,
                false => {
                    print::tell(link_of(&made));
                    print::say(escape(field(&made, "link")))?;
                }
            }
            Ok(())
        }
        Deed::Confirm { name } => {
            let done = ask(&data, PeopleDeed::Confirm(name.clone())).await?;
            let count = done.get("confirmed").and_then(Value::as_u64).unwrap_or(0);
            let said = format!("{name}: {count} passkeys need not wait any more");
            tell(&done, &said, as_json)
        }
        Deed::Export => {
            let made = ask(&data, PeopleDeed::Export).await?;
            let mut lines = list(&made, "lines").iter().filter_map(Value::as_str);
            Ok(lines.try_for_each(print::say)?)
        }
        Deed::Tokens { deed } => tokens::run(&data, deed, as_json).await,
    }
}

/// Has a deed of people done.
async fn ask(data: &Path, deed: PeopleDeed) -> Result<Value, Failure> {
    deed::ask(data, LocalDeed::People(deed)).await
}

fn tell(done: &Value, said: &str, as_json: bool) -> Result<(), Failure> {
    match as_json {
        true => print::json(done)?,
        false => print::say(said)?,
    }
    Ok(())
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "a role is viewer, approver, admin or break-glass".to_owned())
}

/// What is said beside a link.
fn link_of(made: &Value) -> String {
    format!(
        "With this link {} adds a passkey; it is good once, until {}:",
        escape(field(made, "name")),
        escape(field(made, "link_expires"))
    )
}

async fn add(
    data: &Path,
    deed: PeopleDeed,
    file: Option<&Path>,
    as_json: bool,
) -> Result<(), Failure> {
    // Begun before the operator is made: a token that cannot be kept would be lost.
    let draft = file.map(Draft::begin).transpose()?;
    let mut added = ask(data, deed).await?;
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
    let name = escape(field(&added, "name"));
    let link = escape(field(&added, "link"));
    match (file, token.is_empty(), link.is_empty()) {
        (Some(path), ..) => print::say(format!(
            "{name}: the token is in {}, accepted until {until}",
            path.display()
        ))?,
        (None, false, _) => {
            print::tell(format!(
                "A token for {name}, accepted until {until}. It is shown this once:"
            ));
            print::say(token)?;
        }
        (None, true, false) => {
            print::tell(link_of(&added));
            print::say(&link)?;
        }
        (None, true, true) => print::tell(format!(
            "{name} was added; once the guard serves: countersign operators link {name}"
        )),
    }
    if !link.is_empty() && (file.is_some() || !field(&added, "expires").is_empty()) {
        print::tell(link_of(&added));
        print::tell(link);
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
    let mut table = Table::new(&["OPERATOR", "STATE", "ROLES", "GROUPS", "PASSKEYS", "TOKENS"]);
    for operator in list(body, "operators") {
        let words = |name: &str| {
            let words: Vec<&str> = list(operator, name)
                .iter()
                .filter_map(Value::as_str)
                .collect();
            words.join(",")
        };
        let count = |name: &str| {
            let count = operator.get(name).and_then(Value::as_u64);
            count.unwrap_or(0).to_string()
        };
        table.row([
            field(operator, "name"),
            field(operator, "state"),
            &words("roles"),
            &words("groups"),
            &count("passkeys"),
            &count("tokens"),
        ]);
    }
    if table.is_empty() {
        print::tell("Nobody may approve yet: countersign operators add NAME --group GROUP");
        return Ok(());
    }
    table.print()
}
