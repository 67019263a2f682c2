//! C1 and C2: the console with a full inbox and everybody looking, and how soon an agent hears of a decision.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::api;
use countersign::authn::jwt::Issuers;
use countersign::console;
use countersign::guard::Guard;
use countersign::model::id::ApprovalId;
use countersign::model::json;
use countersign::model::name::{GroupName, OperatorName};
use countersign::outbound;
use countersign::scopes::{Scopes, Source};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::task::JoinSet;

use super::figures::{Row, quantile};
use super::proxied::Nowhere;
use super::stands::serve;
use super::wire::Wire;
use super::{ROUNDS, guarded};

/// The rows.
pub(crate) async fn rows() -> Vec<Row> {
    let data = tempfile::tempdir().unwrap();
    let guard = guarded::start(data.path(), scopes()).await;
    guarded::present(&guard, "desk", "send").await;
    let house = House::open(&guard).await;
    let heard = Arc::new(AtomicUsize::new(0));
    let listening = house.listen(&heard).await;
    house.fill().await;

    let (mut inbox, mut request, mut decided) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let waiting = house.wait().await;
        let shown = format!("/requests/{}", house.pending().await);
        inbox.push(house.look("/", "data-request").await);
        request.push(house.look(&shown, "Approve this call").await);
        decided.push(house.decide(waiting).await);
    }
    let pending = guard.approvals(false).await.unwrap();
    let now = guard.ambient().now();
    let pending = pending.iter().filter(|one| one.is_open(now)).count();
    assert!(pending >= PENDING, "only {pending} requests are left");
    // Nobody was forgotten: each listener was told of each request that moved, at least once.
    let moved = LISTENERS * ROUNDS * DECIDED;
    let heard = heard.load(Ordering::SeqCst);
    assert!(heard >= moved, "{heard} changes were heard of {moved}");
    drop(listening);
    guard.stop().await.unwrap();
    let row = |bar: &str, measure: &str, rounds: &[f64]| {
        let measure = format!("{PENDING} requests, {LISTENERS} listeners: {measure}");
        Row::new(bar, &measure, "ms", rounds)
    };
    vec![
        row("C1", "inbox, p99", &inbox).most(200.0),
        row("C1", "a request's page, p99", &request).most(200.0),
        row("C2", "approval to agent, p99", &decided).most(100.0),
    ]
}

const PENDING: usize = 1_000;
const LISTENERS: usize = 200;
/// How many are decided in a round, and how often a page is asked for in one.
const DECIDED: usize = 100;
const LOOKS: usize = 100;
/// Each may have five calls that wait, of which the last is decided and asked again.
const AGENTS: usize = 300;
const HOLDS_EACH: usize = 4;
/// As many as fill the inbox of their group.
const AGENTS_PER_GROUP: usize = 10;
/// Each person looks at it in so many windows.
const WINDOWS: usize = 8;

/// A guard with its two listeners, its agents and its people.
struct House {
    guard: Arc<Guard>,
    agents: SocketAddr,
    operators: SocketAddr,
    /// The agents' keys.
    keys: Vec<String>,
    /// The token of somebody who may decide everything.
    token: String,
    /// The visits of those who look, as their cookies say it.
    visits: Vec<String>,
}

impl House {
    async fn open(guard: &Arc<Guard>) -> Self {
        let calls = api::agents::router(Arc::clone(guard), Arc::new(Nowhere), Issuers::none());
        let people = api::operators::router(Arc::clone(guard));
        let agents = serve(calls).await;
        let operators = serve(console::router(Arc::clone(guard), people)).await;
        let own = countersign::model::name::ServerName::parse("desk").unwrap();
        guard.add_pep_key("load", &own, None).await.unwrap();
        let mut keys = Vec::new();
        for at in 0..AGENTS {
            keys.push(guarded::key(guard, &format!("a{at}")).await);
        }
        let (mut visits, mut token) = (Vec::new(), String::new());
        for at in 0..LISTENERS / WINDOWS {
            let groups = (0..AGENTS / AGENTS_PER_GROUP)
                .map(|group| GroupName::parse(&format!("g{group}")).unwrap())
                .collect();
            let name = OperatorName::parse(&format!("o{at}")).unwrap();
            (_, token) = guard.add_operator("load", name, groups).await.unwrap();
            visits.push(sign_in(operators, &token).await);
        }
        Self {
            guard: Arc::clone(guard),
            agents,
            operators,
            keys,
            token,
            visits,
        }
    }

    /// Calls beyond scope for which nobody waits at a connection.
    async fn fill(&self) {
        let mut asked = JoinSet::new();
        for key in &self.keys {
            let (address, key) = (self.agents, key.clone());
            asked.spawn(async move {
                let mut wire = Wire::connect(address).await;
                for at in 0..HOLDS_EACH {
                    let request = call(&wire, &key, &at.to_string(), 0);
                    let came = wire.ask(&request).await;
                    assert_eq!(came.status, 202, "{}", String::from_utf8_lossy(&came.body));
                }
            });
        }
        asked.join_all().await;
    }

