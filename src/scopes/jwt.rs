//! Which tokens speak for an agent: `credentials: {jwt: {issuer, audience, subject, claims, on_behalf_of}}`.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::fault::{Faults, Place};
use super::reading::{Block, Keys};
use super::scope::Scope;
use super::yaml::Node;
use crate::model::name::{AgentName, UserName};
use crate::model::token::Token;

/// Which tokens speak for the agent; everything that is said must hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JwtRule {
    /// Who issues them.
    pub issuer: String,
    /// Whom they must be for.
    pub audience: String,
    /// Who holds them: the token's actor where it names one, else its subject.
    pub subject: Option<String>,
    /// Claims that must be exactly so.
    pub claims: BTreeMap<String, String>,
    /// The claim that names the user on whose behalf the agent acts. Without it that is the subject of a
    /// token that names an actor.
    pub on_behalf_of: Option<String>,
    place: Place,
}

impl JwtRule {
    pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<Self> {
        let block = Block::open(node, &JWT, faults)?;
        let mut line = |key: &str, fix: &str| {
            let node = block.need(key, fix, faults)?;
            node.line(faults)
        };
        let issuer = line("issuer", "name the issuer exactly as its tokens do");
        let audience = line("audience", "name whom the tokens are issued for");
        let subject = block.find("subject").map(|node| node.line(faults));
        let on_behalf_of = block.find("on_behalf_of").map(|node| node.line(faults));
        let claims = block.find("claims").map(|node| claims(node, faults));
        if subject.is_none() && claims.as_ref().is_none_or(BTreeMap::is_empty) {
            faults.add(
                &node.at,
                "every token of the issuer for this audience would speak for the agent",
                "add `subject: …`, or `claims: {client_id: …}`",
            );
            return None;
        }
        Some(Self {
            issuer: issuer?,
            audience: audience?,
            subject: all(subject)?,
            claims: claims.unwrap_or_default(),
            on_behalf_of: all(on_behalf_of)?,
            place: node.at.clone(),
        })
    }

    /// Whether a token of its issuer and audience speaks for the agent.
    #[must_use]
    pub fn admits(&self, token: &Token) -> bool {
        self.subject
            .as_ref()
            .is_none_or(|subject| subject == token.bearer())
            && self
                .claims
                .iter()
                .all(|(claim, value)| token.text(claim) == Some(value))
    }

    /// On whose behalf a token's bearer acts.
    ///
    /// # Errors
    /// [`UserUnnamed`] where the token should name somebody and does not acceptably.
    pub fn user(&self, token: &Token) -> Result<Option<UserName>, UserUnnamed> {
        let user = match (&self.on_behalf_of, &token.actor) {
            (Some(claim), _) => token.text(claim).ok_or(UserUnnamed)?,
            (None, Some(_)) => &token.subject,
            (None, None) => return Ok(None),
        };
        UserName::parse(user).map(Some).map_err(|_| UserUnnamed)
    }
}

/// A token names no user where its manifest says that it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the token does not name the user on whose behalf it is used")]
pub struct UserUnnamed;

/// Complains of each agent whose tokens are those of another: they would speak for neither.
pub(super) fn refuse_twins(agents: &BTreeMap<AgentName, Arc<Scope>>, faults: &mut Faults) {
    let mut known = HashMap::new();
    for scope in agents.values() {
        let Some(rule) = &scope.credentials.jwt else {
            continue;
        };
        match known.entry((&rule.issuer, &rule.audience, &rule.subject, &rule.claims)) {
            Entry::Vacant(place) => drop(place.insert(&scope.agent)),
            Entry::Occupied(first) => faults.add(
                &rule.place,
                format!("the same tokens speak for {} already", first.get()),
                "tell the agents apart by `subject` or `claims`",
            ),
        }
    }
}

fn claims(node: &Node, faults: &mut Faults) -> BTreeMap<String, String> {
    let mut claims = BTreeMap::new();
    for entry in node.entries("`claims`", faults).unwrap_or_default() {
        if REGISTERED.contains(&entry.key.as_str()) {
            faults.add(
                &entry.at,
                format!("`{}` is looked at in its own way", entry.key),
                "use `issuer`, `audience` and `subject`",
            );
        } else if let Some(value) = entry.value.line(faults) {
            claims.insert(entry.key.clone(), value);
        }
    }
    claims
}

/// Nothing for a key that is there and faulty; what the key says, if it is there, otherwise.
fn all(found: Option<Option<String>>) -> Option<Option<String>> {
    match found {
        Some(None) => None,
        Some(text) => Some(text),
        None => Some(None),
    }
}

const JWT: Keys = Keys {
    what: "jwt",
    known: &["issuer", "audience", "subject", "claims", "on_behalf_of"],
    later: &["max_age"],
};

/// Claims with a meaning of their own.
const REGISTERED: [&str; 9] = [
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "act",
];
