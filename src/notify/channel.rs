//! One channel of the configuration: how it reaches people, and what of.

use std::collections::BTreeSet;
use std::time::Duration;

use super::message::Message;
use super::{Answer, Desk, Mail, Webhook};
use crate::limits::NOTICE_TAKEN_WITHIN;
use crate::model::approval::Approval;
use crate::model::digest::Digest;
use crate::model::name::{ChannelName, GroupName};
use crate::model::text::Surface;
use crate::model::tier::Tier;
use crate::model::time::Timestamp;

/// A way to tell people.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its name.
    pub name: ChannelName,
    /// How it reaches people.
    pub way: Way,
    /// Which requests it tells of.
    pub route: Route,
    /// How often it tells again of what still waits.
    pub remind: Option<Duration>,
    /// Who is told where nobody decides.
    pub escalate: Vec<Escalation>,
}

/// Which requests a channel tells of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// Those that one of these groups may decide; any where there is none.
    pub groups: BTreeSet<GroupName>,
    /// Those of these tiers; a channel without any is told only what others escalate to it.
    pub tiers: BTreeSet<Tier>,
}

/// A step before the time to decide is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Escalation {
    /// How long before.
    pub before: Duration,
    /// The channel that is told.
    pub to: ChannelName,
}

/// How a channel reaches people.
#[derive(Clone, Debug)]
pub enum Way {
    /// By a call of an address.
    Webhook(Box<Webhook>),
    /// By mail.
    Mail(Box<Mail>),
}

impl Route {
    /// Whether it leads a request here.
    #[must_use]
    pub fn takes(&self, approval: &Approval) -> bool {
        let groups = approval.rule.groups();
        self.tiers.contains(&Tier::of(approval.privilege))
            && (self.groups.is_empty() || groups.iter().any(|one| self.groups.contains(one)))
    }
}

impl Way {
    /// The word for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Mail(_) => "mail",
        }
    }

    /// Where messages are read.
    pub(super) const fn surface(&self) -> Surface {
        match self {
            Self::Webhook(webhook) => webhook.surface(),
            Self::Mail(_) => Surface::Mail,
        }
    }

    /// What stands for where it leads, without telling it.
    pub(super) fn address(&self) -> Digest {
        match self {
            Self::Webhook(webhook) => webhook.address(),
            Self::Mail(mail) => mail.address(),
        }
    }

    /// Sends one message, in bounded time.
    pub(super) async fn send(&self, message: &Message, desk: &Desk, now: Timestamp) -> Answer {
        let sent = async {
            match self {
                Self::Webhook(webhook) => webhook.send(message, desk, now).await,
                Self::Mail(mail) => mail.send(message, now).await,
            }
        };
        let late = Answer::Failed {
            fault: "no answer came in time".to_owned(),
            pause: None,
            said: String::new(),
        };
        tokio::time::timeout(NOTICE_TAKEN_WITHIN, sent)
            .await
            .unwrap_or(late)
    }
}
