//! The record as an auditor reads it: entries in their order, and what they say of calls and approvals.

use std::collections::HashMap;

use countersign::audit::entry::StoredEntry;
use countersign::model::digest::Digest;
use countersign::model::json;
use countersign::model::time::Timestamp;
use serde_json::Value;

/// What was read so far.
#[derive(Default)]
pub(crate) struct Record {
    /// Bodies in their order; the first has the place 1.
    pub(crate) bodies: Vec<Value>,
    pub(crate) hashes: Vec<Digest>,
    /// Places of decisions and of outcomes, by their call.
    pub(crate) decisions: HashMap<String, Vec<u64>>,
    pub(crate) outcomes: HashMap<String, Vec<u64>>,
    /// Places of what happened to an approval.
    pub(crate) approvals: HashMap<String, Vec<u64>>,
    /// The decision that opened an approval.
    pub(crate) openers: HashMap<String, u64>,
    /// What a grant may do: its approval, and how often.
    pub(crate) grants: HashMap<String, (String, u64)>,
    /// Where the guard noticed that the clock was moved, and by how many milliseconds its windows were
    /// moved with it.
    pub(crate) moves: Vec<(u64, i64)>,
    /// Where a session first heard untrusted words of its own.
    pub(crate) tainted: HashMap<String, u64>,
    /// Places of what happened to the sessions of a credential, each with its session.
    pub(crate) sessions: HashMap<String, Vec<(String, u64)>>,
    /// Calls above `read` of an agent and a target whose outcome is unknown: place of the outcome.
    pub(crate) unknown: HashMap<(String, String), Vec<u64>>,
}

impl Record {
    pub(crate) fn len(&self) -> u64 {
        self.bodies.len() as u64
    }

    /// Takes the next entry.
    pub(crate) fn take(&mut self, entry: &StoredEntry) -> Result<(), String> {
        let before = self.hashes.last().copied();
        let before = before.unwrap_or(countersign::audit::chain::GENESIS);
        let seq = self.len() + 1;
        if entry.seq != seq || entry.previous != before {
            return Err(format!("entry {} does not follow {}", entry.seq, seq - 1));
        }
        if entry.hash != countersign::audit::chain::hash(seq, &before, &entry.body) {
            return Err(format!("entry {seq} has another hash"));
        }
        let body = json::parse(&entry.body).map_err(|fault| fault.to_string())?;
        let index = match text(&body, "kind") {
            "decision" => Some((&mut self.decisions, "call")),
            "outcome" => Some((&mut self.outcomes, "call")),
            "approval" => Some((&mut self.approvals, "approval")),
            _ => None,
        };
        if let Some((index, of)) = index {
            let of = text(&body, of).to_owned();
            index.entry(of).or_default().push(seq);
        }
        if text(&body, "kind") == "decision" && text(&body, "decision") == "pause" {
            let opened = text(&body, "approval").to_owned();
            self.openers.entry(opened).or_insert(seq);
        }
        if !text(&body, "grant").is_empty() && text(&body, "state") == "approved" {
            let grant = text(&body, "grant").to_owned();
            let uses = body["uses"].as_u64().unwrap_or(0);
            let of = text(&body, "approval").to_owned();
            self.grants.insert(grant, (of, uses));
        }
        if text(&body, "kind") == "guard" && body.get("moved_ms").is_some() {
            let kept = text(&body, "state") == "clock-moved";
            let moved = body["moved_ms"].as_i64().filter(|_| kept);
            self.moves.push((seq, moved.unwrap_or(0)));
        }
        let session = text(&body, "session").to_owned();
        let hears = text(&body, "taints") == "untrusted"
            || text(&body, "state") == "tainted" && text(&body, "taint") == "untrusted";
        if hears {
            self.tainted.entry(session.clone()).or_insert(seq);
        }
        if text(&body, "kind") == "session" {
            let credential = text(&body, "credential").to_owned();
            let moves = self.sessions.entry(credential).or_default();
            moves.push((session, seq));
        }
        if text(&body, "kind") == "outcome" && text(&body, "outcome") == "unknown" {
            let permit = self.permit(text(&body, "call")).map(|(_, permit)| permit);
            if let Some(permit) = permit.filter(|permit| text(permit, "privilege") != "read") {
                let matter = (text(permit, "agent").to_owned(), target(permit));
                self.unknown.entry(matter).or_default().push(seq);
            }
        }
        self.bodies.push(body);
        self.hashes.push(entry.hash);
        Ok(())
    }

    /// The body at a place.
    pub(crate) fn at(&self, seq: u64) -> Option<&Value> {
        self.bodies.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }

    /// The permit of a call, with its place.
    pub(crate) fn permit(&self, call: &str) -> Option<(u64, &Value)> {
        let places = self.decisions.get(call)?;
        let mut decisions = places.iter().filter_map(|seq| Some((*seq, self.at(*seq)?)));
        decisions.rfind(|(_, body)| text(body, "decision") == "permit")
    }
}

impl Record {
    /// When an entry was made, on a clock that nobody moved.
    pub(crate) fn unmoved(&self, seq: u64) -> Option<Timestamp> {
        let moved: i64 = self
            .moves
            .iter()
            .take_while(|(place, _)| *place <= seq)
            .map(|(_, moved)| moved)
            .sum();
        let at = at(self.at(seq)?);
        Some(Timestamp::from_millis(at.millis() - moved))
    }
}

/// A member that is a text; empty where it is not.
pub(crate) fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The server and name of a decision's target.
pub(crate) fn target(body: &Value) -> String {
    format!(
        "{}/{}",
        text(&body["target"], "server"),
        text(&body["target"], "name")
    )
}

/// When an entry was made.
pub(crate) fn at(body: &Value) -> Timestamp {
    Timestamp::parse(text(body, "at")).unwrap_or_default()
}
