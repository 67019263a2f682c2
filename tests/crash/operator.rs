//! An operator who decides whatever waits, at most once for each nonce.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::model::json;
use countersign::outbound;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::agent::{NEVER, SEVERAL};
use super::client::Door;
use super::told::{Granted, Told};

/// One of several who look at the same inbox.
pub(crate) struct Operator {
    pub(crate) name: &'static str,
    pub(crate) token: String,
    pub(crate) told: Arc<Mutex<Told>>,
    pub(crate) door: watch::Receiver<Option<Door>>,
}

impl Operator {
    /// Decides until it is aborted. A broken connection is no news: the inbox is read again.
    pub(crate) async fn work(mut self) {
        let http = outbound::build(true).unwrap();
        loop {
            let Ok(door) = self
                .door
                .wait_for(Option::is_some)
                .await
                .map(|door| door.clone())
            else {
                return;
            };
            let Some(Door { operators, .. }) = door else {
                return;
            };
            let round = self.round(&http, &operators);
            // What did not come to an end is seen again in the next round.
            let _ = tokio::time::timeout(Duration::from_secs(10), round).await;
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    async fn round(&self, http: &reqwest::Client, url: &str) -> reqwest::Result<()> {
        let inbox = http.get(format!("{url}/v1/approvals"));
        let inbox = inbox.bearer_auth(&self.token).send().await?;
        let Ok(inbox) = json::parse(&inbox.bytes().await?) else {
            return Ok(());
        };
        for approval in inbox["approvals"].as_array().into_iter().flatten() {
            if approval["state"] == json!("held") {
                self.decide(http, url, approval).await?;
            }
        }
        Ok(())
    }

    async fn decide(
        &self,
        http: &reqwest::Client,
        url: &str,
        approval: &Value,
    ) -> reqwest::Result<()> {
        let word = |name: &str| approval[name].as_str().unwrap_or_default().to_owned();
        let id = word("id");
        let uses = self.weigh(&id, approval);
        let mut vote = json!({
            "decision": if uses > 0 { "approve" } else { "deny" },
            "action_digest": word("action_digest"),
            "decision_id": format!("{}-{id}", self.name),
        });
        if uses > 0 {
            vote["uses"] = json!(uses);
        }
        let response = http
            .post(format!("{url}/v1/approvals/{id}/decisions"))
            .bearer_auth(&self.token)
            .header("content-type", "application/json")
            .header("if-match", format!("\"{}\"", approval["version"]))
            .body(vote.to_string())
            .send()
            .await?;
        if response.status().is_success() {
            response.bytes().await?;
            let state = if uses > 0 { "approved" } else { "denied" };
            self.told.lock().unwrap().resolved.insert((id, state));
        }
        Ok(())
    }

    /// For how many uses this approval is approved; none is a denial.
    fn weigh(&self, id: &str, approval: &Value) -> usize {
        let nonce = approval["arguments"]["nonce"].as_str().unwrap_or_default();
        let uses = match approval["arguments"]["amount"].as_u64() {
            Some(NEVER) | None => return 0,
            Some(SEVERAL) => 3,
            Some(_) => 1,
        };
        let mut told = self.told.lock().unwrap();
        let granted = told.granted.entry(nonce.to_owned()).or_insert(Granted {
            approval: id.to_owned(),
            uses,
        });
        if granted.approval == id { uses } else { 0 }
    }
}
