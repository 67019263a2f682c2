//! `countersign operators tokens`: tokens for commands and programs, each for a purpose and a time.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{ask, tell};
use crate::cli::deed::PeopleDeed;
use crate::cli::duration;
use crate::cli::failure::Failure;
use crate::cli::operator::{field, list};
use crate::cli::print;
use crate::cli::table::Table;
use crate::model::name::OperatorName;
use crate::model::role::TokenScope;
use crate::model::text::escape;

/// What to do about tokens.
#[derive(clap::Subcommand, Debug)]
pub(in crate::cli) enum Deed {
    /// Make a token for an operator; it is shown once
    Add {
        /// The person
        #[arg(value_parser = OperatorName::parse)]
        name: OperatorName,
        /// What it is for: read, decide or admin; may be given again
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope)]
        scopes: Vec<TokenScope>,
        /// How long it is accepted, for example 8h [default: 30d]
        #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
        life: Option<Duration>,
    },
    /// List tokens, links and passkeys
    Ls,
    /// Revoke a token, or remove a passkey
    Rm {
        /// Its name in the list
        id: String,
    },
}

pub(super) async fn run(data: &Path, deed: Deed, as_json: bool) -> Result<(), Failure> {
    match deed {
        Deed::Add { name, scopes, life } => {
            let scopes = scopes.into_iter().collect();
            let made = ask(data, PeopleDeed::AddToken { name, scopes, life }).await?;
            if as_json {
                return Ok(print::json(&made)?);
            }
            print::tell(format!(
                "A token for {}, accepted until {}. It is shown this once:",
                escape(field(&made, "operator")),
                escape(field(&made, "expires"))
            ));
            Ok(print::say(field(&made, "token"))?)
        }
        Deed::Ls => ls(&ask(data, PeopleDeed::ListTokens).await?, as_json),
        Deed::Rm { id } => {
            let ended = ask(data, PeopleDeed::EndToken(id)).await?;
            let (id, kind) = (field(&ended, "id"), field(&ended, "kind"));
            let said = format!("{} {}: revoked", escape(kind), escape(id));
            tell(&ended, &said, as_json)
        }
    }
}

fn ls(body: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(body)?);
    }
    let mut table = Table::new(&[
        "ID",
        "OPERATOR",
        "KIND",
        "STATE",
        "FOR",
        "EXPIRES",
        "LAST USED",
    ]);
    for token in list(body, "tokens") {
        let scopes: Vec<&str> = list(token, "scopes")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        table.row([
            field(token, "id"),
            field(token, "operator"),
            field(token, "kind"),
            field(token, "state"),
            &scopes.join(","),
            field(token, "expires"),
            field(token, "used"),
        ]);
    }
    if table.is_empty() {
        print::tell(
            "Nobody can prove themselves yet: countersign operators add NAME --group GROUP",
        );
        return Ok(());
    }
    table.print()
}

fn scope(text: &str) -> Result<TokenScope, String> {
    TokenScope::parse(text).ok_or_else(|| "a scope is read, decide or admin".to_owned())
}
