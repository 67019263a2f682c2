//! Who was told what of requests that wait: kept with the record, so that a guard that starts anew tells
//! nobody twice.
//!
//! How people are told is not known here; a channel is a name that an edge brings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::Guard;
use super::operate::OperateError;
use crate::audit::entry::EntryKind;
use crate::model::digest::Digest;
use crate::model::id::ApprovalId;
use crate::model::json;
use crate::model::name::{ChannelName, OperatorName};
use crate::model::time::Timestamp;
use crate::store::{Change, StoreError};

/// One thing that a channel was told of one request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mark {
    /// That it waits.
    Waits,
    /// That it still waits, for the so-manieth time.
    Reminder(u32),
    /// That somebody broke the glass for it, which another person must judge.
    Glass,
    /// That there is only so much time left, because nobody on another channel decided.
    Before(Duration),
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waits => f.write_str("waits"),
            Self::Reminder(count) => write!(f, "reminder {count}"),
            Self::Glass => f.write_str("glass"),
            Self::Before(time) => write!(f, "before {}", time.as_millis()),
        }
    }
}

/// What one channel was told of the requests that are open, or whose review is.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Told {
    marks: BTreeMap<ApprovalId, BTreeSet<Mark>>,
    /// When its receiver said that it is gone.
    pub disabled: Option<Timestamp>,
}

impl Told {
    /// Whether the channel was told this of the request.
    #[must_use]
    pub fn has(&self, id: ApprovalId, mark: Mark) -> bool {
        let marks = self.marks.get(&id);
        marks.is_some_and(|marks| marks.contains(&mark))
    }

    /// How often the channel was reminded of the request.
    #[must_use]
    pub fn reminders(&self, id: ApprovalId) -> u32 {
        let marks = self.marks.get(&id).into_iter().flatten();
        let counts = marks.filter_map(|mark| match mark {
            Mark::Reminder(count) => Some(*count),
            _ => None,
        });
        counts.max().unwrap_or(0)
    }

    /// Notes what was told.
    pub fn put(&mut self, id: ApprovalId, mark: Mark) {
        self.marks.entry(id).or_default().insert(mark);
    }
}

/// What became of a message, or of its channel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NoticeEnd {
    /// The receiver took it.
    Sent,
    /// It was given up: too many tries failed, or what it was about was over first.
    Undelivered,
    /// The receiver said that it is gone; the channel is switched off.
    Disabled,
}

impl NoticeEnd {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Undelivered => "undelivered",
            Self::Disabled => "disabled",
        }
    }
}

/// A message that has ended, for the record.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Its identifier, which the receiver knows too.
    pub id: String,
    /// What it says, in a word.
    pub about: &'static str,
    /// What it told of which requests.
    pub marks: Vec<(ApprovalId, Mark)>,
    /// How often it was tried.
    pub tries: u32,
    /// What became of it.
    pub end: NoticeEnd,
    /// What was the matter, in the guard's own words.
    pub fault: Option<String>,
}

/// How a channel stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelView {
    /// Its name.
    pub name: ChannelName,
    /// How it reaches people: `webhook` or `mail`.
    pub how: &'static str,
    /// Since when it is switched off.
    pub disabled: Option<Timestamp>,
    /// How often each came about since the start: `sent`, `failed` (one try), `undelivered`, `disabled`.
    pub counts: Vec<(&'static str, u64)>,
    /// The last try that failed since the start, and what was the matter.
    pub fault: Option<(Timestamp, String)>,
}

/// The channels of a guard.
#[derive(Default)]
pub(super) struct Notices {
    channels: Mutex<BTreeMap<ChannelName, Channel>>,
    /// Held while what was told is written: each is written over what was there.
    writing: tokio::sync::Mutex<()>,
    /// The public key that messages are verified with.
    key: Mutex<Option<Arc<str>>>,
}

struct Channel {
    how: &'static str,
    /// Where it leads, so that one that leads elsewhere is not taken for the one that was gone.
    address: Digest,
    told: Told,
    counts: BTreeMap<&'static str, u64>,
    fault: Option<(Timestamp, String)>,
    enabled: Arc<Notify>,
}

