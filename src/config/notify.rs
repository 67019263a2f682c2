//! The channels by which people are told what waits for them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::secret::SecretRef;
use crate::limits::{
    LOCK_BYTES, MANIFEST_DURATION_LONGEST, NOTICE_CHANNELS_COUNT, NOTICE_RECIPIENTS_COUNT,
    NOTICE_REMIND_SHORTEST,
};
use crate::model::name::{ChannelName, GroupName};
use crate::model::tier::Tier;
use crate::notify::{Channel, Escalation, Mail, MailTls, Route, Shape as Form, Way, Webhook};
use crate::outbound::signing::DeliveryKey;
use crate::scopes::reading::{Block, Keys};
use crate::scopes::yaml::{Node, Shape};
use crate::scopes::{Faults, Place};

/// One channel, with its secrets still where they are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notify {
    /// Its name.
    pub name: ChannelName,
    /// How it reaches people.
    pub way: NotifyWay,
    /// Which requests it tells of.
    pub route: Route,
    /// How often it tells again of what still waits.
    pub remind: Option<Duration>,
    /// Who is told where nobody decides.
    pub escalate: Vec<Escalation>,
    at: Place,
}

/// How a channel reaches people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotifyWay {
    /// By a call of an address.
    Webhook {
        /// The address.
        url: Address,
        /// The secret that its receiver shares.
        secret: Option<SecretRef>,
        /// The form of the body.
        shape: Form,
        /// Whether the address may be one that is not public.
        allow_private: bool,
    },
    /// By mail.
    Mail {
        /// The mail server.
        server: String,
        /// Its port.
        port: u16,
        /// How the connection is kept private.
        tls: MailTls,
        /// A certificate that is trusted besides those of the system.
        ca: Option<PathBuf>,
        /// Whose mail it is.
        from: String,
        /// To whom it goes.
        to: Vec<String>,
        /// Who the guard is to the server, and what it proves that with.
        login: Option<(String, SecretRef)>,
        /// Whether the server may be one that is not public.
        allow_private: bool,
    },
}

/// An address, which may be a secret itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// As it is.
    Plain(String),
    /// Where it is kept.
    Secret(SecretRef),
}

impl Notify {
    /// The channel with its secrets looked up.
    pub(super) fn resolve(&self, faults: &mut Faults) -> Option<Channel> {
        let way = match &self.way {
            NotifyWay::Webhook {
                url,
                secret,
                shape,
                allow_private,
            } => {
                let url = match url {
                    Address::Plain(url) => Some(url.clone()),
                    Address::Secret(home) => home.resolve(faults).map(|url| url.reveal().clone()),
                };
                let secret = match secret {
                    Some(home) => {
                        let secret = DeliveryKey::parse(home.resolve(faults)?.reveal());
                        Some(self.need(secret, "make one of random bytes", faults)?)
                    }
                    None => None,
                };
                let webhook = Webhook::new(&url?, secret, *shape, *allow_private);
                Way::Webhook(Box::new(self.need(webhook, OTHER, faults)?))
            }
            NotifyWay::Mail { login, ca, .. } => {
                let login = match login {
                    Some((user, home)) => Some((user, home.resolve(faults)?)),
                    None => None,
                };
                let ca = match ca {
                    Some(path) => {
                        Some(self.need(certificate(path), "name another file", faults)?)
                    }
                    None => None,
                };
                let mail = self.need(self.mail(ca.as_deref())?, OTHER, faults)?;
                let mail = match login {
                    Some((user, password)) => mail.by(user.clone(), &password),
                    None => mail,
                };
                Way::Mail(Box::new(mail))
            }
        };
        Some(Channel {
            name: self.name.clone(),
            way,
            route: self.route.clone(),
            remind: self.remind,
            escalate: self.escalate.clone(),
        })
    }

    fn mail(&self, ca: Option<&[u8]>) -> Option<Result<Mail, crate::notify::MailError>> {
        let NotifyWay::Mail {
            server,
            port,
            tls,
            from,
            to,
            allow_private,
            ..
        } = &self.way
        else {
            return None;
        };
        let mail = Mail::new(server, *port, *tls, ca, *allow_private);
        Some(mail.and_then(|mail| mail.between(from, to)))
    }

    /// What can be said of addresses before any secret is looked up.
    fn examine(&self, faults: &mut Faults) {
        match &self.way {
            NotifyWay::Webhook {
                url: Address::Plain(url),
                shape,
                allow_private,
                ..
            } => {
                self.need(
                    Webhook::new(url, None, *shape, *allow_private),
                    OTHER,
                    faults,
                );
            }
            NotifyWay::Webhook { .. } => {}
            NotifyWay::Mail { .. } => {
                if let Some(mail) = self.mail(None) {
                    self.need(mail, OTHER, faults);
                }
            }
        }
    }

    fn need<T>(
        &self,
        found: Result<T, impl std::error::Error>,
        fix: &str,
        faults: &mut Faults,
    ) -> Option<T> {
        found
            .map_err(|fault| faults.add(&self.at, format!("{}: {fault}", self.name), fix))
            .ok()
    }
}

