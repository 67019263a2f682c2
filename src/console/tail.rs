//! The newest part of the record as pages tell it: read once, and from then on only what was added.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;

use crate::guard::{Guard, StoreError};
use crate::limits::{ENTRIES_PER_PAGE_COUNT, RECORD_SEARCHED_COUNT};
use crate::model::json;
use crate::model::name::ServerName;
use crate::model::target::{Target, TargetKind};
use crate::model::time::Timestamp;

/// What was read so far.
#[derive(Default)]
pub(super) struct Tail {
    read: Mutex<Read>,
}

/// One decision on a call.
pub(super) struct Decided {
    /// When.
    pub(super) at: Timestamp,
    /// On whose call.
    pub(super) agent: String,
    /// In which session.
    pub(super) session: String,
    /// On what, as `server/name`.
    pub(super) target: String,
    /// The same, where rules can speak of it.
    pub(super) aim: Option<Target>,
    /// How.
    pub(super) verdict: Verdict,
    /// Which request it opened or used.
    pub(super) approval: Option<String>,
}

/// The ways a decision goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Permit,
    Pause,
    Challenge,
    Deny,
}

/// A person's decision on a request.
struct Voted {
    approval: String,
    at: Timestamp,
    approved: bool,
}

/// What of the record is at hand, at one moment.
#[derive(Clone, Default)]
pub(super) struct Sight {
    /// Decisions, oldest first.
    pub(super) decided: VecDeque<Arc<Decided>>,
    voted: VecDeque<Arc<Voted>>,
}

/// What was asked of people about one tool of one agent.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Asking {
    /// The agent.
    pub(super) agent: String,
    /// The tool.
    pub(super) target: String,
    /// How many requests were opened.
    pub(super) asked: usize,
    /// How many of them a person approved.
    pub(super) approved: usize,
    /// How many of them a person denied.
    pub(super) denied: usize,
}

#[derive(Default)]
struct Read {
    seen: u64,
    sight: Sight,
}

impl Tail {
    /// What the record says now, as far back as pages look.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn look(&self, guard: &Guard) -> Result<Sight, StoreError> {
        let last = guard.head().await?.map_or(0, |signed| signed.head.count);
        let mut read = self.read.lock().await;
        read.seen = read.seen.max(last.saturating_sub(RECORD_SEARCHED_COUNT));
        while read.seen < last {
            let entries = guard.entries(read.seen + 1, ENTRIES_PER_PAGE_COUNT).await?;
            let Some(newest) = entries.last().map(|entry| entry.seq) else {
                break;
            };
            for entry in &entries {
                // The record is written by the guard, so it reads back.
                read.sight
                    .note(&json::parse(&entry.body).unwrap_or(Value::Null));
            }
            read.seen = newest;
        }
        Ok(read.sight.clone())
    }
}

impl Sight {
    fn note(&mut self, body: &Value) {
        let said = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let Some(at) = body["at"].as_str().and_then(Timestamp::parse) else {
            return;
        };
        match (body["kind"].as_str(), body["state"].as_str()) {
            (Some("decision"), _) => {
                let Some(verdict) = Verdict::parse(&said("decision")) else {
                    return;
                };
                let decided = Decided {
                    at,
                    agent: said("agent"),
                    session: said("session"),
                    target: super::calls::target(&body["target"]),
                    aim: aim(&body["target"]),
                    verdict,
                    approval: body["approval"].as_str().map(ToOwned::to_owned),
                };
                keep(&mut self.decided, decided);
            }
            (Some("approval"), Some(state @ ("approved" | "denied"))) => {
                let voted = Voted {
                    approval: said("approval"),
                    at,
                    approved: state == "approved",
                };
                keep(&mut self.voted, voted);
            }
            _ => {}
        }
    }

    /// The decisions on the calls of a session, newest first.
    pub(super) fn of_session(&self, session: &str) -> impl Iterator<Item = &Decided> {
        let newest = self.decided.iter().rev().map(AsRef::as_ref);
        newest.filter(move |decided| decided.session == session)
    }

    /// How many decisions went each way in each of the last `hours` hours, oldest first.
    pub(super) fn by_hour(
        &self,
        now: Timestamp,
        hours: usize,
        fits: impl Fn(&Decided) -> bool,
    ) -> Vec<[usize; Verdict::ALL.len()]> {
        let mut counts = vec![[0; Verdict::ALL.len()]; hours];
        for decided in self.decided.iter().rev().filter(|decided| fits(decided)) {
            let past = now.since(decided.at).as_secs() / HOUR.as_secs();
            let place = usize::try_from(past)
                .ok()
                .and_then(|past| hours.checked_sub(past + 1));
            if let Some(hour) = place.and_then(|place| counts.get_mut(place)) {
                for (count, verdict) in hour.iter_mut().zip(Verdict::ALL) {
                    *count += usize::from(decided.verdict == verdict);
                }
            }
        }
        counts
    }

    /// How long people took to decide, shortest first.
    pub(super) fn waits(&self) -> Vec<Duration> {
        let votes = self.votes();
        let mut waits: Vec<Duration> = self
            .opened()
            .filter_map(|decided| {
                let voted = votes.get(decided.approval.as_deref()?)?;
                Some(voted.at.since(decided.at))
            })
            .collect();
        waits.sort_unstable();
        waits
    }

