//! `countersign approvals`: what waits for a person, and a person's decisions.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use data_encoding::HEXLOWER;
use reqwest::StatusCode;
use reqwest::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use serde_json::{Map, Value, json};

use super::duration;
use super::failure::Failure;
use super::operator::{OperatorArgs, Operators, Reply, field, list};
use super::print;
use super::table::Table;
use crate::ambient::Ambient;
use crate::limits::TEXT_BYTES;
use crate::model::text::escape;

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
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    let operators = args.operator.open()?;
    match args.deed {
        Deed::Ls { all } => ls(&operators, all, as_json).await,
        Deed::Watch => watch(&operators, as_json).await,
        Deed::Show { id } => {
            let reply = operators.get(&path(&id)?).await?;
            show(&reply.body, as_json)
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

async fn watch(operators: &Operators, as_json: bool) -> Result<(), Failure> {
    let mut seen: Option<Map<String, Value>> = None;
    let mut headers = vec![(PREFER, HeaderValue::from_static("wait=60"))];
    loop {
        let reply = operators
            .get_with("/v1/approvals?state=all", &headers)
            .await?;
        if let Some(etag) = reply.etag {
            headers.truncate(1);
            headers.push((IF_NONE_MATCH, etag));
        }
        if reply.status == StatusCode::NOT_MODIFIED {
            continue;
        }
        let mut now = Map::new();
        for approval in list(&reply.body, "approvals").iter().rev() {
            let (id, state) = (field(approval, "id"), field(approval, "state"));
            now.insert(id.to_owned(), state.into());
            let tells = match &seen {
                Some(seen) => seen.get(id).and_then(Value::as_str) != Some(state),
                // At the start only what is open matters; what ended before is history.
                None => state == "held",
            };
            if !tells {
                continue;
            }
            match as_json {
                true => print::json(approval)?,
                false => print::say(format!(
                    "{}  {}  code {}  {}",
                    escape(id),
                    escape(state),
                    escape(field(approval, "code")),
                    escape(field(approval, "sentence")),
                ))?,
            }
        }
        seen = Some(now);
    }
}

fn show(approval: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(approval)?);
    }
    lines_of(approval, true).iter().try_for_each(print::say)?;
    Ok(())
}

/// Everything that is needed to decide, the agent's own words last and marked.
fn lines_of(approval: &Value, with_code: bool) -> Vec<String> {
    let mut lines = vec![escape(field(approval, "sentence")), String::new()];
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            lines.push(format!("{name:<14}{}", escape(value)));
        }
    };
    put("approval", field(approval, "id"));
    put("state", field(approval, "state"));
    for reason in list(approval, "reasons") {
        put("why", field(reason, "sentence"));
    }
    put("tool", field(approval, "tool"));
    put("privilege", field(approval, "privilege"));
    put("agent", field(approval, "agent"));
    put("for", field(approval, "on_behalf_of"));
    put("session", field(approval, "session"));
    put("mode", field(approval, "mode"));
    put("arguments", field(approval, "arguments_text"));
    match approval.get("extras") {
        Some(Value::Object(extras)) if !extras.is_empty() => {
            put("also sends", &Value::Object(extras.clone()).to_string());
        }
        _ => {}
    }
    put("digest", field(approval, "action_digest"));
    if with_code {
        put("code", field(approval, "code"));
    }
    put("decide by", field(approval, "decide_by"));
    let groups: Vec<&str> = list(approval, "may_decide")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    put("may decide", &groups.join(", "));
    if let Some(decided) = approval
        .get("decided")
        .filter(|decided| decided.is_object())
    {
        put("decided by", field(decided, "by"));
        put("told", field(decided, "message_to_agent"));
    }
    let claims = approval
        .get("claims")
        .and_then(|claims| claims.get("by_the_agent"));
    if let Some(Value::Object(claims)) = claims
        && !claims.is_empty()
    {
        let words = Value::Object(claims.clone()).to_string();
        lines.push(String::new());
        lines.push("unverified, written by the agent:".to_owned());
        lines.push(format!("  {}", escape(&words)));
    }
    lines
}

/// The code shows that operator and agent look at the same call; it approves nothing by itself.
fn compare_code(
    approval: &Value,
    code: Option<String>,
    no_input: bool,
    id: &str,
) -> Result<(), Failure> {
    let expected = field(approval, "code");
    let typed = match code {
        Some(code) => code,
        None if no_input || !std::io::stdin().is_terminal() => {
            return Err(Failure::NeedsInput(format!(
                "compare the code with the agent's message, then run: \
                 countersign approvals approve {} --code CODE",
                escape(id)
            )));
        }
        None => {
            // Without the code: it is to come from the agent's side, not from this screen.
            lines_of(approval, false).iter().for_each(print::tell);
            ask("\nType the code that the agent's message shows to approve exactly this call: ")?
        }
    };
    match !expected.is_empty() && typed.trim().eq_ignore_ascii_case(expected) {
        true => Ok(()),
        false => Err(Failure::Refused(
            "the code is not that of this request; nothing was decided".to_owned(),
        )),
    }
}

fn ask(question: &str) -> Result<String, Failure> {
    use std::io::Read;
    let mut err = std::io::stderr().lock();
    err.write_all(question.as_bytes())?;
    err.flush()?;
    let mut line = String::new();
    let stdin = std::io::stdin().lock();
    std::io::BufRead::read_line(&mut stdin.take(TEXT_BYTES as u64), &mut line)?;
    Ok(line)
}

async fn decide(
    operators: &Operators,
    id: &str,
    shown: Reply,
    mut decision: Map<String, Value>,
    as_json: bool,
) -> Result<(), Failure> {
    let version = shown
        .etag
        .ok_or_else(|| Failure::Refused("the answer names no version".to_owned()))?;
    let digest = field(&shown.body, "action_digest");
    decision.insert("action_digest".to_owned(), digest.into());
    let decision_id = HEXLOWER.encode(&Ambient::system().random::<16>());
    decision.insert("decision_id".to_owned(), decision_id.into());
    let body = Value::Object(decision);
    let path = format!("{}/decisions", path(id)?);
    let reply = operators
        .post(&path, Some(&body), &[(IF_MATCH, version)])
        .await?;
    match as_json {
        true => print::json(&reply.body)?,
        false => print::say(format!(
            "{} {}: {}",
            escape(field(&reply.body, "id")),
            escape(field(&reply.body, "state")),
            escape(field(&reply.body, "sentence")),
        ))?,
    }
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

const PREFER: HeaderName = HeaderName::from_static("prefer");
