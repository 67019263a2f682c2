//! A guard in this process, with real upstreams behind it and a loopback address in front.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test takes what it needs, and one that cannot go on fails"
)]

pub(crate) mod server;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign::ambient::Ambient;
use countersign::audit::checkpoint::Signer;
use countersign::authn::jwt::Issuers;
use countersign::guard::{Guard, Parts, PinPolicy, Reload, Resolution, Vote};
use countersign::limits::RECORD_SHARE_BYTES;
use countersign::mcp::Edge;
use countersign::mcp::downstream::http::{Hosts, router};
use countersign::mcp::listing::Listing;
use countersign::mcp::upstream::{HttpSpec, StdioSpec, TransportSpec, UpstreamSpec};
use countersign::model::approval::{Approval, ApprovalState};
use countersign::model::credential::Operator;
use countersign::model::id::BootId;
use countersign::model::isolation::Isolation;
use countersign::model::name::{AgentName, GroupName, OperatorName, ServerName};
use countersign::scopes::{Scopes, Source};
use countersign::store::Memory;

/// A guard that serves one agent until it is dropped.
pub(crate) struct Guarded {
    /// The guard.
    pub(crate) guard: Arc<Guard>,
    /// What agents reach.
    pub(crate) edge: Arc<Edge>,
    /// Where it listens, without a path.
    pub(crate) address: String,
    /// The agent's key.
    pub(crate) key: String,
    operator: Operator,
    serving: tokio::task::JoinHandle<()>,
}

impl Guarded {
    /// Starts a guard with one manifest, for the agent it names, in front of `upstreams`. With
    /// `opens` requests need no key: each is given the agent's.
    pub(crate) async fn start(
        manifest: &str,
        upstreams: &[(&str, TransportSpec)],
        opens: bool,
    ) -> Self {
        Self::start_with(manifest, upstreams, opens, Issuers::none()).await
    }

