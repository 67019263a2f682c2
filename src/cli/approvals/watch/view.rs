//! What is seen of what waits: the lines for a terminal, and what has changed for everything else.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::follow::News;
use crate::ambient::Ambient;
use crate::cli::operator::field;
use crate::model::privilege::Privilege;
use crate::model::text::escape;
use crate::model::tier::Tier;
use crate::model::time::Timestamp;

/// Everything that is known of what waits.
#[derive(Default)]
pub(super) struct Sight {
    approvals: Vec<Value>,
    /// How each was told last.
    told: Option<BTreeMap<String, (String, u64)>>,
    /// When the listener was last heard.
    heard: Duration,
    is_stale: bool,
}

impl Sight {
    /// Whether the listener is not heard any more.
    pub(super) const fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// Takes news in; what of it has changed, oldest first. At the start only what is open matters: what
    /// ended before is history.
    pub(super) fn take(&mut self, news: News, ambient: &Ambient) -> Vec<Value> {
        self.is_stale = matches!(news, News::Lost(_));
        if !self.is_stale {
            self.heard = ambient.monotonic();
        }
        let News::All(approvals) = news else {
            return Vec::new();
        };
        let is_new = |one: &&Value| match &self.told {
            None => field(one, "state") == "held",
            Some(told) => told.get(field(one, "id")) != Some(&stand(one)),
        };
        let changed = approvals.iter().filter(is_new).cloned().collect();
        let told = approvals
            .iter()
            .map(|one| (field(one, "id").to_owned(), stand(one)));
        self.told = Some(told.collect());
        self.approvals = approvals;
        changed
    }

    /// What stands on a terminal now.
    pub(super) fn lines(&self, ambient: &Ambient) -> Vec<String> {
        let now = ambient.now();
        let mut open: Vec<&Value> = self.approvals.iter().collect();
        open.retain(|one| field(one, "state") == "held" && until(one) > now);
        open.sort_by_key(|one| (Reverse(tier(one)), until(one)));
        let standing = match self.is_stale {
            true => {
                let silent = ambient.monotonic().saturating_sub(self.heard);
                format!("stale {} s", silent.as_secs())
            }
            false => "live".to_owned(),
        };
        let mut lines = vec![
            format!("countersign   {} waiting   {standing}", open.len()),
            String::new(),
        ];
        for one in &open {
            let tier = tier(one);
            lines.push(format!(
                "{} {:<8}  {:>7}  code {}  {}  {}",
                tier.mark(),
                tier.name(),
                clock(until(one).since(now)),
                escape(field(one, "code")),
                escape(field(one, "id")),
                escape(field(one, "progress")),
            ));
            lines.push(format!("  {}", escape(field(one, "sentence"))));
        }
        if open.is_empty() {
            lines.push("Nothing waits for a person.".to_owned());
        }
        lines.push(String::new());
        lines.push("countersign approvals show ID     Ctrl-C ends".to_owned());
        lines
    }
}

/// How an approval stands: a vote moves its version, the end of its time its state.
fn stand(approval: &Value) -> (String, u64) {
    let version = approval.get("version").and_then(Value::as_u64);
    (
        field(approval, "state").to_owned(),
        version.unwrap_or_default(),
    )
}

fn tier(approval: &Value) -> Tier {
    // What is not known matters most.
    Privilege::parse(field(approval, "privilege")).map_or(Tier::Critical, Tier::of)
}

fn until(approval: &Value) -> Timestamp {
    Timestamp::parse(field(approval, "decide_by")).unwrap_or_default()
}

fn clock(left: Duration) -> String {
    let seconds = left.as_secs();
    match seconds / 3_600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn approval(id: &str, privilege: &str, version: u64, state: &str) -> Value {
        json!({
            "id": id, "version": version, "state": state, "privilege": privilege, "code": "7F3K",
            "decide_by": "1970-01-01T00:10:00Z", "progress": null,
            "sentence": "clerk wants to\u{1b}[2J call",
        })
    }

    #[test]
    fn what_matters_most_stands_first_in_words_and_shapes_and_no_text_of_others_acts() {
        let (ambient, clock) = Ambient::played(1, Timestamp::default());
        let mut sight = Sight::default();
        let all = vec![
            approval("ap_1", "write", 1, "held"),
            approval("ap_2", "money", 1, "held"),
            approval("ap_3", "money", 2, "denied"),
        ];
        let told = sight.take(News::All(all), &ambient);
        assert_eq!(told.len(), 2, "{told:?}");
        let lines = sight.lines(&ambient);
        assert_eq!(lines[0], "countersign   2 waiting   live");
        assert!(lines[2].starts_with("◆ critical    10:00  code 7F3K  ap_2"));
        assert!(lines[4].starts_with("■ medium      10:00  code 7F3K  ap_1"));
        assert!(
            lines.iter().all(|line| !line.contains('\u{1b}')),
            "{lines:?}"
        );
        clock.pass(Duration::from_secs(42));
        sight.take(News::Lost("gone".to_owned()), &ambient);
        let lines = sight.lines(&ambient);
        assert_eq!(lines[0], "countersign   2 waiting   stale 42 s");
        assert!(lines[2].contains("9:18"), "{lines:?}");
        clock.pass(Duration::from_secs(600));
        let lines = sight.lines(&ambient);
        assert!(lines.contains(&"Nothing waits for a person.".to_owned()));
    }

    #[test]
    fn each_vote_and_each_end_is_told_once() {
        let ambient = Ambient::system();
        let mut sight = Sight::default();
        let mut told = |version, state| {
            let all = vec![approval("ap_1", "money", version, state)];
            sight.take(News::All(all), &ambient).len()
        };
        assert_eq!(told(1, "held"), 1);
        assert_eq!(told(1, "held"), 0);
        assert_eq!(told(2, "held"), 1, "a vote");
        assert_eq!(told(2, "expired"), 1);
        assert_eq!(told(2, "expired"), 0);
    }
}
