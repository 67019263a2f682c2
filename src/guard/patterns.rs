//! Grants for calls like an approved one: narrowed from it by whoever approves, and met by later calls.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use serde_json::{Map, Value};

use super::Guard;
use super::approvals::ResolveError;
use crate::audit::disclosure::{Disclosed, Disclosure};
use crate::audit::entry::StoredEntry;
use crate::engine::facts::Patterned;
use crate::engine::{Matched, crosses_nothing_new};
use crate::limits::{
    ENTRIES_PER_PAGE_COUNT, GRANT_LIFE, GRANT_USES_COUNT, PATTERN_USES_COUNT, PREVIEW_CALLS_COUNT,
    RECORD_SEARCHED_COUNT,
};
use crate::model::action::Binding;
use crate::model::approval::Approval;
use crate::model::ballot::Choice;
use crate::model::call::Call;
use crate::model::json;
use crate::model::pattern::{Mould, Pattern, Pins, PinsFault, places};
use crate::model::reason::Reason;
use crate::model::target::TargetKind;
use crate::scopes::ForbidJudgement;
use crate::store::StoreError;

/// What a pattern would have done to the newest calls of the same agent and tool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preview {
    /// The places that it keeps.
    pub pins: Pins,
    /// The places of the call that are free.
    pub free: Vec<String>,
    /// How many calls it was held against.
    pub looked: usize,
    /// How many of them it would have covered, as far as bounds and forbids go.
    pub matched: usize,
    /// How many of them the record does not tell enough about.
    pub untold: usize,
}

impl std::fmt::Display for Preview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (matched, looked) = (self.matched, self.looked);
        match looked {
            0 => {
                f.write_str("there is no earlier call of this agent and tool to hold it against")?
            }
            _ => write!(f, "would have matched {matched} of the last {looked} calls")?,
        }
        match self.untold {
            0 => Ok(()),
            untold => write!(f, "; of {untold} the record does not tell enough"),
        }
    }
}

/// Why a call cannot have a pattern.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// There is none like that.
    #[error("{0}")]
    Unfit(String),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Guard {
    /// Holds a pattern against the record, before it is granted.
    ///
    /// # Errors
    /// [`PreviewError`].
    pub async fn preview(
        &self,
        approval: &Approval,
        pointers: Vec<String>,
    ) -> Result<Preview, PreviewError> {
        let pins = narrowed(approval, pointers).map_err(PreviewError::Unfit)?;
        let arguments = arguments_of(approval);
        let free = places(&arguments).into_iter().map(|(place, _)| place);
        let mut preview = Preview {
            free: free.filter(|place| !pins.cover(place)).collect(),
            pins,
            looked: 0,
            matched: 0,
            untold: 0,
        };
        let mut seen = HashSet::new();
        let last = self.head().await?.map_or(0, |signed| signed.head.count);
        let first = last.saturating_sub(RECORD_SEARCHED_COUNT);
        let mut end = last;
        while end > first && preview.looked < PREVIEW_CALLS_COUNT {
            let page = (end - first).min(ENTRIES_PER_PAGE_COUNT as u64);
            let size = usize::try_from(page).unwrap_or(ENTRIES_PER_PAGE_COUNT);
            let entries = self.entries(end - page + 1, size).await?;
            for entry in entries.iter().rev().filter(|entry| entry.seq <= end) {
                if preview.looked == PREVIEW_CALLS_COUNT {
                    break;
                }
                let body = json::parse(&entry.body).unwrap_or_default();
                // A call that waited is judged more than once.
                let call = body.get("call").and_then(Value::as_str).unwrap_or_default();
                if !is_like(approval, &body) || !seen.insert(call.to_owned()) {
                    continue;
                }
                preview.looked += 1;
                match told(entry) {
                    Some(past) => {
                        let is_covered =
                            self.would_cover(approval, &preview.pins, &arguments, &past);
                        preview.matched += usize::from(is_covered);
                    }
                    None => preview.untold += 1,
                }
            }
            end -= page;
        }
        Ok(preview)
    }

    /// Whether arguments of an earlier call are as the approved one's where they are pinned, and inside the
    /// scope where they are not.
    fn would_cover(&self, approval: &Approval, pins: &Pins, own: &Value, past: &Value) -> bool {
        let is_kept = |pin: &str| {
            let (own, past) = (own.pointer(pin), past.pointer(pin));
            own.zip(past)
                .is_some_and(|(own, past)| json::canonical(own) == json::canonical(past))
        };
        let scopes = self.scopes();
        let Some(scope) = scopes.scope(&approval.principal.agent) else {
            return false;
        };
        let matched = self.matched(scope, &approval.target);
        let is_clear = |matched: &Matched<'_>| {
            let mut forbids = matched.forbids.iter();
            forbids.all(|(_, forbid)| matches!(forbid.judge(past), ForbidJudgement::Clear))
        };
        pins.iter().all(is_kept)
            && is_clear(&matched)
            && crosses_nothing_new(past, &matched, pins, approval)
    }

    /// The key of a pattern that is narrowed from an approved call.
    pub(super) fn pattern(&self, approval: &Approval, pins: Pins) -> Option<Pattern> {
        let mould = approval.mould.as_ref()?;
        let key = mould.key(&arguments_of(approval), &pins, &self.match_key)?;
        Some(Pattern { pins, key })
    }

    /// From what patterns of a call are made.
    pub(super) fn mould(
        &self,
        call: &Call,
        binding: &Binding,
        secrets: &BTreeSet<String>,
    ) -> Mould {
        Mould::of(call, binding, secrets, &self.match_key)
    }

    /// Whether a grant is for calls that are bound like this one, with the same values where it pins them.
    pub(super) fn is_alike(&self, one: &Patterned, mould: &Mould, call: &Call) -> bool {
        let pattern = one.grant.pattern.as_ref();
        pattern.is_some_and(|pattern| {
            let key = mould.key(call.arguments.value(), &pattern.pins, &self.match_key);
            key == Some(pattern.key)
        })
    }
}

