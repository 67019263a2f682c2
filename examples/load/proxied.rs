//! P4 and P5: calls over HTTP, against what does the same without deciding.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign::api;
use countersign::authn::jwt::Issuers;
use countersign::guard::{Delivery, Denial, Guard, Permit, Upstreams};
use countersign::mcp::Edge;
use countersign::mcp::downstream::http::{Hosts, router};
use countersign::mcp::listing::Listing;
use countersign::mcp::upstream::{HttpSpec, TransportSpec, UpstreamSpec};
use countersign::model::call::Principal;
use countersign::model::name::ServerName;
use countersign::model::reason::Reason;
use serde_json::json;

use super::arguments::ARGUMENTS;
use super::figures::Row;
use super::stands::{self, serve};
use super::wire::{Round, Wire, drive};
use super::{ROUNDS, durable, guarded};

/// P5: the upstream direct, a bare pass-through, and the guard with a read and with a write, in turn.
pub(crate) async fn mcp() -> Vec<Row> {
    let data = tempfile::tempdir().unwrap();
    let guard = guarded::start(data.path(), guarded::scopes(DECLARED)).await;
    let key = guarded::key(&guard, "clerk").await;
    let upstream = serve(stands::upstream()).await;
    let bare = stands::pass_through(upstream).await;
    let proxy = proxy(&guard, upstream).await;
    let sides = [
        sessions(upstream, "/mcp", None, "echo").await,
        sessions(bare, "/mcp", None, "echo").await,
        sessions(proxy, "/mcp/echo", Some(&key), "echo").await,
        sessions(proxy, "/mcp/echo", Some(&key), "note").await,
    ];
    let rounds = alternate(sides, Duration::from_secs(1), "Brightside").await;
    let commit = durable::commit(&guard, SESSIONS).await;
    guard.stop().await.unwrap();
    let rate = |round: &Round| round.rate;
    let [direct, bare, read, write] = &rounds;
    let mut rows: Vec<_> = [
        ("direct", direct),
        ("through the pass-through", bare),
        ("through the guard, a read", read),
        ("through the guard, a write", write),
    ]
    .into_iter()
    .map(|(way, rounds)| {
        let measure = format!("tools/call at {SESSIONS} sessions, {way}");
        Row::new("P5", &measure, "calls/s", &of(rounds, rate))
    })
    .collect();
    let (p50, p99) = (|round: &Round| round.p50, |round: &Round| round.p99);
    let row = |name: &str, figure: fn(&Round) -> f64| {
        let (ours, others) = (of(read, figure), of(bare, figure));
        let measure = format!("tools/call at {SESSIONS} sessions, a read, {name}");
        Row::new("P5", &measure, "µs", &ours).beside("pass-through", &ours, &others)
    };
    rows.push(row("p50", p50).most(1.25));
    rows.push(row("p99", p99).most(1.5));
    let added: Vec<_> = of(write, p50)
        .iter()
        .zip(of(read, p50))
        .map(|(write, read)| write - read)
        .collect();
    let measure = "what a write adds to a read, p50 (bar: a synced commit + 100 µs)";
    rows.push(Row::new("P5", measure, "µs", &added).most(commit + 100.0));
    rows
}

