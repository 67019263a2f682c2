//! One message: what waits, said so that it can be read anywhere and decides nothing.

use data_encoding::BASE32_DNSSEC;

use super::plan::{Due, Kind};
use super::{Channel, Desk};
use crate::ambient::Ambient;
use crate::guard::sentence_on;
use crate::limits::{NOTICE_REQUESTS_COUNT, NOTICE_SENTENCE_CHARS};
use crate::model::approval::Approval;
use crate::model::digest::{Digest, Fields};
use crate::model::text::{Surface, cut};
use crate::model::tier::Tier;
use crate::model::time::Timestamp;

/// A message on its way to one channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Message {
    /// The same for the same news on the same channel, so that a receiver knows it again.
    pub(super) id: String,
    /// What kind of news it is.
    pub(super) kind: Kind,
    /// When there was this to tell, whenever it is sent.
    pub(super) at: Timestamp,
    /// The requests, oldest first.
    pub(super) requests: Vec<Request>,
    /// How many more there are.
    pub(super) more: usize,
}

/// What a message tells of one request. Everything foreign in it is fit for the channel's surface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Request {
    pub(super) approval: String,
    pub(super) agent: String,
    pub(super) sentence: String,
    pub(super) tier: Tier,
    pub(super) groups: Vec<String>,
    pub(super) code: String,
    pub(super) decide_by: Timestamp,
    pub(super) url: String,
}

impl Message {
    /// What is due on a channel.
    pub(super) fn of(due: &Due<'_>, channel: &Channel, desk: &Desk) -> Self {
        let surface = channel.way.surface();
        let told = due.approvals.iter().take(NOTICE_REQUESTS_COUNT);
        Self {
            id: id(channel, due),
            kind: due.kind,
            at: due.at,
            requests: told
                .map(|approval| Request::of(approval, surface, desk))
                .collect(),
            more: due.approvals.len().saturating_sub(NOTICE_REQUESTS_COUNT),
        }
    }

    /// A message about nothing.
    pub(super) fn test(channel: &Channel, desk: &Desk, ambient: &Ambient) -> Self {
        let now = ambient.now();
        let request = Request {
            approval: "none".to_owned(),
            agent: "none".to_owned(),
            sentence: format!(
                "this is a test of the channel {}: nothing waits",
                channel.name
            ),
            tier: Tier::Low,
            groups: Vec::new(),
            code: "none".to_owned(),
            decide_by: now,
            url: desk.console.to_string(),
        };
        Self {
            id: format!("msg_{}", BASE32_DNSSEC.encode(&ambient.random::<16>())),
            kind: Kind::Test,
            at: now,
            requests: vec![request],
            more: 0,
        }
    }

    /// The highest tier of its requests.
    pub(super) fn tier(&self) -> Tier {
        let tiers = self.requests.iter().map(|request| request.tier);
        tiers.max().unwrap_or(Tier::Low)
    }

    /// What it says, in one line without any foreign word.
    pub(super) fn title(&self) -> String {
        let count = self.requests.len().saturating_add(self.more);
        let (subject, verb) = match count {
            1 => ("1 request".to_owned(), "waits"),
            _ => (format!("{count} requests"), "wait"),
        };
        let tier = self.tier();
        match self.kind {
            Kind::Waiting => format!("{subject} {verb} for a decision ({tier})"),
            Kind::Reminder => format!("{subject} still {verb} for a decision ({tier})"),
            Kind::Escalated => format!("nobody has decided yet: {subject} {verb} ({tier})"),
            Kind::Glass => match count {
                1 => format!("somebody broke the glass: 1 review is open ({tier})"),
                _ => format!("somebody broke the glass: {count} reviews are open ({tier})"),
            },
            Kind::Test => "this is a test".to_owned(),
        }
    }
}

impl Request {
    fn of(approval: &Approval, surface: Surface, desk: &Desk) -> Self {
        Self {
            approval: approval.id.to_string(),
            agent: approval.principal.agent.to_string(),
            sentence: cut(&sentence_on(approval, surface), NOTICE_SENTENCE_CHARS),
            tier: Tier::of(approval.privilege),
            groups: approval
                .rule
                .groups()
                .iter()
                .map(ToString::to_string)
                .collect(),
            code: approval.code.clone(),
            decide_by: approval.decide_by,
            url: desk.page(approval.id),
        }
    }

    /// Everything but the sentence and the link, in one line.
    pub(super) fn facts(&self, kind: Kind) -> String {
        if kind == Kind::Glass {
            let groups = self.groups.join(", ");
            return format!(
                "{} · an admin or another person of {groups} judges it",
                self.tier
            );
        }
        format!(
            "{} · {} may decide · code {} · until {}",
            self.tier,
            self.groups.join(", "),
            self.code,
            self.decide_by
        )
    }
}

fn id(channel: &Channel, due: &Due<'_>) -> String {
    let mut fields = Fields::new("countersign.notice.v1")
        .field(channel.name.as_str().as_bytes())
        .field(due.kind.name().as_bytes());
    for (approval, mark) in &due.marks {
        fields = fields
            .field(approval.as_bytes())
            .field(mark.to_string().as_bytes());
    }
    let digest: Digest = fields.digest();
    let half = digest.as_bytes().first_chunk::<16>().copied();
    format!("msg_{}", BASE32_DNSSEC.encode(&half.unwrap_or_default()))
}
