//! The servers' own account of what they ran, so that nobody has to take the guard's word for it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

/// One line a call, written by the servers themselves.
pub(in crate::cli::demo) struct Journal {
    path: PathBuf,
}

impl Journal {
    /// The journal of the servers of one folder.
    pub(in crate::cli::demo) fn within(dir: &Path) -> Self {
        Self {
            path: dir.join("executed.jsonl"),
        }
    }

    /// Notes that a tool was run. One write at the file's end, since three servers share the file.
    pub(super) fn note(&self, server: &str, tool: &str) -> io::Result<()> {
        let line = format!("{}\n", json!({"server": server, "tool": tool}));
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        file.write_all(line.as_bytes())
    }

    /// How many calls were run.
    pub(in crate::cli::demo) fn count(&self) -> io::Result<usize> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(text.lines().count()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }
}
