//! Reads what a manifest says beside its rules: credentials, sessions, the client, the record.

use super::fault::Faults;
use super::jwt::JwtRule;
use super::pointer::pointer;
use super::reading::{Block, Keys, list};
use super::scope::{ApiKeys, ArgumentsRecord, Client, Credentials, Mrtr, SessionLimits};
use super::yaml::{Node, Shape};
use crate::limits::{MANIFEST_DURATION_LONGEST, WAIT_LONGEST};

/// The kinds of credential the agent may use.
pub(super) fn credentials(node: &Node, faults: &mut Faults) -> Option<Credentials> {
    let block = Block::open(node, &CREDENTIALS, faults)?;
    let api_key = block.find("api_key").and_then(|node| match node.shape {
        Shape::Flag(flag) => flag.then(ApiKeys::default),
        Shape::Map(_) => {
            let block = Block::open(node, &API_KEY, faults)?;
            let max_age = block
                .find("max_age")
                .and_then(|node| node.duration(MANIFEST_DURATION_LONGEST, faults));
            Some(ApiKeys { max_age })
        }
        _ => node.mistyped("write `true`, or `{max_age: 90d}`", faults),
    });
    let jwt = block
        .find("jwt")
        .and_then(|node| JwtRule::read(node, faults));
    let local = block.find("local").and_then(|node| node.flag(faults));
    Some(Credentials {
        api_key,
        jwt,
        local: local.unwrap_or(false),
    })
}

/// How long its sessions last.
pub(super) fn session(node: &Node, faults: &mut Faults) -> Option<SessionLimits> {
    let block = Block::open(node, &SESSION, faults)?;
    let defaults = SessionLimits::default();
    let mut duration = |key: &str| {
        block
            .find(key)
            .and_then(|node| node.duration(MANIFEST_DURATION_LONGEST, faults))
    };
    let idle_timeout = duration("idle_timeout").unwrap_or(defaults.idle_timeout);
    let max_age = duration("max_age").unwrap_or(defaults.max_age);
    let accept_unbound_keys = block
        .find("accept_unbound_keys")
        .and_then(|node| node.count(0..=3, faults))
        .and_then(|level| u8::try_from(level).ok());
    Some(SessionLimits {
        idle_timeout,
        max_age,
        accept_unbound_keys: accept_unbound_keys.unwrap_or(defaults.accept_unbound_keys),
    })
}

/// How its client is answered.
pub(super) fn client(node: &Node, faults: &mut Faults) -> Option<Client> {
    let block = Block::open(node, &CLIENT, faults)?;
    let defaults = Client::default();
    let hold = block
        .find("hold")
        .and_then(|node| node.duration(WAIT_LONGEST, faults));
    let mrtr = block.find("mrtr").and_then(|node| {
        let words = [("auto", Mrtr::Auto), ("on", Mrtr::On), ("off", Mrtr::Off)];
        node.choice(&words, &[], faults)
    });
    let mut flag = |key: &str| {
        block
            .find(key)
            .and_then(|node| node.flag(faults))
            .unwrap_or(false)
    };
    Some(Client {
        hold: hold.unwrap_or(defaults.hold),
        mrtr: mrtr.unwrap_or(defaults.mrtr),
        oauth: flag("oauth"),
        url_elicitation: flag("url_elicitation"),
    })
}

/// What the record keeps.
pub(super) fn record(node: &Node, faults: &mut Faults) -> Option<ArgumentsRecord> {
    let block = Block::open(node, &RECORD, faults)?;
    let node = block.find("arguments")?;
    if let Shape::Map(_) = node.shape {
        let block = Block::open(node, &REDACT, faults)?;
        let redact = block.need("redact", "list JSON pointers", faults)?;
        return Some(ArgumentsRecord::Redact(list(Some(redact), pointer, faults)));
    }
    let found = node.choice(&[("keep", false), ("digest", true)], &[], faults)?;
    Some(match found {
        true => ArgumentsRecord::Digest,
        false => ArgumentsRecord::Keep,
    })
}

const CREDENTIALS: Keys = Keys {
    what: "credentials",
    known: &["api_key", "jwt", "local"],
    later: &["spiffe", "mtls", "dpop"],
};

const API_KEY: Keys = Keys {
    what: "api_key",
    known: &["max_age"],
    later: &["bind"],
};

const SESSION: Keys = Keys {
    what: "a session",
    known: &["idle_timeout", "max_age", "accept_unbound_keys"],
    later: &["bind", "profile"],
};

const CLIENT: Keys = Keys {
    what: "a client",
    known: &["hold", "mrtr", "oauth", "url_elicitation"],
    later: &[],
};

const RECORD: Keys = Keys {
    what: "a record",
    known: &["arguments"],
    later: &["results"],
};

const REDACT: Keys = Keys {
    what: "what the record keeps",
    known: &["redact"],
    later: &[],
};
