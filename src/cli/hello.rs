//! What a `wrap` says first to the owner of the directory: who asks, for which server.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::model::name::{AgentName, ServerName};
use crate::model::secret::Secret;

/// One agent's connection to one server, to be bridged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Hello {
    /// The agent.
    pub(super) agent: AgentName,
    /// The guard's name for the server.
    pub(super) server: ServerName,
    /// The program.
    pub(super) command: String,
    /// Its arguments.
    pub(super) args: Vec<String>,
    /// Its environment beyond the few variables every child gets.
    pub(super) env: BTreeMap<String, String>,
    /// Its working directory.
    pub(super) cwd: PathBuf,
    /// The agent's key, where it has one; without it the agent is only asserted.
    pub(super) key: Option<Secret<String>>,
}

impl Hello {
    /// The line, without its end.
    pub(super) fn render(&self) -> Value {
        json!({
            "v": 1,
            "op": "wrap",
            "agent": self.agent.as_str(),
            "server": self.server.as_str(),
            "command": self.command,
            "args": self.args,
            "env": self.env,
            "cwd": self.cwd.to_string_lossy(),
            "key": self.key.as_ref().map(Secret::reveal),
        })
    }

    /// From the line's object; `None` where it is no hello.
    pub(super) fn parse(hello: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| hello.get(name).and_then(Value::as_str);
        if text("op") != Some("wrap") {
            return None;
        }
        let args: Option<Vec<String>> = hello
            .get("args")?
            .as_array()?
            .iter()
            .map(|arg| arg.as_str().map(str::to_owned))
            .collect();
        let env: Option<BTreeMap<String, String>> = hello
            .get("env")?
            .as_object()?
            .iter()
            .map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        Some(Self {
            agent: AgentName::parse(text("agent")?).ok()?,
            server: ServerName::parse(text("server")?).ok()?,
            command: text("command")?.to_owned(),
            args: args?,
            env: env?,
            cwd: PathBuf::from(text("cwd")?),
            key: text("key").map(|key| Secret::new(key.to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_reads_back_as_itself() {
        let hello = Hello {
            agent: AgentName::parse("demo").unwrap(),
            server: ServerName::parse("files").unwrap(),
            command: "npx".to_owned(),
            args: vec!["-y".to_owned(), "server".to_owned()],
            env: BTreeMap::from([("LANG".to_owned(), "C".to_owned())]),
            cwd: PathBuf::from("/srv"),
            key: Some(Secret::new("csk_1".to_owned())),
        };
        let Value::Object(line) = hello.render() else {
            unreachable!()
        };
        assert_eq!(Hello::parse(&line), Some(hello));
    }
}
