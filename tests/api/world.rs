//! A guard with two listeners on loopback, an agent, three operators, and a shop for an upstream.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use countersign::ambient::{Ambient, Played};
use countersign::api;
use countersign::audit::checkpoint::Signer;
use countersign::authn::jwt::Issuers;
use countersign::authn::oidc::Provider;
use countersign::console;
use countersign::guard::{
    Delivery, Denial, Doorway, Guard, Parts, Permit, PinPolicy, Presented, Reload, Upstreams,
};
use countersign::limits::RECORD_SHARE_BYTES;
use countersign::model::call::Principal;
use countersign::model::id::BootId;
use countersign::model::isolation::Isolation;
use countersign::model::json;
use countersign::model::name::{AgentName, GroupName, OperatorName, ServerName};
use countersign::model::outcome::Outcome;
use countersign::model::reason::Reason;
use countersign::outbound;
use countersign::scopes::{Scopes, Source};
use countersign::store::sqlite::Sqlite;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const MANIFEST: &str = "
version: 1
agent: clerk
owner: team
credentials: {api_key: true}
session: {accept_unbound_keys: 3}
tools:
  - tool: shop/find
    privilege: read
    arguments: {properties: {what: {type: string}}, open: true}
  - tool: shop/broken
    privilege: read
  - tool: shop/limited
    privilege: read
    rate: {calls: 1, per: 1h, burst: 1}
  - tool: shop/proved
    privilege: read
    assurance: 3
  - tool: shop/order
    privilege: money
    arguments:
      properties:
        amount: {type: number, exclusiveMinimum: 0, maximum: 100}
        memo: {type: string}
        pin: {type: string, kind: secret}
      optional: [memo, pin]
  - tool: shop/sign
    privilege: destroy
    arguments: {properties: {what: {type: string, const: nothing}}}
  - tool: shop/own
    privilege: write
    mode: authorize
    arguments: {properties: {count: {type: integer, maximum: 5}}}
forbid:
  - tool: \"*/delete_*\"
undeclared: deny
pause_covers: call
approval:
  default: {any_of: [oncall], decide_by: 15m, redeem_by: 5m}
  destroy: {any_of: [oncall], step_up: passkey}
";

/// Another agent, whose every call is somebody else's affair.
const NEIGHBOUR: &str = "
version: 1
agent: neighbour
credentials: {api_key: true}
tools: [{tool: shop/find, privilege: read}]
";

const OURS: &str = "default: {any_of: [oncall], decide_by: 15m, redeem_by: 5m}";

const TOOLS: [&str; 8] = [
    "find",
    "broken",
    "limited",
    "proved",
    "order",
    "sign",
    "own",
    "delete_all",
];

pub(crate) struct World {
    pub(crate) guard: Arc<Guard>,
    pub(crate) shop: Arc<Shop>,
    pub(crate) clerk: String,
    pub(crate) neighbour: String,
    /// Of the enforcement point that stands before the shop.
    pub(crate) pep: String,
    /// In the group that may approve.
    pub(crate) alice: String,
    /// In a group that may not.
    pub(crate) bob: String,
    pub(crate) agents: SocketAddr,
    pub(crate) operators: SocketAddr,
    client: reqwest::Client,
    /// Ends the listeners, which outlive a guard that only stopped.
    closing: CancellationToken,
    serving: [JoinHandle<()>; 2],
    pub(crate) data: TempDir,
}

/// Sells, and remembers what it sold.
#[derive(Default)]
pub(crate) struct Shop {
    ran: Mutex<Vec<Value>>,
    /// Held while a call must not end yet.
    pub(crate) counter: tokio::sync::RwLock<()>,
}

impl Shop {
    pub(crate) fn ran(&self) -> Vec<Value> {
        self.ran.lock().unwrap().clone()
    }
}