/// Reads the channels; each escalates only to one of them.
pub(super) fn read(node: &Node, base: &Path, faults: &mut Faults) -> Vec<Notify> {
    let items = node.items(faults).unwrap_or_default();
    if items.len() > NOTICE_CHANNELS_COUNT {
        let message = format!("more than {NOTICE_CHANNELS_COUNT} channels");
        faults.add(&node.at, message, "leave some out");
    }
    let mut names = BTreeSet::new();
    let mut channels = Vec::new();
    for item in items {
        let Some(block) = Block::open(item, &CHANNEL, faults) else {
            continue;
        };
        let name = name(&block, faults);
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            let message = format!("two channels are called {name}");
            faults.add(&item.at, message, "give each a name of its own");
        }
        if let Some(channel) = channel(&block, name, base, faults) {
            channel.examine(faults);
            channels.push(channel);
        }
    }
    for channel in &channels {
        for step in &channel.escalate {
            if !names.contains(&step.to) {
                let message = format!("there is no channel {} to escalate to", step.to);
                faults.add(&channel.at, message, "name one of `notify`");
            }
        }
    }
    channels
}

fn channel(
    block: &Block<'_>,
    name: Option<ChannelName>,
    base: &Path,
    faults: &mut Faults,
) -> Option<Notify> {
    let way = way(block, base, faults);
    let groups = match block.find("groups") {
        Some(node) => words(node, "a group", GroupName::parse, faults),
        None => Some(BTreeSet::new()),
    };
    let tiers = match block.find("tiers") {
        Some(node) => tiers(node, faults),
        None => Some(Tier::ALL.into_iter().collect()),
    };
    let remind = block.find("remind").map(|node| remind(node, faults));
    let escalate = match block.find("escalate") {
        Some(node) => escalations(node, faults),
        None => Some(Vec::new()),
    };
    Some(Notify {
        name: name?,
        way: way?,
        route: Route {
            groups: groups?,
            tiers: tiers?,
        },
        remind: match remind {
            Some(remind) => Some(remind?),
            None => None,
        },
        escalate: escalate?,
        at: block.node.at.clone(),
    })
}

fn name(block: &Block<'_>, faults: &mut Faults) -> Option<ChannelName> {
    let node = block.need("name", "name the channel, for example `name: ops`", faults)?;
    parse(node, "a channel", ChannelName::parse, faults)
}

fn way(block: &Block<'_>, base: &Path, faults: &mut Faults) -> Option<NotifyWay> {
    match (block.find("webhook"), block.find("mail")) {
        (Some(node), None) => webhook(block, node, base, faults),
        (None, Some(node)) => {
            if let Some(shape) = block.find("shape") {
                faults.add(&shape.at, "`shape` goes with `webhook`", "leave it out");
            }
            mail(node, base, faults)
        }
        _ => {
            faults.add(
                &block.node.at,
                "a channel reaches people in one way",
                "write either `webhook: {…}` or `mail: {…}`",
            );
            None
        }
    }
}

fn webhook(
    channel: &Block<'_>,
    node: &Node,
    base: &Path,
    faults: &mut Faults,
) -> Option<NotifyWay> {
    let block = Block::open(node, &WEBHOOK, faults)?;
    let url = block
        .need("url", "write where messages go", faults)
        .and_then(|node| match node.shape {
            Shape::Map(_) => SecretRef::read(node, base, faults).map(Address::Secret),
            _ => node.line(faults).map(Address::Plain),
        });
    let shape = match channel.find("shape") {
        Some(node) => node.choice(
            &[("generic", Form::Generic), ("slack", Form::Slack)],
            &[],
            faults,
        ),
        None => Some(Form::Generic),
    };
    let secret = block
        .find("secret")
        .map(|node| SecretRef::read(node, base, faults));
    if secret.is_none() && shape == Some(Form::Generic) {
        faults.add(
            &node.at,
            "`secret` is missing",
            "write where it is kept, for example `secret: {env: WEBHOOK_SECRET}`",
        );
        return None;
    }
    Some(NotifyWay::Webhook {
        allow_private: flag(&block, "allow_private", faults)?,
        url: url?,
        secret: match secret {
            Some(secret) => Some(secret?),
            None => None,
        },
        shape: shape?,
    })
}

