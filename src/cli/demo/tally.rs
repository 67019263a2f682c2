//! Counting what happened: from the record, and from what the servers themselves wrote down.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::model::reason::Reason;

/// What a record says became of the calls in it.
#[derive(Default)]
pub(super) struct Tally {
    /// The last decision on each call.
    calls: BTreeMap<String, Fate>,
    paused: BTreeSet<String>,
    approved: BTreeSet<String>,
    /// Calls whose tool answered.
    pub(super) done: usize,
    entries: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Permitted,
    Challenged,
    Paused,
    Denied,
    RateLimited,
}

impl Tally {
    /// Counts one entry's body.
    pub(super) fn note(&mut self, body: &Value) {
        self.entries += 1;
        let word = |name| body.get(name).and_then(Value::as_str).unwrap_or_default();
        match word("kind") {
            "decision" => {
                let fate = match word("decision") {
                    "permit" => Fate::Permitted,
                    "challenge" => Fate::Challenged,
                    "pause" => Fate::Paused,
                    _ if codes(body).any(|code| code == Reason::RateLimited.code()) => {
                        Fate::RateLimited
                    }
                    _ => Fate::Denied,
                };
                if fate == Fate::Paused {
                    self.paused.insert(word("approval").to_owned());
                }
                self.calls.insert(word("call").to_owned(), fate);
            }
            "approval" if word("state") == "approved" => {
                self.approved.insert(word("approval").to_owned());
            }
            "outcome" if word("outcome") == "done" => self.done += 1,
            _ => {}
        }
    }

    /// The summary for programs. `executed` is the servers' own count.
    pub(super) fn to_value(&self, executed: usize, verified: bool) -> Value {
        json!({
            "permitted": self.count(Fate::Permitted),
            "paused": self.paused.len(),
            "approved": self.approved.len(),
            "denied": self.count(Fate::Denied),
            "challenged": self.count(Fate::Challenged),
            "rate_limited": self.count(Fate::RateLimited),
            "executed": executed,
            "record_entries": self.entries,
            "record_verified": verified,
        })
    }

    fn count(&self, fate: Fate) -> usize {
        self.calls.values().filter(|one| **one == fate).count()
    }
}

/// The codes of an entry's reasons.
pub(super) fn codes(body: &Value) -> impl Iterator<Item = &str> {
    let reasons = body.get("reasons").and_then(Value::as_array);
    reasons
        .into_iter()
        .flatten()
        .filter_map(|reason| reason.get("code")?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_once_as_its_last_decision_says() {
        let mut tally = Tally::default();
        for body in [
            json!({"kind": "decision", "call": "c1", "decision": "pause", "approval": "a1", "reasons": []}),
            json!({"kind": "decision", "call": "c2", "decision": "pause", "approval": "a1", "reasons": []}),
            json!({"kind": "approval", "approval": "a1", "state": "approved"}),
            json!({"kind": "decision", "call": "c2", "decision": "permit", "reasons": [{"code": "granted"}]}),
            json!({"kind": "outcome", "call": "c2", "outcome": "done"}),
            json!({"kind": "decision", "call": "c3", "decision": "deny", "reasons": [{"code": "forbidden"}]}),
            json!({"kind": "decision", "call": "c4", "decision": "deny", "reasons": [{"code": "rate-limited"}]}),
        ] {
            tally.note(&body);
        }
        assert_eq!(tally.done, 1);
        assert_eq!(
            tally.to_value(1, true),
            json!({
                "permitted": 1, "paused": 1, "approved": 1, "denied": 1, "challenged": 0,
                "rate_limited": 1, "executed": 1, "record_entries": 7, "record_verified": true,
            })
        );
    }
}
