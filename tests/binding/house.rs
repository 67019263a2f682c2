//! A whole guard over a file, with its listeners, an upstream that keeps a ledger, and people.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use countersign::ambient::{Ambient, Played};
use countersign::api;
use countersign::audit::checkpoint::Signer;
use countersign::audit::verify::verify;
use countersign::authn::jwt::Issuers;
use countersign::guard::{Guard, Parts, PinPolicy, Reload, Upstreams};
use countersign::limits::RECORD_SHARE_BYTES;
use countersign::mcp::Edge;
use countersign::mcp::downstream::http::{Hosts, router};
use countersign::mcp::listing::Listing;
use countersign::mcp::upstream::{Runner, TransportSpec, UpstreamSpec};
use countersign::model::id::BootId;
use countersign::model::isolation::Isolation;
use countersign::model::json;
use countersign::model::name::{AgentName, GroupName, OperatorName, ServerName};
use countersign::model::time::Timestamp;
use countersign::outbound;
use countersign::scopes::{Scopes, Source};
use countersign::store::sqlite::Sqlite;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::guarded::http;
use super::guarded::server::{Server, tool};
use super::guarded::wire::Wire;

/// Large payments need a person; `own` is run by its own enforcement point.
const MANIFEST: &str = "
version: 1
agent: AGENT
owner: tests
credentials: {api_key: true, local: true}
tools:
  - tool: bank/pay
    privilege: money
    arguments: {properties: {amount: {type: number, maximum: 10}}, open: true}
  - tool: bank/stall
    privilege: read
  - tool: bank/lend
    privilege: money
    arguments: {properties: {amount: {type: number, maximum: 10}}}
  - tool: bank/own
    privilege: money
    mode: authorize
    arguments: {properties: {amount: {type: number, maximum: 10}}}
