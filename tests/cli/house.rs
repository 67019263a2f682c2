//! A directory with a configuration, a manifest and a till, and the program run in it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const MANIFEST: &str = "
version: 1
agent: clerk
credentials: {api_key: true, local: true}
tools:
  - tool: till/look
    privilege: read
  - tool: till/pay
    privilege: money
    arguments: {properties: {amount: {type: number, exclusiveMinimum: 0, maximum: 100}}}
    budget: {sum: /amount, limit: 10000, per: 24h}
undeclared: deny
accept_local: true
approval:
  default: {any_of: [operators], decide_by: 15m, redeem_by: 5m}
";

pub(crate) struct House {
    directory: TempDir,
}

impl House {
    /// With a till as the upstream, and listeners on free ports.
    pub(crate) fn new() -> Self {
        let house = Self::bare();
        let till = till(&house.path("till.jsonl"));
        house.write(
            "countersign.yaml",
            &format!(
                "version: 1\nlisten: {{agents: '127.0.0.1:0', operators: '127.0.0.1:0'}}\npin: first_use\n\
                 upstreams:\n  till: {{command: {}}}\n",
                json!(till)
            ),
        );
        house.write("scopes/clerk.yaml", MANIFEST);
        house
    }

    /// Nothing but a directory.
    pub(crate) fn bare() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The program, with nothing of the caller's environment that it reads.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(args).current_dir(self.directory.path());
        for name in [
            "COUNTERSIGN_DATA",
            "COUNTERSIGN_URL",
            "COUNTERSIGN_TOKEN",
            "COUNTERSIGN_KEY",
            "COUNTERSIGN_LOG",
        ] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs it, expects the exit code, and gives both outputs.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32, args: &[&str]) -> (String, String) {
        let output = self.run(args);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        (out, err)
    }

    /// Runs it with `--json` and gives its one line.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let (out, _) = self.ends(0, &[args, &["--json"]].concat());
        serde_json::from_str(&out).unwrap()
    }

    /// What the till executed.
    pub(crate) fn executed(&self) -> Vec<Value> {
        let lines = std::fs::read_to_string(self.path("till.jsonl")).unwrap_or_default();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// An agent's key.
    pub(crate) fn key(&self) -> String {
        self.ends(0, &["agents", "add", "clerk"])
            .0
            .trim()
            .to_owned()
    }

    /// Adds an operator whose token the commands find by themselves.
    pub(crate) fn operator(&self) {
        self.ends(
            0,
            &[
                "operators",
                "add",
                "alice",
                "--group",
                "operators",
                "--save",
            ],
        );
    }

    /// A guard that serves, once it does.
    pub(crate) fn serve(&self) -> Serving {
        let mut serving = self.spawn_serve();
        let notice = until(Duration::from_secs(20), || {
            assert!(
                serving.is_running(),
                "{}",
                std::fs::read_to_string(self.path("serve.log")).unwrap()
            );
            std::fs::read_to_string(self.path("data/guard.json")).ok()
        });
        assert!(notice.contains("operators"));
        serving
    }

    /// A guard that serves and trusts only the authorities in a file, as where they are the system's.
    pub(crate) fn serve_trusting(&self, authorities: &Path) -> Serving {
        let mut command = self.command(&["serve"]);
        command
            .env("SSL_CERT_FILE", authorities)
            .env_remove("SSL_CERT_DIR");
        self.begin(command)
    }

    /// A guard that serves and tells this much in its log.
    pub(crate) fn serve_logging(&self, level: &str) -> Serving {
        let mut command = self.command(&["serve"]);
        command.env("COUNTERSIGN_LOG", format!("countersign={level}"));
        self.begin(command)
    }

    /// Starts a guard that serves, with its log in a file, and waits until it does.
    fn begin(&self, mut command: Command) -> Serving {
        let log = std::fs::File::create(self.path("serve.log")).unwrap();
        let serving = Serving {
            child: command.stderr(log).spawn().unwrap(),
        };
        until(Duration::from_secs(20), || {
            self.path("data/guard.json").exists().then_some(())
        });
        serving
    }

    /// A guard that is about to serve, if it may.
    pub(crate) fn spawn_serve(&self) -> Serving {
        let child = self
            .command(&["serve"])
            .stderr(std::fs::File::create(self.path("serve.log")).unwrap())
            .spawn()
            .unwrap();
        Serving { child }
    }

    /// Where agents are heard.
    pub(crate) fn agents_url(&self) -> String {
        let notice = std::fs::read_to_string(self.path("data/guard.json")).unwrap();
        let notice: Value = serde_json::from_str(&notice).unwrap();
        format!("http://{}", notice["agents"].as_str().unwrap())
    }

    /// Where operators are heard.
    pub(crate) fn operators_url(&self) -> String {
        let notice = std::fs::read_to_string(self.path("data/guard.json")).unwrap();
        let notice: Value = serde_json::from_str(&notice).unwrap();
        format!("http://{}", notice["operators"].as_str().unwrap())
    }
}

/// A running guard; killed when the test ends before it did.
pub(crate) struct Serving {
    child: Child,
}

impl Serving {
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Tells it to stop and gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        self.ended()
    }

    pub(crate) fn ended(&mut self) -> Option<i32> {
        until(Duration::from_secs(30), || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Already ended in a test that went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command of a till that writes what it executes into that file.
pub(crate) fn till(file: &Path) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/till.py");
    vec![
        "python3".to_owned(),
        script.to_owned(),
        file.display().to_string(),
    ]
}

/// The first value that `look` finds, in bounded time.
#[track_caller]
pub(crate) fn until<T>(longest: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let pause = Duration::from_millis(20);
    for _ in 0..longest.as_millis() / pause.as_millis() {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(pause);
    }
    panic!("waited {longest:?} in vain");
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
