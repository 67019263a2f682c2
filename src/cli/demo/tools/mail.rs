//! A mailbox: one JSON file a message, those that came and those that were sent.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Offer, Server, ToolFault, text};
use crate::model::json;

/// The server of mail.
pub(super) struct Mail {
    root: PathBuf,
}

impl Mail {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn read(&self, id: &str) -> Result<Value, ToolFault> {
        let missing = || ToolFault::Refused(format!("there is no message {id}"));
        // A message is named by digits alone, so that no name leads anywhere else.
        if id.is_empty() || !id.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(missing());
        }
        let path = self.root.join("inbox").join(format!("{id}.json"));
        let bytes = fs::read(path).map_err(|_| missing())?;
        json::parse(&bytes).map_err(|_| missing())
    }
}

impl Server for Mail {
    fn offers(&self) -> Vec<Offer> {
        vec![
            Offer::new("list_messages", "Lists the inbox"),
            Offer::new("read_message", "Reads a message").needs("id", "string", "As listed"),
            Offer::new("send_message", "Sends a message")
                .needs("to", "string", "An address")
                .needs("subject", "string", "One line")
                .needs("body", "string", "The text"),
        ]
    }

    fn run(&self, tool: &str, arguments: &Map<String, Value>) -> Result<String, ToolFault> {
        match tool {
            "list_messages" => {
                let mut lines = Vec::new();
                for id in ids(&self.root.join("inbox"))? {
                    let message = self.read(&id.to_string())?;
                    let part = |name| message.get(name).and_then(Value::as_str).unwrap_or("?");
                    lines.push(format!("{id}  {}  {}", part("from"), part("subject")));
                }
                Ok(lines.join("\n"))
            }
            "read_message" => {
                let message = self.read(text(arguments, "id")?)?;
                let part = |name| message.get(name).and_then(Value::as_str).unwrap_or("?");
                Ok(format!(
                    "From: {}\nSubject: {}\n\n{}",
                    part("from"),
                    part("subject"),
                    part("body")
                ))
            }
            "send_message" => {
                let sent = self.root.join("sent");
                let id = ids(&sent)?.last().map_or(1, |last| last + 1);
                let message = json!({
                    "to": text(arguments, "to")?,
                    "subject": text(arguments, "subject")?,
                    "body": text(arguments, "body")?,
                });
                File::create_new(sent.join(format!("{id}.json")))?
                    .write_all(message.to_string().as_bytes())?;
                Ok(format!("sent as {id}"))
            }
            other => Err(ToolFault::Unknown(other.to_owned())),
        }
    }
}

/// The messages of a folder, oldest first.
fn ids(folder: &Path) -> Result<Vec<u64>, ToolFault> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        ids.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}
