//! The record and the ledgers, read while no guard runs, and held against what everybody was told.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use countersign::audit::entry::StoredEntry;
use countersign::model::digest::Digest;
use countersign::model::json;
use countersign::store::sqlite::Reader;
use serde_json::{Value, json};

use super::house::BUDGET;
use super::told::Told;

/// What the record says of one nonce.
#[derive(Clone, Copy, Debug, Default)]
struct Permits {
    permitted: usize,
    done: usize,
    not_sent: usize,
}

/// What the record says, as far as it was read.
#[derive(Debug, Default)]
pub(crate) struct Account {
    last: Option<(u64, Digest)>,
    /// Calls with a decision.
    calls: HashSet<String>,
    /// Approvals that a decision opened or joined.
    holds: HashSet<String>,
    /// Approvals and the states an entry gave them.
    resolved: HashSet<(String, String)>,
    /// Permitted calls without an outcome, with their nonces.
    open: HashMap<String, String>,
    /// Permitted calls with an outcome, with their nonces.
    ended: HashMap<String, String>,
    nonces: HashMap<String, Permits>,
    /// Grants with their approvals and uses.
    grants: HashMap<String, (String, usize)>,
    /// How many permitted calls ended how.
    pub(crate) outcomes: HashMap<String, usize>,
    faults: Vec<String>,
}

impl Account {
    /// Reads what the record has more than before. What was read before must still be there.
    pub(crate) fn read(&mut self, record: &Path) -> Result<(), String> {
        let reader = match Reader::open(record) {
            Ok(reader) => reader,
            // Killed before there was a record.
            Err(_) if !record.exists() && self.last.is_none() => return Ok(()),
            Err(error) => return Err(format!("the record cannot be opened: {error}")),
        };
        let mut from = 1;
        if let Some((seq, hash)) = self.last {
            let found = reader.entries(seq, 1).map_err(|error| error.to_string())?;
            if found
                .first()
                .is_none_or(|entry| entry.seq != seq || entry.hash != hash)
            {
                return Err(format!("entry {seq} is not in the record any more"));
            }
            from = seq + 1;
        }
        loop {
            let page = reader
                .entries(from, 1_000)
                .map_err(|error| error.to_string())?;
            let Some(last) = page.last() else { break };
            from = last.seq + 1;
            self.last = Some((last.seq, last.hash));
            page.iter().for_each(|entry| self.take(entry));
        }
        match self.faults.first() {
            Some(fault) => Err(fault.clone()),
            None => Ok(()),
        }
    }

    /// How many entries were read.
    pub(crate) fn entries(&self) -> u64 {
        self.last.map_or(0, |(seq, _)| seq)
    }

    /// How often a grant was used.
    pub(crate) fn uses(&self) -> usize {
        self.grants.values().map(|(_, uses)| uses).sum()
    }

    /// After a last start of the guard no permitted call is without an outcome.
    pub(crate) fn is_closed(&self) -> Result<(), String> {
        match self.open.keys().next() {
            Some(call) => Err(format!("{call} has no outcome")),
            None => Ok(()),
        }
    }

    fn take(&mut self, entry: &StoredEntry) {
        let body = json::parse(&entry.body).unwrap();
        let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        match body["kind"].as_str() {
            Some("decision") => {
                self.calls.insert(word("call"));
                if body.get("approval").is_some() {
                    self.holds.insert(word("approval"));
                }
                if body["decision"] == json!("permit") {
                    self.permit(&word("call"), nonce(entry), &body);
                }
            }
            Some("outcome") => self.outcome(&word("call"), &word("outcome")),
            Some("approval") => {
                self.resolved.insert((word("approval"), word("state")));
            }
            Some("guard") if body["state"] == json!("started") => {
                if let Some(call) = self.open.keys().next() {
                    let fault = format!("{call} had no outcome when the guard started again");
                    self.faults.push(fault);
                }
            }
            _ => {}
        }
    }

    fn permit(&mut self, call: &str, nonce: String, body: &Value) {
        self.nonces.entry(nonce.clone()).or_default().permitted += 1;
        if let Some(grant) = body["grant"].as_str() {
            let approval = body["approval"].as_str().unwrap_or_default().to_owned();
            let used = self.grants.entry(grant.to_owned()).or_insert((approval, 0));
            used.1 += 1;
        }
        if self.open.insert(call.to_owned(), nonce).is_some() || self.ended.contains_key(call) {
            self.faults.push(format!("{call} was permitted twice"));
        }
    }