#[async_trait]
impl Upstreams for Shop {
    async fn run(&self, guard: &Arc<Guard>, permit: Permit) -> Delivery {
        let (call, receipt) = match guard.dispatch(permit).await {
            Ok(dispatch) => dispatch.into_parts(),
            Err(denial) => return Delivery::Failed(denial),
        };
        let arguments = call.arguments.value().clone();
        self.ran.lock().unwrap().push(arguments.clone());
        drop(self.counter.read().await);
        if &*call.target.name == "broken" {
            guard.settle(receipt, Outcome::Failed, None).await;
            return Delivery::Error {
                code: -32_602,
                message: "out of order".to_owned(),
                data: Some(json!({"shelf": 7})),
            };
        }
        guard.settle(receipt, Outcome::Done, None).await;
        Delivery::Result(json!({"content": [], "structuredContent": {"sold": arguments}}))
    }

    async fn ensure_listed(
        &self,
        _: &Arc<Guard>,
        _: &Principal,
        server: &ServerName,
    ) -> Result<(), Denial> {
        match server.as_str() {
            "shop" => Ok(()),
            _ => Err(Denial::new(Reason::UnknownTarget, "there is only a shop")),
        }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::deciding(OURS).await
    }

    /// A world whose manifest says of approvals only this.
    pub(crate) async fn deciding(rule: &str) -> Self {
        Self::built(rule, Ambient::system(), None).await
    }

    /// A world whose people may sign in over a provider.
    pub(crate) async fn over(provider: Provider) -> Self {
        Self::built(OURS, Ambient::system(), Some(provider)).await
    }

    /// A world on a clock that the test moves. It begins ahead of the machine's, so that what another
    /// program makes meanwhile is never of the future.
    pub(crate) async fn played(provider: Option<Provider>) -> (Self, Arc<Played>) {
        let begins = Ambient::system().now().after(Duration::from_secs(1_200));
        let (ambient, clock) = Ambient::played(1, begins);
        (Self::built(OURS, ambient, provider).await, clock)
    }

    async fn built(rule: &str, ambient: Ambient, provider: Option<Provider>) -> Self {
        assert!(MANIFEST.contains(OURS));
        let manifest = MANIFEST.replace(OURS, rule);
        let data = TempDir::new().unwrap();
        let guard = begin(&data, scopes(&[&manifest, NEIGHBOUR]), ambient).await;
        let people = [
            token(&guard, "alice", "oncall").await,
            token(&guard, "bob", "kitchen").await,
        ];
        let keys = [
            key(&guard, "clerk").await,
            key(&guard, "neighbour").await,
            pep_key(&guard).await,
        ];
        Self::open(data, guard, people, keys, (0, provider)).await
    }

    /// The same after the guard was stopped and started again, its console at the same address. `meanwhile`
    /// runs while there is none.
    pub(crate) async fn restart(self, meanwhile: impl Future<Output = ()>) -> Self {
        let (data, port) = (self.data, self.operators.port());
        let people = [self.alice, self.bob];
        let keys = [self.clerk, self.neighbour, self.pep];
        let scopes = self.guard.scopes().as_ref().clone();
        let ambient = self.guard.ambient().clone();
        self.guard.stop().await.unwrap();
        drop(self.guard);
        self.closing.cancel();
        for serving in self.serving {
            tokio::time::timeout(Duration::from_secs(20), serving)
                .await
                .unwrap()
                .unwrap();
        }
        meanwhile.await;
        let guard = begin(&data, scopes, ambient).await;
        Self::open(data, guard, people, keys, (port, None)).await
    }

