//! Budgets against amounts that are no amounts.

use std::time::Duration;

use countersign::model::arguments::Arguments;
use countersign::model::reason::Reason;
use serde_json::json;

use super::restarts::boot_over;
use super::world::{World, denied, permitted};

const MANIFEST: &str = "
version: 1
agent: clerk
credentials: {api_key: true}
tools:
  - tool: bank/pay
    privilege: money
    arguments: {properties: {amount: true, currency: {enum: [EUR, SEK]}}, open: true}
    beyond: deny
    budget: {sum: /amount, by: /currency, limit: 100, per: 24h}
approval:
  default: {any_of: [oncall]}
";

impl World {
    async fn pays(&self, text: &str) -> Result<(), Reason> {
        let mut call = self.call("bank/pay", json!({}));
        call.arguments = Arguments::parse(text.as_bytes()).unwrap();
        match self.guard.decide(call).await {
            countersign::guard::Ruling::Permit(permit) => {
                self.run(permit).await;
                Ok(())
            }
            other => Err(denied(other).reason()),
        }
    }
}

/// Each of them would lower the sum, or escape it, if it were taken for an amount.
const NO_AMOUNTS: [&str; 14] = [
    r#"{"amount": -1, "currency": "EUR"}"#,
    r#"{"amount": -0.000000000000000000001, "currency": "EUR"}"#,
    r#"{"amount": "-50", "currency": "EUR"}"#,
    r#"{"amount": -5e1, "currency": "EUR"}"#,
    r#"{"amount": "Infinity", "currency": "EUR"}"#,
    r#"{"amount": "NaN", "currency": "EUR"}"#,
    r#"{"amount": " 5", "currency": "EUR"}"#,
    r#"{"amount": "5 EUR", "currency": "EUR"}"#,
    r#"{"amount": [5], "currency": "EUR"}"#,
    r#"{"amount": null, "currency": "EUR"}"#,
    r#"{"amount": true, "currency": "EUR"}"#,
    r#"{"currency": "EUR"}"#,
    r#"{"amount": 5}"#,
    r#"{"amount": 5, "currency": ["EUR"]}"#,
];

#[tokio::test]
async fn a_negative_or_mixed_currency_amount_never_lowers_a_budget() {
    let directory = tempfile::tempdir().unwrap();
    let (world, _) = boot_over(directory.path(), 1, Duration::ZERO, MANIFEST).await;
    world
        .pays(r#"{"amount": 60, "currency": "EUR"}"#)
        .await
        .unwrap();
    world
        .pays(r#"{"amount": "3e1", "currency": "EUR"}"#)
        .await
        .unwrap();
    for text in NO_AMOUNTS {
        let refused = world.pays(text).await.unwrap_err();
        assert_eq!(refused, Reason::Beyond, "{text}");
    }
    // Each currency has a sum of its own, and none adds to or takes from another's.
    world
        .pays(r#"{"amount": 100, "currency": "SEK"}"#)
        .await
        .unwrap();
    for text in [
        r#"{"amount": 11, "currency": "EUR"}"#,
        r#"{"amount": 10.000000000000000000001, "currency": "EUR"}"#,
        r#"{"amount": "1.1e1", "currency": "EUR"}"#,
        r#"{"amount": 0.01, "currency": "SEK"}"#,
    ] {
        let refused = world.pays(text).await.unwrap_err();
        assert_eq!(refused, Reason::BudgetExhausted, "{text}");
    }
    let refused = world.pays(r#"{"amount": 1e300, "currency": "EUR"}"#).await;
    assert_eq!(refused, Err(Reason::AboveBudget));

    // Nor does another session, or another run of the guard.
    let mut other = world.call("bank/pay", json!({"amount": 11, "currency": "EUR"}));
    let session = world.guard.open_session(&world.principal, None).await;
    other.session = session.unwrap().id;
    let refused = denied(world.guard.decide(other).await);
    assert_eq!(refused.reason(), Reason::BudgetExhausted);
    world.guard.stop().await.unwrap();
    drop(world);
    let (world, _) = boot_over(directory.path(), 2, Duration::from_secs(60), MANIFEST).await;
    for text in NO_AMOUNTS {
        assert_eq!(world.pays(text).await, Err(Reason::Beyond), "{text}");
    }
    let refused = world.pays(r#"{"amount": 11, "currency": "EUR"}"#).await;
    assert_eq!(refused, Err(Reason::BudgetExhausted));
    world
        .pays(r#"{"amount": 1.0e1, "currency": "EUR"}"#)
        .await
        .unwrap();
    let refused = world.pays(r#"{"amount": 1e-300, "currency": "EUR"}"#).await;
    assert_eq!(refused, Err(Reason::BudgetExhausted));
    permitted(
        world
            .decide("bank/pay", json!({"amount": 0, "currency": "EUR"}))
            .await,
    );
}
