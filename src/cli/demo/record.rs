//! The record as the demo's operator reads it over HTTP, entry by entry.

use serde_json::Value;

use super::super::failure::Failure;
use super::super::operator::{Operators, list};

/// Where reading has come to.
#[derive(Default)]
pub(super) struct Follower {
    seen: u64,
}

impl Follower {
    /// The bodies of the entries written since the last time.
    pub(super) async fn read_on(&mut self, operators: &Operators) -> Result<Vec<Value>, Failure> {
        let from = self.seen + 1;
        let reply = operators
            .get(&format!("/v1/audit/entries?from={from}"))
            .await?;
        let mut bodies = Vec::new();
        for entry in list(&reply.body, "entries") {
            if let Some(seq) = entry.get("seq").and_then(Value::as_u64) {
                self.seen = self.seen.max(seq);
            }
            bodies.extend(entry.get("body").cloned());
        }
        Ok(bodies)
    }
}