impl Guard {
    /// Makes a channel known, with what it was told before; it is told when somebody switches it on again.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open_channel(
        &self,
        name: &ChannelName,
        how: &'static str,
        address: Digest,
    ) -> Result<Arc<Notify>, StoreError> {
        let kept = self.store.setting(&setting(name)).await?;
        let enabled = Arc::new(Notify::new());
        let channel = Channel {
            how,
            address,
            told: kept.map_or_else(Told::default, |kept| read(&kept, &address)),
            counts: BTreeMap::new(),
            fault: None,
            enabled: Arc::clone(&enabled),
        };
        self.notices.channels.lock().insert(name.clone(), channel);
        Ok(enabled)
    }

    /// What a channel was told.
    #[must_use]
    pub fn told(&self, name: &ChannelName) -> Told {
        let channels = self.notices.channels.lock();
        let told = channels.get(name).map(|channel| channel.told.clone());
        told.unwrap_or_default()
    }

    /// Records what became of a message, together with what its channel was told by it. What is not among
    /// `open` any more is forgotten.
    ///
    /// # Errors
    /// When the store does not answer. What was told is remembered all the same, as long as the guard runs.
    pub async fn noticed(
        &self,
        name: &ChannelName,
        notice: &Notice,
        open: &BTreeSet<ApprovalId>,
    ) -> Result<(), StoreError> {
        let mut body = body(name, notice.end.name());
        body.insert("notice".into(), notice.id.as_str().into());
        body.insert("about".into(), notice.about.into());
        let approvals: BTreeSet<ApprovalId> = notice.marks.iter().map(|(id, _)| *id).collect();
        let approvals: Vec<Value> = approvals.iter().map(|id| id.to_string().into()).collect();
        body.insert("approvals".into(), approvals.into());
        body.insert("tries".into(), notice.tries.into());
        if let Some(fault) = &notice.fault {
            body.insert("fault".into(), fault.as_str().into());
        }
        let now = self.ambient.now();
        let change = |channel: &mut Channel| {
            *channel.counts.entry(notice.end.name()).or_default() += 1;
            channel.told.marks.retain(|id, _| open.contains(id));
            // What a receiver that is gone was not told, it is told when it is there again.
            if notice.end == NoticeEnd::Disabled {
                channel.told.disabled = Some(now);
                return;
            }
            for (id, mark) in notice.marks.iter().filter(|(id, _)| open.contains(id)) {
                channel.told.put(*id, *mark);
            }
        };
        self.change_channel(name, body, change).await.map(drop)
    }

    /// Counts a try that failed.
    pub fn notice_failed(&self, name: &ChannelName, fault: &str) {
        if let Some(channel) = self.notices.channels.lock().get_mut(name) {
            *channel.counts.entry("failed").or_default() += 1;
            channel.fault = Some((self.ambient.now(), fault.to_owned()));
        }
    }

    /// Switches a channel on again whose receiver was gone; one that is on stays so.
    ///
    /// # Errors
    /// When there is no such channel, or the store does not answer.
    pub async fn enable_channel(
        &self,
        operator: &OperatorName,
        name: &ChannelName,
    ) -> Result<(), OperateError> {
        if !self.notices.channels.lock().contains_key(name) {
            return Err(OperateError::Missing);
        }
        if self.told(name).disabled.is_none() {
            return Ok(());
        }
        let mut body = body(name, "enabled");
        body.insert("by".into(), operator.as_str().into());
        let change = |channel: &mut Channel| channel.told.disabled = None;
        let enabled = self.change_channel(name, body, change).await?;
        enabled.ok_or(OperateError::Missing)?.notify_one();
        Ok(())
    }

    /// Every channel and how it stands.
    #[must_use]
    pub fn channels(&self) -> Vec<ChannelView> {
        let channels = self.notices.channels.lock();
        let view = |(name, channel): (&ChannelName, &Channel)| ChannelView {
            name: name.clone(),
            how: channel.how,
            disabled: channel.told.disabled,
            counts: channel.counts.clone().into_iter().collect(),
            fault: channel.fault.clone(),
        };
        channels.iter().map(view).collect()
    }

    /// Makes the public key known that messages are verified with.
    pub fn set_notice_key(&self, key: &str) {
        *self.notices.key.lock() = Some(key.into());
    }

    /// The public key that messages are verified with, if anybody is told anything.
    #[must_use]
    pub fn notice_key(&self) -> Option<Arc<str>> {
        self.notices.key.lock().clone()
    }

    /// Changes what is known of a channel and writes it with an entry.
    async fn change_channel(
        &self,
        name: &ChannelName,
        body: Map<String, Value>,
        change: impl FnOnce(&mut Channel) + Send,
    ) -> Result<Option<Arc<Notify>>, StoreError> {
        let _turn = self.notices.writing.lock().await;
        let (kept, enabled) = {
            let mut channels = self.notices.channels.lock();
            let Some(channel) = channels.get_mut(name) else {
                return Ok(None);
            };
            change(channel);
            let kept = write(&channel.told, &channel.address);
            (kept, Arc::clone(&channel.enabled))
        };
        let change = Change::Setting(setting(name), kept);
        self.write(EntryKind::Notice, body, vec![change], self.reads)
            .await?;
        Ok(Some(enabled))
    }
}

