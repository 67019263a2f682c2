//! A folder of files, whose paths begin at the folder's own root.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::{Offer, Server, ToolFault, text};

/// The server of files.
pub(super) struct Files {
    root: PathBuf,
}

impl Files {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The place of a path below the root; a server that can be led out of its root would make a poor
    /// witness for anything.
    fn place(&self, path: &str) -> Result<PathBuf, ToolFault> {
        let below = Path::new(path.strip_prefix('/').unwrap_or(path));
        let is_plain = below
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        match is_plain {
            true => Ok(self.root.join(below)),
            false => Err(ToolFault::Refused(format!("{path} is no path here"))),
        }
    }
}

impl Server for Files {
    fn offers(&self) -> Vec<Offer> {
        vec![
            Offer::new("read_file", "Reads a text file").needs(
                "path",
                "string",
                "From the root: /docs/…",
            ),
            Offer::new("list_files", "Lists a folder").needs(
                "path",
                "string",
                "From the root: /docs",
            ),
            Offer::new("write_file", "Writes a text file")
                .needs("path", "string", "From the root: /docs/…")
                .needs("content", "string", "The whole text"),
        ]
    }

    fn run(&self, tool: &str, arguments: &Map<String, Value>) -> Result<String, ToolFault> {
        match tool {
            "read_file" => Ok(fs::read_to_string(self.place(text(arguments, "path")?)?)?),
            "list_files" => {
                let mut names = Vec::new();
                for entry in fs::read_dir(self.place(text(arguments, "path")?)?)? {
                    names.push(entry?.file_name().to_string_lossy().into_owned());
                }
                names.sort();
                Ok(names.join("\n"))
            }
            "write_file" => {
                let (path, content) = (text(arguments, "path")?, text(arguments, "content")?);
                fs::write(self.place(path)?, content)?;
                Ok(format!("wrote {} bytes to {path}", content.len()))
            }
            other => Err(ToolFault::Unknown(other.to_owned())),
        }
    }
}