/// What an operator grants for a call and others like it, within what an approver may give.
pub(super) fn choice(
    approval: &Approval,
    pointers: &[String],
    uses: u32,
    life: Option<Duration>,
) -> Result<Choice, ResolveError> {
    let unfit = ResolveError::BadGrant;
    let pins = narrowed(approval, pointers.to_vec()).map_err(unfit)?;
    if !(1..=PATTERN_USES_COUNT).contains(&uses) {
        let sentence = format!("a pattern has 1 to {PATTERN_USES_COUNT} uses");
        return Err(unfit(sentence));
    }
    if life.is_some_and(|life| life.is_zero() || life > GRANT_LIFE) {
        let sentence = format!("a grant lives at most {} s", GRANT_LIFE.as_secs());
        return Err(unfit(sentence));
    }
    Ok(Choice::Approve {
        uses,
        life,
        pins: Some(pins),
    })
}

/// What the approvals leave together: the fewest uses, the shortest life and every pin that anybody voted
/// for; and where anybody voted for the exact call alone, that.
pub(super) fn narrowest(approval: &Approval) -> (u32, Duration, Option<Pins>) {
    let given = approval.ballots.iter().filter_map(|one| match &one.choice {
        Choice::Approve { uses, life, pins } => Some((*uses, *life, pins.clone())),
        Choice::Deny { .. } => None,
    });
    let narrower = |one: (u32, Duration, Option<Pins>), other: (u32, Duration, Option<Pins>)| {
        let pins = one.2.zip(other.2).map(|(one, other)| one.with(&other));
        (one.0.min(other.0), one.1.min(other.1), pins)
    };
    given
        .map(|(uses, life, pins)| (uses, life.unwrap_or(GRANT_LIFE), pins))
        .reduce(narrower)
        .unwrap_or((GRANT_USES_COUNT, GRANT_LIFE, None))
}

/// The pins that are narrowed from a call, if any can be.
fn narrowed(approval: &Approval, pointers: Vec<String>) -> Result<Pins, String> {
    let boundless = approval.reasons.iter().map(|(reason, _)| *reason);
    let boundless = boundless.filter(|reason| {
        matches!(
            reason,
            Reason::Undeclared | Reason::ToolUnaccepted | Reason::ToolChanged | Reason::FollowUp
        )
    });
    if let Some(reason) = boundless.min() {
        return Err(format!(
            "a pattern needs a declared and accepted tool whose arguments the scope bounds; this call stopped because: {}",
            reason.row().sentence
        ));
    }
    if approval.target.kind != TargetKind::Tool || approval.mould.is_none() {
        return Err("there are patterns of tool calls alone".to_owned());
    }
    Pins::of(pointers, &arguments_of(approval)).map_err(|fault: PinsFault| fault.to_string())
}

