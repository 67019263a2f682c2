//! `countersign demo-tools`: three small servers with real effects on disk, for the demo and the examples.
//!
//! They check nothing about who asks: what stands between them and an agent is the guard.

mod files;
mod journal;
mod ledger;
mod mail;
mod offer;
mod serve;

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

pub(super) use journal::Journal;
pub(super) use ledger::PAYMENTS;
pub(super) use offer::Offer;

use super::super::failure::Failure;

/// Which server to be, and where its things are.
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// The folder with the servers' things
    dir: PathBuf,
    /// Which server to be
    #[arg(long)]
    server: Kind,
}

/// The servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum Kind {
    /// A folder of files.
    Files,
    /// A mailbox.
    Mail,
    /// A ledger of payments.
    Ledger,
}

impl Kind {
    /// Every server.
    pub(super) const ALL: [Self; 3] = [Self::Files, Self::Mail, Self::Ledger];

    /// Its name in the manifest and on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Mail => "mail",
            Self::Ledger => "ledger",
        }
    }

    fn open(self, dir: &Path) -> Box<dyn Server> {
        let root = dir.join(self.name());
        match self {
            Self::Files => Box::new(files::Files::new(root)),
            Self::Mail => Box::new(mail::Mail::new(root)),
            Self::Ledger => Box::new(ledger::Ledger::new(root)),
        }
    }
}

/// Speaks on standard input and output until the input ends.
pub(in crate::cli) fn run(args: &Args) -> Result<(), Failure> {
    let server = args.server.open(&args.dir);
    let journal = Journal::within(&args.dir);
    let (input, output) = (io::stdin().lock(), io::stdout().lock());
    Ok(serve::serve(
        args.server,
        &*server,
        &journal,
        input,
        output,
    )?)
}

/// What a server of the demo offers and does.
trait Server {
    /// Its tools.
    fn offers(&self) -> Vec<Offer>;

    /// Runs one tool; the text is what the agent reads.
    fn run(&self, tool: &str, arguments: &Map<String, Value>) -> Result<String, ToolFault>;
}

/// Why a tool did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum ToolFault {
    /// There is no such tool.
    #[error("unknown tool: {0}")]
    Unknown(String),
    /// The arguments name nothing that is here.
    #[error("{0}")]
    Refused(String),
    /// The disk did not do it.
    #[error("the disk did not do it: {0}")]
    Disk(#[from] io::Error),
}

/// An argument that must be text.
fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> Result<&'a str, ToolFault> {
    arguments
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| ToolFault::Refused(format!("`{name}` must be text")))
}