    fn outcome(&mut self, call: &str, outcome: &str) {
        let Some(nonce) = self.open.remove(call) else {
            self.faults.push(format!("{call} has an outcome too many"));
            return;
        };
        let permits = self.nonces.entry(nonce.clone()).or_default();
        match outcome {
            "done" | "failed" => permits.done += 1,
            "not-sent" => permits.not_sent += 1,
            _ => {}
        }
        *self.outcomes.entry(outcome.to_owned()).or_default() += 1;
        self.ended.insert(call.to_owned(), nonce);
    }

    /// Holds record, ledgers and what was told against each other; gives how many calls were executed.
    pub(crate) fn compare(
        &self,
        ledgers: &[impl AsRef<Path>],
        told: &Told,
    ) -> Result<usize, String> {
        let mut executed: HashMap<String, usize> = HashMap::new();
        let mut spent: HashMap<String, u64> = HashMap::new();
        for ledger in ledgers {
            let text = std::fs::read_to_string(ledger).unwrap_or_default();
            for line in text.lines() {
                let line = json::parse(line.as_bytes()).map_err(|error| error.to_string())?;
                let nonce = line["arguments"]["nonce"].as_str().unwrap_or_default();
                *executed.entry(nonce.to_owned()).or_default() += 1;
                let agent = nonce.split(':').nth(1).unwrap_or_default().to_owned();
                *spent.entry(agent).or_default() +=
                    line["arguments"]["amount"].as_u64().unwrap_or(0);
            }
        }
        if let Some((agent, spent)) = spent.iter().find(|(_, spent)| **spent > BUDGET) {
            return Err(format!("{agent} spent {spent}"));
        }
        for nonce in executed.keys() {
            if !told.asked.contains_key(nonce) {
                return Err(format!("{nonce} was executed, and nobody asked for it"));
            }
        }
        for nonce in told.asked.keys() {
            let times = executed.get(nonce).copied().unwrap_or(0);
            self.compare_nonce(nonce, times, told)
                .map_err(|fault| format!("{nonce}, executed {times} times: {fault}"))?;
        }
        self.compare_told(told)?;
        Ok(executed.values().sum())
    }

    fn compare_nonce(&self, nonce: &str, executed: usize, told: &Told) -> Result<(), String> {
        let (asked, permits) = (&told.asked[nonce], self.nonces.get(nonce).copied());
        let permits = permits.unwrap_or_default();
        let most = match asked.in_scope {
            true => 1,
            false => told.granted.get(nonce).map_or(0, |granted| granted.uses),
        };
        // An answer that came from what was kept of another names the same call.
        let ran = match asked.ran_calls.len() {
            0 => asked.ran,
            calls => calls,
        };
        let must = |holds: bool, what: &str| match holds {
            true => Ok(()),
            false => Err(format!("{what} ({asked:?}, {permits:?}, at most {most})")),
        };
        must(executed <= most, "more often than it may")?;
        must(
            executed + permits.not_sent <= permits.permitted,
            "not each execution has its permit on the record",
        )?;
        must(
            permits.done <= executed,
            "the record has an execution too many",
        )?;
        must(ran <= executed, "its client was told of one too many")?;
        must(
            executed + asked.refusals <= asked.asks,
            "its client was told that it was not executed",
        )
    }

    fn compare_told(&self, told: &Told) -> Result<(), String> {
        if let Some(call) = told.calls.difference(&self.calls).next() {
            return Err(format!(
                "the decision of {call} was told and is not on the record"
            ));
        }
        if let Some(hold) = told.holds.difference(&self.holds).next() {
            return Err(format!("{hold} was told and is not on the record"));
        }
        for (approval, state) in &told.resolved {
            if !self
                .resolved
                .contains(&(approval.clone(), (*state).to_owned()))
            {
                return Err(format!(
                    "{approval} was {state} and is not so on the record"
                ));
            }
        }
        for (grant, (approval, uses)) in &self.grants {
            let granted = told.granted.values().find(|one| one.approval == *approval);
            let most = granted.map_or(0, |granted| granted.uses);
            if *uses > most {
                return Err(format!(
                    "{grant} of {approval} was used {uses} times, of {most}"
                ));
            }
        }
        Ok(())
    }
}

/// The nonce among the arguments that an entry discloses.
fn nonce(entry: &StoredEntry) -> String {
    let leaves = entry.disclosure.as_deref().map(json::parse);
    let Some(Ok(Value::Array(leaves))) = leaves else {
        return String::new();
    };
    let nonce = leaves
        .iter()
        .find(|leaf| leaf["pointer"] == json!("/nonce"));
    let nonce = nonce.and_then(|leaf| leaf["value"].as_str());
    nonce.unwrap_or_default().to_owned()
}
