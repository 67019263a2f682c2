//! What was found, and what each finding asks for.

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::owner::isolation::sentence;
use crate::cli::print;
use crate::model::isolation::Isolation;
use crate::model::text::escape;

/// Findings on their way to a person or a program.
pub(super) struct Report {
    isolation: Isolation,
    wrong: Vec<String>,
    off: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    pub(super) const fn new(isolation: Isolation) -> Self {
        Self {
            isolation,
            wrong: Vec::new(),
            off: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Something that must be mended.
    pub(super) fn wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }

    /// A guarantee that somebody switched off.
    pub(super) fn off(&mut self, what: impl Into<String>) {
        self.off.push(what.into());
    }

    /// Something to know, or to do soon.
    pub(super) fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    /// Prints it; a failure where something is wrong.
    pub(super) fn print(self, as_json: bool) -> Result<(), Failure> {
        let is_well = self.wrong.is_empty();
        if as_json {
            let document: Value = json!({
                "ok": is_well,
                "isolation": self.isolation.name(),
                "wrong": self.wrong,
                "switched_off": self.off,
                "notes": self.notes,
            });
            print::json(&document)?;
        } else {
            print::say(format!("isolation:    {}", sentence(self.isolation)))?;
            let kinds = [
                ("wrong:       ", &self.wrong),
                ("switched off:", &self.off),
                ("note:        ", &self.notes),
            ];
            for (kind, findings) in kinds {
                for finding in findings {
                    print::say(format!("{kind} {}", escape(finding)))?;
                }
            }
        }
        match self.wrong.len() {
            0 => Ok(()),
            count => Err(Failure::Refused(format!("{count} things are wrong"))),
        }
    }
}
