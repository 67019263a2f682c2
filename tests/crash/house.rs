//! A directory with a guard in it: begun, served, killed, and verified.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign::model::json;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::Door;

/// A directory with manifests, credentials and two upstreams.
pub(crate) struct House {
    directory: TempDir,
    program: PathBuf,
    /// Name, server and key of each agent.
    pub(crate) agents: Vec<(String, &'static str, String)>,
    /// The tokens of the operators.
    pub(crate) operators: Vec<(&'static str, String)>,
}

impl House {
    /// An empty directory.
    pub(crate) fn new(program: &Path) -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            program: program.to_owned(),
            agents: Vec::new(),
            operators: Vec::new(),
        }
    }

    /// Writes configuration and manifests, and issues the credentials.
    pub(crate) fn furnish(&mut self, bank: &str) {
        let till = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/till.py");
        let config = json!({
            "version": 1,
            "listen": {"agents": "127.0.0.1:0", "operators": "127.0.0.1:0"},
            "upstreams": {
                "bank": {"url": bank, "allow_private": true},
                "till": {"command": ["python3", till, self.ledgers()[1]]},
            },
        });
        std::fs::write(self.path("countersign.yaml"), config.to_string()).unwrap();
        std::fs::create_dir(self.path("scopes")).unwrap();
        for number in 0..AGENTS_COUNT {
            let name = format!("agent-{number}");
            let server = if number % 4 == 3 { "till" } else { "bank" };
            let manifest = MANIFEST.replace("AGENT", &name).replace("SERVER", server);
            std::fs::write(self.path(&format!("scopes/{name}.yaml")), manifest).unwrap();
            let key = self.run(&["agents", "add", &name]);
            self.agents.push((name, server, key));
        }
        for name in ["alice", "bob"] {
            let token = self.run(&["operators", "add", name, "--group", "operators"]);
            self.operators.push((name, token));
        }
    }

    /// The files of the upstreams, the bank's first.
    pub(crate) fn ledgers(&self) -> [PathBuf; 2] {
        [self.path("bank.jsonl"), self.path("till.jsonl")]
    }

    /// The record.
    pub(crate) fn record(&self) -> PathBuf {
        self.path("data/record.db")
    }

    /// Starts a guard, which may not yet be ready.
    pub(crate) fn start(&self) -> Guard {
        // What a killed guard left behind would be taken for the new one's.
        let _ = std::fs::remove_file(self.path("data/guard.json"));
        let log = std::fs::File::create(self.path("serve.log")).unwrap();
        let child = self.command(&["serve"]).stderr(log).spawn().unwrap();
        Guard {
            child,
            notice: self.path("data/guard.json"),
            log: self.path("serve.log"),
        }
    }

    /// What is wrong with the record, by the program's own word and against its anchors.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let words = ["audit", "verify", "--json", "--anchors", "data/heads.jsonl"];
        let words = match self.path("data/heads.jsonl").exists() {
            true => &words[..],
            // Killed before the first head was copied.
            false => &words[..3],
        };
        let output = self.command(words).output().unwrap();
        match output.status.success() {
            true => Ok(()),
            false => Err(format!(
                "the record does not verify: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr),
            )),
        }
    }

    /// Keeps the directory for whoever looks into a failure, and says where.
    pub(crate) fn keep(self) -> PathBuf {
        self.directory.keep()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn run(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(self.directory.path());
        for name in ["COUNTERSIGN_DATA", "COUNTERSIGN_URL", "COUNTERSIGN_LOG"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }
}

/// A guard that runs; killed when it is dropped.
pub(crate) struct Guard {
    child: Child,
    notice: PathBuf,
    log: PathBuf,
}

impl Guard {
    /// Waits until it listens.
    pub(crate) async fn ready(&mut self) -> Result<Door, String> {
        for _ in 0..READY_WITHIN.as_millis() / LOOK_INTERVAL.as_millis() {
            if let Ok(notice) = std::fs::read(&self.notice) {
                let notice: Value = json::parse(&notice).unwrap();
                let url = |name: &str| format!("http://{}", notice[name].as_str().unwrap());
                return Ok(Door {
                    agents: url("agents"),
                    operators: url("operators"),
                });
            }
            if self.child.try_wait().unwrap().is_some() {
                break;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        Err(format!("the guard did not start: {log}"))
    }

    /// SIGKILL, and away with it.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

const MANIFEST: &str = "
version: 1
agent: AGENT
credentials: {api_key: true}
client: {hold: 1s}
pause_covers: call
tools:
  - tool: SERVER/look
    privilege: read
    arguments: {properties: {nonce: {type: string}}}
  - tool: SERVER/pay
    privilege: money
    arguments:
      properties:
        nonce: {type: string}
        amount: {type: number, exclusiveMinimum: 0, maximum: 10}
    budget: {sum: /amount, limit: 400, per: 24h}
undeclared: deny
accept_local: true
approval:
  default: {any_of: [operators], decide_by: 15m, redeem_by: 5m}
";
/// The most that the payments of one agent may come to.
pub(crate) const BUDGET: u64 = 400;
const AGENTS_COUNT: usize = 8;
const READY_WITHIN: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_millis(4);
