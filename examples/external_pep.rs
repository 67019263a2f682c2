//! An enforcement point: it runs calls that the guard only authorizes. Each line of its input is a call
//! with the permit that its agent was given; it redeems the permit, acts, and reports what came of it.
//!
//! ```text
//! COUNTERSIGN_AGENTS=http://127.0.0.1:7440 COUNTERSIGN_PEP_KEY=cse_… cargo run --example external_pep
//! {"permit": "csp_…", "tool": "ledger/pay", "arguments": {"recipient": "Northwind Hosting", "amount": 48.50}}
//! ```
#![expect(clippy::print_stdout, reason = "it prints for a person")]

use std::error::Error;

use countersign::model::json;
use countersign::outbound;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let point = Point {
        client: outbound::build(true)?,
        guard: std::env::var("COUNTERSIGN_AGENTS")?,
        key: std::env::var("COUNTERSIGN_PEP_KEY")?,
    };
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match point.run(&json::parse(line.as_bytes())?).await {
            Ok(done) => println!("{done}"),
            Err(refused) => println!("did nothing: {refused}"),
        }
    }
    Ok(())
}

struct Point {
    client: reqwest::Client,
    guard: String,
    key: String,
}

impl Point {
    /// Redeems with what is about to run, not with what the permit may say of it: that is what the guard
    /// compares. Without its yes nothing is done, and nothing is tried again.
    async fn run(&self, call: &Value) -> Result<String, Box<dyn Error>> {
        let redeemed = self.post("redeem", call).await?;
        let outcome = act(call.get("arguments").unwrap_or(&Value::Null));
        let word = match &outcome {
            Ok(_) => "done",
            Err(_) => "failed",
        };
        let report = json!({"call_id": redeemed.get("call_id"), "outcome": word});
        self.post("outcome", &report).await?;
        Ok(outcome?)
    }

    async fn post(&self, verb: &str, body: &Value) -> Result<Value, Box<dyn Error>> {
        let response = self
            .client
            .post(format!("{}/v1/permits/{verb}", self.guard))
            .bearer_auth(&self.key)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await?;
        let is_yes = response.status().is_success();
        let answer = json::parse(&response.bytes().await?)?;
        match is_yes {
            true => Ok(answer),
            false => Err(word(&answer, "code").into()),
        }
    }
}

/// What this enforcement point is for. A real one would speak to its bank here.
fn act(arguments: &Value) -> Result<String, String> {
    match arguments.get("amount") {
        Some(amount) => Ok(format!("paid {amount} to {}", word(arguments, "recipient"))),
        None => Err("there is no amount".to_owned()),
    }
}

fn word(object: &Value, name: &str) -> String {
    let word = object.get(name).and_then(Value::as_str);
    word.unwrap_or("nobody").to_owned()
}
