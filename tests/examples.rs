//! The examples of this repository, run as their readers would run them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that cannot go on fails, and waits by the machine's clock"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[test]
fn the_embedded_rules_permit_pause_and_deny_in_sentences() {
    let output = Command::new(example("embed")).output().unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    for sentence in [
        "permit: The call is inside the declared scope.",
        "pause: /amount is above 100 (beyond-scope)",
        "deny: bookkeeper.yaml:9:10: */delete_* is forbidden (forbidden)",
    ] {
        assert!(told.contains(sentence), "{sentence} is not told:\n{told}");
    }
}

#[test]
fn the_agent_repeats_the_pending_call_until_it_is_approved_and_it_runs_once() {
    let guard = Guard::serve();
    let payment = r#"{"recipient": "Brightside Print", "amount": 240, "currency": "EUR"}"#;
    let mut agent = guard.agent("pay", payment).spawn().unwrap();
    let mut told = BufReader::new(agent.stdout.take().unwrap());
    let mut lines = String::new();
    // Twice, so that the call that is approved is a repeated one.
    while lines.matches("APPROVAL PENDING").count() < 2 {
        let read = told.read_line(&mut lines).unwrap();
        assert_ne!(read, 0, "the agent ended: {lines}");
    }
    let open = guard.operate(&["approvals", "ls", "--json"]);
    let [approval] = &open["approvals"].as_array().unwrap()[..] else {
        panic!("the repeated call did not join the open approval: {open}");
    };
    let word = |name: &str| approval[name].as_str().unwrap();
    assert!(lines.contains(word("code")), "{lines}");
    guard.operate(&[
        "approvals",
        "approve",
        word("id"),
        "--code",
        word("code"),
        "--json",
    ]);
    told.read_to_string(&mut lines).unwrap();
    assert!(ended(&mut agent), "{lines}");
    assert!(
        lines.ends_with("paid 240 EUR to Brightside Print as p1\n"),
        "{lines}"
    );
    let payments = fs::read_to_string(guard.things().join("ledger/payments.jsonl")).unwrap();
    assert_eq!(payments.lines().count(), 1, "{payments}");
}

#[test]
fn the_agent_gets_the_result_of_a_call_in_scope_at_once() {
    let guard = Guard::serve();
    let payment = r#"{"recipient": "Northwind Hosting", "amount": 48.50, "currency": "EUR"}"#;
    let output = guard.agent("pay", payment).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told, "paid 48.50 EUR to Northwind Hosting as p1\n");
}

#[tokio::test]
async fn the_enforcement_point_acts_once_on_a_permit_and_not_at_all_without() {
    let guard = Guard::serve_as(&format!(
        "{}client: {{hold: 1s}}\n",
        include_str!("../scopes/demo.yaml").replace(
            "  - tool: ledger/pay\n",
            "  - tool: ledger/pay\n    mode: authorize\n"
        )
    ));
    let key = run(guard.folder.path(), &["peps", "add", "ledger"]);
    let arguments = json!({"recipient": "Northwind Hosting", "amount": 40, "currency": "EUR"});
    let client = countersign::outbound::build(true).unwrap();
    let asked = json!({"mode": "authorize", "tool": "ledger/pay", "arguments": arguments});
    let answer = client
        .post(format!("{}/v1/calls", guard.agents))
        .bearer_auth(&guard.key)
        .header("content-type", "application/json")
        .body(asked.to_string())
        .send()
        .await
        .unwrap();
    let permitted: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(permitted["state"], "permitted", "{permitted}");
    let mut call =
        json!({"permit": permitted["permit"], "tool": "ledger/pay", "arguments": arguments});
    let mut forged = call.clone();
    forged["arguments"]["amount"] = json!(4_000);
    let mut point = Command::new(example("external_pep"))
        .env("COUNTERSIGN_AGENTS", &guard.agents)
        .env("COUNTERSIGN_PEP_KEY", key.trim())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = point.stdin.take().unwrap();
    for line in [&forged, &call, &call] {
        writeln!(input, "{line}").unwrap();
    }
    call["permit"] = json!("csp_forged");
    writeln!(input, "{call}").unwrap();
    drop(input);
    let mut told = String::new();
    point
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    assert!(ended(&mut point), "{told}");
    assert_eq!(
        told,
        "did nothing: permit-invalid\npaid 40 to Northwind Hosting\ndid nothing: permit-used\n\
         did nothing: permit-invalid\n"
    );
}

