//! Agents on the four real client libraries, driven step by step; their contract is in `agents/loop.mjs`.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use super::server::Program;

/// Which client library an agent uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agent {
    /// The TypeScript SDK 1.x.
    Ts1,
    /// The TypeScript client 2.x, negotiating the newest era.
    Ts2,
    /// Python `mcp` 2.x.
    Py2,
    /// Python `mcp` 1.x.
    Py1,
}

impl Agent {
    /// All four.
    pub(crate) const ALL: [Self; 4] = [Self::Ts1, Self::Ts2, Self::Py2, Self::Py1];

    /// Whether its library speaks the era that began with 2026-07-28.
    pub(crate) fn is_modern(self) -> bool {
        matches!(self, Self::Ts2 | Self::Py2)
    }

    /// Starts an agent that runs the server itself and speaks to it over stdio.
    pub(crate) fn over_stdio(self, server: &Program) -> Session {
        let words: Vec<&str> = server.words.iter().map(String::as_str).collect();
        self.spawn("--stdio", &words)
    }

    /// Starts an agent that speaks Streamable HTTP.
    pub(crate) fn over_http(self, url: &str, token: Option<&str>) -> Session {
        match token {
            Some(token) => self.spawn("--http", &[url, "--token", token]),
            None => self.spawn("--http", &[url]),
        }
    }

    fn spawn(self, transport: &str, target: &[&str]) -> Session {
        let kit = super::folder();
        let (interpreter, script) = match self {
            Self::Ts1 => ("bin/node", "agents/ts1.mjs"),
            Self::Ts2 => ("bin/node", "agents/ts2.mjs"),
            Self::Py2 => ("mcp2/bin/python", "agents/py2.py"),
            Self::Py1 => ("mcp1/bin/python", "agents/py1.py"),
        };
        let words = [kit.join(interpreter), super::source(script)];
        let agent = Program::new(words.iter().map(|word| word.to_string_lossy()));
        let mut child = agent
            .with(&[transport])
            .with(target)
            .command()
            .env("KIT", kit)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("an agent starts");
        let steps = child.stdin.take().expect("standard input is piped");
        let stdout = child.stdout.take().expect("standard output is piped");
        Session {
            agent: self,
            child,
            steps,
            answers: BufReader::new(stdout).lines(),
        }
    }
}

/// A running agent with its one connection, ended when it is dropped.
pub(crate) struct Session {
    agent: Agent,
    child: Child,
    steps: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Session {
    /// Performs one step and waits for its answer.
    pub(crate) async fn perform(&mut self, step: Step) -> Answer {
        self.begin(&step).await;
        self.finish(&step).await
    }

    /// Hands over a step without waiting for its answer.
    pub(crate) async fn begin(&mut self, step: &Step) {
        let mut line = serde_json::to_string(&step.said).expect("a step is JSON");
        line.push('\n');
        self.steps
            .write_all(line.as_bytes())
            .await
            .expect("an agent takes its steps");
    }

    /// Waits for the answer to the step that was begun first.
    pub(crate) async fn finish(&mut self, step: &Step) -> Answer {
        let line = timeout(step.give_up_after + SLACK, self.answers.next_line())
            .await
            .expect("an agent answers in time")
            .expect("an agent answers in text")
            .expect("an agent answers every step");
        let mut answer: Answer = serde_json::from_str(&line).expect("an agent answers as agreed");
        answer.agent = Some(self.agent);
        answer
    }

    /// The revision that was negotiated and the server's name.
    pub(crate) async fn about(&mut self) -> Answer {
        self.perform(Step::new("session")).await
    }

    /// The names of the tools that the agent sees.
    pub(crate) async fn list(&mut self) -> Vec<String> {
        self.perform(Step::new("list")).await.tools
    }

    /// Calls a tool once, as the library does by default.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Answer {
        self.perform(Step::call(tool, arguments)).await
    }

    /// Leaves the session as its library does, and waits until the agent has ended.
    pub(crate) async fn end(mut self) {
        self.begin(&Step::new("end")).await;
        let ended = timeout(SLACK, self.child.wait())
            .await
            .expect("an agent ends in time");
        assert!(
            ended.expect("an agent can be waited for").success(),
            "{:?} ended ill",
            self.agent
        );
    }
}

