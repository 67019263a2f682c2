//! Several people who sign for one call, and one person who signs alone for what concerns them.

use countersign::guard::Ruling;
use countersign::model::arguments::Arguments;
use countersign::model::call::{Call, Mode};
use countersign::model::id::CallId;
use countersign::model::name::{ServerName, UserName};
use countersign::model::target::Target;
use serde_json::{Map, Value, json};

use super::countersigned::{Sent, known, verified, witnesses};
use super::people::{enrol, name};
use super::world::{World, send};

const STAGES: &str = "default: {any_of: [oncall]}
  money: {stages: [{any_of: [oncall]}, {any_of: [finance]}], step_up: passkey}";

const ALONE: &str = "default: {any_of: [oncall], self_approval: true}";

#[tokio::test]
async fn each_stage_is_signed_for_itself_and_the_record_proves_who_signed_which() {
    let world = World::deciding(STAGES).await;
    let fay = world.hire("fay", "finance").await;
    let mut signers = Vec::new();
    for (who, token) in [("alice", world.alice.clone()), ("fay", fay)] {
        signers.push((token, enrol(&world, who).await));
        let confirmed = world.guard.confirm_passkeys("test", &name(who)).await;
        confirmed.unwrap();
    }
    let order = json!({"amount": 700});
    let held = send(world.ask("shop/order", &order)).await;
    assert_eq!(held.status, 202, "{held:?}");
    let approval = held.text("approval_id");

    for (state, (token, authenticator)) in ["held", "approved"].iter().zip(&mut signers) {
        let sent = Sent::on(&world, &approval, 1).await;
        let signed = authenticator.sign(&sent.ask_of(&world, token).await);
        let decided = sent.send(&world, token, Some(&signed)).await;
        assert_eq!(
            (decided.status, &decided.body["state"]),
            (200, &json!(state)),
            "{decided:?}"
        );
    }
    let done = send(world.ask("shop/order", &order)).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(world.shop.ran().len(), 1);

    let entries = world.guard.entries(1, 10_000).await.unwrap();
    let witnesses = witnesses(&known(&world).await);
    let report = verified(&entries, Some(&witnesses), |_| {});
    assert!(report.ok(), "{report}");
    assert_eq!(report.countersigned, 2);
    let is_by =
        |body: &Value, who: &str| body.get("countersignature").is_some() && body["by"] == who;
    // Their stages, one for the other.
    let report = verified(&entries, Some(&witnesses), |body| {
        if is_by(body, "fay") {
            body["countersignature"]["stage"] = json!(1);
        }
    });
    assert!(report.to_string().contains("does not hold"), "{report}");
    // The first of two left out, though it approved nothing by itself.
    let report = verified(&entries, Some(&witnesses), |body| {
        if is_by(body, "alice") {
            let body = body.as_object_mut().unwrap();
            body.shift_remove("countersignature").unwrap();
        }
    });
    assert!(report.to_string().contains("it has none"), "{report}");
}

#[tokio::test]
async fn the_one_person_of_an_installation_signs_what_concerns_themselves_and_it_is_marked() {
    let world = World::deciding(ALONE).await;
    let guard = &world.guard;
    guard.revoke_operator("test", &name("bob")).await.unwrap();
    let mut laptop = enrol(&world, "alice").await;
    guard
        .confirm_passkeys("test", &name("alice"))
        .await
        .unwrap();

    // On behalf of alice herself, who is the only one there.
    let mut principal = guard.principal(Some(&world.clerk)).await.unwrap();
    principal.on_behalf_of = Some(UserName::parse("alice@example.com").unwrap());
    let call = Call {
        id: CallId::random(guard.ambient()),
        session: guard.session(&principal, None).await.unwrap(),
        principal,
        mode: Mode::Proxy,
        method: "tools/call".into(),
        target: Target::tool(ServerName::parse("shop").unwrap(), "order"),
        arguments: Arguments::parse(br#"{"amount": 700}"#).unwrap(),
        extras: Map::new(),
        claims: Map::new(),
        idempotency_key: None,
        attached: None,
    };
    let Ruling::Pause(hold) = guard.decide(call).await else {
        panic!("it is above its bound")
    };
    let approval = hold.pending().approval.to_string();
    let sent = Sent::on(&world, &approval, 1).await;
    let signed = laptop.sign(&sent.ask_of(&world, &world.alice).await);
    let decided = sent.send(&world, &world.alice, Some(&signed)).await;
    assert_eq!(decided.status, 200, "{decided:?}");
    let Ruling::Permit(_) = guard.redeem(hold).await else {
        panic!("it was approved")
    };
    let approved = world.entries("approval").await;
    assert_eq!(approved[0]["self_approved"], true);
    assert_eq!(approved[0]["vote"]["self_approved"], true);
    let entries = guard.entries(1, 10_000).await.unwrap();
    let report = verified(&entries, Some(&witnesses(&known(&world).await)), |_| {});
    assert!(report.ok(), "{report}");
    assert_eq!(report.countersigned, 1);
}
