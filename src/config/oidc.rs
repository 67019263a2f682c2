//! The identity provider that people may sign in over, and what its groups give.

use std::path::Path;

use super::issuer::is_name;
use super::secret::SecretRef;
use crate::authn::oidc::{Mapping, Provider, ProviderSpec};
use crate::model::name::GroupName;
use crate::model::role::Role;
use crate::scopes::reading::{Block, Keys};
use crate::scopes::yaml::{Node, Shape};
use crate::scopes::{Faults, Place};

/// The provider, with its secret still where it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Oidc {
    at: Place,
    issuer: String,
    client: String,
    secret: Option<SecretRef>,
    scopes: Vec<String>,
    mapping: Mapping,
    allow_private: bool,
    allow_loopback_http: bool,
}

impl Oidc {
    pub(super) fn read(node: &Node, base: &Path, faults: &mut Faults) -> Option<Self> {
        let block = Block::open(node, &OIDC, faults)?;
        let fix = "write its address exactly as its tokens give it, for example `https://idp.example.com`";
        let issuer = block
            .need("issuer", fix, faults)
            .and_then(|node| named(node, fix, faults));
        let client = block
            .need("client_id", "write the guard's name there", faults)
            .and_then(|node| node.line(faults));
        let secret = block
            .find("client_secret")
            .map(|node| SecretRef::read(node, base, faults));
        let scopes = block.find("scopes").map(|node| words(node, faults));
        let claim = block.find("groups_claim").map(|node| node.line(faults));
        let groups = mapped(&block, "groups", faults, |word| GroupName::parse(word).ok());
        let roles = mapped(&block, "roles", faults, Role::parse);
        let mut flag = |key: &str| match block.find(key) {
            Some(node) => node.flag(faults),
            None => Some(false),
        };
        let (allow_private, allow_loopback_http) =
            (flag("allow_private"), flag("allow_loopback_http"));
        let issuer = issuer?;
        if issuer.starts_with("http:") && allow_loopback_http == Some(false) {
            let message = "the provider is reached over plain http";
            let fix = "write `https://`, or `allow_loopback_http: true` for local work alone";
            faults.add(&node.at, message, fix);
            return None;
        }
        Some(Self {
            at: node.at.clone(),
            issuer,
            client: client?,
            secret: match secret {
                Some(secret) => Some(secret?),
                None => None,
            },
            scopes: scopes.unwrap_or_else(|| Some(Vec::new()))?,
            mapping: Mapping {
                claim: claim.unwrap_or_else(|| Some("groups".to_owned()))?,
                groups: groups?,
                roles: roles?,
            },
            allow_private: allow_private?,
            allow_loopback_http: allow_loopback_http?,
        })
    }

    /// The provider with its secret looked up.
    pub(super) fn resolve(&self, faults: &mut Faults) -> Option<Provider> {
        let secret = match &self.secret {
            Some(secret) => Some(secret.resolve(faults)?),
            None => None,
        };
        let provider = Provider::new(ProviderSpec {
            issuer: self.issuer.clone(),
            client: self.client.clone(),
            secret,
            scopes: self.scopes.clone(),
            mapping: self.mapping.clone(),
            allow_private: self.allow_private,
            allow_loopback_http: self.allow_loopback_http,
        });
        provider
            .map_err(|fault| faults.add(&self.at, fault.to_string(), "look at this machine's TLS"))
            .ok()
    }

    /// Whether whoever takes a port of this machine could be the provider.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.allow_loopback_http
    }
}

fn named(node: &Node, fix: &str, faults: &mut Faults) -> Option<String> {
    let text = node.line(faults)?;
    if is_name(&text) {
        return Some(text);
    }
    faults.add(&node.at, "not a name for an issuer", fix);
    None
}

/// Words for `scope`, which a space would divide.
fn words(node: &Node, faults: &mut Faults) -> Option<Vec<String>> {
    let mut words = Vec::new();
    for item in node.items(faults)? {
        let word = item.line(faults)?;
        if word.contains(' ') || word == "openid" {
            faults.add(
                &item.at,
                "not one further scope",
                "write for example `[groups]`",
            );
            return None;
        }
        words.push(word);
    }
    Some(words)
}

/// What each of the provider's words gives: one thing, or a list of them.
fn mapped<T>(
    block: &Block<'_>,
    key: &'static str,
    faults: &mut Faults,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<Vec<(String, T)>> {
    let Some(node) = block.find(key) else {
        return Some(Vec::new());
    };
    let mut pairs = Vec::new();
    for entry in node.entries(&format!("`{key}`"), faults)? {
        let given = match &entry.value.shape {
            Shape::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&entry.value),
        };
        for one in given {
            let word = one.line(faults)?;
            let Some(parsed) = parse(&word) else {
                let message = format!("no name for one of the guard's {key}");
                faults.add(&one.at, message, "write what `operators add` takes");
                return None;
            };
            pairs.push((entry.key.clone(), parsed));
        }
    }
    Some(pairs)
}

const OIDC: Keys = Keys {
    what: "`oidc`",
    known: &[
        "issuer",
        "client_id",
        "client_secret",
        "scopes",
        "groups_claim",
        "groups",
        "roles",
        "allow_private",
        "allow_loopback_http",
    ],
    later: &[],
};