    /// As many windows open as people look through; what each hears is counted.
    async fn listen(&self, heard: &Arc<AtomicUsize>) -> JoinSet<()> {
        let mut listening = JoinSet::new();
        let client = outbound::build(true).unwrap();
        for cookie in self.visits.iter().flat_map(|one| [one; WINDOWS]) {
            let url = format!("http://{}/feed?since=", self.operators);
            let feed = client.get(url).header("cookie", cookie).send();
            let mut feed = feed.await.unwrap().bytes_stream();
            let heard = Arc::clone(heard);
            listening.spawn(async move {
                while let Some(Ok(bytes)) = feed.next().await {
                    let text = String::from_utf8_lossy(&bytes);
                    let count = text.matches("event: request").count();
                    heard.fetch_add(count, Ordering::SeqCst);
                }
            });
        }
        listening
    }

    /// A request that is open.
    async fn pending(&self) -> ApprovalId {
        let all = self.guard.approvals(false).await.unwrap();
        let now = self.guard.ambient().now();
        all.iter().find(|one| one.is_open(now)).unwrap().id
    }

    /// The p99, in milliseconds, of how long a page takes.
    async fn look(&self, path: &str, word: &str) -> f64 {
        let mut wire = Wire::connect(self.operators).await;
        let headers = [format!("cookie: {}", self.visits[0])];
        let request = wire.reading(path, &headers);
        let mut took = Vec::new();
        for _ in 0..LOOKS {
            let begun = Instant::now();
            let came = wire.ask(&request).await;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
            let page = String::from_utf8_lossy(&came.body);
            assert!(came.status == 200 && page.contains(word), "{path}: {page}");
        }
        quantile(&mut took, 0.99)
    }

    /// Agents that wait at a connection for a further call, each with the approval it waits for.
    async fn wait(&self) -> Vec<(ApprovalId, Waiting)> {
        let round = format!("{}", self.guard.ambient().now().millis());
        let mut waiting = Vec::new();
        for key in self.keys.iter().take(DECIDED) {
            let mut wire = Wire::connect(self.agents).await;
            let held = wire.ask(&call(&wire, key, &round, 0)).await;
            let held: Value = json::parse(&held.body).unwrap();
            let id = ApprovalId::parse(held["approval_id"].as_str().unwrap()).unwrap();
            let request = call(&wire, key, &round, 60);
            let agent = tokio::spawn(async move {
                let came = wire.ask(&request).await;
                (came.status, Instant::now())
            });
            waiting.push((id, agent));
        }
        // Long enough for each to have begun to wait.
        tokio::time::sleep(Duration::from_millis(500)).await;
        waiting
    }

    /// The p99, in milliseconds, from an approval that is sent to the permit in the agent's hands.
    async fn decide(&self, waiting: Vec<(ApprovalId, Waiting)>) -> f64 {
        let mut wire = Wire::connect(self.operators).await;
        let mut took = Vec::new();
        for (id, agent) in waiting {
            let shown = self.guard.approval(id).await.unwrap().unwrap();
            let headers = [
                format!("authorization: Bearer {}", self.token),
                format!("if-match: \"{}\"", shown.version),
            ];
            let decision = format!(
                r#"{{"decision":"approve","decision_id":"{id}","action_digest":"{}"}}"#,
                shown.digest
            );
            let path = format!("/v1/approvals/{id}/decisions");
            let request = wire.request(&path, &headers, &decision);
            let begun = Instant::now();
            let came = wire.ask(&request).await;
            assert_eq!(came.status, 200, "{}", String::from_utf8_lossy(&came.body));
            let (status, at) = agent.await.unwrap();
            assert_eq!(status, 200, "an agent was not permitted");
            took.push(at.duration_since(begun).as_secs_f64() * 1e3);
        }
        quantile(&mut took, 0.99)
    }
}

/// An agent that waits: what it was answered, and when.
type Waiting = tokio::task::JoinHandle<(u16, Instant)>;

/// A call beyond scope, which waits so many seconds for a person.
fn call(wire: &Wire, key: &str, what: &str, wait: u32) -> Vec<u8> {
    let headers = [
        format!("authorization: Bearer {key}"),
        format!("prefer: wait={wait}"),
    ];
    let body = format!(
        r#"{{"mode":"authorize","tool":"desk/send","arguments":{{"to":"customer {what}","amount":48.50}}}}"#
    );
    wire.request("/v1/calls", &headers, &body)
}

/// The cookie of a visit.
async fn sign_in(operators: SocketAddr, token: &str) -> String {
    let url = format!("http://{operators}");
    let form = outbound::build(true)
        .unwrap()
        .post(format!("{url}/sign-in"));
    let form = form.header("origin", url);
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let entered = form.body(format!("token={token}")).send().await.unwrap();
    let cookie = entered.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

fn scopes() -> Scopes {
    let sources: Vec<_> = (0..AGENTS)
        .map(|at| Source {
            name: format!("a{at}.yaml"),
            text: format!(
                "version: 1\nagent: a{at}\ncredentials: {{api_key: true}}\npause_covers: call\n\
                 session: {{accept_unbound_keys: 3}}\n\
                 tools: [{{tool: desk/send, privilege: send, mode: authorize, \
                 arguments: {{properties: {{amount: {{type: number, maximum: 9}}}}, open: true}}}}]\n\
                 approval: {{default: {{any_of: [g{}], decide_by: 1h}}}}\n",
                at / AGENTS_PER_GROUP
            ),
        })
        .collect();
    Scopes::compile(&sources).unwrap_or_else(|faults| panic!("{faults}"))
}
