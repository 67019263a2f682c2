//! `countersign approvals amend`: a patch of the manifest, for whoever keeps it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::operator::{Operators, field, list};
use crate::cli::print;
use crate::model::text::escape;

/// Prints the patch, or writes it into a new file; what it means goes beside it.
pub(super) async fn amend(
    operators: &Operators,
    path: &str,
    output: Option<&Path>,
    as_json: bool,
) -> Result<(), Failure> {
    let reply = operators.get(&format!("{path}/amendment")).await?;
    if as_json {
        return Ok(print::json(&reply.body)?);
    }
    let patch = field(&reply.body, "patch");
    match output {
        Some(file) => write(file, patch)?,
        None => print::say(patch.strip_suffix('\n').unwrap_or(patch))?,
    }
    explain(&reply.body);
    Ok(())
}

fn explain(proposal: &Value) {
    print::tell(escape(field(proposal, "sentence")));
    for reason in list(proposal, "remains") {
        let sentence = escape(field(reason, "sentence"));
        print::tell(format!(
            "This also stopped it, and no such change answers it: {sentence}"
        ));
    }
    let count = |name: &str| {
        let replay = proposal.get("replay");
        replay
            .and_then(|replay| replay.get(name))
            .and_then(Value::as_u64)
            .unwrap_or(0)
    };
    print::tell(format!(
        "Of the last {} calls of the agent, {} with their arguments kept, it decides {} otherwise; \
         {} of them would pass without a person.",
        count("calls"),
        count("kept"),
        count("changed"),
        count("permitted"),
    ));
    let place = match field(proposal, "directory") {
        "" => "where the guard was started".to_owned(),
        directory => format!("in {}", escape(directory)),
    };
    print::tell(format!(
        "It is a patch of {}. Look at it, then apply it {place} with `patch -p1` or `git apply`; it is in force \
         once the changed manifest is accepted.",
        escape(field(proposal, "file")),
    ));
}

fn write(file: &Path, patch: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::Input(format!("{} cannot be written: {error}", file.display()))
    };
    let mut made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .map_err(failed)?;
    made.write_all(patch.as_bytes()).map_err(failed)
}
