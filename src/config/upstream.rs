//! One upstream of the configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::secret::SecretRef;
use crate::mcp::upstream::{HttpSpec, StdioSpec, TransportSpec, UpstreamSpec};
use crate::model::name::ServerName;
use crate::scopes::reading::{Block, Keys};
use crate::scopes::yaml::{Node, Shape};
use crate::scopes::{Faults, Place};

/// One upstream, with its secrets still where they are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upstream {
    /// How it is reached.
    pub transport: Transport,
    at: Place,
}

/// How an upstream is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Transport {
    /// As a child of the guard.
    Command {
        /// The program and its arguments.
        command: Vec<String>,
        /// Its environment beyond the few variables every child gets.
        env: BTreeMap<String, Variable>,
        /// Its working directory.
        cwd: Option<PathBuf>,
    },
    /// Over streamable HTTP.
    Url {
        /// The address.
        url: String,
        /// What the guard proves itself with there; an agent's own credential never goes upstream.
        credential: Option<SecretRef>,
        /// Whether the name may resolve to an address that is not public.
        allow_private: bool,
    },
}

/// One variable of a child's environment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Variable {
    /// Its value.
    Plain(String),
    /// Where its value is kept.
    Secret(SecretRef),
}

impl Upstream {
    pub(super) fn read(node: &Node, base: &Path, faults: &mut Faults) -> Option<Self> {
        let block = Block::open(node, &UPSTREAM, faults)?;
        let transport = match (block.find("command"), block.find("url")) {
            (Some(command), None) => {
                refuse(&block, &["credential", "allow_private"], "url", faults);
                Transport::Command {
                    command: command_line(command, faults)?,
                    env: environment(block.find("env"), base, faults),
                    cwd: match block.find("cwd") {
                        Some(node) => Some(base.join(node.line(faults)?)),
                        None => None,
                    },
                }
            }
            (None, Some(url)) => {
                refuse(&block, &["env", "cwd"], "command", faults);
                Transport::Url {
                    url: url.line(faults)?,
                    credential: match block.find("credential") {
                        Some(node) => Some(SecretRef::read(node, base, faults)?),
                        None => None,
                    },
                    allow_private: match block.find("allow_private") {
                        Some(node) => node.flag(faults)?,
                        None => false,
                    },
                }
            }
            _ => {
                faults.add(
                    &node.at,
                    "an upstream is reached in one way",
                    "write either `command: [PROGRAM, ARGUMENT, …]` or `url: …`",
                );
                return None;
            }
        };
        Some(Self {
            transport,
            at: node.at.clone(),
        })
    }

    pub(super) fn resolve(&self, name: &ServerName, faults: &mut Faults) -> Option<UpstreamSpec> {
        let transport = match &self.transport {
            Transport::Command { command, env, cwd } => {
                let mut resolved = BTreeMap::new();
                for (name, variable) in env {
                    let value = match variable {
                        Variable::Plain(value) => value.clone(),
                        Variable::Secret(home) => home.resolve(faults)?.reveal().clone(),
                    };
                    resolved.insert(name.clone(), value);
                }
                let (program, args) = command.split_first()?;
                TransportSpec::Stdio(StdioSpec {
                    command: program.clone(),
                    args: args.to_vec(),
                    env: resolved,
                    cwd: cwd.clone(),
                })
            }
            Transport::Url {
                url,
                credential,
                allow_private,
            } => {
                let credential = match credential {
                    Some(home) => Some(home.resolve(faults)?),
                    None => None,
                };
                match HttpSpec::new(url, credential, *allow_private) {
                    Ok(spec) => TransportSpec::Http(spec),
                    Err(error) => {
                        faults.add(&self.at, error.to_string(), "write another address");
                        return None;
                    }
                }
            }
        };
        Some(UpstreamSpec {
            name: name.clone(),
            transport,
        })
    }
}

fn refuse(block: &Block<'_>, keys: &[&str], goes_with: &str, faults: &mut Faults) {
    for key in keys {
        if let Some(node) = block.find(key) {
            let message = format!("`{key}` goes with `{goes_with}`");
            faults.add(&node.at, message, "leave it out");
        }
    }
}

fn command_line(node: &Node, faults: &mut Faults) -> Option<Vec<String>> {
    let items = node.items(faults)?;
    let words: Option<Vec<String>> = items
        .iter()
        .map(|item| item.text(faults).map(str::to_owned))
        .collect();
    match words {
        Some(words) if words.first().is_some_and(|program| !program.is_empty()) => Some(words),
        Some(_) => {
            faults.add(
                &node.at,
                "the command names no program",
                "write `[PROGRAM, ARGUMENT, …]`",
            );
            None
        }
        None => None,
    }
}

fn environment(
    node: Option<&Node>,
    base: &Path,
    faults: &mut Faults,
) -> BTreeMap<String, Variable> {
    let mut env = BTreeMap::new();
    let entries = node.and_then(|node| node.entries("`env`", faults));
    for entry in entries.unwrap_or_default() {
        if entry.key.is_empty() || entry.key.contains(['=', '\0']) {
            faults.add(&entry.at, "not a name for a variable", "write a plain word");
            continue;
        }
        let variable = match entry.value.shape {
            Shape::Map(_) => SecretRef::read(&entry.value, base, faults).map(Variable::Secret),
            _ => entry
                .value
                .text(faults)
                .map(|text| Variable::Plain(text.to_owned())),
        };
        if let Some(variable) = variable {
            env.insert(entry.key.clone(), variable);
        }
    }
    env
}

const UPSTREAM: Keys = Keys {
    what: "an upstream",
    known: &[
        "command",
        "url",
        "env",
        "cwd",
        "credential",
        "allow_private",
    ],
    later: &[],
};