/// P4: authorizing a durable call over HTTP, against answering the same request.
pub(crate) async fn authorize() -> Vec<Row> {
    let data = tempfile::tempdir().unwrap();
    let guard = guarded::start(data.path(), guarded::scopes(DECLARED)).await;
    guarded::present(&guard, "own", "do").await;
    let own = ServerName::parse("own").unwrap();
    guard.add_pep_key("load", &own, None).await.unwrap();
    let key = guarded::key(&guard, "clerk").await;
    let body = format!(r#"{{"mode":"authorize","tool":"own/do","arguments":{ARGUMENTS}}}"#);
    let router = api::agents::router(Arc::clone(&guard), Arc::new(Nowhere), Issuers::none());
    let mut sides = [Vec::new(), Vec::new()];
    let addresses = [serve(stands::authorizer()).await, serve(router).await];
    for (side, address) in sides.iter_mut().zip(addresses) {
        for _ in 0..64 {
            let wire = Wire::connect(address).await;
            let bearer = [format!("authorization: Bearer {key}")];
            let request = wire.request("/v1/calls", &bearer, &body);
            side.push((wire, request));
        }
    }
    let rounds = alternate(sides, Duration::from_secs(1), "permitted").await;
    guard.stop().await.unwrap();
    let [bare, ours] = rounds.map(|rounds| of(&rounds, |round| round.rate));
    vec![
        Row::new(
            "P4",
            "authorize over HTTP, synced, 64 connections",
            "calls/s",
            &ours,
        )
        .beside("bare axum", &ours, &bare)
        .least(0.5),
    ]
}

const DECLARED: &str = "
version: 1
agent: clerk
credentials: {api_key: true}
tools:
  - tool: echo/echo
    privilege: read
    arguments: {properties: {amount: {type: number, maximum: 100}}, open: true}
  - tool: echo/note
    privilege: write
    arguments: {properties: {amount: {type: number, maximum: 100}}, open: true}
  - tool: own/do
    privilege: write
    mode: authorize
    arguments: {properties: {amount: {type: number, maximum: 100}}, open: true}
";

const SESSIONS: usize = 16;

/// Lets each side work in turn; of each, its rounds.
async fn alternate<const N: usize>(
    mut sides: [Vec<(Wire, Vec<u8>)>; N],
    span: Duration,
    word: &'static str,
) -> [Vec<Round>; N] {
    let mut rounds = [const { Vec::new() }; N];
    for at in 0..=ROUNDS {
        for (side, rounds) in sides.iter_mut().zip(&mut rounds) {
            let (round, lines) = drive(std::mem::take(side), span, word).await;
            *side = lines;
            // The first one warms up.
            if at > 0 {
                rounds.push(round);
            }
        }
    }
    rounds
}

/// Puts the guard in front of an upstream.
async fn proxy(guard: &Arc<Guard>, upstream: SocketAddr) -> SocketAddr {
    let name = ServerName::parse("echo").unwrap();
    let http = HttpSpec::new(&format!("http://{upstream}/mcp"), None, false).unwrap();
    let spec = UpstreamSpec {
        name: name.clone(),
        transport: TransportSpec::Http(http),
    };
    let upstreams = BTreeMap::from([(name, spec)]);
    let edge = Edge::new(Arc::clone(guard), upstreams, Arc::new(Listing::new())).unwrap();
    serve(router(edge, Hosts::new([]), Issuers::none())).await
}

fn of(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> Vec<f64> {
    rounds.iter().map(figure).collect()
}

/// Sessions that have begun, each with the call of a tool that it repeats.
async fn sessions(
    address: SocketAddr,
    path: &str,
    key: Option<&str>,
    tool: &str,
) -> Vec<(Wire, Vec<u8>)> {
    let mut lines = Vec::new();
    for at in 0..SESSIONS {
        let mut wire = Wire::connect(address).await;
        let mut headers: Vec<_> = key
            .iter()
            .map(|key| format!("authorization: Bearer {key}"))
            .collect();
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "load", "version": "1"},
        });
        let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let came = wire
            .ask(&wire.request(path, &headers, &hello.to_string()))
            .await;
        assert_eq!(came.status, 200, "{}", String::from_utf8_lossy(&came.body));
        if let Some(session) = came.session {
            headers.push(format!("mcp-session-id: {session}"));
        }
        headers.push("mcp-protocol-version: 2025-11-25".to_owned());
        let begun = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        wire.ask(&wire.request(path, &headers, begun)).await;
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":{at},"method":"tools/call","params":{{"name":"{tool}","arguments":{ARGUMENTS}}}}}"#
        );
        let request = wire.request(path, &headers, &call);
        lines.push((wire, request));
    }
    lines
}

/// Authorized calls are run by whoever asked.
pub(crate) struct Nowhere;

#[async_trait]
impl Upstreams for Nowhere {
    async fn run(&self, _: &Arc<Guard>, _: Permit) -> Delivery {
        Delivery::Failed(Denial::new(Reason::UnknownTarget, "there is no upstream"))
    }

    async fn ensure_listed(
        &self,
        _: &Arc<Guard>,
        _: &Principal,
        _: &ServerName,
    ) -> Result<(), Denial> {
        Ok(())
    }
}
