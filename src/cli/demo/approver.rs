//! Who answers the guard's questions in the demo: a flag, or the person at the terminal.

use std::io::{self, BufRead, IsTerminal};

use data_encoding::HEXLOWER;
use reqwest::header::IF_MATCH;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::super::failure::Failure;
use super::super::operator::{Operators, Reply, field};
use super::pen::Pen;
use crate::ambient::Ambient;

/// Whoever answers.
pub(super) enum Approver {
    /// The same answer to every question.
    Flag(Vote),
    /// Lines that a person types.
    Person(mpsc::UnboundedReceiver<String>),
}

/// An answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Vote {
    /// Let exactly this call run.
    Approve,
    /// Refuse it.
    Deny,
}

impl Approver {
    /// The flag's answer, or the terminal's person.
    ///
    /// # Errors
    /// Where there is neither.
    pub(super) fn choose(flag: Option<Vote>, no_input: bool) -> Result<Self, Failure> {
        match flag {
            Some(vote) => Ok(Self::Flag(vote)),
            None if !no_input && io::stdin().is_terminal() => Ok(Self::Person(lines()?)),
            None => Err(Failure::NeedsInput(
                "the demo asks a person to approve; in a terminal it can, else have every question answered \
                 alike: countersign demo --yes, or countersign demo --no"
                    .to_owned(),
            )),
        }
    }

    /// What is said of the answer beforehand.
    pub(super) const fn announces(&self) -> &'static str {
        match self {
            Self::Flag(Vote::Approve) => "Answered by --yes, with the operator's token.",
            Self::Flag(Vote::Deny) => "Answered by --no, with the operator's token.",
            Self::Person(_) => "From another terminal, or here with y or n.",
        }
    }

    /// Waits for an answer; for ever where nobody can type one any more.
    pub(super) async fn answer(&mut self, pen: &Pen) -> io::Result<Vote> {
        let lines = match self {
            Self::Flag(vote) => return Ok(*vote),
            Self::Person(lines) => lines,
        };
        // What was typed before the question was read is no answer to it.
        while lines.try_recv().is_ok() {}
        loop {
            pen.ask("  Approve exactly this call? [y/n] ")?;
            let Some(line) = lines.recv().await else {
                pen.line("\n  Standard input has ended; decide from another terminal.")?;
                return std::future::pending().await;
            };
            match line.trim() {
                "y" | "Y" | "yes" => return Ok(Vote::Approve),
                "n" | "N" | "no" => return Ok(Vote::Deny),
                _ => {}
            }
        }
    }
}

/// Decides as any operator does: on the version and the digest that were shown.
pub(super) async fn decide(
    operators: &Operators,
    shown: &Reply,
    vote: Vote,
    ambient: &Ambient,
) -> Result<(), Failure> {
    let version = shown.etag.clone();
    let version =
        version.ok_or_else(|| Failure::Refused("the answer names no version".to_owned()))?;
    let mut decision = json!({
        "action_digest": field(&shown.body, "action_digest"),
        "decision_id": HEXLOWER.encode(&ambient.random::<16>()),
    });
    if let Value::Object(members) = &mut decision {
        let (word, message) = match vote {
            Vote::Approve => ("approve", None),
            Vote::Deny => ("deny", Some("not this one")),
        };
        members.insert("decision".to_owned(), word.into());
        if let Some(message) = message {
            members.insert("message".to_owned(), message.into());
        }
    }
    let path = format!("/v1/approvals/{}/decisions", field(&shown.body, "id"));
    operators
        .post(&path, Some(&decision), &[(IF_MATCH, version)])
        .await?;
    Ok(())
}

/// Reading a terminal cannot be given up, so a thread of its own does it and ends with the process.
fn lines() -> io::Result<mpsc::UnboundedReceiver<String>> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::Builder::new()
        .name("terminal".to_owned())
        .spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        })?;
    Ok(lines)
}
