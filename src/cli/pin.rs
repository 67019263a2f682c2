//! `countersign pin`: what servers present, and what is accepted of it.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::failure::Failure;
use super::head::OnListener;
use super::operator::{Operators, field, list};
use super::place::read_config;
use super::print;
use super::table::Table;
use crate::model::name::ServerName;
use crate::model::text::cut;

/// What to do about pins.
pub(super) type Args = OnListener<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// List what servers present and how it stands
    Ls {
        /// Only of this server
        #[arg(value_parser = ServerName::parse)]
        server: Option<ServerName>,
        /// Also what is not presented any more
        #[arg(long)]
        all: bool,
    },
    /// Show what differs from what was accepted, word by word, with nothing invisible
    Diff {
        /// The server
        #[arg(value_parser = ServerName::parse)]
        server: ServerName,
        /// One thing of it [default: everything that is not accepted]
        name: Option<String>,
        /// server, instructions, tool, prompt or template
        #[arg(long, default_value = "tool", requires = "name")]
        kind: String,
    },
    /// Accept definitions, as they were listed or shown
    Accept(Chosen),
    /// Refuse definitions: their calls are denied
    Refuse(Chosen),
    /// Write a lock file of what is accepted of a server, to be reviewed and kept with the manifests
    Lock {
        /// The server
        #[arg(value_parser = ServerName::parse)]
        server: ServerName,
        /// The directory of manifests [default: that of ./countersign.yaml, else ./scopes]
        dir: Option<PathBuf>,
        /// Print the file instead
        #[arg(long)]
        print: bool,
    },
}

/// Which definitions are meant: what was looked at, and not what has taken its place since.
#[derive(clap::Args, Debug)]
pub(super) struct Chosen {
    /// Digests, or what they begin with [default: everything that the server presents and that is not
    /// accepted or refused]
    #[arg(required_unless_present = "server")]
    digests: Vec<String>,
    /// Only of this server
    #[arg(long, value_parser = ServerName::parse)]
    server: Option<ServerName>,
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    let (operators, deed) = args.open()?;
    match deed {
        Deed::Ls { server, all } => ls(&operators, server.as_ref(), all, as_json).await,
        Deed::Diff { server, name, kind } => {
            let things = match name {
                Some(name) => vec![(kind, name)],
                None => unaccepted(&operators, &server).await?,
            };
            diff(&operators, &server, &things, as_json).await
        }
        Deed::Accept(chosen) => decide(&operators, &chosen, "accept", "accepted", as_json).await,
        Deed::Refuse(chosen) => decide(&operators, &chosen, "refuse", "refused", as_json).await,
        Deed::Lock { server, dir, print } => lock(&operators, &server, dir, print, as_json).await,
    }
}

async fn pins(operators: &Operators, server: Option<&ServerName>) -> Result<Vec<Value>, Failure> {
    let reply = operators.get("/v1/pins").await?;
    let is_meant =
        |pin: &&Value| server.is_none_or(|server| field(pin, "server") == server.as_str());
    Ok(list(&reply.body, "pins")
        .iter()
        .filter(is_meant)
        .cloned()
        .collect())
}

fn is_presented(pin: &Value) -> bool {
    pin.get("is_presented") == Some(&Value::Bool(true))
}

async fn ls(
    operators: &Operators,
    server: Option<&ServerName>,
    all: bool,
    as_json: bool,
) -> Result<(), Failure> {
    let mut pins = pins(operators, server).await?;
    pins.retain(|pin| all || is_presented(pin));
    if as_json {
        return Ok(print::json(&json!({"pins": pins}))?);
    }
    let mut table = Table::new(&["SERVER", "KIND", "NAME", "STANDING", "BY", "DIGEST"]);
    for pin in &pins {
        table.row([
            field(pin, "server"),
            field(pin, "kind"),
            field(pin, "name"),
            match is_presented(pin) {
                true => field(pin, "standing"),
                false => field(pin, "state"),
            },
            field(pin, "by"),
            brief(field(pin, "digest")),
        ]);
    }
    table.print()
}

async fn unaccepted(
    operators: &Operators,
    server: &ServerName,
) -> Result<Vec<(String, String)>, Failure> {
    let pins = pins(operators, Some(server)).await?;
    let open = pins
        .iter()
        .filter(|pin| is_presented(pin) && field(pin, "standing") != "accepted");
    Ok(open
        .map(|pin| (field(pin, "kind").to_owned(), field(pin, "name").to_owned()))
        .collect())
}

