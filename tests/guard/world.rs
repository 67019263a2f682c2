//! A guard over a store in memory, with a clock that moves when told, one server and a few people.

use std::sync::Arc;
use std::time::Duration;

use countersign::ambient::{Ambient, Played};
use countersign::audit::checkpoint::Signer;
use countersign::guard::{
    Denial, Dispatch, Guard, Hold, Parts, Permit, PinPolicy, Presented, Reload, Resolution,
    ResolveError, Ruling, Vote,
};
use countersign::limits::RECORD_SHARE_BYTES;
use countersign::model::approval::Approval;
use countersign::model::arguments::Arguments;
use countersign::model::call::{Call, Mode, Principal};
use countersign::model::credential::Operator;
use countersign::model::id::{ApprovalId, BootId, CallId, SessionId};
use countersign::model::isolation::Isolation;
use countersign::model::name::{AgentName, GroupName, OperatorName, ServerName};
use countersign::model::outcome::Outcome;
use countersign::model::target::Target;
use countersign::model::time::Timestamp;
use countersign::scopes::{Scopes, Source};
use countersign::store::{Memory, SharedStore};
use serde_json::{Map, Value, json};

pub(crate) const MANIFEST: &str = "
version: 1
agent: clerk
owner: team
credentials: {api_key: true, local: true}
tools:
  - tool: crm/find
    privilege: read
    rate: {calls: 60, per: 1m, burst: 100}
  - tool: crm/note
    privilege: write
  - tool: bank/pay
    privilege: money
    arguments:
      properties:
        amount: {type: number, exclusiveMinimum: 0, maximum: 100}
        to: {type: string}
    budget: {sum: /amount, limit: 1000, per: 24h}
  - tool: crm/merge
    privilege: write
    assurance: 2
  - tool: crm/slow
    privilege: read
    rate: {calls: 1, per: 1m, burst: 2}
forbid:
  - tool: \"*/delete_*\"
undeclared: pause
approval:
  default: {any_of: [oncall], approve: 1, decide_by: 15m, redeem_by: 5m}
  admin: {any_of: [nobody], approve: 1, decide_by: 15m, redeem_by: 5m}
  money: {any_of: [finance, oncall], approve: 1, decide_by: 15m, redeem_by: 5m}
";

