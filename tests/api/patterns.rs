//! Grants for calls like a held one, over HTTP and on the console's page: previewed, signed, kept to, proved.

use countersign::audit::chain::Chain;
use countersign::audit::checkpoint::Signer;
use countersign::audit::verify::{Sealed, verify_pruned};
use countersign::model::id::BootId;
use countersign::model::json as strict;
use countersign::model::time::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::authenticator::Authenticator;
use super::console::{Browser, field};
use super::people::{enrol, name};
use super::world::{Answer, World, body, changed_scopes, send};

/// A world in which alice's passkey counts.
async fn world() -> (World, Authenticator) {
    let world = World::new().await;
    let laptop = enrol(&world, "alice").await;
    let confirmed = world.guard.confirm_passkeys("test", &name("alice")).await;
    confirmed.unwrap();
    (world, laptop)
}

fn order(amount: u32, memo: &str) -> Value {
    json!({"amount": amount, "memo": memo})
}

async fn ask(world: &World, arguments: &Value) -> Answer {
    send(world.ask("shop/order", arguments)).await
}

async fn hold(world: &World, arguments: &Value) -> String {
    let held = ask(world, arguments).await;
    assert_eq!(held.status, 202, "{held:?}");
    held.text("approval_id")
}

fn pattern(pins: &[&str], uses: u32) -> Value {
    json!({"decision": "approve", "grant": "pattern", "pins": pins, "uses": uses, "life_seconds": 1_800})
}

/// Decides as alice, who signs.
async fn grant(world: &World, laptop: &mut Authenticator, id: &str, mut pattern: Value) -> Answer {
    pattern["decision_id"] = json!(format!("{id}-pattern"));
    let asked = world.decide(&world.alice, id, pattern.clone()).await;
    asked.is_problem(401, "user-unverified");
    pattern["assertion"] = laptop.sign(&asked.body["publicKey"]);
    world.decide(&world.alice, id, pattern).await
}

#[tokio::test]
async fn a_pattern_is_previewed_signed_used_and_taken_back() {
    let (world, mut laptop) = world().await;
    for (amount, memo) in [(50, "one"), (60, "two"), (50, "three")] {
        assert_eq!(ask(&world, &order(amount, memo)).await.status, 200);
    }
    let id = hold(&world, &order(500, "first")).await;
    let preview = |query: &str| {
        let path = format!("/v1/approvals/{id}/pattern?{query}");
        send(world.operator(Method::GET, &path))
    };
    let shown = preview("pin=/amount").await;
    assert_eq!(
        (&shown.body["pins"], &shown.body["free"]),
        (&json!(["/amount"]), &json!(["/memo"])),
        "{shown:?}"
    );
    assert_eq!(
        shown.text("sentence"),
        "would have matched 0 of the last 3 calls"
    );
    // A look decides nothing.
    let state = send(world.operator(Method::GET, &format!("/v1/approvals/{id}"))).await;
    assert_eq!(
        (&state.body["state"], &state.body["version"]),
        (&json!("held"), &json!(1))
    );

    let granted = grant(&world, &mut laptop, &id, pattern(&["/amount"], 3)).await;
    assert_eq!(
        (granted.status, &granted.body["state"]),
        (200, &json!("approved")),
        "{granted:?}"
    );
    assert_eq!(granted.body["votes"][0]["pins"], json!(["/amount"]));
    for memo in ["first", "second"] {
        let done = ask(&world, &order(500, memo)).await;
        assert_eq!(done.status, 200, "{done:?}");
    }
    let other = hold(&world, &order(501, "second")).await;
    let shown = send(world.operator(
        Method::GET,
        &format!("/v1/approvals/{other}/pattern?pin=/memo"),
    ))
    .await;
    assert_eq!(
        shown.text("sentence"),
        "would have matched 0 of the last 6 calls"
    );
    let grants = send(world.operator(Method::GET, "/v1/grants")).await;
    let one = &grants.body["grants"][0];
    assert_eq!(
        [
            &one["kind"],
            &one["pins"],
            &one["uses"],
            &one["used"],
            &one["state"]
        ],
        [
            &json!("pattern"),
            &json!(["/amount"]),
            &json!(3),
            &json!(2),
            &json!("live")
        ],
        "{grants:?}"
    );
    let revoke = format!("/v1/grants/{}/revoke", one["id"].as_str().unwrap());
    assert_eq!(
        send(world.operator(Method::POST, &revoke)).await.status,
        200
    );
    hold(&world, &order(500, "third")).await;
    let ran = world.shop.ran();
    assert_eq!(ran.len(), 5, "{ran:?}");
}