/// The arguments as they are kept: what is kept was read as JSON, so it reads back.
fn arguments_of(approval: &Approval) -> Value {
    json::parse(&approval.arguments).unwrap_or_default()
}

/// Whether an entry judged a call of the same agent and tool.
fn is_like(approval: &Approval, body: &Value) -> bool {
    let target = &body["target"];
    body["kind"] == "decision"
        && body["agent"] == approval.principal.agent.as_str()
        && target["kind"] == approval.target.kind.name()
        && target["server"] == approval.target.server.as_str()
        && target["name"] == *approval.target.name
        // The call itself tells nothing about others.
        && body["approval"] != approval.id.to_string()
}

/// The arguments of a recorded call, where all of them are still told.
fn told(entry: &StoredEntry) -> Option<Value> {
    let text = std::str::from_utf8(entry.disclosure.as_deref()?).ok()?;
    let Disclosure(leaves) = Disclosure::parse(text).ok()?;
    let mut whole = Value::Object(Map::new());
    for leaf in leaves {
        let Disclosed::Open(leaf) = leaf else {
            return None;
        };
        // The length of a list comes before its items.
        let value = match leaf.value.first() {
            Some(b'[') if leaf.value != b"[]" => Value::Array(Vec::new()),
            _ => json::parse(&leaf.value).ok()?,
        };
        put(&mut whole, &leaf.pointer, value)?;
    }
    Some(whole)
}

/// Puts a value at a pointer. Leaves stand in their order, so lists grow at their end.
fn put(whole: &mut Value, pointer: &str, value: Value) -> Option<()> {
    if pointer.is_empty() {
        *whole = value;
        return Some(());
    }
    let mut place = whole;
    for token in pointer.strip_prefix('/')?.split('/') {
        let token = token.replace("~1", "/").replace("~0", "~");
        place = match place {
            Value::Array(items) => {
                let at: usize = token.parse().ok()?;
                if at == items.len() {
                    items.push(Value::Null);
                }
                items.get_mut(at)?
            }
            Value::Object(members) => members.entry(token).or_insert(Value::Null),
            other => {
                *other = Value::Object(Map::new());
                other.as_object_mut()?.entry(token).or_insert(Value::Null)
            }
        };
    }
    *place = value;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::commitment;
    use crate::model::arguments::Arguments;
    use crate::model::digest::Digest;

    fn entry(text: &str) -> StoredEntry {
        let arguments = Arguments::parse(text.as_bytes()).unwrap();
        let (_, disclosure) = commitment::commit(&arguments, &[7; 16]);
        StoredEntry {
            seq: 1,
            previous: Digest::of(b""),
            hash: Digest::of(b""),
            body: Vec::new(),
            disclosure: Some(disclosure.render()),
        }
    }

    #[test]
    fn arguments_read_back_from_what_is_disclosed_of_them() {
        for text in [
            r"{}",
            r#"{"a":1.0}"#,
            r#"{"a":[],"b":{},"c":null}"#,
            r#"{"a":[1,[2,{"b":[{}]}],"x"],"b/c":{"~":{"":true}}}"#,
            r#"{"a":{"0":1,"1":2},"b":["0"]}"#,
        ] {
            let told = told(&entry(text)).unwrap();
            assert_eq!(json::canonical(&told), text.as_bytes(), "{text}");
        }
    }

    #[test]
    fn arguments_of_which_a_part_was_taken_away_are_not_told() {
        let mut entry = entry(r#"{"a":1,"b":2}"#);
        let text = String::from_utf8(entry.disclosure.unwrap()).unwrap();
        let mut disclosure = Disclosure::parse(&text).unwrap();
        disclosure.redact(&["/b".to_owned()]);
        entry.disclosure = Some(disclosure.render());
        assert_eq!(told(&entry), None);
        entry.disclosure = None;
        assert_eq!(told(&entry), None);
    }
}
