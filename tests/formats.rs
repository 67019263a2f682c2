//! The formats that can never change: canonical form, action digest, commitment, chain, signed head.
//!
//! The golden file is what a verifier of another make would test itself against. Write it anew with
//! `COUNTERSIGN_WRITE_GOLDEN=1`; a difference in review is a broken format.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use countersign::audit::chain::Chain;
use countersign::audit::checkpoint::Signer;
use countersign::audit::commitment;
use countersign::model::action::{self, Binding};
use countersign::model::arguments::Arguments;
use countersign::model::call::{Call, Mode, Principal};
use countersign::model::digest::Digest;
use countersign::model::id::{BootId, CallId, CredentialId, SessionId};
use countersign::model::json;
use countersign::model::name::{AgentName, ServerName, UserName};
use countersign::model::reason::Reason;
use countersign::model::target::{Target, TargetKind};
use countersign::model::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value};

const DOCUMENTS: [&str; 8] = [
    "{}",
    r#"{ "b" : 1, "a" : [true, false, null] }"#,
    r#"{"n":[0,-0,1,1.0,1.10,1E5,1e-7,9007199254740993,123456789012345678901234567890.5]}"#,
    r#"{"s":"a\u0041\/\\\"\n\t\b\f\r\u0001\u007f\u2028é😀"}"#,
    r#"{"é":1,"z":2,"aa":3,"a":4,"":5}"#,
    r#"{"recipient":"DE89370400440532013000","amount":1200.00,"currency":"EUR"}"#,
    r#"{"deep":{"list":[{"x":[]},{"y":{}}]}}"#,
    r#"{"a/b":{"c~d":1}}"#,
];

#[test]
fn the_formats_are_what_they_were() {
    let mut text = String::new();
    for document in DOCUMENTS {
        let value = json::parse(document.as_bytes()).unwrap();
        let canonical = String::from_utf8(json::canonical(&value)).unwrap();
        let Value::Object(map) = value else {
            unreachable!("every document is an object")
        };
        let (root, disclosure) = commitment::commit(&Arguments::from_map(map), &[5; 16]);
        let disclosed = String::from_utf8(disclosure.render()).unwrap();
        writeln!(text, "document   {document}\ncanonical  {canonical}").unwrap();
        writeln!(text, "commitment {root}\ndisclosed  {disclosed}\n").unwrap();
    }
    let (call, binding) = (call(), binding());
    let (root, _) = commitment::commit(&call.arguments, &[5; 16]);
    writeln!(
        text,
        "action     {}",
        action::digest(&call, &binding, &root)
    )
    .unwrap();
    let mut chain = Chain::begin();
    for body in [
        &br#"{"kind":"guard","v":1}"#[..],
        br#"{"kind":"decision","v":1}"#,
    ] {
        let entry = chain.append(body.to_vec(), None);
        writeln!(text, "entry      {} {}", entry.seq, entry.hash).unwrap();
    }
    let signer = Signer::from_seed(&[7; 32]).unwrap();
    let boot = BootId::parse("boot_00000000000000000000000000").unwrap();
    let head = signer.sign(&chain, Timestamp::from_millis(1_760_000_000_000), boot);
    let signature = data_encoding::HEXLOWER.encode(&head.signature);
    writeln!(text, "head       {} {signature}", head.key).unwrap();
    golden("formats.golden", &text);
}

#[test]
fn the_table_of_reasons_is_what_the_manual_says() {
    let mut text = String::from(
        "# Reasons\n\nEvery answer on every surface is a row of this table.\n\n\
         | code | HTTP | first words over MCP | retry | sentence | remedy |\n|---|---|---|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let row = reason.row();
        writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} |",
            row.code,
            row.status,
            row.word,
            row.retry.name(),
            row.sentence,
            row.remedy
        )
        .unwrap();
    }
    compare(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/reasons.md"),
        &text,
    );
}

#[test]
fn changing_any_field_of_the_action_changes_the_digest() {
    let digest = |call: &Call, binding: &Binding| {
        let (root, _) = commitment::commit(&call.arguments, &[5; 16]);
        action::digest(call, binding, &root)
    };
    let name = |text: &str| AgentName::parse(text).unwrap();
    let mut digests = vec![digest(&call(), &binding())];
    let calls: [fn(&mut Call); 9] = [
        |call| call.principal.on_behalf_of = None,
        |call| call.principal.on_behalf_of = Some(UserName::parse("eve").unwrap()),
        |call| call.session = SessionId::parse("se_10000000000000000000000000").unwrap(),
        |call| call.mode = Mode::Authorize,
        |call| call.method = Arc::from("prompts/get"),
        |call| call.target.kind = TargetKind::Prompt,
        |call| call.target.server = ServerName::parse("bank2").unwrap(),
        |call| call.target.name = Arc::from("pay2"),
        |call| call.arguments = Arguments::parse(br#"{"amount":1200.0}"#).unwrap(),
    ];
    for change in calls {
        let mut changed = call();
        change(&mut changed);
        digests.push(digest(&changed, &binding()));
    }
    let mut other = call();
    other.principal.agent = name("teller");
    digests.push(digest(&other, &binding()));
    let mut extra = call();
    extra
        .extras
        .insert("_meta".into(), serde_json::json!({"x": 1}));
    digests.push(digest(&extra, &binding()));
    let bindings: [fn(&mut Binding); 5] = [
        |binding| binding.server = Digest::of(b"other"),
        |binding| binding.tool = None,
        |binding| binding.tool = Some(Digest::of(b"other")),
        |binding| binding.manifest = Digest::of(b"other"),
        |binding| binding.obligations.push("notify".to_owned()),
    ];
    for change in bindings {
        let mut changed = binding();
        change(&mut changed);
        digests.push(digest(&call(), &changed));
    }
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count, "two actions share a digest");
}

proptest! {
    #[test]
    fn a_canonical_document_reads_back_as_itself(value in documents()) {
        let bytes = json::canonical(&value);
        let again = json::parse(&bytes).unwrap();
        prop_assert_eq!(json::canonical(&again), bytes);
    }
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?"
            .prop_map(|token| json::parse(token.as_bytes()).unwrap()),
        "\\PC{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map("[a-z_é]{0,8}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn call() -> Call {
    Call {
        id: CallId::parse("call_00000000000000000000000000").unwrap(),
        principal: Principal {
            agent: AgentName::parse("clerk").unwrap(),
            credential: CredentialId::parse("cr_00000000000000000000000000").unwrap(),
            on_behalf_of: Some(UserName::parse("dana@example.com").unwrap()),
        },
        session: SessionId::parse("se_00000000000000000000000000").unwrap(),
        mode: Mode::Proxy,
        method: Arc::from("tools/call"),
        target: Target::tool(ServerName::parse("bank").unwrap(), "pay"),
        arguments: Arguments::parse(br#"{"amount":1200.00,"to":"DE89"}"#).unwrap(),
        extras: Map::new(),
        claims: Map::new(),
        idempotency_key: None,
        attached: None,
    }
}

fn binding() -> Binding {
    Binding {
        server: Digest::of(b"server"),
        tool: Some(Digest::of(b"tool")),
        manifest: Digest::of(b"manifest"),
        obligations: Vec::new(),
    }
}

fn golden(name: &str, text: &str) {
    compare(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/matrix")
            .join(name),
        text,
    );
}

fn compare(path: &Path, text: &str) {
    if std::env::var_os("COUNTERSIGN_WRITE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(kept, text, "{} differs", path.display());
}
