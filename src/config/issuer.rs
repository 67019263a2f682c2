//! The issuers whose tokens may prove an agent.

use std::path::Path;

use url::Url;

use crate::authn::jwt::{IssuerSpec, KeySource, TokenType};
use crate::limits::JWT_NAME_BYTES;
use crate::scopes::Faults;
use crate::scopes::reading::{Block, Keys};
use crate::scopes::yaml::{Entry, Node};

/// Reads the issuers, each under its own name.
pub(super) fn read(node: &Node, base: &Path, faults: &mut Faults) -> Vec<IssuerSpec> {
    let entries = node.entries("`issuers`", faults).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| issuer(entry, base, faults))
        .collect()
}

fn issuer(entry: &Entry, base: &Path, faults: &mut Faults) -> Option<IssuerSpec> {
    let is_named = is_name(&entry.key);
    if !is_named {
        faults.add(
            &entry.at,
            "not a name for an issuer",
            "write its address exactly as its tokens give it, for example `https://idp.example.com`",
        );
    }
    let block = Block::open(&entry.value, &ISSUER, faults)?;
    let typ = block.find("typ").map(|node| {
        let words = [TokenType::Access, TokenType::Any].map(|typ| (typ.name(), typ));
        node.choice(&words, &[], faults)
    });
    let keys = keys(&block, base, faults);
    is_named.then_some(())?;
    Some(IssuerSpec {
        name: entry.key.clone(),
        keys: keys?,
        typ: match typ {
            Some(typ) => typ?,
            None => TokenType::default(),
        },
    })
}

fn keys(block: &Block<'_>, base: &Path, faults: &mut Faults) -> Option<KeySource> {
    let mut flag = |key: &str| match block.find(key) {
        Some(node) => node.flag(faults),
        None => Some(false),
    };
    let (allow_private, allow_loopback_http) = (flag("allow_private"), flag("allow_loopback_http"));
    match (block.find("jwks"), block.find("jwks_file")) {
        (Some(node), None) => {
            let url = node.line(faults)?;
            let source = KeySource::address(&url, allow_private?, allow_loopback_http?);
            source
                .map_err(|error| {
                    faults.add(&node.at, error.to_string(), "write another address");
                })
                .ok()
        }
        (None, Some(node)) => {
            for key in ["allow_private", "allow_loopback_http"] {
                if let Some(node) = block.find(key) {
                    let message = format!("`{key}` goes with `jwks`");
                    faults.add(&node.at, message, "leave it out");
                }
            }
            Some(KeySource::file(base.join(node.line(faults)?)))
        }
        _ => {
            faults.add(
                &block.node.at,
                "an issuer's keys are in one place",
                "write either `jwks: https://…` or `jwks_file: PATH`",
            );
            None
        }
    }
}

/// RFC 8414, 2: an https address without query and fragment; http only for this machine itself.
pub(super) fn is_name(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    text.len() <= JWT_NAME_BYTES
        && (url.scheme() == "https" || url.scheme() == "http" && is_local)
        && url.query().is_none()
        && url.fragment().is_none()
}

const ISSUER: Keys = Keys {
    what: "an issuer",
    known: &[
        "jwks",
        "jwks_file",
        "typ",
        "allow_private",
        "allow_loopback_http",
    ],
    later: &[],
};