fn mail(node: &Node, base: &Path, faults: &mut Faults) -> Option<NotifyWay> {
    let block = Block::open(node, &MAIL, faults)?;
    let server = block
        .need("server", "name the mail server", faults)
        .and_then(|node| node.line(faults));
    let tls = match block.find("tls") {
        Some(node) => {
            let words = [
                ("starttls", MailTls::StartTls),
                ("tls", MailTls::Implicit),
                ("none", MailTls::None),
            ];
            node.choice(&words, &[], faults)
        }
        None => Some(MailTls::StartTls),
    };
    let port = match block.find("port") {
        Some(node) => node.count(1..=65_535, faults),
        None => Some(match tls {
            Some(MailTls::Implicit) => 465,
            Some(MailTls::None) => 25,
            Some(MailTls::StartTls) | None => 587,
        }),
    };
    let from = block
        .need("from", "write whose mail it is", faults)
        .and_then(|node| node.line(faults));
    let to = block
        .need("to", "write a list of mail addresses", faults)
        .and_then(|node| recipients(node, faults));
    let login = match (block.find("user"), block.find("password")) {
        (Some(user), Some(password)) => Some(
            user.line(faults)
                .zip(SecretRef::read(password, base, faults)),
        ),
        (None, None) => None,
        _ => {
            faults.add(
                &node.at,
                "`user` and `password` go together",
                "write both or neither",
            );
            Some(None)
        }
    };
    let ca = block.find("ca").map(|node| node.line(faults));
    Some(NotifyWay::Mail {
        allow_private: flag(&block, "allow_private", faults)?,
        server: server?,
        port: u16::try_from(port?).ok()?,
        tls: tls?,
        ca: match ca {
            Some(path) => Some(base.join(path?)),
            None => None,
        },
        from: from?,
        to: to?,
        login: match login {
            Some(login) => Some(login?),
            None => None,
        },
    })
}

fn recipients(node: &Node, faults: &mut Faults) -> Option<Vec<String>> {
    let items = node.items(faults)?;
    if items.is_empty() || items.len() > NOTICE_RECIPIENTS_COUNT {
        let message = format!("a mail goes to 1 to {NOTICE_RECIPIENTS_COUNT} addresses");
        faults.add(&node.at, message, "write a list of mail addresses");
        return None;
    }
    items.iter().map(|item| item.line(faults)).collect()
}

fn tiers(node: &Node, faults: &mut Faults) -> Option<BTreeSet<Tier>> {
    let words = Tier::ALL.map(|tier| (tier.name(), tier));
    let items = node.items(faults)?;
    items
        .iter()
        .map(|item| item.choice(&words, &[], faults))
        .collect()
}

fn remind(node: &Node, faults: &mut Faults) -> Option<Duration> {
    let interval = node.duration(MANIFEST_DURATION_LONGEST, faults)?;
    if interval < NOTICE_REMIND_SHORTEST {
        let least = NOTICE_REMIND_SHORTEST.as_secs();
        let message = format!("reminders are at least {least} seconds apart");
        faults.add(&node.at, message, "write a longer time");
        return None;
    }
    Some(interval)
}

fn escalations(node: &Node, faults: &mut Faults) -> Option<Vec<Escalation>> {
    let items = node.items(faults)?;
    if items.len() > NOTICE_CHANNELS_COUNT {
        let message = format!("more than {NOTICE_CHANNELS_COUNT} steps");
        faults.add(&node.at, message, "leave some out");
        return None;
    }
    let step = |item: &Node, faults: &mut Faults| {
        let block = Block::open(item, &STEP, faults)?;
        let before = block
            .need("before", "write how long before the end", faults)
            .and_then(|node| node.duration(MANIFEST_DURATION_LONGEST, faults));
        let to = block
            .need("to", "write which channel is told", faults)
            .and_then(|node| parse(node, "a channel", ChannelName::parse, faults));
        Some(Escalation {
            before: before?,
            to: to?,
        })
    };
    items.iter().map(|item| step(item, faults)).collect()
}

fn flag(block: &Block<'_>, key: &str, faults: &mut Faults) -> Option<bool> {
    match block.find(key) {
        Some(node) => node.flag(faults),
        None => Some(false),
    }
}

fn words<T: Ord, E: std::error::Error>(
    node: &Node,
    what: &str,
    read: impl Fn(&str) -> Result<T, E>,
    faults: &mut Faults,
) -> Option<BTreeSet<T>> {
    let items = node.items(faults)?;
    items
        .iter()
        .map(|item| parse(item, what, &read, faults))
        .collect()
}

fn parse<T, E: std::error::Error>(
    node: &Node,
    what: &str,
    read: impl Fn(&str) -> Result<T, E>,
    faults: &mut Faults,
) -> Option<T> {
    let text = node.text(faults)?;
    read(text)
        .map_err(|_| {
            faults.add(
                &node.at,
                format!("not a name for {what}"),
                "write 1 to 64 of a-z, 0-9, '.', '_', '-'",
            );
        })
        .ok()
}

fn certificate(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut pem = Vec::new();
    std::fs::File::open(path)?
        .take(LOCK_BYTES as u64)
        .read_to_end(&mut pem)?;
    Ok(pem)
}

const OTHER: &str = "write another address";

const CHANNEL: Keys = Keys {
    what: "a channel",
    known: &[
        "name", "webhook", "mail", "shape", "groups", "tiers", "remind", "escalate",
    ],
    later: &["web_push"],
};

const WEBHOOK: Keys = Keys {
    what: "a webhook",
    known: &["url", "secret", "allow_private"],
    later: &[],
};

const MAIL: Keys = Keys {
    what: "mail",
    known: &[
        "server",
        "port",
        "tls",
        "ca",
        "from",
        "to",
        "user",
        "password",
        "allow_private",
    ],
    later: &[],
};

const STEP: Keys = Keys {
    what: "a step of escalation",
    known: &["before", "to"],
    later: &[],
};