pub(crate) struct World {
    pub(crate) guard: Arc<Guard>,
    pub(crate) clock: Arc<Played>,
    pub(crate) alice: Operator,
    pub(crate) bob: Operator,
    pub(crate) principal: Principal,
    pub(crate) session: SessionId,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::over(MANIFEST).await
    }

    pub(crate) async fn over(manifest: &str) -> Self {
        Self::pinning(PinPolicy::FirstUse, scopes(manifest)).await
    }

    /// A world in memory whose guard is kept that far from its agents.
    pub(crate) async fn kept(manifest: &str, isolation: Isolation) -> Self {
        let pin = PinPolicy::FirstUse;
        Self::in_memory(scopes(manifest), pin, isolation, RECORD_SHARE_BYTES).await
    }

    /// A world in memory whose guard accepts definitions by that policy.
    pub(crate) async fn pinning(pin: PinPolicy, scopes: Scopes) -> Self {
        Self::in_memory(scopes, pin, Isolation::Host, RECORD_SHARE_BYTES).await
    }

    /// A world in memory whose agents may each fill so many bytes of the record.
    pub(crate) async fn sharing(record_share_bytes: u64) -> Self {
        let (scopes, pin) = (scopes(MANIFEST), PinPolicy::FirstUse);
        Self::in_memory(scopes, pin, Isolation::Host, record_share_bytes).await
    }

    pub(crate) async fn on(
        store: SharedStore,
        ambient: Ambient,
        clock: Arc<Played>,
        manifest: &str,
    ) -> Self {
        Self::with(store, ambient, clock, scopes(manifest), PinPolicy::FirstUse).await
    }

    pub(crate) async fn with(
        store: SharedStore,
        ambient: Ambient,
        clock: Arc<Played>,
        scopes: Scopes,
        pin: PinPolicy,
    ) -> Self {
        let (isolation, share) = (Isolation::Host, RECORD_SHARE_BYTES);
        Self::begin(store, ambient, clock, scopes, pin, isolation, share).await
    }

    async fn in_memory(
        scopes: Scopes,
        pin: PinPolicy,
        isolation: Isolation,
        record_share_bytes: u64,
    ) -> Self {
        let (ambient, clock) = Ambient::played(7, Timestamp::from_millis(1_760_000_000_000));
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let boot = BootId::random(&ambient);
        let store: SharedStore = Arc::new(Memory::new(signer, boot, ambient.clone()));
        let share = record_share_bytes;
        Self::begin(store, ambient, clock, scopes, pin, isolation, share).await
    }

    async fn begin(
        store: SharedStore,
        ambient: Ambient,
        clock: Arc<Played>,
        scopes: Scopes,
        pin: PinPolicy,
        isolation: Isolation,
        record_share_bytes: u64,
    ) -> Self {
        let guard = Guard::start(Parts {
            store,
            scopes,
            ambient,
            match_key: [1; 32],
            code_key: [2; 32],
            permit_key: [3; 32],
            all_synced: false,
            record_share_bytes,
            reload: Reload::Auto,
            pin,
            isolation,
        })
        .await
        .unwrap();
        let tools = [
            "find",
            "note",
            "post",
            "merge",
            "slow",
            "delete_all",
            "unheard_of",
        ];
        present(&guard, "crm", &tools).await;
        present(&guard, "bank", &["pay"]).await;
        let alice = operator(&guard, "alice", "oncall").await;
        let bob = operator(&guard, "bob", "kitchen").await;
        let (_, key) = guard
            .add_agent_key("test", &AgentName::parse("clerk").unwrap(), None)
            .await
            .unwrap();
        let principal = guard.principal(Some(&key)).await.unwrap();
        let session = guard.session(&principal, None).await.unwrap();
        Self {
            guard,
            clock,
            alice,
            bob,
            principal,
            session,
        }
    }

    pub(crate) fn call(&self, tool: &str, arguments: Value) -> Call {
        self.call_in(self.session, tool, arguments)
    }

    pub(crate) fn call_in(&self, session: SessionId, tool: &str, arguments: Value) -> Call {
        let (server, name) = tool.split_once('/').unwrap();
        let arguments = Arguments::parse(arguments.to_string().as_bytes()).unwrap();
        Call {
            id: CallId::random(self.guard.ambient()),
            principal: self.principal.clone(),
            session,
            mode: Mode::Proxy,
            method: Arc::from("tools/call"),
            target: Target::tool(ServerName::parse(server).unwrap(), name),
            arguments,
            extras: Map::new(),
            claims: Map::new(),
            idempotency_key: None,
            attached: None,
        }
    }

    pub(crate) async fn decide(&self, tool: &str, arguments: Value) -> Ruling {
        self.guard.decide(self.call(tool, arguments)).await
    }

    /// Sends a permitted call as an edge would, and settles it as done.
    pub(crate) async fn run(&self, permit: Permit) {
        let (_, receipt) = self.dispatch(permit).await.unwrap().into_parts();
        self.guard.settle(receipt, Outcome::Done, None).await;
    }

    pub(crate) async fn dispatch(&self, permit: Permit) -> Result<Dispatch, Denial> {
        self.guard.dispatch(permit).await
    }

    pub(crate) async fn vote(
        &self,
        operator: &Operator,
        id: ApprovalId,
        decision: Resolution,
    ) -> Result<Approval, ResolveError> {
        let shown = self.guard.approval(id).await.unwrap().unwrap();
        let vote = Vote {
            answer: None,
            version: shown.version,
            digest: shown.digest,
            decision,
            client_id: format!("{id} {:?}", self.guard.ambient().random::<4>()),
        };
        self.guard.resolve(operator, id, vote).await
    }

    pub(crate) async fn approve(&self, hold: &Hold) -> Approval {
        let once = Resolution::Approve {
            uses: 1,
            life: None,
        };
        self.vote(&self.alice, hold.pending().approval, once)
            .await
            .unwrap()
    }

    /// Accepts everything that servers present now.
    pub(crate) async fn accept_presented(&self) {
        for view in self.guard.pins().into_iter().filter(|one| one.is_presented) {
            let accepted = self.guard.accept_pin(&self.alice.name, &view.pin.key).await;
            accepted.unwrap();
        }
    }

    /// Waits until an entry of that kind is as asked, in bounded time.
    pub(crate) async fn until_entry(&self, kind: &str, is: impl Fn(&Value) -> bool) {
        for _ in 0..1_000 {
            if self.entries(kind).await.iter().any(&is) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("no such {kind}");
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.pass(Duration::from_secs(seconds));
    }

    /// The bodies of all entries of one kind.
    pub(crate) async fn entries(&self, kind: &str) -> Vec<Value> {
        let entries = self.guard.entries(1, 100_000).await.unwrap();
        entries
            .iter()
            .map(|entry| countersign::model::json::parse(&entry.body).unwrap())
            .filter(|body| body["kind"] == kind)
            .collect()
    }
}

pub(crate) fn scopes(manifest: &str) -> Scopes {
    let source = Source {
        name: "clerk.yaml".to_owned(),
        text: manifest.to_owned(),
    };
    Scopes::compile(&[source]).unwrap()
}

pub(crate) async fn present(guard: &Guard, server: &str, names: &[&str]) {
    let tools = names
        .iter()
        .map(|name| json!({"name": name, "inputSchema": {"type": "object"}}))
        .collect();
    present_tools(guard, server, tools).await;
}

/// Presents whole definitions of a server whose identity is its name.
pub(crate) async fn present_tools(guard: &Guard, server: &str, tools: Vec<Value>) {
    let presented = Presented::tools(server.into(), tools);
    guard
        .present(&ServerName::parse(server).unwrap(), &presented)
        .await
        .unwrap();
}

/// The operator of that name, added by the first guard that asks.
async fn operator(guard: &Guard, name: &str, group: &str) -> Operator {
    let (name, group) = (
        OperatorName::parse(name).unwrap(),
        GroupName::parse(group).unwrap(),
    );
    let known = guard.operators().await.unwrap();
    match known.into_iter().find(|operator| operator.name == name) {
        Some(operator) => operator,
        None => {
            guard
                .add_operator("test", name, vec![group])
                .await
                .unwrap()
                .0
        }
    }
}

pub(crate) fn permitted(ruling: Ruling) -> Permit {
    match ruling {
        Ruling::Permit(permit) => permit,
        other => panic!("expected a permit, got {other:?}"),
    }
}

pub(crate) fn held(ruling: Ruling) -> Hold {
    match ruling {
        Ruling::Pause(hold) => hold,
        other => panic!("expected a pause, got {other:?}"),
    }
}

pub(crate) fn denied(ruling: Ruling) -> Denial {
    match ruling {
        Ruling::Deny(denial) => denial,
        other => panic!("expected a denial, got {other:?}"),
    }
}
