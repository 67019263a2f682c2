//! The account of what happens, in sentences: who asked, what was decided, why, and what came of it.

use std::collections::BTreeSet;
use std::io;

use serde_json::Value;

use super::super::operator::{field, list};
use super::agent::Answer;
use super::house::{AGENT, GROUPS, House, OPERATOR};
use super::pen::{Ink, Pen};
use super::script::Deed;
use super::stage::Stage;
use super::tally::codes;
use crate::model::reason::Reason;
use crate::model::text::{cut, escape};

/// Tells the story as it goes.
pub(super) struct Account {
    pen: Pen,
    /// What the paths of the demo's folder begin with: it says nothing to anybody.
    root: String,
    /// Approvals whose pause was told: a repeated call joins the open one.
    paused: BTreeSet<String>,
}

impl Account {
    pub(super) fn new(pen: Pen, stage: &Stage) -> Self {
        Self {
            pen,
            root: format!("{}/", stage.root().display()),
            paused: BTreeSet::new(),
        }
    }

    /// Who is there.
    pub(super) fn opening(
        &self,
        house: &House,
        stage: &Stage,
        visible: &[String],
    ) -> io::Result<()> {
        let pen = &self.pen;
        pen.line(&pen.ink(
            Ink::Strong,
            "Countersign: an agent at work, and the guard between it and its tools",
        ))?;
        pen.line("")?;
        for (name, text) in [
            ("agent", format!("{AGENT}, with a key of its own, speaks MCP to {}/mcp/…", house.agents)),
            ("", "The key is bound to no client; the demo's manifest accepts that (accept_unbound_keys).".to_owned()),
            ("tools", format!("files, mail and ledger, with real effects in {}", stage.things().display())),
            ("", format!("Of these it sees: {}", visible.join(", "))),
            ("scope", "scopes/demo.yaml, the manifest that ships with Countersign".to_owned()),
            ("operator", format!("{OPERATOR} of {}, at {}", GROUPS.join(" and "), house.operators)),
        ] {
            pen.line(&format!("  {} {text}", pen.ink(Ink::Faint, &format!("{name:<9}"))))?;
        }
        Ok(())
    }

    /// What the agent is about to do.
    pub(super) fn deed(&self, deed: &Deed) -> io::Result<()> {
        let pen = &self.pen;
        if let Some(part) = deed.part {
            pen.line("")?;
            pen.line(&pen.ink(Ink::Strong, part))?;
        }
        let times = match deed.times {
            1 => String::new(),
            times => format!(", {times} times"),
        };
        let arguments = match deed.arguments.as_object() {
            Some(arguments) if !arguments.is_empty() => format!(" {}", deed.arguments),
            _ => String::new(),
        };
        pen.line("")?;
        pen.line(&pen.ink(Ink::Faint, &format!("  “{}”", deed.because)))?;
        pen.line(&format!(
            "  {AGENT} asks for {}/{}{}{times}",
            deed.server.name(),
            deed.tool,
            cut(&escape(&arguments), SHOWN_CHARS),
        ))
    }