#[tokio::test]
async fn a_preview_counts_what_the_pins_and_the_scope_would_have_let_through() {
    let (world, _) = world().await;
    for (amount, memo) in [(50, "rent"), (60, "rent"), (70, "rent"), (50, "food")] {
        assert_eq!(ask(&world, &order(amount, memo)).await.status, 200);
    }
    hold(&world, &order(700, "rent")).await;
    let secret = json!({"amount": 55, "memo": "rent", "pin": "4711-0815"});
    assert_eq!(ask(&world, &secret).await.status, 200);
    let id = hold(&world, &order(500, "rent")).await;
    let preview = send(world.operator(
        Method::GET,
        &format!("/v1/approvals/{id}/pattern?pin=/memo"),
    ))
    .await;
    // Of the six before it, three keep the memo inside the scope, one is beyond it, one keeps another memo.
    let counted = [
        &preview.body["looked"],
        &preview.body["matched"],
        &preview.body["untold"],
    ];
    assert_eq!(counted, [&json!(6), &json!(3), &json!(1)], "{preview:?}");
    assert!(!preview.text.contains("4711"));
}

#[tokio::test]
async fn what_is_no_pattern_of_the_call_is_refused_and_nothing_changes() {
    let (world, _) = world().await;
    let id = hold(&world, &order(500, "rent")).await;
    let mut with_life = pattern(&["/amount"], 1);
    with_life["life_seconds"] = json!(3_601);
    let mut without_pins = pattern(&[], 1);
    without_pins.as_object_mut().unwrap().shift_remove("pins");
    let mut exact = pattern(&["/amount"], 1);
    exact["grant"] = json!("exact");
    let mut unknown = exact.clone();
    unknown["grant"] = json!("always");
    let mut mistyped = pattern(&[], 1);
    mistyped["pins"] = json!("/amount");
    let mut denied = pattern(&["/amount"], 1);
    denied["decision"] = json!("deny");
    for wrong in [
        pattern(&["/bcc"], 1),
        pattern(&[], 1),
        pattern(&["amount"], 1),
        pattern(&[""], 1),
        pattern(&["/amount", "/amount~2"], 1),
        pattern(&["/amount"], 0),
        pattern(&["/amount"], 51),
        with_life,
        without_pins,
        exact,
        unknown,
        mistyped,
        denied,
    ] {
        let refused = world.decide(&world.alice, &id, wrong.clone()).await;
        assert_eq!(refused.status, 400, "{wrong}: {refused:?}");
        refused.is_problem(400, "request-malformed");
    }
    let state = send(world.operator(Method::GET, &format!("/v1/approvals/{id}"))).await;
    assert_eq!(
        (&state.body["state"], &state.body["version"]),
        (&json!("held"), &json!(1))
    );
    assert!(world.guard.grants().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_pattern_takes_an_operator_a_signature_and_the_version_that_was_shown() {
    let (world, mut laptop) = world().await;
    let id = hold(&world, &order(500, "rent")).await;
    let path = format!("/v1/approvals/{id}");
    let shown = send(world.operator(Method::GET, &path)).await;
    let mut decision = pattern(&["/amount"], 9);
    decision["action_digest"] = shown.body["action_digest"].clone();
    decision["decision_id"] = json!("d1");
    let post = |token: &str, version: &str, decision: &Value| {
        let request = world.request(world.operators, Method::POST, &format!("{path}/decisions"));
        let request = request.bearer_auth(token).header("if-match", version);
        send(body(request, decision))
    };
    // Agents and enforcement points are nobody here, neither to decide nor to look.
    for token in [&world.clerk, &world.neighbour, &world.pep] {
        post(token, "\"1\"", &decision)
            .await
            .is_problem(401, "credential-unknown");
        let look = format!("{path}/pattern?pin=/amount");
        let look = world
            .request(world.operators, Method::GET, &look)
            .bearer_auth(token);
        send(look).await.is_problem(401, "credential-unknown");
    }
    post(&world.bob, "\"1\"", &decision)
        .await
        .is_problem(403, "not-eligible");
    post(&world.alice, "\"9\"", &decision)
        .await
        .is_problem(412, "stale-version");
    let asked = post(&world.alice, "\"1\"", &decision).await;
    asked.is_problem(401, "user-unverified");
    let page = asked.text("console");
    assert!(
        page.ends_with(&format!("{id}/pattern?pin=%2Famount&uses=9&minutes=30")),
        "{page}"
    );
    // An answer to one pattern is none to another.
    for change in [
        |one: &mut Value| one["pins"] = json!(["/memo"]),
        |one: &mut Value| one["uses"] = json!(10),
        |one: &mut Value| one["life_seconds"] = json!(1_801),
    ] {
        let asked = post(&world.alice, "\"1\"", &decision).await;
        let mut other = decision.clone();
        other["assertion"] = laptop.sign(&asked.body["publicKey"]);
        change(&mut other);
        post(&world.alice, "\"1\"", &other)
            .await
            .is_problem(403, "passkey-refused");
    }
    assert!(world.guard.grants().await.unwrap().is_empty());
    // Who has no passkey has no way, whatever the privilege of the call.
    let own = json!({"mode": "authorize", "tool": "shop/own", "arguments": {"count": 9}});
    let held = send(body(world.agent(Method::POST, "/v1/calls"), &own)).await;
    let token = world.hire("carol", "oncall").await;
    let refused = world
        .decide(&token, &held.text("approval_id"), pattern(&["/count"], 2))
        .await;
    refused.is_problem(401, "user-unverified");
}

#[tokio::test]
async fn changed_scopes_end_a_pattern() {
    let (world, mut laptop) = world().await;
    let id = hold(&world, &order(500, "first")).await;
    grant(&world, &mut laptop, &id, pattern(&["/amount"], 9)).await;
    assert_eq!(ask(&world, &order(500, "first")).await.status, 200);
    let scopes = changed_scopes();
    let digest = scopes.digest();
    world.guard.offer(scopes).await.unwrap();
    world
        .guard
        .accept_scopes(&name("alice"), digest)
        .await
        .unwrap();
    hold(&world, &order(500, "second")).await;
}

#[tokio::test]
async fn a_pattern_is_chosen_previewed_and_signed_on_a_page() {
    let (world, mut laptop) = world().await;
    let id = hold(&world, &order(500, "\u{202e}first")).await;
    let alice = Browser::enter(&world, &world.alice).await;
    let request = alice.get(&format!("/requests/{id}")).await.text;
    let path = format!("/requests/{id}/pattern");
    assert!(request.contains(&format!("href=\"{path}\"")), "{request}");
    // Nothing is chosen yet, so everything stays, and nothing can be granted.
    let page = alice.get(&path).await.text;
    assert_eq!(page.matches("name=\"pin\"").count(), 2, "{page}");
    assert_eq!(page.matches(" checked").count(), 2, "{page}");
    assert!(
        !page.contains("id=\"grant\"") && !page.contains('\u{202e}'),
        "{page}"
    );
    let page = alice
        .get(&format!("{path}?pin=/amount&uses=4&minutes=20"))
        .await
        .text;
    assert_eq!(page.matches(" checked").count(), 1, "{page}");
    assert!(
        page.contains("no earlier call of this agent and tool"),
        "{page}"
    );
    assert!(page.contains("4 in all, within 20 minutes"), "{page}");
    let mut fields = vec![("decision", "pattern".to_owned())];
    for name in ["seal", "version", "digest", "mark", "uses", "minutes"] {
        let form = page.split("id=\"grant\"").nth(1).unwrap();
        fields.push((name, field(form, name)));
    }
    fields.push(("pins", "[\"/amount\"]".to_owned()));
    let plain: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let post = format!("/requests/{id}/decision");
    assert_eq!(alice.post(&post, &plain).await.status, 401);
    let asked = alice.script(&post, &plain).await;
    assert_eq!(asked.status, 401, "{asked:?}");
    let signed = laptop.sign(&asked.body["publicKey"]).to_string();
    let mut whole = plain.clone();
    whole.push(("assertion", signed.as_str()));
    assert_eq!(alice.post(&post, &whole).await.status, 303);
    let decided = alice.get(&format!("/requests/{id}")).await.text;
    assert!(
        decided.contains("✓ approved") && decided.contains("calls like it that keep"),
        "{decided}"
    );
    assert_eq!(ask(&world, &order(500, "other")).await.status, 200);
    let grants = alice.get("/grants").await.text;
    assert!(
        grants.contains("calls that keep") && grants.contains("1 of 4"),
        "{grants}"
    );
    let over = alice.get(&path).await.text;
    assert!(over.contains("nothing to grant any more"), "{over}");
    for wrong in ["pin=/bcc", "pin=x"] {
        let open = hold(&world, &order(600, wrong)).await;
        let page = alice
            .get(&format!("/requests/{open}/pattern?{wrong}"))
            .await
            .text;
        assert!(page.contains("There is no such pattern"), "{page}");
    }
    for wrong in ["uses=51", "minutes=0", "minutes=61", "else=1"] {
        assert_eq!(
            alice.get(&format!("{path}?{wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_changed_pin_uses_or_end_of_a_pattern_fails_offline_verify() {
    let (world, mut laptop) = world().await;
    let id = hold(&world, &order(500, "first")).await;
    let granted = grant(&world, &mut laptop, &id, pattern(&["/amount"], 9)).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    let entries = world.guard.entries(1, 10_000).await.unwrap();
    // As whoever holds the guard's key would write it anew.
    let verified = |change: &dyn Fn(&mut Value)| {
        let signer = Signer::from_seed(&[9; 32]).unwrap();
        let mut chain = Chain::begin();
        let forged: Vec<_> = entries
            .iter()
            .map(|entry| {
                let mut body = strict::parse(&entry.body).unwrap();
                if body.get("countersignature").is_some() {
                    change(&mut body);
                }
                Ok::<_, String>(chain.append(strict::canonical(&body), entry.disclosure.clone()))
            })
            .collect();
        let boot = BootId::random(&countersign::ambient::Ambient::system());
        let head = signer.sign(&chain, Timestamp::from_millis(0), boot);
        let key = signer.public().clone();
        verify_pruned(Sealed::default(), forged, &[head], &[key], None, None).unwrap()
    };
    let whole = verified(&|_| {});
    assert!(whole.ok() && whole.countersigned == 1, "{whole}");
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 9] = [
        ("another pin", |body| body["pins"] = json!(["/memo"])),
        ("one pin more", |body| {
            body["pins"] = json!(["/amount", "/memo"])
        }),
        ("no pin", |body| body["pins"] = json!([])),
        ("pins gone", |body| {
            drop(body.as_object_mut().unwrap().shift_remove("pins"))
        }),
        ("kind", |body| {
            body["countersignature"]["grant"] = json!("exact")
        }),
        ("exact after all", |body| {
            body["countersignature"]["grant"] = json!("exact");
            drop(body.as_object_mut().unwrap().shift_remove("pins"));
        }),
        ("nothing left of it", |body| {
            let body = body.as_object_mut().unwrap();
            drop(body.shift_remove("countersignature"));
        }),
        ("uses", |body| body["uses"] = json!(50)),
        ("end", |body| body["until"] = json!("2099-01-01T00:00:00Z")),
    ];
    for (what, change) in changes {
        let report = verified(&change);
        assert!(!report.ok(), "{what}: {report}");
        assert!(
            report.to_string().contains("countersignature"),
            "{what}: {report}"
        );
    }
}
