//! Holds each signed decision of a record against the passkey that is said to have signed it.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::countersignature::{MEMBER, REVIEW, Terms};
use super::entry::{COMMITMENT, StoredEntry, member, moment};
use super::report::{Place, Report};
use super::witnesses::{Witness, Witnesses, id};
use crate::model::action::{Binding, Fielded};
use crate::model::digest::Digest;
use crate::model::id::SessionId;
use crate::model::json;
use crate::model::passkey::Party;

/// What was met of decisions and passkeys so far.
pub(super) struct Witnessed<'a> {
    /// The passkeys that were kept elsewhere.
    given: Option<&'a Witnesses>,
    /// Those that the record names.
    named: Witnesses,
    /// Whether the entries began with the very first.
    is_whole: bool,
    /// Actions whose digest was made anew from the entry that paused them.
    paused: HashSet<Digest>,
    /// Challenges that were answered.
    answered: HashSet<Digest>,
    /// How often each authenticator had signed.
    counters: HashMap<Vec<u8>, u32>,
    count: u64,
    /// Uses of break-glass that hold.
    glasses: u64,
    /// The reviews of break-glass that are open, each with who must not close it.
    open: HashMap<String, String>,
    /// Decisions signed with a passkey that an entry names which was not read.
    unread: u64,
}

impl<'a> Witnessed<'a> {
    pub(super) fn new(given: Option<&'a Witnesses>, is_whole: bool) -> Self {
        Self {
            given,
            named: Witnesses::default(),
            is_whole,
            paused: HashSet::new(),
            answered: HashSet::new(),
            counters: HashMap::new(),
            count: 0,
            glasses: 0,
            open: HashMap::new(),
            unread: 0,
        }
    }

    /// Looks at one entry. Only the few kinds that bear on it are read whole.
    pub(super) fn step(&mut self, entry: &StoredEntry, report: &mut Report) {
        let is = |name: &[u8], value: &[u8]| member(&entry.body, name) == Some(value);
        let concerns = is(b"kind", b"\"operator\"")
            || is(b"kind", b"\"approval\"")
            || (is(b"kind", b"\"decision\"") && is(b"decision", b"\"pause\""));
        if !concerns {
            return;
        }
        let Ok(Value::Object(body)) = json::parse(&entry.body) else {
            return;
        };
        let here = Place::Entry(entry.seq);
        match body.get("kind").and_then(Value::as_str) {
            Some("operator") => self.operator(entry, &body),
            Some("approval") => self.approval(entry, &body, report),
            _ => match action(&body) {
                Some((said, made)) if said == made => drop(self.paused.insert(said)),
                _ => report.find(here, "its action digest is not that of its action"),
            },
        }
    }

    pub(super) fn conclude(self, report: &mut Report) {
        report.countersigned = self.count;
        report.glasses = self.glasses;
        report.unreviewed = self.open.len() as u64;
        report.unwitnessed = self.unread;
        report.witnessed_by_itself = self.count > 0 && self.given.is_none();
    }

    fn operator(&mut self, entry: &StoredEntry, body: &Map<String, Value>) {
        let passkey = body.get("passkey").and_then(Value::as_str).and_then(id);
        match (body.get("state").and_then(Value::as_str), passkey) {
            (Some("passkey-added"), Some(_)) => {
                if let Some(witness) = Witness::of_entry(body) {
                    self.named.add(witness);
                }
            }
            (Some("passkey-removed"), Some(id)) => {
                if let Some(at) = moment(&entry.body) {
                    self.named.end(&id, at);
                }
            }
            _ => {}
        }
    }

