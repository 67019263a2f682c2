//! Writing for a person: calm colours on a terminal that wants them, plain text anywhere else.

use std::io::{self, IsTerminal, Write};

use super::super::print;

/// Where the account is written.
pub(super) struct Pen {
    colours: bool,
}

/// What a piece of text is.
#[derive(Clone, Copy)]
pub(super) enum Ink {
    /// A heading.
    Strong,
    /// What is said beside the matter.
    Faint,
    /// It may go on.
    Green,
    /// A person is asked.
    Yellow,
    /// It may not.
    Red,
}

impl Pen {
    /// For standard output, as the terminal and `NO_COLOR` say.
    pub(super) fn new() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            colours: io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb,
        }
    }

    /// A piece of text in its ink. Foreign text must be escaped before.
    pub(super) fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Strong => "1",
            Ink::Faint => "2",
            Ink::Green => "32",
            Ink::Yellow => "33",
            Ink::Red => "31",
        };
        match self.colours {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    /// Writes a line.
    pub(super) fn line(&self, text: &str) -> io::Result<()> {
        print::say(text)
    }

    /// Writes a question, and stays on its line.
    pub(super) fn ask(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}
