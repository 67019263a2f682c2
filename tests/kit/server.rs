//! The real MCP servers of the kit, as commands for stdio and as processes that listen on loopback.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, Command};

/// A program and its arguments; what it needs of the environment is among them.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The command and its arguments, in order.
    pub(crate) words: Vec<String>,
}

impl Program {
    /// The words of a command, whose first is the program.
    pub(crate) fn new<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self {
            words: words.into_iter().map(Into::into).collect(),
        }
    }

    /// The same program with more arguments.
    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.words
            .extend(arguments.iter().map(|&word| word.to_owned()));
        self
    }

    /// A command that runs the program and ends it when the test is over.
    pub(crate) fn command(&self) -> Command {
        let (program, arguments) = self.words.split_first().expect("a program has a name");
        let mut command = Command::new(program);
        command.args(arguments).kill_on_drop(true);
        command
    }
}

/// `server-everything` over stdio.
pub(crate) fn server_everything() -> Program {
    node_server("server-everything")
}

/// `server-filesystem` over stdio, on one folder.
pub(crate) fn server_filesystem(root: &Path) -> Program {
    node_server("server-filesystem").with(&[text(root)])
}

/// `server-memory` over stdio, with its graph in one file.
pub(crate) fn server_memory(graph: &Path) -> Program {
    let variable = format!("MEMORY_FILE_PATH={}", graph.display());
    let server = node_server("server-memory").words;
    Program::new(["env".to_owned(), variable].into_iter().chain(server))
}

/// `mcp-server-git` over stdio, on one repository.
pub(crate) fn server_git(repository: &Path) -> Program {
    python().with(&["-m", "mcp_server_git", "--repository", text(repository)])
}

/// The kit's Python with `mcp` 2.x.
pub(super) fn python() -> Program {
    Program::new([text(&super::folder().join("mcp2/bin/python"))])
}

/// A server of the kit that listens on a free port of the loopback until it is dropped.
pub(crate) struct HttpServer {
    url: String,
    _child: Child,
}

impl HttpServer {
    /// `server-everything` over Streamable HTTP.
    pub(crate) async fn everything() -> Self {
        let mut node = node_server("server-everything");
        let loopback = super::source("loopback.mjs");
        node.words
            .splice(1..1, ["--import".to_owned(), text(&loopback).to_owned()]);
        let mut command = node.with(&["streamableHttp"]).command();
        command.env("PORT", "0");
        Self::listening(command).await
    }

    /// Starts what says `listening on URL` on its standard error.
    pub(super) async fn listening(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("a server of the kit starts");
        let stderr = child.stderr.take().expect("standard error is piped");
        let mut lines = BufReader::new(stderr).lines();
        let url = tokio::time::timeout(STARTS_WITHIN, address(&mut lines))
            .await
            .expect("a server of the kit listens in time");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { url, _child: child }
    }

    /// Its endpoint.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

const STARTS_WITHIN: Duration = Duration::from_secs(30);

async fn address(lines: &mut Lines<BufReader<impl AsyncRead + Unpin>>) -> String {
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.expect("standard error is text") {
        if let Some(url) = line.strip_prefix("listening on ") {
            return url.to_owned();
        }
        said.push_str(&line);
        said.push('\n');
    }
    panic!("a server of the kit ended before it listened:\n{said}")
}

fn node_server(name: &str) -> Program {
    let kit = super::folder();
    let script = kit.join(format!(
        "npm/node_modules/@modelcontextprotocol/{name}/dist/index.js"
    ));
    Program::new([text(&kit.join("bin/node")), text(&script)])
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the paths of tests are Unicode")
}
