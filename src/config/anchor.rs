//! Where heads of the record go, beside the file in the guard's own directory.

use std::path::{Path, PathBuf};

use super::SecretRef;
use crate::outbound::webhook::Webhook;
use crate::scopes::reading::{Block, Keys};
use crate::scopes::yaml::Node;
use crate::scopes::{Faults, Place};

/// An anchor as it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AnchorRef {
    /// A file, for example on another disk.
    File(PathBuf),
    /// A receiver that keeps what it is sent.
    Webhook {
        /// Its address.
        url: String,
        /// What deliveries are signed with.
        secret: SecretRef,
        /// Whether its name may resolve to an address that is not public.
        allow_private: bool,
        /// Where it is written.
        at: Place,
    },
}

/// An anchor that heads can be sent to.
#[derive(Clone, Debug)]
pub enum Anchor {
    /// A file.
    File(PathBuf),
    /// A receiver.
    Webhook(Box<Webhook>),
}

impl AnchorRef {
    /// Where it is, for people.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Webhook { url, .. } => url.clone(),
        }
    }

    /// The anchor with its secret looked up.
    pub(super) fn resolve(&self, faults: &mut Faults) -> Option<Anchor> {
        match self {
            Self::File(path) => Some(Anchor::File(path.clone())),
            Self::Webhook {
                url,
                secret,
                allow_private,
                at,
            } => {
                let secret = secret.resolve(faults)?;
                match Webhook::new(url, secret.reveal(), *allow_private) {
                    Ok(webhook) => Some(Anchor::Webhook(Box::new(webhook))),
                    Err(error) => {
                        faults.add(at, error.to_string(), "write another address or secret");
                        None
                    }
                }
            }
        }
    }
}

/// Reads the list.
pub(super) fn read(node: &Node, base: &Path, faults: &mut Faults) -> Vec<AnchorRef> {
    let items = node.items(faults).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| anchor(item, base, faults))
        .collect()
}

fn anchor(node: &Node, base: &Path, faults: &mut Faults) -> Option<AnchorRef> {
    let block = Block::open(node, &ANCHOR, faults)?;
    match (block.find("file"), block.find("webhook")) {
        (Some(node), None) => Some(AnchorRef::File(base.join(node.line(faults)?))),
        (None, Some(node)) => webhook(node, base, faults),
        _ => {
            faults.add(
                &node.at,
                "an anchor is one place",
                "write either `file: PATH` or `webhook: {url, secret}`",
            );
            None
        }
    }
}

fn webhook(node: &Node, base: &Path, faults: &mut Faults) -> Option<AnchorRef> {
    let block = Block::open(node, &WEBHOOK, faults)?;
    let url = block.need("url", "write `url: https://…`", faults);
    let secret = block.need(
        "secret",
        "write `secret: {env: NAME}` or `{file: PATH}`",
        faults,
    );
    let allow_private = match block.find("allow_private") {
        Some(node) => node.flag(faults),
        None => Some(false),
    };
    let secret = secret.and_then(|node| SecretRef::read(node, base, faults));
    Some(AnchorRef::Webhook {
        url: url?.line(faults)?,
        secret: secret?,
        allow_private: allow_private?,
        at: node.at.clone(),
    })
}

const ANCHOR: Keys = Keys {
    what: "an anchor",
    known: &["file", "webhook"],
    later: &[],
};

const WEBHOOK: Keys = Keys {
    what: "a webhook",
    known: &["url", "secret", "allow_private"],
    later: &[],
};
