//! The links to upstream servers, tried from outside against hostile and real servers.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "../conformance/process.rs"]
#[expect(dead_code, reason = "the conformance tests take what these do not")]
mod fixture;
mod http;
#[path = "../kit/mod.rs"]
mod kit;
mod pipe;
mod play;
mod real;
mod runner;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use countersign::ambient::Ambient;
use countersign::mcp::dialect::Era;
use countersign::mcp::jsonrpc::RpcError;
use countersign::mcp::upstream::{
    Event, Exchange, HttpSpec, Incoming, Link, LinkError, Outgoing, Params, StdioSpec,
    TransportSpec, UpstreamSpec,
};
use countersign::model::name::ServerName;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// An upstream that is a program.
fn program(command: &str, args: &[&str]) -> UpstreamSpec {
    UpstreamSpec {
        name: ServerName::parse("up").unwrap(),
        transport: TransportSpec::Stdio(StdioSpec {
            command: command.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            env: BTreeMap::new(),
            cwd: None,
        }),
    }
}

/// An upstream at an address of this machine.
fn address(url: &str) -> UpstreamSpec {
    UpstreamSpec {
        name: ServerName::parse("up").unwrap(),
        transport: TransportSpec::Http(HttpSpec::new(url, None, false).unwrap()),
    }
}

async fn open(spec: &UpstreamSpec, era: Era) -> (Link, mpsc::Receiver<Incoming>) {
    Link::open(spec, era, &Ambient::system()).await.unwrap()
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

fn request(method: &str, params: Value) -> Outgoing {
    let mut request = Outgoing::new(method, Params::Plain(map(params)));
    request.within = LONG;
    request
}

async fn ask(
    link: &Link,
    method: &str,
    params: Value,
) -> Result<Result<Value, RpcError>, LinkError> {
    link.send(request(method, params)).await?.answer().await
}

/// All events to the end.
async fn all(mut exchange: Exchange) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = exchange.next().await {
        events.push(event);
    }
    events
}

/// Asks again and again until it is so.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    for _ in 0..LONG.as_millis() / 20 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came about: {what}");
}
