//! Secrets in what agents, upstreams and errors say: passed on, and kept nowhere.

use std::time::Duration;

use countersign::guard::{Refusal, Resolution, Ruling};
use countersign::model::outcome::Outcome;
use countersign::model::reason::Reason;
use serde_json::{Map, Value, json};

use super::kinds::no_file_holds;
use super::restarts::boot_over;
use super::world::{World, held, permitted};

const MANIFEST: &str = "
version: 1
agent: clerk
owner: team
credentials: {api_key: true, local: true}
extras: pass
tools:
  - tool: crm/note
    privilege: write
    arguments:
      properties:
        text: {type: string, maxLength: 8}
        pin: {type: string, kind: secret}
  - tool: crm/find
    privilege: read
approval:
  default: {any_of: [oncall], approve: 1, decide_by: 15m, redeem_by: 5m}
";

/// Of kind `secret` in the call itself.
const PIN: &str = "tangerine-4711";

/// What has the form of a secret, and the part of it that must be kept nowhere.
const CORPUS: [(&str, &str); 8] = [
    (
        "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----",
        "MIGHAgEAMBMG",
    ),
    ("cso_k3j5h2g4f6d7s8a9q0w1e2r3", "k3j5h2g4f6d7"),
    (
        "Authorization: Bearer Zm9vYmFyYmF6cXV4MTIz",
        "Zm9vYmFyYmF6cXV4MTIz",
    ),
    ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("ghp_9f8e7d6c5b4a39281706f5e4d3c2b1a0", "9f8e7d6c5b4a"),
    ("db_password=swordfish;", "swordfish"),
    ("https://ann:open-sesame@db.test/x", "open-sesame"),
    (
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl",
        "eyJzdWIiOiJhbm4ifQ",
    ),
];

/// Everything at once, as an agent or an upstream may say it.
fn babble() -> String {
    let forms: Vec<_> = CORPUS.iter().map(|(said, _)| *said).collect();
    let encoded = data_encoding::BASE64.encode(format!("user:{PIN}!").as_bytes());
    format!("{} {PIN} {encoded}", forms.join(" and "))
}

fn members(inner: &str) -> Map<String, Value> {
    let members = json!({"task": inner, "more": [{"password": "barbarossa", "deep": inner}]});
    members.as_object().unwrap().clone()
}

async fn attempt(world: &World, text: &str) -> Ruling {
    let mut call = world.call("crm/note", json!({"text": text, "pin": PIN}));
    call.claims = members(&babble());
    call.extras = json!({"params": members(&babble()), "_meta": {"x": babble()}})
        .as_object()
        .unwrap()
        .clone();
    world.guard.decide(call).await
}

#[tokio::test]
async fn nothing_of_the_corpus_is_kept_wherever_it_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let (world, _) = boot_over(directory.path(), 1, Duration::ZERO, MANIFEST).await;
    // In scope, beyond it and refused; in the outcome of each end.
    for outcome in [Outcome::Failed, Outcome::Unknown] {
        let Ruling::Permit(permit) = attempt(&world, "short").await else {
            break;
        };
        assert!(permit.call().extras["params"].to_string().contains(PIN));
        let (_, receipt) = world.dispatch(permit).await.unwrap().into_parts();
        world.guard.settle(receipt, outcome, Some(babble())).await;
    }
    let hold = held(attempt(&world, "longer than that").await);
    let id = hold.pending().approval;
    let approval = world.guard.approval(id).await.unwrap().unwrap();
    let claims = String::from_utf8(approval.claims.to_vec()).unwrap();
    assert!(claims.contains("[hidden: a private key]"), "{claims}");
    assert!(claims.contains("[hidden: a value of the call]"), "{claims}");
    let no = Resolution::Deny { message: None };
    world.vote(&world.alice, id, no).await.unwrap();
    world.guard.redeem(hold).await;
    world
        .guard
        .refuse(Refusal {
            reason: Reason::Malformed,
            agent: Some(world.principal.agent.clone()),
            edge: "test",
            sentence: babble().replace(PIN, "").replace("dGFuZ2VyaW5l", ""),
        })
        .await;
    let find = permitted(world.decide("crm/find", json!({})).await);
    let call = find.call().id;
    world.run(find).await;
    let said = CORPUS.map(|(said, _)| said).join(" ");
    world
        .guard
        .claim(&world.principal.agent, call, Outcome::Done, Some(&said))
        .await
        .unwrap();
    world
        .guard
        .open_session(&world.principal, Some(said))
        .await
        .unwrap();
    assert!(world.entries("refusal").await.len() == 1);
    assert!(world.entries("outcome").await.len() >= 3);
    world.guard.stop().await.unwrap();
    drop(world);

    let encoded = data_encoding::BASE64.encode(PIN.as_bytes());
    let kept_nowhere = CORPUS.iter().map(|(_, secret)| *secret);
    for secret in kept_nowhere.chain([PIN, &encoded[..12], "barbarossa"]) {
        no_file_holds(directory.path(), secret);
    }
}
