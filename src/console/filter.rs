//! What is typed into the search of the record: words, and members with their values, as in
//! `agent:billing outcome:denied since:7d`.

use std::time::Duration;

use serde_json::Value;

use super::calls;
use super::tail::Verdict;
use crate::model::time::Timestamp;

/// What was asked for; everything where nothing was.
pub(super) struct Filter {
    terms: Vec<Term>,
    since: Option<Timestamp>,
    fault: Option<String>,
}

enum Term {
    /// Anywhere in the entry.
    Word(String),
    /// In the member of that name.
    Member(String, String),
}

impl Filter {
    /// Reads it; times count back from `now`.
    pub(super) fn parse(typed: &str, now: Timestamp) -> Self {
        let mut filter = Self {
            terms: Vec::new(),
            since: None,
            fault: None,
        };
        for word in typed.split_whitespace() {
            match word.split_once(':') {
                None => filter.terms.push(Term::Word(word.to_owned())),
                Some(("since", value)) => match time(value) {
                    Some(time) => filter.since = Some(now.before(time)),
                    None => filter.fault = Some(value.to_owned()),
                },
                Some((member, value)) => {
                    let term = Term::Member(member.to_owned(), value.to_owned());
                    filter.terms.push(term);
                }
            }
        }
        filter
    }

    /// Whether nothing was asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.since.is_none() && self.fault.is_none()
    }

    /// What was typed for a time and is none.
    pub(super) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Whether an entry is one of those that were asked for; none is where a time could not be read.
    pub(super) fn fits(&self, body: &Value) -> bool {
        let is_late = |since: Timestamp| {
            let at = said(body, "at").and_then(Timestamp::parse);
            at.is_some_and(|at| at >= since)
        };
        self.fault.is_none()
            && self.since.is_none_or(is_late)
            && self.terms.iter().all(|term| term.fits(body))
    }
}

impl Term {
    fn fits(&self, body: &Value) -> bool {
        let (member, value) = match self {
            Self::Word(word) => return body.to_string().contains(word.as_str()),
            Self::Member(member, value) => (member.as_str(), value.as_str()),
        };
        match member {
            "reason" => {
                let reasons = body.get("reasons").and_then(Value::as_array);
                let mut reasons = reasons.into_iter().flatten();
                reasons.any(|reason| said(reason, "code") == Some(value))
            }
            "tool" => {
                let target = body.get("target").map(calls::target);
                target.is_some_and(|target| target.contains(value))
            }
            "outcome" => {
                let meant = said(body, "decision").and_then(Verdict::parse);
                meant.is_some_and(|verdict| ends(verdict) == value || verdict.word() == value)
                    || said(body, "outcome") == Some(value)
                    || (said(body, "kind") == Some("approval")
                        && said(body, "state") == Some(value))
            }
            member => said(body, member).is_some_and(|text| text.contains(value)),
        }
    }
}

/// How a decision ended, as people say it.
const fn ends(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Permit => "permitted",
        Verdict::Pause => "paused",
        Verdict::Challenge => "challenged",
        Verdict::Deny => "denied",
    }
}

fn said<'a>(body: &'a Value, member: &str) -> Option<&'a str> {
    body.get(member).and_then(Value::as_str)
}

/// A time with its unit: `90s`, `30m`, `12h`, `7d`, `4w`.
fn time(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let number: u32 = text.get(..text.len().checked_sub(1)?)?.parse().ok()?;
    Some(Duration::from_secs(u64::from(number) * unit))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_000_000_000_000)
    }

    fn fits(typed: &str, body: &Value) -> bool {
        Filter::parse(typed, now()).fits(body)
    }

    #[test]
    fn a_search_names_members_outcomes_and_times() {
        let denied = json!({
            "kind": "decision", "decision": "deny", "agent": "billing",
            "at": now().before(Duration::from_secs(3 * 86_400)).to_string(),
            "target": {"server": "pay", "name": "send"},
            "reasons": [{"code": "forbidden", "sentence": "It is forbidden."}],
        });
        for typed in [
            "",
            "agent:billing outcome:denied since:7d",
            "outcome:deny",
            "decision:deny kind:decision",
            "tool:pay/send reason:forbidden",
            "since:4w forbidden",
        ] {
            assert!(fits(typed, &denied), "{typed}");
        }
        for typed in [
            "agent:other",
            "outcome:permitted",
            "since:2d",
            "reason:forbid",
            "tool:mail",
            "nowhere:billing",
            "since:yesterday",
        ] {
            assert!(!fits(typed, &denied), "{typed}");
        }
        assert_eq!(
            Filter::parse("since:yesterday", now()).fault(),
            Some("yesterday")
        );
        assert!(
            Filter::parse(" ", now()).is_empty() && !Filter::parse("since:1h", now()).is_empty()
        );
    }

    #[test]
    fn an_outcome_is_that_of_a_call_a_request_or_a_decision() {
        let approval = json!({"kind": "approval", "state": "denied"});
        let call = json!({"kind": "outcome", "outcome": "failed"});
        let session = json!({"kind": "session", "state": "denied"});
        assert!(fits("outcome:denied", &approval) && fits("outcome:failed", &call));
        assert!(!fits("outcome:denied", &session));
    }

    #[test]
    fn a_time_without_a_unit_is_none() {
        for text in ["", "7", "d", "-1d", "7 d", "7days", "7é", "99999999999w"] {
            assert_eq!(time(text), None, "{text}");
        }
        assert_eq!(time("90s"), Some(Duration::from_secs(90)));
    }
}