    /// An entry of the record; the approval that it opened, where it opened one.
    pub(super) fn entry(&mut self, body: &Value) -> io::Result<Option<String>> {
        match (field(body, "kind"), field(body, "state")) {
            ("decision", _) => self.decision(body),
            ("approval", "approved") => {
                let by = escape(field(body, "by"));
                self.ruling(
                    Ink::Green,
                    "APPROVED",
                    &format!("by {by}, this call alone, once."),
                )?;
                Ok(None)
            }
            ("approval", "denied") => {
                let by = escape(field(body, "by"));
                self.ruling(Ink::Red, "REFUSED", &format!("by {by}."))?;
                Ok(None)
            }
            ("approval", "expired") => {
                self.ruling(Ink::Red, "EXPIRED", "Nobody decided in time.")?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// What a person must know to decide, and how to decide from another terminal.
    pub(super) fn question(&self, approval: &Value, command: &str, how: &str) -> io::Result<()> {
        let pen = &self.pen;
        let groups: Vec<&str> = list(approval, "may_decide")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        pen.line("")?;
        pen.line(&format!("  {}", escape(field(approval, "sentence"))))?;
        pen.line(&format!(
            "  May decide: {}, until {}. The code on both sides: {}",
            groups.join(" or "),
            clock(field(approval, "decide_by")),
            pen.ink(Ink::Strong, &escape(field(approval, "code"))),
        ))?;
        pen.line(&format!("    {}", pen.ink(Ink::Yellow, command)))?;
        pen.line(&format!("  {how}"))
    }

    /// A sentence beside the matter.
    pub(super) fn aside(&self, text: &str) -> io::Result<()> {
        self.pen.line(&format!("  {}", escape(text)))
    }

    /// What the agent was told in the end.
    pub(super) fn told(&self, answer: &Answer) -> io::Result<()> {
        let lead = match answer.is_error {
            true => "The agent is told: ",
            false => "",
        };
        for line in answer.text.lines() {
            for row in wrap(&format!("{lead}{}", escape(line)), ROW_CHARS) {
                let row = format!("  │ {row}");
                self.pen.line(&self.pen.ink(Ink::Faint, &row))?;
            }
        }
        Ok(())
    }

    /// How it ended.
    pub(super) fn closing(
        &self,
        counts: &Value,
        verification: &str,
        effects: &str,
    ) -> io::Result<()> {
        let pen = &self.pen;
        let count = |name| counts.get(name).and_then(Value::as_u64).unwrap_or(0);
        pen.line("")?;
        pen.line(&pen.ink(Ink::Strong, "What the record says"))?;
        pen.line("")?;
        pen.line(&format!(
            "  {} calls permitted, {} paused of which {} approved, {} denied, {} over a rate.",
            count("permitted"),
            count("paused"),
            count("approved"),
            count("denied"),
            count("rate_limited"),
        ))?;
        pen.line(&format!("  {effects}"))?;
        let ink = match counts.get("record_verified") {
            Some(Value::Bool(true)) => Ink::Green,
            _ => Ink::Red,
        };
        verification
            .lines()
            .try_for_each(|line| pen.line(&format!("  {}", pen.ink(ink, &escape(line)))))
    }

    /// How the pen writes.
    pub(super) const fn pen(&self) -> &Pen {
        &self.pen
    }

    fn decision(&mut self, body: &Value) -> io::Result<Option<String>> {
        let reasons = list(body, "reasons");
        let why: Vec<String> = reasons.iter().map(sentence).collect();
        let why = why.join(" ").replace(&self.root, "");
        match field(body, "decision") {
            "permit" => self.ruling(Ink::Green, "PERMITTED", &why)?,
            "challenge" => self.ruling(Ink::Yellow, "STEP-UP", &why)?,
            "pause" => {
                let approval = field(body, "approval").to_owned();
                if self.paused.insert(approval.clone()) {
                    self.ruling(Ink::Yellow, "PAUSED", &why)?;
                    return Ok(Some(approval));
                }
            }
            _ => {
                let is_rate = codes(body).any(|code| code == Reason::RateLimited.code());
                let word = if is_rate { "RATE LIMITED" } else { "DENIED" };
                self.ruling(Ink::Red, word, &why)?;
            }
        }
        Ok(None)
    }

    fn ruling(&self, ink: Ink, word: &str, why: &str) -> io::Result<()> {
        let mut lead = self.pen.ink(ink, &format!("{word:<WORD_CHARS$}"));
        for row in wrap(why, ROW_CHARS) {
            self.pen.line(&format!("  {lead} {row}"))?;
            lead = " ".repeat(WORD_CHARS);
        }
        Ok(())
    }
}

/// A reason's row of the table, and what it was in this call.
fn sentence(reason: &Value) -> String {
    let general = Reason::parse(field(reason, "code")).map_or("", |reason| reason.row().sentence);
    match field(reason, "sentence") {
        "" => general.to_owned(),
        special => format!("{} ({}).", general.trim_end_matches('.'), escape(special)),
    }
}

/// The time of day of an RFC 3339 time, which is all that matters within a quarter of an hour.
fn clock(time: &str) -> String {
    match time.get(11..19) {
        Some(clock) => format!("{clock} UTC"),
        None => escape(time),
    }
}

/// The text in rows of at most so many characters, as far as its blanks allow.
fn wrap(text: &str, most_chars: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split(' ') {
        let Some(row) = rows.last_mut() else { continue };
        let is_first = row.is_empty();
        if !is_first && row.chars().count() + 1 + word.chars().count() > most_chars {
            rows.push(word.to_owned());
        } else {
            if !is_first {
                row.push(' ');
            }
            row.push_str(word);
        }
    }
    rows
}

const ROW_CHARS: usize = 84;
const WORD_CHARS: usize = 12;
const SHOWN_CHARS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_with_what_it_was_in_this_call() {
        let reason =
            serde_json::json!({"code": "beyond-scope", "sentence": "/amount is above 100"});
        assert_eq!(
            sentence(&reason),
            "The arguments are outside what the scope declares (/amount is above 100)."
        );
    }

    #[test]
    fn rows_keep_every_word() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
    }
}
