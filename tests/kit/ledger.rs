//! The upstream that keeps a ledger of every call that it executed, and the test's view of it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::server::{HttpServer, Program, python};

/// A ledger file; any number of servers may write into it.
pub(crate) struct Ledger {
    path: PathBuf,
}

/// One call that an upstream executed.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    /// The name of the tool.
    pub(crate) tool: String,
    /// The arguments as the upstream got them.
    pub(crate) arguments: Value,
    /// The `Authorization` that came with the call over HTTP.
    pub(crate) authorization: Option<String>,
}

impl Ledger {
    /// A ledger in a folder of the test, empty at first.
    pub(crate) fn within(folder: &Path) -> Self {
        Self {
            path: folder.join("ledger.jsonl"),
        }
    }

    /// The server over stdio: tools `pay`, `note`, `slow`, `echo` and `balance`.
    pub(crate) fn server(&self) -> Program {
        let script = super::source("ledger.py");
        let words = [script.to_str(), Some("--ledger"), self.path.to_str()];
        python().with(&words.map(|word| word.expect("the paths of tests are Unicode")))
    }

    /// The same server over Streamable HTTP.
    pub(crate) async fn http_server(&self) -> HttpServer {
        HttpServer::listening(self.server().with(&["--http"]).command()).await
    }

    /// Every call executed so far, in order.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let Ok(lines) = std::fs::read_to_string(&self.path) else {
            return Vec::new();
        };
        let parse = |line| serde_json::from_str(line).expect("a ledger's lines are whole");
        lines.lines().map(parse).collect()
    }

    /// How often a tool was executed.
    pub(crate) fn count(&self, tool: &str) -> usize {
        self.entries()
            .iter()
            .filter(|entry| entry.tool == tool)
            .count()
    }

    /// How often a tool was executed with one nonce.
    pub(crate) fn count_nonce(&self, tool: &str, nonce: &str) -> usize {
        let entries = self.entries();
        let same = |entry: &&Entry| {
            entry.tool == tool
                && entry
                    .arguments
                    .get("nonce")
                    .is_some_and(|given| given == nonce)
        };
        entries.iter().filter(same).count()
    }
}