    /// What people are asked about, most often first.
    pub(super) fn asking(&self) -> Vec<Asking> {
        let mut found: HashMap<(&str, &str), Asking> = HashMap::new();
        for (decided, approved) in self.asked() {
            let asking = found
                .entry((&decided.agent, &decided.target))
                .or_insert_with(|| Asking {
                    agent: decided.agent.clone(),
                    target: decided.target.clone(),
                    asked: 0,
                    approved: 0,
                    denied: 0,
                });
            asking.asked += 1;
            asking.approved += usize::from(approved == Some(true));
            asking.denied += usize::from(approved == Some(false));
        }
        let mut asked: Vec<Asking> = found.into_values().collect();
        asked.sort_by(|a, b| {
            let most = b.asked.cmp(&a.asked);
            most.then_with(|| (&a.agent, &a.target).cmp(&(&b.agent, &b.target)))
        });
        asked
    }

    /// The decisions that opened a request, each with whether a person approved, where somebody decided.
    pub(super) fn asked(&self) -> Vec<(&Decided, Option<bool>)> {
        let votes = self.votes();
        let opened = self.opened().map(|decided| {
            let voted = decided.approval.as_deref().and_then(|id| votes.get(id));
            (decided, voted.map(|voted| voted.approved))
        });
        opened.collect()
    }

    /// The decisions that opened a request: the first that names it.
    fn opened(&self) -> impl Iterator<Item = &Decided> {
        let mut known = HashSet::new();
        let pauses = self.decided.iter().map(AsRef::as_ref);
        pauses.filter(move |decided: &&Decided| {
            decided.verdict == Verdict::Pause
                && decided.approval.as_ref().is_some_and(|id| known.insert(id))
        })
    }

    fn votes(&self) -> HashMap<&str, &Voted> {
        self.voted
            .iter()
            .map(|voted| (&*voted.approval, &**voted))
            .collect()
    }
}

impl Verdict {
    /// Each, from the calmest to the worst.
    pub(super) const ALL: [Self; 4] = [Self::Permit, Self::Pause, Self::Challenge, Self::Deny];

    /// The decision of that word.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.word() == word)
    }

    /// The word in records and on pages.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Pause => "pause",
            Self::Challenge => "challenge",
            Self::Deny => "deny",
        }
    }

    /// The class that colours it.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Pause => "held",
            Self::Challenge => "over",
            Self::Deny => "deny",
        }
    }

    /// The mark that stands for it where there is no colour.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Permit => "✓",
            Self::Pause => "‖",
            Self::Challenge => "…",
            Self::Deny => "✕",
        }
    }
}

fn aim(target: &Value) -> Option<Target> {
    let said = |name: &str| target.get(name).and_then(Value::as_str);
    Some(Target {
        kind: TargetKind::parse(said("kind")?)?,
        server: ServerName::parse(said("server")?).ok()?,
        name: Arc::from(said("name")?),
    })
}

/// Adds the newest, and lets the oldest go where there are more than pages look at.
fn keep<T>(kept: &mut VecDeque<Arc<T>>, newest: T) {
    if kept.len() >= usize::try_from(RECORD_SEARCHED_COUNT).unwrap_or(usize::MAX) {
        kept.pop_front();
    }
    kept.push_back(Arc::new(newest));
}

const HOUR: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sight(entries: &[Value]) -> Sight {
        let mut sight = Sight::default();
        for entry in entries {
            sight.note(entry);
        }
        sight
    }

    fn decision(at: i64, word: &str, approval: Option<&str>) -> Value {
        json!({
            "kind": "decision", "at": Timestamp::from_millis(at * 1_000).to_string(),
            "agent": "billing", "session": "s1", "decision": word, "approval": approval,
            "target": {"server": "pay", "name": "send"},
        })
    }

    fn vote(at: i64, approval: &str, state: &str) -> Value {
        let at = Timestamp::from_millis(at * 1_000).to_string();
        json!({"kind": "approval", "at": at, "approval": approval, "state": state})
    }

    #[test]
    fn what_was_asked_is_counted_by_the_request_and_not_by_its_repeats() {
        let seen = sight(&[
            decision(10, "pause", Some("a1")),
            decision(12, "pause", Some("a1")),
            vote(40, "a1", "approved"),
            decision(41, "permit", Some("a1")),
            decision(50, "pause", Some("a2")),
            vote(55, "a2", "denied"),
            decision(60, "pause", Some("a3")),
        ]);
        assert_eq!(
            seen.asking(),
            [Asking {
                agent: "billing".into(),
                target: "pay/send".into(),
                asked: 3,
                approved: 1,
                denied: 1,
            }]
        );
        assert_eq!(
            seen.waits(),
            [Duration::from_secs(5), Duration::from_secs(30)]
        );
    }

    #[test]
    fn decisions_fall_into_the_hour_they_were_made_in_and_older_ones_into_none() {
        let seen = sight(&[
            decision(0, "deny", None),
            decision(4_000, "permit", None),
            decision(9_000, "permit", None),
            decision(9_500, "pause", None),
        ]);
        let now = Timestamp::from_millis(10_000_000);
        assert_eq!(seen.by_hour(now, 2, |_| true), [[1, 0, 0, 0], [1, 1, 0, 0]]);
        assert_eq!(
            seen.by_hour(now, 2, |one| one.agent == "other"),
            [[0; 4]; 2]
        );
    }

    #[test]
    fn an_entry_that_says_nothing_of_a_call_changes_nothing() {
        let seen = sight(&[
            Value::Null,
            json!({"kind": "guard"}),
            json!({"kind": "decision"}),
        ]);
        assert!(seen.decided.is_empty() && seen.voted.is_empty());
    }
}