/// A guard of its own, with the demo's ledger behind it; it ends with the test.
struct Guard {
    folder: tempfile::TempDir,
    child: Child,
    agents: String,
    key: String,
}

impl Guard {
    fn serve() -> Self {
        // A short hold, so that the agent is told to come again.
        Self::serve_as(&format!(
            "{}client: {{hold: 1s}}\n",
            include_str!("../scopes/demo.yaml")
        ))
    }

    fn serve_as(manifest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (things, scopes) = (folder.path().join("things"), folder.path().join("scopes"));
        fs::create_dir_all(things.join("ledger")).unwrap();
        fs::write(things.join("ledger/payments.jsonl"), "").unwrap();
        run(folder.path(), &["init"]);
        fs::write(scopes.join("demo.yaml"), manifest).unwrap();
        let command = json!([COUNTERSIGN, "demo-tools", things, "--server", "ledger"]);
        let config = format!(
            "version: 1\n\
             listen: {{agents: '127.0.0.1:0', operators: '127.0.0.1:0'}}\n\
             upstreams: {{ledger: {{command: {command}}}}}\n\
             reload: auto\n\
             pin: first_use\n"
        );
        fs::write(folder.path().join("countersign.yaml"), config).unwrap();
        let data = folder.path().join("data");
        let add = ["operators", "add", "ann", "--group", "finance", "--save"];
        run(folder.path(), &add);
        let key = run(folder.path(), &["agents", "add", "demo-agent"]);
        let child = Command::new(COUNTERSIGN)
            .arg("serve")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let notice = soon(|| fs::read_to_string(data.join("guard.json")).ok());
        let notice: Value = serde_json::from_str(&notice).unwrap();
        Self {
            agents: format!("http://{}", notice["agents"].as_str().unwrap()),
            key: key.trim().to_owned(),
            folder,
            child,
        }
    }

    fn things(&self) -> PathBuf {
        self.folder.path().join("things")
    }

    /// The example, about to call a tool.
    fn agent(&self, tool: &str, arguments: &str) -> Command {
        let mut agent = Command::new(example("agent"));
        agent
            .args([tool, arguments])
            .env(
                "COUNTERSIGN_ENDPOINT",
                format!("{}/mcp/ledger", self.agents),
            )
            .env("COUNTERSIGN_KEY", &self.key)
            .stdout(Stdio::piped());
        agent
    }

    /// What a command of the operator answers.
    fn operate(&self, words: &[&str]) -> Value {
        serde_json::from_str(&run(self.folder.path(), words)).unwrap()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        ended(&mut self.child);
    }
}

/// Runs a command to a good end, in a folder with a configuration.
fn run(folder: &Path, words: &[&str]) -> String {
    let output = Command::new(COUNTERSIGN)
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Examples lie beside the folder of the test programs.
fn example(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let profile = here.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples").join(name);
    assert!(
        program.is_file(),
        "{name} is not built: run tests/run, or `cargo build --examples`"
    );
    program
}

/// Whether a process came to a good end in time; it is ended otherwise.
fn ended(child: &mut Child) -> bool {
    let began = Instant::now();
    while began.elapsed() < LONGEST {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        std::thread::sleep(STEP);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

/// What is there soon.
fn soon<T>(look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < LONGEST, "it did not come");
        std::thread::sleep(STEP);
    }
}

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");
const LONGEST: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(20);
