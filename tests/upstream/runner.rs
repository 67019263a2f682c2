//! Permitted calls of edges that are not MCP, from the decision to what the upstream received.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign::ambient::Ambient;
use countersign::audit::checkpoint::Signer;
use countersign::guard::{
    Delivery, Denial, Guard, Parts, Permit, PinPolicy, Reload, Ruling, Upstreams,
};
use countersign::limits::RECORD_SHARE_BYTES;
use countersign::mcp::dialect::{Era, meta};
use countersign::mcp::listing::Listing;
use countersign::mcp::upstream::{Runner, UpstreamSpec};
use countersign::model::arguments::Arguments;
use countersign::model::call::{Call, Mode, Principal};
use countersign::model::id::{BootId, CallId};
use countersign::model::isolation::Isolation;
use countersign::model::name::{AgentName, ServerName};
use countersign::model::reason::Reason;
use countersign::model::target::Target;
use countersign::scopes::{Scopes, Source};
use countersign::store::{Memory, SharedStore};
use serde_json::{Map, Value, json};

use crate::play::{Part, Play};
use crate::{address, kit, open, program};

const MANIFEST: &str = "
version: 1
agent: clerk
owner: team
credentials: {api_key: true}
tools:
  - {tool: \"up/*\", privilege: read}
undeclared: deny
";

struct World {
    guard: Arc<Guard>,
    runner: Runner,
    principal: Principal,
}

impl World {
    async fn over(spec: UpstreamSpec) -> Self {
        let ambient = Ambient::system();
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let boot = BootId::random(&ambient);
        let store: SharedStore = Arc::new(Memory::new(signer, boot, ambient.clone()));
        let source = Source {
            name: "clerk.yaml".to_owned(),
            text: MANIFEST.to_owned(),
        };
        let parts = Parts {
            store,
            scopes: Scopes::compile(&[source]).unwrap(),
            ambient,
            match_key: [1; 32],
            code_key: [2; 32],
            permit_key: [3; 32],
            all_synced: false,
            record_share_bytes: RECORD_SHARE_BYTES,
            reload: Reload::Auto,
            pin: PinPolicy::FirstUse,
            isolation: Isolation::Host,
        };
        let guard = Guard::start(parts).await.unwrap();
        let clerk = AgentName::parse("clerk").unwrap();
        let (_, key) = guard.add_agent_key("test", &clerk, None).await.unwrap();
        let principal = guard.principal(Some(&key)).await.unwrap();
        let specs = BTreeMap::from([(spec.name.clone(), spec)]);
        Self {
            guard,
            runner: Runner::new(specs, Arc::new(Listing::new())),
            principal,
        }
    }

    async fn ensure_listed(&self) -> Result<(), Denial> {
        let server = ServerName::parse("up").unwrap();
        self.runner
            .ensure_listed(&self.guard, &self.principal, &server)
            .await
    }

    async fn permit(&self, tool: &str, arguments: &str) -> Permit {
        let call = Call {
            id: CallId::random(self.guard.ambient()),
            principal: self.principal.clone(),
            session: self.guard.session(&self.principal, None).await.unwrap(),
            mode: Mode::Proxy,
            method: Arc::from("tools/call"),
            target: Target::tool(ServerName::parse("up").unwrap(), tool),
            arguments: Arguments::parse(arguments.as_bytes()).unwrap(),
            extras: Map::new(),
            claims: Map::new(),
            idempotency_key: None,
            attached: None,
        };
        match self.guard.decide(call).await {
            Ruling::Permit(permit) => permit,
            other => panic!("{other:?}"),
        }
    }

    async fn run(&self, tool: &str, arguments: &str) -> Delivery {
        self.ensure_listed().await.unwrap();
        let permit = self.permit(tool, arguments).await;
        self.runner.run(&self.guard, permit).await
    }

    /// How each call that was dispatched ended.
    async fn outcomes(&self) -> Vec<String> {
        let entries = self.guard.entries(1, 1_000).await.unwrap();
        let bodies = entries
            .iter()
            .map(|entry| countersign::model::json::parse(&entry.body).unwrap());
        bodies
            .filter(|body| body["kind"] == "outcome")
            .map(|body| body["outcome"].as_str().unwrap().to_owned())
            .collect()
    }

    fn tools(&self) -> Vec<String> {
        let server = ServerName::parse("up").unwrap();
        let tools = self.guard.catalog().tools(&server);
        tools.iter().map(|tool| tool.name.to_string()).collect()
    }
}

fn reason(delivery: &Delivery) -> Reason {
    match delivery {
        Delivery::Failed(denial) => denial.reason(),
        other => panic!("{other:?}"),
    }
}

/// A modern server: it refuses `initialize`, tells what it is, and then plays these parts.
fn modern(parts: impl IntoIterator<Item = Part>) -> Vec<Part> {
    let unknown =
        r#"{"jsonrpc":"2.0","id":$id,"error":{"code":-32601,"message":"Method not found"}}"#;
    let found = r#"{"jsonrpc":"2.0","id":$id,"result":{"resultType":"complete","supportedVersions":["2026-07-28"]}}"#;
    let first = [Part::json(404, unknown), Part::json(200, found)];
    first.into_iter().chain(parts).collect()
}

fn page(tools: &Value, next: Option<&str>) -> Part {
    let next = next.map_or(String::new(), |next| format!(r#","nextCursor":"{next}""#));
    Part::json(
        200,
        &format!(r#"{{"jsonrpc":"2.0","id":$id,"result":{{"tools":{tools}{next}}}}}"#),
    )
}

fn tool(name: &str) -> Value {
    json!({"name": name, "inputSchema": {"type": "object", "properties": {"a": {"type": "number", "x-mcp-header": "A"}}}})
}

#[tokio::test]
async fn a_permitted_call_runs_once_with_the_bytes_that_were_judged() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = kit::Ledger::within(folder.path());
    let (command, args) = ledger
        .server()
        .words
        .split_first()
        .map(|(command, args)| (command.clone(), args.to_vec()))
        .unwrap();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let world = World::over(program(&command, &args)).await;
    let Delivery::Result(result) = world.run("note", r#"{ "text": "9007199254740993" }"#).await
    else {
        panic!("no result");
    };
    assert!(result["content"].is_array());
    assert_eq!(
        ledger.entries()[0].arguments,
        json!({"text": "9007199254740993"})
    );
    assert_eq!(ledger.count("note"), 1);
    assert_eq!(world.outcomes().await, ["done"]);
    world.runner.close().await;
}

#[tokio::test]
async fn a_server_of_the_modern_era_is_greeted_listed_whole_and_called() {
    let parts = [
        page(
            &json!([tool("one"), tool("two"), tool("bad name")]),
            Some("next"),
        ),
        page(&json!([tool("three"), tool("two"), {"name": "open"}]), None),
        Part::json(
            200,
            r#"{"jsonrpc":"2.0","id":$id,"result":{"resultType":"complete","content":[]}}"#,
        ),
        Part::json(
            400,
            r#"{"jsonrpc":"2.0","id":$id,"error":{"code":-32021,"message":"m","data":{"x":1}}}"#,
        ),
        Part::json(
            200,
            r#"{"jsonrpc":"2.0","id":$id,"result":{"resultType":"input_required","requestState":"s"}}"#,
        ),
        Part::json(200, "{"),
    ];
    let play = Play::of(modern(parts)).await;
    let world = World::over(address(&play.url)).await;
    let delivery = world.run("one", r#"{"b":1.50,"a":2.0}"#).await;
    assert!(matches!(delivery, Delivery::Result(_)), "{delivery:?}");
    // "two" is defined twice; "bad name" and "open" are no acceptable definitions.
    assert_eq!(world.tools(), ["one", "three"]);
    let heard = play.heard();
    assert_eq!(heard[3].body["params"]["cursor"], "next");
    let call = &heard[4];
    assert_eq!(
        call.body["params"]["arguments"].to_string(),
        r#"{"a":2.0,"b":1.50}"#
    );
    assert_eq!(
        call.body["params"]["_meta"][meta::PROTOCOL_VERSION],
        "2026-07-28"
    );
    assert_eq!(call.header("mcp-param-a"), Some("2.0"));
    assert_eq!(call.header("mcp-name"), Some("one"));
    let delivery = world.run("one", "{}").await;
    assert!(
        matches!(&delivery, Delivery::Error { code: -32_021, data: Some(data), .. } if *data == json!({"x": 1})),
        "{delivery:?}"
    );
    for _ in 0..2 {
        let delivery = world.run("one", "{}").await;
        assert_eq!(reason(&delivery), Reason::UpstreamFailed);
    }
    assert_eq!(
        world.outcomes().await,
        ["done", "failed", "failed", "failed"]
    );
}

#[tokio::test]
async fn a_listing_that_is_not_whole_lets_nothing_through() {
    let round = [
        page(&json!([tool("one")]), Some("c")),
        page(&json!([tool("two")]), Some("c")),
    ];
    for parts in [
        Vec::from(round),
        vec![Part::json(200, r#"{"jsonrpc":"2.0","id":$id,"result":{}}"#)],
        vec![page(&json!(vec![tool("one"); 2_001]), None)],
        vec![Part::other(500, "text/html", "")],
        vec![Part::json(
            200,
            r#"{"jsonrpc":"2.0","id":$id,"error":{"code":-32603,"message":"m"}}"#,
        )],
    ] {
        let play = Play::of(modern(parts)).await;
        let world = World::over(address(&play.url)).await;
        let denial = world.ensure_listed().await.unwrap_err();
        assert_eq!(denial.reason(), Reason::UpstreamUnavailable);
        assert!(world.tools().is_empty());
    }
}

#[tokio::test]
async fn a_change_is_seen_at_the_next_call_and_a_flood_of_changes_is_not_followed() {
    let listings = (0..20).map(|at| page(&json!([tool(&format!("t{at}"))]), None));
    let play = Play::of(listings).await;
    let world = World::over(address(&play.url)).await;
    let listing = Listing::new();
    let server = ServerName::parse("up").unwrap();
    let (link, _incoming) = open(&address(&play.url), Era::Modern).await;
    link.introduce(&json!({}));
    for _ in 0..20 {
        listing
            .ensure(&world.guard, &server, &link, &Map::new())
            .await
            .unwrap();
        // Without a change nothing is asked.
        listing
            .ensure(&world.guard, &server, &link, &Map::new())
            .await
            .unwrap();
        listing.note_change(&server);
    }
    let fetched = play.heard().len();
    assert_eq!(
        fetched,
        countersign::limits::UPSTREAM_REFETCH_BURST_COUNT as usize
    );
    assert_eq!(world.tools(), [format!("t{}", fetched - 1)]);
}

#[tokio::test]
async fn a_call_that_never_left_releases_what_it_reserved_and_one_that_broke_is_unknown() {
    let dying = program(
        "sh",
        &[
            "-c",
            r#"
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
  case "$line" in
    *'"initialize"'*) printf '{"jsonrpc":"2.0","id":"%s","result":{"protocolVersion":"2025-11-25"}}\n' "$id";;
    *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":"%s","result":{"tools":[{"name":"die","inputSchema":{}}]}}\n' "$id";;
    *'"tools/call"'*) exit 0;;
  esac
done"#,
        ],
    );
    let world = World::over(dying).await;
    let delivery = world.run("die", "{}").await;
    assert_eq!(reason(&delivery), Reason::OutcomeUnknown);
    assert_eq!(world.outcomes().await, ["unknown"]);

    let play = Play::of(modern([page(&json!([tool("one")]), None)])).await;
    let world = World::over(address(&play.url)).await;
    world.ensure_listed().await.unwrap();
    let permit = world.permit("one", "{}").await;
    let elsewhere = Runner::new(BTreeMap::new(), Arc::new(Listing::new()));
    let delivery = elsewhere.run(&world.guard, permit).await;
    assert_eq!(reason(&delivery), Reason::UnknownTarget);
    assert_eq!(world.outcomes().await, ["not-sent"]);
}