undeclared: deny
first_use: note
escalation: note
pause_covers: call
client: {hold: HOLD, mrtr: \"on\"}
approval: {default: {any_of: [oncall], decide_by: 15m, redeem_by: 5m}}
";

const TOOLS: [&str; 3] = ["pay", "lend", "own"];

/// The house.
pub(crate) struct House {
    pub(crate) guard: Arc<Guard>,
    pub(crate) edge: Arc<Edge>,
    pub(crate) clock: Arc<Played>,
    pub(crate) agents: SocketAddr,
    operators: SocketAddr,
    pub(crate) bank: Server,
    /// The agent's key, another of the same agent, and that of an agent with the same scope.
    pub(crate) clerk: String,
    pub(crate) second: String,
    pub(crate) neighbour: String,
    /// Of the enforcement point before the bank.
    pep: String,
    pub(crate) alice: String,
    pub(crate) carol: String,
    /// In no group that may decide.
    pub(crate) dave: String,
    hold: Duration,
    transport: TransportSpec,
    client: reqwest::Client,
    serving: Vec<JoinHandle<()>>,
    data: TempDir,
}

impl House {
    /// A house whose agents are answered at once, held or not.
    pub(crate) async fn new() -> Self {
        Self::holding(Duration::from_millis(20), None).await
    }

    /// A house whose agents wait on held calls.
    pub(crate) async fn patient() -> Self {
        Self::holding(Duration::from_secs(20), None).await
    }

    /// A house in front of another bank.
    pub(crate) async fn over(bank: TransportSpec) -> Self {
        Self::holding(Duration::from_millis(20), Some(bank)).await
    }

    async fn holding(hold: Duration, other: Option<TransportSpec>) -> Self {
        let bank = Server::start(&TOOLS).await;
        let data = TempDir::new().unwrap();
        let start = Timestamp::from_millis(1_760_000_000_000);
        let transport = other.unwrap_or_else(|| http(&bank.url));
        let open = open(&data, start, 1, hold, &transport).await;
        let group = || vec![GroupName::parse("oncall").unwrap()];
        let people = ["alice", "carol"].map(|name| OperatorName::parse(name).unwrap());
        let [alice, carol] = people;
        let (_, alice) = open
            .guard
            .add_operator("test", alice, group())
            .await
            .unwrap();
        let (_, carol) = open
            .guard
            .add_operator("test", carol, group())
            .await
            .unwrap();
        let kitchen = vec![GroupName::parse("kitchen").unwrap()];
        let dave = OperatorName::parse("dave").unwrap();
        let (_, dave) = open
            .guard
            .add_operator("test", dave, kitchen)
            .await
            .unwrap();
        let server = ServerName::parse("bank").unwrap();
        let (_, pep) = open.guard.add_pep_key("test", &server, None).await.unwrap();
        let house = Self {
            clerk: key(&open.guard, "clerk").await,
            second: key(&open.guard, "clerk").await,
            neighbour: key(&open.guard, "neighbour").await,
            pep,
            alice,
            carol,
            dave,
            guard: open.guard,
            edge: open.edge,
            clock: open.clock,
            agents: open.agents,
            operators: open.operators,
            serving: open.serving,
            client: outbound::build(true).unwrap(),
            hold,
            bank,
            transport,
            data,
        };
        // The guard looks at what the bank offers when an agent first comes.
        let wire = Wire::new(&house.url(), &house.neighbour);
        wire.begin("2025-11-25")
            .await
            .ask("tools/list", json!({}))
            .await;
        house
    }

    /// Stops the guard and starts another over the same directory.
    pub(crate) async fn restart(&mut self) {
        self.guard.stop().await.unwrap();
        for serving in self.serving.drain(..) {
            serving.abort();
        }
        let now = self.guard.ambient().now();
        let open = open(&self.data, now, 2, self.hold, &self.transport).await;
        (self.guard, self.edge, self.clock) = (open.guard, open.edge, open.clock);
        (self.agents, self.operators) = (open.agents, open.operators);
        self.serving = open.serving;
    }

    /// How long a request waits for a person.
    pub(crate) const fn hold(&self) -> Duration {
        self.hold
    }

    /// Where agents speak MCP with the bank.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp/bank", self.agents)
    }

    /// The arguments of every call of a tool that the bank got.
    pub(crate) fn ledger(&self, tool: &str) -> Vec<Value> {
        let calls = self.bank.calls().into_iter().map(|call| call.message());
        calls
            .filter(|call| call["params"]["name"] == tool)
            .map(|call| call["params"]["arguments"].clone())
            .collect()
    }

    /// The one approval that waits for a person, once there is one.
    pub(crate) async fn open(&self) -> String {
        for _ in 0..2_000 {
            let open = self.waiting().await;
            if let [one] = open.as_slice() {
                return one.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no single approval waits: {:?}", self.waiting().await);
    }

    /// Every approval that waits for a person.
    pub(crate) async fn waiting(&self) -> Vec<String> {
        let listed = self
            .operate(&self.alice, Method::GET, "/v1/approvals", None)
            .await;
        let all = listed.1["approvals"].as_array().unwrap().iter();
        all.filter(|one| one["state"] == "held")
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Where an approval stands.
    pub(crate) async fn state(&self, approval: &str) -> String {
        let path = format!("/v1/approvals/{approval}");
        let shown = self.operate(&self.alice, Method::GET, &path, None).await;
        shown.1["state"].as_str().unwrap().to_owned()
    }

    /// Decides as the person with that token, on what is shown now; gives the status of the answer.
    pub(crate) async fn decide(&self, token: &str, approval: &str, decision: &str) -> u16 {
        self.decide_with(token, approval, json!({"decision": decision}))
            .await
    }

    /// The same with more to say.
    pub(crate) async fn decide_with(&self, token: &str, approval: &str, decision: Value) -> u16 {
        let path = format!("/v1/approvals/{approval}");
        let (_, shown, etag) = self.operate(token, Method::GET, &path, None).await;
        let mut body = decision;
        body["action_digest"] = shown["action_digest"].clone();
        body["decision_id"] = json!(format!("{}-{approval}", body["decision"].as_str().unwrap()));
        let path = format!("{path}/decisions");
        let decided = self
            .operate(token, Method::POST, &path, Some((body, etag)))
            .await;
        decided.0
    }

    pub(crate) async fn approve(&self, approval: &str) {
        assert_eq!(self.decide(&self.alice, approval, "approve").await, 200);
    }

    /// How many calls of a tool were let through and have no outcome yet.
    pub(crate) async fn running(&self, tool: &str) -> usize {
        let ended = self.outcomes().await;
        let bodies = self.bodies().await;
        let permits = bodies
            .iter()
            .filter(|body| body["decision"] == "permit" && body["target"]["name"] == tool);
        let open = permits.filter(|body| !ended.contains(body["call"].as_str().unwrap()));
        open.count()
    }

    /// The calls whose outcome is on record.
    pub(crate) async fn outcomes(&self) -> HashSet<String> {
        let bodies = self.bodies().await;
        let outcomes = bodies.iter().filter(|body| body["kind"] == "outcome");
        outcomes
            .map(|body| body["call"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn bodies(&self) -> Vec<Value> {
        let entries = self.guard.entries(1, 100_000).await.unwrap();
        let bodies = entries.iter().map(|entry| json::parse(&entry.body));
        bodies.map(Result::unwrap).collect()
    }

    /// Has the guard look again at what the bank offers.
    pub(crate) async fn look_again(&self) {
        let wire = Wire::new(&self.url(), &self.neighbour);
        let wire = wire.begin("2025-11-25").await;
        wire.call("never_heard_of", json!({})).await;
    }

    /// Puts a changed manifest in force.
    pub(crate) async fn change_manifest(&self) {
        let changed = manifests(self.hold, "maximum: 11");
        self.guard.offer(changed).await.unwrap();
        let digest = self.guard.offered().unwrap().to_string();
        let body = Some((json!({"digest": digest}), None));
        let accepted = self
            .operate(&self.alice, Method::POST, "/v1/scopes/accept", body)
            .await;
        assert_eq!(accepted.0, 204);
    }

    /// Revokes every live session of the clerk.
    pub(crate) async fn revoke_sessions(&self) -> Vec<String> {
        let mut revoked = Vec::new();
        for session in self.sessions().await {
            let path = format!("/v1/sessions/{session}/revoke");
            let answer = self.operate(&self.alice, Method::POST, &path, None).await;
            assert_eq!(answer.0, 200, "{answer:?}");
            revoked.push(session);
        }
        revoked
    }

    /// Lets the clerk open sessions again after these were revoked.
    pub(crate) async fn reinstate(&self, sessions: &[String]) {
        for session in sessions {
            let path = format!("/v1/sessions/{session}/reinstate");
            let answer = self.operate(&self.alice, Method::POST, &path, None).await;
            assert_eq!(answer.0, 204, "{answer:?}");
        }
    }

    /// Revokes every key of the clerk.
    pub(crate) async fn revoke_keys(&self) {
        let path = "/v1/agents/clerk/keys";
        let listed = self.operate(&self.alice, Method::GET, path, None).await.1;
        for key in listed["keys"].as_array().unwrap() {
            let path = format!("{path}/{}", key["id"].as_str().unwrap());
            let answer = self.operate(&self.alice, Method::DELETE, &path, None).await;
            assert_eq!(answer.0, 200, "{answer:?}");
        }
    }

    /// A session of its own for a key.
    pub(crate) async fn session(&self, key: &str) -> String {
        let (status, opened) = self
            .ask(key, Method::POST, "/v1/sessions", &json!({}))
            .await;
        assert_eq!(status, 201, "{opened}");
        opened["id"].as_str().unwrap().to_owned()
    }

    /// Asks as the clerk for a permit that somebody else runs.
    pub(crate) async fn authorize(&self, tool: &str, arguments: &Value) -> (u16, Value) {
        let body =
            json!({"mode": "authorize", "tool": format!("bank/{tool}"), "arguments": arguments});
        self.ask(&self.clerk, Method::POST, "/v1/calls", &body)
            .await
    }

    /// Redeems a permit at the bank's enforcement point; gives the status of the answer.
    pub(crate) async fn redeem(&self, permit: &Value, tool: &str, arguments: &Value) -> u16 {
        let body =
            json!({"permit": permit, "tool": format!("bank/{tool}"), "arguments": arguments});
        self.ask(&self.pep, Method::POST, "/v1/permits/redeem", &body)
            .await
            .0
    }

    /// A request to the agents' listener.
    pub(crate) async fn ask(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let request = self
            .client
            .request(method, format!("http://{}{path}", self.agents))
            .bearer_auth(key)
            .header("content-type", "application/json")
            .header("prefer", format!("wait={}", self.hold.as_secs()));
        let response = request.body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, json::parse(text.as_bytes()).unwrap_or(Value::Null))
    }

    /// Writes a request by hand, hangs up once a call is held, and returns when the guard has let go.
    pub(crate) async fn send_and_leave(&self, path: &str, headers: &[(&str, &str)], body: &Value) {
        let body = body.to_string();
        let mut head = format!("POST {path} HTTP/1.1\r\nhost: {}\r\n", self.agents);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        let mut stream = tokio::net::TcpStream::connect(self.agents).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        self.open().await;
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest));
        read.await.unwrap().unwrap();
    }

    /// Ends the house and holds its whole record against its signed heads.
    pub(crate) async fn verify(self) {
        let entries = self.guard.entries(1, 100_000).await.unwrap();
        let head = self.guard.head().await.unwrap().unwrap();
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let trusted = std::slice::from_ref(signer.public());
        let entries = entries.into_iter().map(Ok::<_, String>);
        let report = verify(entries, &[head], trusted, None).unwrap();
        assert!(report.ok(), "{report}");
        self.guard.stop().await.unwrap();
        for serving in self.serving {
            serving.abort();
        }
    }

    pub(crate) async fn sessions(&self) -> Vec<String> {
        let listed = self
            .operate(&self.alice, Method::GET, "/v1/sessions", None)
            .await;
        let all = listed.1["sessions"].as_array().unwrap().iter();
        all.filter(|one| one["agent"] == "clerk" && one["state"] == "active")
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A request to the operators' listener; with a body perhaps on the version that was shown.
    pub(crate) async fn operate(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<(Value, Option<String>)>,
    ) -> (u16, Value, Option<String>) {
        let mut request = self
            .client
            .request(method, format!("http://{}{path}", self.operators))
            .bearer_auth(token);
        if let Some((body, version)) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
            if let Some(version) = version {
                request = request.header("if-match", version);
            }
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let etag = response.headers().get("etag");
        let etag = etag.map(|etag| etag.to_str().unwrap().to_owned());
        let text = response.text().await.unwrap();
        (
            status,
            json::parse(text.as_bytes()).unwrap_or(Value::Null),
            etag,
        )
    }
}

/// What is new after a start.
struct Open {
    guard: Arc<Guard>,
    edge: Arc<Edge>,
    clock: Arc<Played>,
    agents: SocketAddr,
    operators: SocketAddr,
    serving: Vec<JoinHandle<()>>,
}

async fn open(
    data: &TempDir,
    start: Timestamp,
    seed: u64,
    hold: Duration,
    bank: &TransportSpec,
) -> Open {
    let (ambient, clock) = Ambient::played(seed, start);
    let ticking = tokio::spawn(tick(Arc::clone(&clock)));
    let signer = Signer::from_seed(&[7; 32]).unwrap();
    let boot = BootId::random(&ambient);
    let store = Sqlite::open(data.path(), signer, boot, ambient.clone(), false).unwrap();
    let guard = Guard::start(Parts {
        store: Arc::new(store),
        scopes: manifests(hold, "maximum: 10"),
        ambient,
        match_key: [1; 32],
        code_key: [2; 32],
        permit_key: [3; 32],
        all_synced: false,
        reload: Reload::Accept,
        record_share_bytes: RECORD_SHARE_BYTES,
        isolation: Isolation::Host,
        pin: PinPolicy::FirstUse,
    })
    .await
    .unwrap();
    let name = ServerName::parse("bank").unwrap();
    let spec = UpstreamSpec {
        name: name.clone(),
        transport: bank.clone(),
    };
    let upstreams = BTreeMap::from([(name, spec)]);
    let listing = Arc::new(Listing::new());
    let runner: Arc<dyn Upstreams> = Arc::new(Runner::new(upstreams.clone(), Arc::clone(&listing)));
    let edge = Edge::new(Arc::clone(&guard), upstreams, listing).unwrap();
    let routes = api::agents::router(Arc::clone(&guard), runner, Issuers::none()).merge(router(
        Arc::clone(&edge),
        Hosts::new([]),
        Issuers::none(),
    ));
    let (agents, first) = serve(routes).await;
    let (operators, second) = serve(api::operators::router(Arc::clone(&guard))).await;
    Open {
        guard,
        edge,
        clock,
        agents,
        operators,
        serving: vec![ticking, first, second],
    }
}

/// Lets the played clock go as the real one does, so that it can also be moved on.
async fn tick(clock: Arc<Played>) {
    let step = Duration::from_millis(5);
    loop {
        tokio::time::sleep(step).await;
        clock.pass(step);
    }
}

fn manifests(hold: Duration, bound: &str) -> Scopes {
    let text = MANIFEST
        .replace("HOLD", &format!("{}ms", hold.as_millis()))
        .replace("maximum: 10", bound);
    let sources = ["clerk", "neighbour"].map(|agent| Source {
        name: format!("{agent}.yaml"),
        text: text.replace("AGENT", agent),
    });
    Scopes::compile(&sources).unwrap_or_else(|faults| panic!("{faults}"))
}

async fn key(guard: &Guard, agent: &str) -> String {
    let agent = AgentName::parse(agent).unwrap();
    guard.add_agent_key("test", &agent, None).await.unwrap().1
}

async fn serve(router: Router) -> (SocketAddr, JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    (address, serving)
}

/// What was said last, so that the very same can be said again.
#[derive(Default)]
pub(crate) struct Last(Mutex<Option<Value>>);

impl Last {
    pub(crate) fn keep(&self, said: Value) {
        *self.0.lock().unwrap() = Some(said);
    }

    pub(crate) fn said(&self) -> Value {
        self.0.lock().unwrap().clone().unwrap()
    }
}

/// The bank's tool, presented with another description.
pub(crate) fn changed_tools() -> Vec<Value> {
    let mut tools: Vec<Value> = TOOLS.map(|name| tool(name, "does what it says")).into();
    tools[0] = tool("pay", "does what it says, and a little more");
    tools
}