    async fn open(
        data: TempDir,
        guard: Arc<Guard>,
        [alice, bob]: [String; 2],
        [clerk, neighbour, pep]: [String; 3],
        (port, provider): (u16, Option<Provider>),
    ) -> Self {
        present(&guard).await;
        let shop = Arc::new(Shop::default());
        let upstreams: Arc<dyn Upstreams> = Arc::clone(&shop) as _;
        let console = console::router_with(
            Arc::clone(&guard),
            provider,
            api::operators::router(Arc::clone(&guard)),
        );
        let closing = CancellationToken::new();
        let (operators, decided) = serve(console, port, &closing).await;
        let origin = format!("http://localhost:{}", operators.port());
        guard.open_doorway(Doorway::parse(&origin).unwrap());
        let calls = api::agents::router(Arc::clone(&guard), upstreams, Issuers::none());
        let (agents, called) = serve(calls, 0, &closing).await;
        Self {
            clerk,
            neighbour,
            pep,
            alice,
            bob,
            agents,
            operators,
            client: outbound::build(true).unwrap(),
            guard,
            shop,
            closing,
            serving: [decided, called],
            data,
        }
    }

    /// The origin of the console's pages.
    pub(crate) fn origin(&self) -> String {
        format!("http://localhost:{}", self.operators.port())
    }

    /// A request to the agents' listener, with the clerk's key.
    pub(crate) fn agent(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(self.agents, method, path)
            .bearer_auth(&self.clerk)
    }

    /// The token of one more operator.
    pub(crate) async fn hire(&self, name: &str, group: &str) -> String {
        token(&self.guard, name, group).await
    }

    /// A request to the operators' listener, with alice's token.
    pub(crate) fn operator(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(self.operators, method, path)
            .bearer_auth(&self.alice)
    }

    pub(crate) fn request(&self, to: SocketAddr, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("http://{to}{path}"))
            .timeout(Duration::from_secs(30))
    }

    /// A request to an address, as a browser would send it.
    pub(crate) fn browse(&self, method: Method, address: &str) -> RequestBuilder {
        let request = self.client.request(method, address);
        request.timeout(Duration::from_secs(30))
    }

    /// Asks for a call as the clerk.
    pub(crate) fn ask(&self, tool: &str, arguments: &Value) -> RequestBuilder {
        let mode = if tool == "shop/own" {
            "authorize"
        } else {
            "proxy"
        };
        body(
            self.agent(Method::POST, "/v1/calls"),
            &json!({"mode": mode, "tool": tool, "arguments": arguments}),
        )
    }

    /// Decides as the operator with that token on what is shown now.
    pub(crate) async fn decide(&self, token: &str, approval: &str, decision: Value) -> Answer {
        let path = format!("/v1/approvals/{approval}");
        let shown = send(self.operator(Method::GET, &path)).await;
        let mut decision = decision;
        decision["action_digest"] = shown.body["action_digest"].clone();
        if decision.get("decision_id").is_none() {
            decision["decision_id"] = json!(format!("{approval}-{}", shown.body["version"]));
        }
        let request = self
            .request(self.operators, Method::POST, &format!("{path}/decisions"))
            .bearer_auth(token)
            .header("if-match", &shown.headers["etag"]);
        send(body(request, &decision)).await
    }

    pub(crate) async fn approve(&self, approval: &str) -> Answer {
        self.decide(&self.alice, approval, json!({"decision": "approve"}))
            .await
    }

    /// The bodies of all entries of one kind.
    pub(crate) async fn entries(&self, kind: &str) -> Vec<Value> {
        let entries = self.guard.entries(1, 100_000).await.unwrap();
        let bodies = entries
            .iter()
            .map(|entry| json::parse(&entry.body).unwrap());
        bodies.filter(|body| body["kind"] == kind).collect()
    }
}

/// A response, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    /// Asserts that it is a whole problem of that code.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, &self.body["code"]),
            (status, &json!(code)),
            "{self:?}"
        );
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(
            self.body["type"],
            format!("https://countersign.dev/problems/{code}")
        );
        for member in ["title", "remedy", "retry", "message_to_agent"] {
            assert!(self.body[member].is_string(), "{member}: {self:?}");
        }
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.body[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name}: {self:?}"))
            .to_owned()
    }
}

pub(crate) fn body(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request
        .header("content-type", "application/json")
        .body(body.to_string())
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    read(request.send().await.unwrap()).await
}