    /// The same, where tokens of these issuers are looked at.
    pub(crate) async fn start_with(
        manifest: &str,
        upstreams: &[(&str, TransportSpec)],
        opens: bool,
        issuers: Issuers,
    ) -> Self {
        let ambient = Ambient::system();
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let boot = BootId::random(&ambient);
        let name = "agent.yaml".to_owned();
        let scopes = Scopes::compile(&[Source {
            name,
            text: manifest.to_owned(),
        }])
        .unwrap_or_else(|faults| panic!("{faults}"));
        let agent = scopes.agents().next().expect("a manifest").agent.clone();
        let guard = Guard::start(Parts {
            store: Arc::new(Memory::new(signer, boot, ambient.clone())),
            scopes,
            ambient,
            match_key: [1; 32],
            code_key: [2; 32],
            permit_key: [3; 32],
            all_synced: false,
            record_share_bytes: RECORD_SHARE_BYTES,
            reload: Reload::Auto,
            pin: PinPolicy::FirstUse,
            isolation: Isolation::Host,
        })
        .await
        .unwrap();
        let upstreams: BTreeMap<_, _> = upstreams
            .iter()
            .map(|(name, transport)| {
                let name = ServerName::parse(name).unwrap();
                (
                    name.clone(),
                    UpstreamSpec {
                        name,
                        transport: transport.clone(),
                    },
                )
            })
            .collect();
        let edge = Edge::new(Arc::clone(&guard), upstreams, Arc::new(Listing::new())).unwrap();
        let (_, key) = guard.add_agent_key("test", &agent, None).await.unwrap();
        let groups = vec![GroupName::parse("operators").unwrap()];
        let (operator, _) = guard
            .add_operator("test", OperatorName::parse("olga").unwrap(), groups)
            .await
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut routes = router(Arc::clone(&edge), Hosts::new([]), issuers);
        if opens {
            let bearer: axum::http::HeaderValue = format!("Bearer {key}").parse().unwrap();
            let lend = move |mut request: axum::extract::Request| {
                let bearer = bearer.clone();
                async move {
                    request
                        .headers_mut()
                        .insert(axum::http::header::AUTHORIZATION, bearer);
                    request
                }
            };
            routes = routes.layer(axum::middleware::map_request(lend));
        }
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, routes).await;
        });
        Self {
            guard,
            edge,
            address,
            key,
            operator,
            serving,
        }
    }

    /// Where the agent reaches a server; all joined where none is named.
    pub(crate) fn url(&self, server: Option<&str>) -> String {
        match server {
            Some(server) => format!("{}/mcp/{server}", self.address),
            None => format!("{}/mcp", self.address),
        }
    }

    /// The agent.
    pub(crate) fn agent(&self) -> AgentName {
        let scopes = self.guard.scopes();
        scopes.agents().next().expect("a manifest").agent.clone()
    }

    /// The one open approval, once there is one.
    pub(crate) async fn open_approval(&self) -> Arc<Approval> {
        self.open_approvals(1).await.remove(0)
    }

    /// The open approvals, once there are so many.
    pub(crate) async fn open_approvals(&self, count: usize) -> Vec<Arc<Approval>> {
        for _ in 0..600 {
            let mut open = self.guard.approvals(false).await.unwrap();
            open.retain(|one| matches!(one.state, ApprovalState::Held));
            if open.len() >= count {
                return open;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no {count} approvals were opened");
    }

    /// Decides an approval as a person would.
    pub(crate) async fn decide(&self, approval: &Approval, decision: Resolution) {
        let vote = Vote {
            answer: None,
            version: approval.version,
            digest: approval.digest,
            decision,
            client_id: approval.id.to_string(),
        };
        self.guard
            .resolve(&self.operator, approval.id, vote)
            .await
            .unwrap();
    }

    /// Approves it for one use.
    pub(crate) async fn approve(&self, approval: &Approval) {
        self.decide(
            approval,
            Resolution::Approve {
                uses: 1,
                life: None,
            },
        )
        .await;
    }

    /// Revokes the agent, as an operator would.
    pub(crate) async fn revoke(&self) {
        let agent = self.agent();
        self.guard
            .revoke_agent(&self.operator.name, &agent)
            .await
            .unwrap();
    }

    /// The decisions on record so far, as `target: decision`.
    pub(crate) async fn decisions(&self) -> Vec<String> {
        let entries = self.guard.entries(0, 10_000).await.unwrap();
        entries
            .iter()
            .filter_map(|stored| {
                let body: serde_json::Value = countersign::model::json::parse(&stored.body).ok()?;
                let body = body.get("body").unwrap_or(&body);
                let decision = body.get("decision")?.as_str()?;
                let target = body.get("target")?;
                let (server, name) = (
                    target.get("server")?.as_str()?,
                    target.get("name")?.as_str()?,
                );
                Some(format!("{server}/{name}: {decision}"))
            })
            .collect()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An upstream over HTTP on this machine.
pub(crate) fn http(url: &str) -> TransportSpec {
    TransportSpec::Http(HttpSpec::new(url, None, false).unwrap())
}

/// An upstream as a child.
pub(crate) fn stdio(words: &[String]) -> TransportSpec {
    let (command, args) = words.split_first().expect("a program has a name");
    TransportSpec::Stdio(StdioSpec {
        command: command.clone(),
        args: args.to_vec(),
        env: BTreeMap::new(),
        cwd: None,
    })
}

/// Everything is in scope.
pub(crate) const PERMIT_ALL: &str = r#"
version: 1
agent: anybody
owner: tests
credentials: {api_key: true, local: true}
tools:
  - {tool: "*/*", privilege: read}
resources: [{uri: "**", privilege: read}]
prompts: ["*"]
methods: {allow: ["*"]}
extras: pass
first_use: note
escalation: note
record: {arguments: keep}
"#;
