//! Where the owner of a directory listens, written there for commands of the same user.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::place::read_text;
use crate::limits::SECRET_FILE_BYTES;
use crate::model::json;

/// The addresses of the two listeners.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Notice {
    /// Where agents are heard over HTTP, if at all.
    pub(crate) agents: Option<SocketAddr>,
    /// Where operators are heard.
    pub(crate) operators: SocketAddr,
}

impl Notice {
    /// What the owner of the directory wrote; an owner that was killed may have left it behind.
    pub(crate) fn read(data: &Path) -> Option<Self> {
        let text = read_text(&path(data), SECRET_FILE_BYTES as usize).ok()?;
        let Ok(Value::Object(notice)) = json::parse(text.as_bytes()) else {
            return None;
        };
        let address = |name: &str| notice.get(name)?.as_str()?.parse().ok();
        Some(Self {
            agents: address("agents"),
            operators: address("operators")?,
        })
    }

    /// Writes it, whole or not at all.
    pub(super) fn publish(&self, data: &Path) -> Result<(), Failure> {
        let body = json!({
            "agents": self.agents.map(|address| address.to_string()),
            "operators": self.operators.to_string(),
        });
        let draft = path(data).with_extension("draft");
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(format!("{body}\n").as_bytes())?;
        Ok(std::fs::rename(&draft, path(data))?)
    }

    /// Takes it down.
    pub(super) fn withdraw(data: &Path) {
        // Left behind it only names a listener that does not answer.
        let _ = std::fs::remove_file(path(data));
    }
}

fn path(data: &Path) -> PathBuf {
    data.join("guard.json")
}
