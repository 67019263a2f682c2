//! Where a secret is kept: in an environment variable or a file, never in the configuration.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::limits::SECRET_FILE_BYTES;
use crate::model::json::is_deceptive;
use crate::model::secret::Secret;
use crate::scopes::reading::{Block, Keys};
use crate::scopes::yaml::Node;
use crate::scopes::{Faults, Place};

/// Where to look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecretRef {
    home: Home,
    at: Place,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Home {
    Variable(String),
    File(PathBuf),
}

impl SecretRef {
    pub(super) fn read(node: &Node, base: &Path, faults: &mut Faults) -> Option<Self> {
        let block = Block::open(node, &SECRET, faults)?;
        let home = match (block.find("env"), block.find("file")) {
            (Some(node), None) => Home::Variable(node.line(faults)?),
            (None, Some(node)) => Home::File(base.join(node.line(faults)?)),
            _ => {
                faults.add(&node.at, "a secret has one home", FIX);
                return None;
            }
        };
        Some(Self {
            home,
            at: node.at.clone(),
        })
    }

    /// The secret itself.
    pub(super) fn resolve(&self, faults: &mut Faults) -> Option<Secret<String>> {
        let found = match &self.home {
            Home::Variable(name) => std::env::var(name)
                .map_err(|_| format!("the environment has no readable variable {name}")),
            Home::File(path) => {
                read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
            }
        };
        let text = match found {
            Ok(text) => text,
            Err(message) => {
                faults.add(&self.at, message, "put the secret there");
                return None;
            }
        };
        // A secret goes into a header; an editor's newline at its end does not.
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() || text.chars().any(is_deceptive) {
            let message = "the secret is empty or has control characters";
            faults.add(&self.at, message, "put one line of plain text there");
            return None;
        }
        Some(Secret::new(text.to_owned()))
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(SECRET_FILE_BYTES)
        .read_to_string(&mut text)?;
    Ok(text)
}

const FIX: &str = "write `{env: NAME}` or `{file: PATH}`";

const SECRET: Keys = Keys {
    what: "a secret's home",
    known: &["env", "file"],
    later: &[],
};