    fn approval(&mut self, entry: &StoredEntry, body: &Map<String, Value>, report: &mut Report) {
        let here = Place::Entry(entry.seq);
        self.review(here, body, report);
        if !body.contains_key(MEMBER) {
            // The last vote for a request approves it; those before it only count.
            let is_approved = body.get("state").is_some_and(|state| state == "approved");
            let vote = body.get("vote").and_then(|vote| vote.get("decision"));
            let is_counted = body.get("state").is_some_and(|state| state == "voted")
                && vote.is_some_and(|decision| decision == "approve");
            let is_asked = body.contains_key("step_up") || body.contains_key("pins");
            if (is_approved || is_counted) && is_asked {
                report.find(here, "it is to have a countersignature, and it has none");
            }
            return;
        }
        match self.countersignature(entry, body) {
            Ok(true) => self.count = self.count.saturating_add(1),
            Ok(false) => self.unread = self.unread.saturating_add(1),
            Err(fault) => {
                report.find(here, format!("its countersignature does not hold: {fault}"));
            }
        }
    }

    /// Follows the reviews of break-glass: somebody else must have closed each.
    fn review(&mut self, here: Place, body: &Map<String, Value>, report: &mut Report) {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let (Some(review), Some(by)) = (text(REVIEW), text("by")) else {
            return;
        };
        if text("state") != Some("reviewed") {
            self.open.insert(review.to_owned(), by.to_owned());
            return;
        }
        match self.open.remove(review) {
            Some(breaker) if breaker == by => {
                report.find(here, "whoever broke the glass closed the review of it");
            }
            None if self.is_whole => {
                report.find(here, "it closes a review that was not open");
            }
            _ => {}
        }
    }

    /// Whether it holds; false where that cannot be told.
    fn countersignature(
        &mut self,
        entry: &StoredEntry,
        body: &Map<String, Value>,
    ) -> Result<bool, String> {
        let (terms, answer) = Terms::read(body).ok_or("it is malformed")?;
        let known = self.given.unwrap_or(&self.named);
        let Some(witness) = known.find(&answer.id) else {
            return match self.given.is_none() && !self.is_whole {
                true => Ok(false),
                false => Err("nobody is known to have its passkey".to_owned()),
            };
        };
        if witness.operator != terms.approver {
            return Err(format!("its passkey is that of {}", witness.operator));
        }
        let at = moment(&entry.body).ok_or("its entry names no time")?;
        if witness.ended.is_some_and(|ended| ended < at) {
            return Err("its passkey had been removed before".to_owned());
        }
        let challenge = terms.challenge();
        let party = Party {
            host: &witness.party,
            origin: None,
        };
        let sworn = answer.verify(&witness.public, &challenge, party);
        let sworn = sworn.map_err(|fault| fault.to_string())?;
        let counter = self.counters.entry(answer.id).or_default();
        *counter = sworn
            .follows(*counter)
            .map_err(|fault| fault.to_string())?
            .counter;
        if !self.answered.insert(challenge) {
            return Err("its challenge was answered before".to_owned());
        }
        if !self.paused.contains(&terms.digest) && self.is_whole {
            return Err("no call with its action digest was paused before".to_owned());
        }
        if terms.breaks_glass() != body.contains_key(REVIEW) {
            return Err("break-glass and a review of it go together".to_owned());
        }
        self.glasses = self.glasses.saturating_add(terms.breaks_glass().into());
        Ok(true)
    }
}

/// The action digest that an entry of a decision names, and the one that its members make.
fn action(body: &Map<String, Value>) -> Option<(Digest, Digest)> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let digest = |name: &str| Digest::from_hex(text(name)?);
    let target = body.get("target")?.as_object()?;
    let part = |name: &str| target.get(name).and_then(Value::as_str);
    let extras = match body.get("extras") {
        None => Vec::new(),
        Some(extras) => json::canonical_map(extras.as_object()?),
    };
    let action = Fielded {
        agent: text("agent")?,
        on_behalf_of: text("on_behalf_of"),
        session: SessionId::parse(text("session")?)?,
        mode: text("mode")?,
        method: text("method")?,
        kind: part("kind")?,
        server: part("server")?,
        name: part("name")?,
        extras: &extras,
    };
    let binding = Binding {
        server: digest("server_pin")?,
        tool: match body.contains_key("tool_pin") {
            true => Some(digest("tool_pin")?),
            false => None,
        },
        manifest: digest("manifest")?,
        obligations: Vec::new(),
    };
    let made = action.digest(&binding, &digest(COMMITMENT)?);
    Some((digest("action_digest")?, made))
}