pub(crate) async fn read(response: Response) -> Answer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    Answer {
        status,
        headers,
        body: json::parse(text.as_bytes()).unwrap_or(Value::Null),
        text,
    }
}

/// Waits, in bounded time, until something is so.
pub(crate) async fn until(mut is: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if is() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("waited in vain");
}

/// Waits, in bounded time, until a call waits for a person.
pub(crate) async fn until_held(world: &World) {
    for _ in 0..1_000 {
        if !world.guard.approvals(false).await.unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no call was held");
}

pub(crate) fn scopes(manifests: &[&str]) -> Scopes {
    let sources: Vec<Source> = manifests
        .iter()
        .enumerate()
        .map(|(at, text)| Source {
            name: format!("{at}.yaml"),
            text: (*text).to_owned(),
        })
        .collect();
    Scopes::compile(&sources).unwrap()
}

/// The manifests with one more tool for the clerk.
pub(crate) fn changed_scopes() -> Scopes {
    let changed = MANIFEST.replace(
        "forbid:",
        "  - tool: shop/more\n    privilege: read\nforbid:",
    );
    scopes(&[&changed, NEIGHBOUR])
}

/// The manifests, with orders forbidden.
pub(crate) fn forbidding_orders() -> Scopes {
    let changed = MANIFEST.replace("forbid:", "forbid:\n  - tool: shop/order");
    scopes(&[&changed, NEIGHBOUR])
}

async fn present(guard: &Guard) {
    describe(guard, "find", None).await;
}

/// Has the shop present its tools, one of them described in so many words.
pub(crate) async fn describe(guard: &Guard, tool: &str, words: Option<&str>) {
    let definition = |name: &&str| {
        let mut definition = json!({"name": name, "inputSchema": {"type": "object"}});
        if let Some(words) = words.filter(|_| *name == tool) {
            definition["description"] = json!(words);
        }
        definition
    };
    let tools = TOOLS.iter().map(definition).collect();
    let presented = Presented::tools("shop".into(), tools);
    let shop = ServerName::parse("shop").unwrap();
    guard.present(&shop, &presented).await.unwrap();
}

async fn key(guard: &Guard, agent: &str) -> String {
    let agent = AgentName::parse(agent).unwrap();
    guard.add_agent_key("test", &agent, None).await.unwrap().1
}

async fn pep_key(guard: &Guard) -> String {
    let shop = ServerName::parse("shop").unwrap();
    guard.add_pep_key("test", &shop, None).await.unwrap().1
}

async fn token(guard: &Guard, name: &str, group: &str) -> String {
    let (name, group) = (
        OperatorName::parse(name).unwrap(),
        GroupName::parse(group).unwrap(),
    );
    guard
        .add_operator("test", name, vec![group])
        .await
        .unwrap()
        .1
}

/// Serves until the guard stops, at a port if one is named.
async fn serve(
    router: Router,
    port: u16,
    closing: &CancellationToken,
) -> (SocketAddr, JoinHandle<()>) {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let closed = closing.clone().cancelled_owned();
    let serving = axum::serve(listener, router).with_graceful_shutdown(closed);
    (address, tokio::spawn(async move { serving.await.unwrap() }))
}

async fn begin(data: &TempDir, scopes: Scopes, ambient: Ambient) -> Arc<Guard> {
    let signer = Signer::from_seed(&[7; 32]).unwrap();
    let boot = BootId::random(&ambient);
    let store = Sqlite::open(data.path(), signer, boot, ambient.clone(), false).unwrap();
    Guard::start(Parts {
        store: Arc::new(store),
        scopes,
        ambient,
        match_key: [1; 32],
        code_key: [2; 32],
        permit_key: [3; 32],
        all_synced: false,
        record_share_bytes: RECORD_SHARE_BYTES,
        reload: Reload::Accept,
        pin: PinPolicy::FirstUse,
        isolation: Isolation::Host,
    })
    .await
    .unwrap()
}