async fn diff(
    operators: &Operators,
    server: &ServerName,
    things: &[(String, String)],
    as_json: bool,
) -> Result<(), Failure> {
    let mut shown = Vec::new();
    for (kind, name) in things {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("server", server.as_str())
            .append_pair("kind", kind)
            .append_pair("name", name)
            .finish();
        let reply = operators.get(&format!("/v1/pins/diff?{query}")).await?;
        shown.push((kind, name, reply.body));
    }
    if as_json {
        let diffs: Vec<Value> = shown
            .into_iter()
            .map(|(kind, name, body)| json!({"kind": kind, "name": name, "diff": body}))
            .collect();
        return Ok(print::json(&json!({"diffs": diffs}))?);
    }
    if shown.is_empty() {
        print::say(format!("{server}: everything that it presents is accepted"))?;
    }
    for (kind, name, body) in &shown {
        let presented = body.get("presented").unwrap_or(&Value::Null);
        let name = crate::model::text::escape(name);
        let digest = field(presented, "digest");
        print::say(format!("{server} {kind} {name}  {}", brief(digest)))?;
        for member in list(body, "members") {
            print::say(format!("  {}", field(member, "member")))?;
            for word in list(member, "words") {
                print::say(line(word))?;
            }
        }
    }
    Ok(())
}

/// Each run of words has its own line, so that no text can look like a mark of the diff: what a line
/// holds is escaped, and no line break survives that.
fn line(word: &Value) -> String {
    let text = field(word, "text");
    match field(word, "change") {
        "removed" => format!("    - {text}"),
        "added" => format!("    + {text}"),
        _ => format!("      {}", cut(text, SAME_CHARS)),
    }
}

async fn decide(
    operators: &Operators,
    chosen: &Chosen,
    verb: &str,
    state: &str,
    as_json: bool,
) -> Result<(), Failure> {
    let pins = pins(operators, chosen.server.as_ref()).await?;
    let meant = match chosen.digests.is_empty() {
        true => pins
            .iter()
            .filter(|pin| {
                is_presented(pin) && ["unaccepted", "changed"].contains(&field(pin, "standing"))
            })
            .collect(),
        false => chosen
            .digests
            .iter()
            .map(|digest| find(&pins, digest))
            .collect::<Result<Vec<_>, _>>()?,
    };
    if meant.is_empty() {
        return Err(Failure::Missing("there is nothing to decide".to_owned()));
    }
    let mut done = Vec::new();
    for pin in meant {
        let members = ["server", "kind", "name", "digest"];
        let body: Value = members
            .into_iter()
            .map(|member| (member.to_owned(), field(pin, member).into()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let path = format!("/v1/pins/{verb}");
        operators.post(&path, Some(&body), &[]).await?;
        if !as_json {
            let name = crate::model::text::escape(field(pin, "name"));
            let (server, kind) = (field(pin, "server"), field(pin, "kind"));
            print::say(format!("{server} {kind} {name}: {state}"))?;
        }
        done.push(body);
    }
    if as_json {
        print::json(&json!({"state": state, "pins": done}))?;
    }
    Ok(())
}

/// The one pin whose digest begins so.
fn find<'a>(pins: &'a [Value], digest: &str) -> Result<&'a Value, Failure> {
    if digest.len() < DIGEST_CHARS_LEAST || digest.bytes().any(|b| !b.is_ascii_hexdigit()) {
        return Err(Failure::Input(format!(
            "name a digest by {DIGEST_CHARS_LEAST} hexadecimal digits or more"
        )));
    }
    let mut found = pins
        .iter()
        .filter(|pin| field(pin, "digest").starts_with(digest));
    match (found.next(), found.next()) {
        (Some(pin), None) => Ok(pin),
        (None, _) => Err(Failure::Missing(format!("no pin begins with {digest}"))),
        (Some(_), Some(_)) => Err(Failure::Input(format!(
            "more than one pin begins with {digest}; name the server with --server"
        ))),
    }
}

async fn lock(
    operators: &Operators,
    server: &ServerName,
    dir: Option<PathBuf>,
    only_print: bool,
    as_json: bool,
) -> Result<(), Failure> {
    let reply = operators
        .get(&format!("/v1/pins/lock?server={server}"))
        .await?;
    let text = field(&reply.body, "text");
    if only_print {
        return Ok(print::say(text.trim_end())?);
    }
    let dir = match dir {
        Some(dir) => dir,
        None => read_config(None, None)?.map_or_else(|| PathBuf::from("scopes"), |one| one.scopes),
    };
    let path = dir.join(format!("{server}.lock"));
    std::fs::write(&path, text).map_err(|error| {
        Failure::Refused(format!("{} cannot be written: {error}", path.display()))
    })?;
    match as_json {
        true => print::json(&json!({"file": path.display().to_string()}))?,
        false => print::say(format!("{}: written", path.display()))?,
    }
    Ok(())
}

fn brief(digest: &str) -> &str {
    digest.get(..DIGEST_CHARS_SHOWN).unwrap_or(digest)
}

const DIGEST_CHARS_LEAST: usize = 8;
const DIGEST_CHARS_SHOWN: usize = 16;
const SAME_CHARS: usize = 60;
