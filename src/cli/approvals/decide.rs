//! A person's decision: on the version and the digest that were shown, with the code compared.

use std::io::{IsTerminal, Write};

use data_encoding::HEXLOWER;
use reqwest::header::{HeaderValue, IF_MATCH};
use serde_json::{Map, Value};

use super::path;
use super::show::lines_of;
use crate::ambient::Ambient;
use crate::cli::failure::Failure;
use crate::cli::operator::{Operators, Reply, field};
use crate::cli::print;
use crate::limits::TEXT_BYTES;
use crate::model::text::escape;

/// The code shows that operator and agent look at the same call; it approves nothing by itself.
pub(super) fn compare_code(
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

/// Sends the decision on what was shown.
pub(super) async fn decide(
    operators: &Operators,
    id: &str,
    shown: Reply,
    mut decision: Map<String, Value>,
    as_json: bool,
) -> Result<(), Failure> {
    let version = version(&shown)?;
    let digest = field(&shown.body, "action_digest");
    decision.insert("action_digest".to_owned(), digest.into());
    let decision_id = HEXLOWER.encode(&Ambient::system().random::<16>());
    decision.insert("decision_id".to_owned(), decision_id.into());
    let body = Value::Object(decision);
    let path = format!("{}/decisions", path(id)?);
    let reply = operators
        .post(&path, Some(&body), &[(IF_MATCH, version)])
        .await?;
    tell(&reply.body, as_json)
}

/// Takes one's own vote back, on the version that stands now.
pub(super) async fn withdraw(
    operators: &Operators,
    id: &str,
    as_json: bool,
) -> Result<(), Failure> {
    let shown = operators.get(&path(id)?).await?;
    let version = version(&shown)?;
    let path = format!("{}/decisions", path(id)?);
    let reply = operators.delete(&path, &[(IF_MATCH, version)]).await?;
    tell(&reply.body, as_json)
}

fn version(shown: &Reply) -> Result<HeaderValue, Failure> {
    let version = shown.etag.clone();
    version.ok_or_else(|| Failure::Refused("the answer names no version".to_owned()))
}

fn tell(approval: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(approval)?);
    }
    let progress = match (field(approval, "state"), field(approval, "progress")) {
        ("held", progress) if !progress.is_empty() => format!(" ({})", escape(progress)),
        _ => String::new(),
    };
    Ok(print::say(format!(
        "{} {}{progress}: {}",
        escape(field(approval, "id")),
        escape(field(approval, "state")),
        escape(field(approval, "sentence")),
    ))?)
}
