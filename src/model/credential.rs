//! What agents and operators prove themselves with. The secret itself is never here.

use std::collections::BTreeSet;

use super::digest::Digest;
use super::id::CredentialId;
use super::name::{AgentName, GroupName, OperatorName, ServerName};
use super::role::{Right, Role};
use super::time::Timestamp;

/// The kinds of proof an agent may offer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CredentialKind {
    /// A bearer key the guard issued.
    ApiKey,
    /// A signed token of an issuer, which no row keeps: the row stands for the identity it proves.
    Jwt,
    /// Asserted by the launcher on the same machine, without a secret.
    Local,
    /// A bearer key of an enforcement point, which redeems permits; no agent proves itself with one.
    Pep,
}

impl CredentialKind {
    /// The word in manifests, records and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Jwt => "jwt",
            Self::Local => "local",
            Self::Pep => "pep",
        }
    }

    /// The kind from its word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::ApiKey, Self::Jwt, Self::Local, Self::Pep]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// One credential of an agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    /// Its identifier.
    pub id: CredentialId,
    /// Whose it is. An enforcement point has the name of the server it stands before.
    pub agent: AgentName,
    /// Its kind.
    pub kind: CredentialKind,
    /// SHA-256 of the secret; absent for kinds without one. The secret has 256 random bits, so that
    /// a plain digest cannot be guessed back.
    pub secret: Option<Digest>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it stops being accepted.
    pub expires: Timestamp,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
}

/// Whoever stands before a server and runs its calls: it redeems permits and reports outcomes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pep {
    /// The credential it proved itself with.
    pub credential: CredentialId,
    /// The server it stands before: the audience of its permits.
    pub server: ServerName,
}

/// A person who may act on the operator listener.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operator {
    /// Their name.
    pub name: OperatorName,
    /// The groups they decide for.
    pub groups: Vec<GroupName>,
    /// What they are to this guard.
    pub roles: BTreeSet<Role>,
    /// When they were added.
    pub added: Timestamp,
    /// When they were removed, if they were.
    pub revoked: Option<Timestamp>,
}

impl Operator {
    /// Whether their roles give a right.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.revoked.is_none() && self.roles.iter().any(|role| role.gives(right))
    }
}