/// The channels of a record that are switched off, and since when: for whoever reads it without a guard.
#[must_use]
pub fn disabled_since(kept: &str) -> Option<Timestamp> {
    let kept = json::parse(kept.as_bytes()).ok()?;
    Timestamp::parse(kept.get("disabled")?.as_str()?)
}

/// The guard's own name for the setting in which a channel is kept.
#[must_use]
pub fn setting(name: &ChannelName) -> String {
    format!("channel {name}")
}

fn body(name: &ChannelName, state: &str) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("channel".into(), name.as_str().into());
    body.insert("state".into(), state.into());
    body
}

fn write(told: &Told, address: &Digest) -> String {
    let mut marks = Map::new();
    for (id, told) in &told.marks {
        let told: Vec<Value> = told.iter().map(|mark| mark.to_string().into()).collect();
        marks.insert(id.to_string(), told.into());
    }
    let mut kept = Map::new();
    kept.insert("told".into(), marks.into());
    kept.insert("address".into(), address.to_string().into());
    if let Some(at) = told.disabled {
        kept.insert("disabled".into(), at.to_string().into());
    }
    Value::Object(kept).to_string()
}

/// What was kept. Where it cannot be read, somebody may be told twice, which is better than never.
fn read(kept: &str, address: &Digest) -> Told {
    let Ok(kept) = json::parse(kept.as_bytes()) else {
        return Told::default();
    };
    let text = |name: &str| kept.get(name).and_then(Value::as_str);
    let is_same = text("address") == Some(&address.to_string());
    let mut told = Told {
        marks: BTreeMap::new(),
        disabled: text("disabled")
            .filter(|_| is_same)
            .and_then(Timestamp::parse),
    };
    for (id, marks) in kept
        .get("told")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let marks = marks.as_array().into_iter().flatten();
        let marks = marks.filter_map(|mark| parse(mark.as_str()?));
        if let Some(id) = ApprovalId::parse(id) {
            told.marks.insert(id, marks.collect());
        }
    }
    told
}

fn parse(text: &str) -> Option<Mark> {
    match text.split_once(' ') {
        None if text == "glass" => Some(Mark::Glass),
        None => (text == "waits").then_some(Mark::Waits),
        Some(("reminder", count)) => Some(Mark::Reminder(count.parse().ok()?)),
        Some(("before", millis)) => Some(Mark::Before(Duration::from_millis(millis.parse().ok()?))),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::Ambient;

    #[test]
    fn what_was_told_reads_back_as_it_was_kept() {
        let address = Digest::of(b"https://example.com");
        let mut told = Told {
            disabled: Some(Timestamp::from_millis(1_000)),
            ..Told::default()
        };
        let id = ApprovalId::random(&Ambient::system());
        let marks = [
            Mark::Waits,
            Mark::Reminder(3),
            Mark::Glass,
            Mark::Before(Duration::from_secs(300)),
        ];
        for mark in marks {
            told.put(id, mark);
        }
        let kept = write(&told, &address);
        assert_eq!(read(&kept, &address), told);
        assert_eq!(disabled_since(&kept), told.disabled);
        assert_eq!(told.reminders(id), 3);
        let elsewhere = read(&kept, &Digest::of(b"https://example.org"));
        assert_eq!(elsewhere.disabled, None);
        assert!(elsewhere.has(id, Mark::Waits));
        assert_eq!(read("no more", &address), Told::default());
    }
}