/// One step of an agent's script.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    said: Map<String, Value>,
    give_up_after: Duration,
}

impl Step {
    /// A call of a tool.
    pub(crate) fn call(tool: &str, arguments: Value) -> Self {
        Self::new("call")
            .with("tool", tool)
            .with("arguments", arguments)
    }

    /// A read of a resource.
    pub(crate) fn resource(uri: &str) -> Self {
        Self::new("resource").with("uri", uri)
    }

    /// A prompt.
    pub(crate) fn prompt(name: &str, arguments: Value) -> Self {
        Self::new("prompt")
            .with("name", name)
            .with("arguments", arguments)
    }

    /// While the answer says that approval is pending, or the library's timeout strikes: the identical call again.
    pub(crate) fn repeated_while_pending(self) -> Self {
        self.with("repeat_pending", true)
    }

    /// The longest pause between repeated calls; what the answer says may be shorter.
    pub(crate) fn pausing_for(self, pause: Duration) -> Self {
        self.with("retry_s", pause.as_secs_f64())
    }

    /// When the agent abandons the step with everything it repeats (150 s unless told).
    pub(crate) fn giving_up_after(mut self, limit: Duration) -> Self {
        self.give_up_after = limit;
        self.with("give_up_s", limit.as_secs_f64())
    }

    /// The library's own timeout of each request, instead of its default.
    pub(crate) fn timing_out_after(self, limit: Duration) -> Self {
        self.with("timeout_s", limit.as_secs_f64())
    }

    /// Asks for progress, so that the request carries a progress token.
    pub(crate) fn with_progress(self) -> Self {
        self.with("progress", true)
    }

    fn new(op: &str) -> Self {
        let step = Self {
            said: Map::new(),
            give_up_after: Duration::from_secs(150),
        };
        step.with("op", op)
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.said.insert(key.to_owned(), value.into());
        self
    }
}

/// What an agent said of one step.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    /// Who said it.
    #[serde(skip)]
    pub(crate) agent: Option<Agent>,
    /// Why there was no result.
    pub(crate) error: Option<Fault>,
    /// Whether the tool's result is an error that the model is shown.
    #[serde(default)]
    pub(crate) is_error: bool,
    /// What the model would see.
    #[serde(default)]
    pub(crate) text: String,
    /// The structured content of the tool's result.
    #[serde(default)]
    pub(crate) structured: Value,
    /// The tools of a list.
    #[serde(default)]
    pub(crate) tools: Vec<String>,
    /// The revision of the protocol that was negotiated.
    #[serde(default)]
    pub(crate) protocol: Option<String>,
    /// The name of the server.
    #[serde(default)]
    pub(crate) server: Option<String>,
    /// How many requests a call took.
    pub(crate) attempts: u32,
    /// How many notifications of progress came.
    pub(crate) progress: u32,
    /// How long the step took with everything it repeated.
    pub(crate) elapsed_ms: u64,
}

impl Answer {
    /// The text of a result that is no error.
    #[track_caller]
    pub(crate) fn success(&self) -> &str {
        assert!(
            self.error.is_none() && !self.is_error,
            "no success: {self:?}"
        );
        &self.text
    }

    /// The text of a result that tells the model of an error.
    #[track_caller]
    pub(crate) fn refusal(&self) -> &str {
        assert!(
            self.error.is_none() && self.is_error,
            "no refusal: {self:?}"
        );
        &self.text
    }

    /// Why there was no result.
    #[track_caller]
    pub(crate) fn fault(&self) -> &Fault {
        self.error
            .as_ref()
            .unwrap_or_else(|| panic!("no fault: {self:?}"))
    }
}

/// Why a step had no result.
#[derive(Debug, Deserialize)]
pub(crate) struct Fault {
    /// `rpc`, `timeout` (the library's), `gave_up` (the agent's), `connect` or `transport`.
    pub(crate) kind: String,
    /// The code that the library gave, where it is a number.
    pub(crate) code: Option<i64>,
    /// What the library said.
    pub(crate) message: String,
}

/// What an agent may take to start, connect and end, beyond the time its step has.
const SLACK: Duration = Duration::from_secs(30);
